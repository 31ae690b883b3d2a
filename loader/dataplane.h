/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DATAPLANE_H
#define XFN_DATAPLANE_H

/*
 * The kernel objects of one xfnd: one set of maps, one root and one ingress program for each
 * attached interface, one link for each.
 *
 * What keeps what alive: the maps are pinned under DIR/maps and live until the pins go; an XDP link
 * is pinned as DIR/interfaces/IFINDEX and holds its root program; the pinned program array
 * xfn_entry_progs holds the ingress programs, xfn_handlers the handlers. Descriptors held here only
 * give access: closing them detaches nothing.
 *
 * Single-threaded. Functions return 0 or -errno and, where they take one, put what libbpf or the
 * kernel said into a struct xfn_fault.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "ruleset.h"
#include "xfn/abi.h"

/* Why something failed, in words: one line; cause first. Empty where -errno says it all. */
struct xfn_fault {
	char text[4096];
};

/* What is decided when the maps are made. */
struct xfn_capacity {
	__u32 triggers; /* rules and addresses together */
	__u32 functions;
	__u32 slot_bits;  /* of the perfect hash; follows from triggers */
	__u32 versions;   /* slots in xfn_handlers and xfn_outcomes */
	__u32 histograms; /* slots in xfn_histograms, XFN_STAGE_COUNT elements each */
	/*
	 * What programs in the program arrays are loaded for, since the kernel mixes none: BPF_XDP, as
	 * everybody loads XDP programs, or 0, which libxdp's dispatcher wants (docs/adr/0012).
	 */
	__u32 attach_type;
};

#define XFN_CAPACITY_TRIGGERS_DEFAULT  100000 /* 17 MB of maps */
#define XFN_CAPACITY_FUNCTIONS_DEFAULT 1024
#define XFN_HISTOGRAMS_MAX             512 /* 4 KiB per stage and CPU each */

/* Rounds @triggers up and fills in what follows, for BPF_XDP; 0 stands for the default. */
struct xfn_capacity xfn_capacity_of(__u32 triggers, __u32 functions);

/* Every map of the data plane: X(NAME, map's name). */
#define XFN_MAPS(X)                     \
	X(PACKETS, xfn_packets)         \
	X(ENTRY_PROGS, xfn_entry_progs) \
	X(NEXT_PROGS, xfn_next_progs)   \
	X(INTERFACES, xfn_interfaces)   \
	X(CONTROL, xfn_control)         \
	X(PORTS, xfn_ports)             \
	X(PROBES, xfn_probes)           \
	X(SHAPES, xfn_shapes)           \
	X(DISPLACE, xfn_displace)       \
	X(ENTRIES, xfn_entries)         \
	X(FUNCTIONS, xfn_functions)     \
	X(POLICIES, xfn_policies)       \
	X(SOURCES, xfn_sources)         \
	X(SECRETS, xfn_secrets)         \
	X(HANDLERS, xfn_handlers)       \
	X(VERDICTS, xfn_verdicts)       \
	X(COUNTS, xfn_counts)           \
	X(EVENTS, xfn_events)           \
	X(OUTCOMES, xfn_outcomes)       \
	X(HISTOGRAMS, xfn_histograms)   \
	X(SUMS, xfn_sums)               \
	X(KEYS, xfn_keys)               \
	X(DEVS, xfn_devs)               \
	X(CPUS, xfn_cpus)               \
	X(TARGETS, xfn_targets)         \
	X(HANDED, xfn_handed)           \
	X(LOSSES, xfn_losses)           \
	X(IFINDEXES, xfn_ifindexes)     \
	X(PORT_DEVS, xfn_port_devs)     \
	X(UPLINKS, xfn_uplinks)         \
	X(PORT_LINES, xfn_port_lines)   \
	X(PORT_RULES, xfn_port_rules)   \
	X(PORT_OF, xfn_port_of)         \
	X(PORT_COUNTS, xfn_port_counts) \
	X(PORT_LOSSES, xfn_port_losses) \
	X(PARKING, xfn_parking)         \
	X(RANDOM, xfn_random)

enum xfn_map {
#define X(NAME, name) XFN_MAP_##NAME,
	XFN_MAPS(X)
#undef X
		XFN_MAP_COUNT,
};

const char *xfn_map_name(enum xfn_map map);

/* An attached interface. */
struct xfn_dataplane_interface {
	bool used;
	__u32 ifindex;
	char name[16];
	bool generic;  /* mode obtained */
	bool coexist;  /* called by libxdp's dispatcher, beside other programs */
	bool has_next; /* xfn_next_progs holds, or may get, a program for it */
	int link_fd;   /* -1 where the interface is gone, and with coexist */
	int root_fd;   /* with coexist -1 until it is attached */
	int ingress_fd;
	__u32 dispatcher_id; /* with coexist: the program that ran there when the root was seen in it */
};

struct xfn_dataplane {
	char *dir; /* PIN/<netns cookie> */
	struct xfn_capacity capacity;
	unsigned cpus;             /* possible ones: elements of a per-CPU value */
	int map_fd[XFN_MAP_COUNT]; /* -1 where not open */
	/* The arrays that user space has mapped; written with aligned 8-byte stores only. */
	struct xfn_ruleset_maps rules;
	struct xfn_interface *interfaces;
	struct xfn_function *functions;
	struct xfn_policy *policies;
	bool *tables; /* by table of xfn_sources: it has cells */
	struct xfn_target *targets;
	struct xfn_port_line *port_lines;
	struct xfn_port_rule *port_rules;
	struct xfn_port_losses *port_losses;
	struct xfn_dataplane_interface interface[XFN_INTERFACES_MAX];
	int barrier_outer_fd, barrier_inner_fd;
	int lock_fd;        /* DIR, locked: one xfnd at a time */
	bool idle_is_quiet; /* a grace period has passed since the last flip */
};

/*
 * Opens the data plane pinned under @pin_dir for this network namespace: adopts it (*adopted = true)
 * or makes it with @capacity. An adopted one keeps its own capacity, and gets this program's ingress.
 * -EEXIST: what is pinned is of another layout, left alone; the fault names it. -EWOULDBLOCK: another
 * xfnd uses it.
 */
int xfn_dataplane_open(const char *pin_dir, const struct xfn_capacity *capacity,
		       struct xfn_dataplane **ret, bool *adopted, struct xfn_fault *fault);

/* True if a whole data plane is pinned there: opening adopts it. */
bool xfn_dataplane_is_pinned(const char *pin_dir);

/* Lets go; what is pinned goes on. Takes NULL. */
void xfn_dataplane_close(struct xfn_dataplane *dataplane);

/* Removes everything pinned under @pin_dir for this network namespace: detaches. */
int xfn_dataplane_remove(const char *pin_dir, struct xfn_fault *fault);

/* PIN/<netns cookie> of the caller's network namespace, to be freed; NULL and errno. */
char *xfn_dataplane_dir(const char *pin_dir);

struct xfn_dataplane_request {
	__u32 ifindex;
	const char *name;
	__u8 mac[6];
	bool generic;
	bool coexist;  /* through libxdp's dispatcher, for a data plane of attach type 0 */
	bool has_next; /* xfn_dataplane_set_next() will follow */
};

/*
 * Gets a slot ready for an interface: zeroed counters, root and ingress loaded. Nothing is attached
 * yet, so that maps are filled before the first packet comes. Returns the slot, or -ENOSPC (64
 * interfaces), -EALREADY, ...; undone by xfn_dataplane_detach().
 */
int xfn_dataplane_prepare(struct xfn_dataplane *dataplane,
			  const struct xfn_dataplane_request *request, struct xfn_fault *fault);

/*
 * Attaches: makes and pins the slot's link, or lets libxdp's dispatcher call the root. Returns 0, -EBUSY
 * (another XDP program is there), -EOPNOTSUPP (the driver has no native mode), -ERANGE (MTU too large
 * for it), or what else the driver says; the slot is then still prepared. @fault: what libxdp said.
 */
int xfn_dataplane_link(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault);

/* Whether packets that come in by the slot's interface may have met its rules. */
bool xfn_dataplane_is_linked(const struct xfn_dataplane *dataplane, __u32 slot);

/*
 * Detaches; counters of the slot end. Returns 0 or -errno. Where the interface is gone already the
 * slot is cleared all the same.
 */
int xfn_dataplane_detach(struct xfn_dataplane *dataplane, __u32 slot);

/*
 * From now on the program @program_fd gets what is nobody's on that interface; xfn_next_progs holds
 * it. @mark, not 0, stands in the slot for whoever entered it. Returns 0 or -errno, and where nothing
 * is said in the fault the kernel would not take it: -EINVAL, of another kind; -EBUSY, extended.
 */
int xfn_dataplane_set_next(struct xfn_dataplane *dataplane, __u32 slot, int program_fd, __u64 mark,
			   struct xfn_fault *fault);
/* From now on the stack gets it again. */
void xfn_dataplane_clear_next(struct xfn_dataplane *dataplane, __u32 slot);
/* Number of the program that gets it; 0: none. */
__u32 xfn_dataplane_next_id(const struct xfn_dataplane *dataplane, __u32 slot);

/*
 * Turns RX VLAN offload off, so that XDP sees the tags, and notes in the slot, which outlives xfnd, what
 * was on; or turns on again what was noted. Detaching turns it on again, too. Returns 1 if something was
 * switched, 0 if nothing had to be, or -errno (-EOPNOTSUPP: the driver does not let it be switched).
 */
int xfn_dataplane_keep_tags(struct xfn_dataplane *dataplane, __u32 slot, bool keep);

/* Slot of an attached interface, or -ENOENT. */
int xfn_dataplane_find(const struct xfn_dataplane *dataplane, const char *name);

/*
 * Says whether the link still holds its interface here: it goes defunct when that is unregistered, and goes
 * along when that moves to another namespace.
 */
bool xfn_dataplane_link_is_live(const struct xfn_dataplane *dataplane, __u32 slot);

void xfn_dataplane_set_mac(struct xfn_dataplane *dataplane, __u32 slot, const __u8 mac[6]);

/* ---- generations ----------------------------------------------------------------------------- */

/* The revision that is live in the kernel. */
__u64 xfn_dataplane_revision(const struct xfn_dataplane *dataplane);

/* The generation that may be written, after a barrier if one is due: 0 or 1, or -errno. */
int xfn_dataplane_idle(struct xfn_dataplane *dataplane);

/* Makes the idle generation live, as @revision: one release store. */
void xfn_dataplane_flip(struct xfn_dataplane *dataplane, __u64 revision);

/* Waits until no program run that began before is under way: an RCU grace period, 8 to 16 ms. */
int xfn_dataplane_barrier(struct xfn_dataplane *dataplane);
/*
 * The same for XDP programs, and what they redirected is where it goes: sooner, where that can be had
 * (processors.h).
 */
int xfn_dataplane_pass(struct xfn_dataplane *dataplane);

/* Writes one function's config into generation @generation, which must be idle. */
void xfn_dataplane_set_function(struct xfn_dataplane *dataplane, unsigned generation, __u32 slot,
				const struct xfn_function_config *config);

/*
 * Writes one function's policy into generation @generation, which must be idle. Of @config->cells the
 * mask alone is read: 0 for no per-source limit. A function that has as many cells in the live
 * generation goes on with them if @keep says that it is still the same function; else it gets fresh
 * ones, for which a grace period passes. Returns 0 or -errno.
 */
int xfn_dataplane_set_policy(struct xfn_dataplane *dataplane, unsigned generation, __u32 slot,
			     bool keep, const struct xfn_policy_config *config);

/* Frees cells that no generation names; for each function's a grace period passes. */
void xfn_dataplane_sweep_sources(struct xfn_dataplane *dataplane);

/* Switches every function off or on in generation @generation, which must be idle. */
void xfn_dataplane_set_off(struct xfn_dataplane *dataplane, unsigned generation, enum xfn_off off);

/* What the live generation says, whoever wrote it. */
enum xfn_off xfn_dataplane_off(const struct xfn_dataplane *dataplane);

/* Puts zeros into element @index of a per-CPU map that nobody writes any more. */
int xfn_dataplane_zero(struct xfn_dataplane *dataplane, enum xfn_map map, __u32 index);

#endif
