/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest: a YAML text with the desired state of one set of functions, as a tree of plain
 * structs. xfn.yaml(5) describes the text; schema.c is the table behind both.
 *
 * Reading is all or nothing. What was read is never changed again and may be shared by threads.
 * Everything belongs to the manifest and goes with it. Arrays hold no pointers into each other but
 * indices, and equal strings are kept once: a trigger takes 48 bytes, a prefix 18,
 * a key 48.
 */
#ifndef XFN_MANIFEST_H
#define XFN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

#include "diag.h"
#include "units.h"

#define XFN_MANIFEST_BYTES_MAX     (64UL << 20)
#define XFN_MANIFEST_DEPTH_MAX     8
#define XFN_NAME_MAX               63      /* characters of a function's, tenant's or set's name */
#define XFN_CAPACITY_TRIGGERS_MAX  4194304 /* what the manifest may ask for; memory may say less */
#define XFN_CAPACITY_FUNCTIONS_MAX 65536
#define XFN_MANIFEST_PREFIXES_MAX  8388608 /* in all triggers together */
#define XFN_ATTACH_MAX             256     /* interfaces in one manifest */
#define XFN_NEXT_BYTES_MAX         255     /* of the path of a pinned program */
#define XFN_KEY_OFFSET_MAX         9000    /* of bytes in a payload: a jumbo frame's last */
#define XFN_LATENCY_SAMPLE_DEFAULT 16
#define XFN_ARGUMENTS_MAX          64 /* of a program, its own name counted */
#define XFN_VARIABLES_MAX          64 /* in a program's environment */
#define XFN_CONCURRENCY_MAX        1000000
#define XFN_TEXT_BYTES_MAX         4095 /* of a path, an argument, NAME=VALUE */
#define XFN_DEADLINE_DEFAULT_NS    XFN_NS_PER_S
#define XFN_PARK_EVENTS_DEFAULT    1024
#define XFN_PARK_EVENTS_MAX        65536
#define XFN_PARK_AGE_DEFAULT_NS    (10 * XFN_NS_PER_S)

enum xfn_attach_mode {
	XFN_ATTACH_NATIVE, /* the driver's own XDP; never replaced by generic silently */
	XFN_ATTACH_GENERIC,
};

/* An interface that the set wants attached. */
struct xfn_attach_spec {
	const char *interface;
	const char
		*next; /* a pinned XDP program that gets what is nobody's; NULL: the stack does */
	enum xfn_attach_mode mode;
	bool coexist; /* beside other XDP programs, through libxdp's dispatcher */
	unsigned line;
	unsigned column;
};

/* Which packets a destination means. */
enum xfn_destination {
	XFN_DESTINATION_OWN,  /* addresses of the attached interfaces, followed as they change */
	XFN_DESTINATION_ANY,  /* every address, transit traffic too */
	XFN_DESTINATION_LIST, /* the listed prefixes */
};

/* A run of entries in a manifest's prefixes. */
struct xfn_prefix_span {
	__u32 first;
	__u32 count;
};

/*
 * One match rule. With several prefixes it stands for every combination of a destination and a
 * source of the same family; there is at least one such combination.
 */
struct xfn_trigger_spec {
	__u8 protocol;    /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 destination; /* enum xfn_destination */
	__u8 vlan_tags; /* 0: untagged packets only; 1: vlan[0]; 2: outer vlan[0], inner vlan[1] */
	__u8 reserved;
	__u16 port_lo; /* host order, 1 to 65535; equal to port_hi for a single port */
	__u16 port_hi;
	__u16 vlan[2];                       /* 1 to 4094, zero where not used */
	struct xfn_prefix_span destinations; /* empty unless XFN_DESTINATION_LIST */
	struct xfn_prefix_span sources;      /* empty: any source */
	__u32 line;                          /* where it starts in its file; 0: nowhere */
	__u32 column;
	__u32 key;             /* in the manifest's keys, from 1; 0: none. UDP only */
	__u32 file;            /* in the manifest's files */
	const char *interface; /* NULL: all attached interfaces */
};

enum xfn_key_kind {
	XFN_KEY_NONE, /* never in a manifest that was read */
	XFN_KEY_COAP_PATH,
	XFN_KEY_DNS_NAME,
	XFN_KEY_DNS_SUFFIX,
	XFN_KEY_BYTES,
};

/* What a trigger asks of the payload. key.h reads the text. */
struct xfn_key_spec {
	__u8 kind;        /* enum xfn_key_kind */
	__u8 value_bytes; /* XFN_KEY_BYTES: 1 to 16, zeros behind them in value and mask */
	__u8 mask_bytes;  /* the same number */
	__u8 reserved;
	__u32 offset; /* XFN_KEY_BYTES: of the first byte in the payload */
	__u8 value[16];
	__u8 mask[16];
	const char *text; /* path or name as written; NULL for XFN_KEY_BYTES */
};

enum xfn_delivery {
	XFN_DELIVER_NONE, /* never in a manifest that was read */
	XFN_DELIVER_KERNEL,
	XFN_DELIVER_SOCKET, /* an ordinary socket, of a program that runs by itself or that xfnd starts */
	XFN_DELIVER_NETDEV, /* an interface */
	XFN_DELIVER_XSK,    /* an AF_XDP socket of a program that xfnd or xfn run starts */
};

#define XFN_DELIVERIES (XFN_DELIVER_XSK + 1)

struct xfn_kernel_spec {
	const char *object;  /* path as written, relative to the manifest */
	const char *program; /* NULL: the only one in the object */
};

#define XFN_SOCKET_CPUS_MAX 16
#define XFN_CPU_MAX         8191 /* the largest number that a kernel of Debian's can give a CPU */

struct xfn_socket_spec {
	__u16 cpu_count;                 /* 0: the stack's work stays where the packet came in */
	__u16 cpus[XFN_SOCKET_CPUS_MAX]; /* each once, in the order of the text */
	/* Of a program that xfnd starts: */
	bool notify; /* it says when it is ready, sd_notify(3) */
	bool pktinfo; /* it answers from the address that it was asked at, whatever its socket is bound to */
};

struct xfn_netdev_spec {
	const char *interface;
	__u8 mac[6]; /* of whoever is behind it; meaningful with XFN_GIVEN_MAC */
};

/* A run of texts in a manifest's texts. */
struct xfn_text_span {
	__u32 first;
	__u32 count;
};

/* A program to start. A path in it may be relative until xfn_manifest_anchor() has seen it. */
struct xfn_exec_spec {
	struct xfn_text_span argv; /* count 0: none; a first one without '/' is looked for */
	struct xfn_text_span env;  /* NAME=VALUE, each name once */
	const char *directory;     /* where it starts; NULL: / */
	const char *user;          /* as whom, name or number; NULL: as who applies */
	__u64 memory;              /* bytes that it may take; 0: a share of the host's */
	__u32 processes;           /* and their threads, at once */
	__u32 cpu;                 /* percent of one CPU; 0: what there is */
};

#define XFN_MEMORY_MIN    (4ULL << 20)
#define XFN_MEMORY_MAX    (1ULL << 50)
#define XFN_PROCESSES_MAX 4194304 /* as many as a kernel of 64 bits can have */
/* Of a user of its own: with 512 that fork without end others waited for seconds. */
#define XFN_PROCESSES_DEFAULT 128

struct xfn_xsk_spec {
	bool existing;     /* somebody else starts its program, with xfn run */
	bool one_way;      /* it answers nothing: nothing is in flight, nothing times out */
	bool send_any;     /* what it sends may leave from anywhere; else from its triggers alone */
	bool busy_poll;    /* it looks for events without pause */
	bool need_wakeup;  /* the kernel says when it wants to be told of what is sent */
	__u32 park_events; /* that wait while it takes none; 0: they do not wait */
	__u64 park_age_ns; /* those that are older are not handed over */
};

enum xfn_excess {
	XFN_EXCESS_DROP,
	XFN_EXCESS_PASS,
	XFN_EXCESS_REPLY,
};

#define XFN_SOURCE_ENTRIES_MIN     1024
#define XFN_SOURCE_ENTRIES_MAX     4194304
#define XFN_SOURCE_ENTRIES_DEFAULT 65536 /* 512 KiB */
#define XFN_SOURCE_PREFIX4_DEFAULT 32
#define XFN_SOURCE_PREFIX6_DEFAULT 64 /* what one customer has at least, RFC 6177 */

/* What each source may take; all zeros but with XFN_GIVEN_PER_SOURCE. */
struct xfn_source_limit_spec {
	struct xfn_rate rate; /* not 0 */
	__u64 burst;          /* as of the whole limit */
	__u32 prefix4;        /* leading bits of an address that make a source: 1 to 32 */
	__u32 prefix6;        /* 1 to 128 */
	__u32 entries;        /* cells that sources share: a power of two */
};

struct xfn_limit_spec {
	struct xfn_rate rate; /* period 0: none, see xfn_has_rate() */
	__u64 burst;          /* events at once, 1 to 100M and at most a day's worth of the rate */
	enum xfn_excess excess;
	bool packets;      /* count packets, not events */
	__u32 concurrency; /* 0: any number in flight */
	struct xfn_source_limit_spec per_source;
};

struct xfn_latency_spec {
	__u32 sample;      /* one event in so many is stamped, 1 to 1,000,000 */
	__u64 deadline_ns; /* unanswered after this: a timeout; 1us to 1m */
};

struct xfn_objective_spec {
	__u64 p99_ns;   /* 0: none */
	__u32 loss_ppm; /* parts per million; meaningful with XFN_GIVEN_LOSS */
};

/* Keys that a function's text gave. Where a bit is clear, the field holds its default. */
enum xfn_given {
	XFN_GIVEN_TENANT = 1 << 0,
	XFN_GIVEN_DESCRIPTION = 1 << 1,
	XFN_GIVEN_ENABLED = 1 << 2,
	XFN_GIVEN_PROGRAM = 1 << 3,
	XFN_GIVEN_LIMIT = 1 << 4, /* clear: no limit at all, limit is all zeros */
	XFN_GIVEN_BURST = 1 << 5,
	XFN_GIVEN_EXCESS = 1 << 6,
	XFN_GIVEN_PACKETS = 1 << 7,
	XFN_GIVEN_SAMPLE = 1 << 8,
	XFN_GIVEN_DEADLINE = 1 << 9,
	XFN_GIVEN_P99 = 1 << 10,
	XFN_GIVEN_LOSS = 1 << 11,
	XFN_GIVEN_NOTIFY = 1 << 12,
	XFN_GIVEN_PARK_EVENTS = 1 << 13,
	XFN_GIVEN_PARK_AGE = 1 << 14,
	XFN_GIVEN_BUSY_POLL = 1 << 15,
	XFN_GIVEN_NEED_WAKEUP = 1 << 16,
	XFN_GIVEN_MEMORY = 1 << 17,
	XFN_GIVEN_PROCESSES = 1 << 18,
	XFN_GIVEN_CPU = 1 << 19,
	XFN_GIVEN_PER_SOURCE = 1 << 20, /* clear: no limit for a source */
	XFN_GIVEN_SOURCE_BURST = 1 << 21,
	XFN_GIVEN_PREFIX4 = 1 << 22,
	XFN_GIVEN_PREFIX6 = 1 << 23,
	XFN_GIVEN_ENTRIES = 1 << 24,
	XFN_GIVEN_MAC = 1 << 25,
	XFN_GIVEN_ONE_WAY = 1 << 26,
	XFN_GIVEN_CONCURRENCY = 1 << 27,
	XFN_GIVEN_SCALE = 1 << 28,
	XFN_GIVEN_DISABLED = 1 << 30,
};

struct xfn_function_spec {
	const char *name;
	const char *tenant;      /* "default" if not given */
	const char *description; /* NULL if not given */
	bool enabled;
	bool disabled_drops; /* while it is not enabled its packets are dropped, else they pass */
	enum xfn_delivery delivery;
	__u32 given;               /* bits of enum xfn_given */
	__u32 trigger_first;       /* in the manifest's triggers; see xfn_function_triggers() */
	__u32 trigger_count;       /* may be 0: triggers are added by command later */
	const char *triggers_from; /* path of a CSV that is still to be read, as written; or NULL */
	struct xfn_kernel_spec kernel; /* XFN_DELIVER_KERNEL only */
	struct xfn_socket_spec socket; /* XFN_DELIVER_SOCKET only */
	struct xfn_netdev_spec netdev; /* XFN_DELIVER_NETDEV only */
	struct xfn_exec_spec
		exec;            /* XFN_DELIVER_XSK, and XFN_DELIVER_SOCKET where xfnd starts it */
	struct xfn_xsk_spec xsk; /* XFN_DELIVER_XSK only */
	struct xfn_limit_spec limit;
	struct xfn_latency_spec latency;
	struct xfn_objective_spec objective;
	__u32 scale_min; /* instances that run without an event: 0 or 1 */
	unsigned line;   /* where the function starts in the text */
	unsigned column;
};

/* Says whether xfnd starts the function's program. */
static inline bool xfn_has_program(const struct xfn_function_spec *function)
{
	return function->exec.argv.count;
}

/* Says whether the function's program comes by itself, with `xfn run`. */
static inline bool xfn_is_awaited(const struct xfn_function_spec *function)
{
	return function->delivery == XFN_DELIVER_XSK && function->xsk.existing;
}

/* Says whether xfnd watches a process of the function's, whoever starts it. */
static inline bool xfn_has_process(const struct xfn_function_spec *function)
{
	return xfn_has_program(function) || xfn_is_awaited(function);
}

/* Says whether the function as a whole is limited; a limit may be for each source alone. */
static inline bool xfn_has_rate(const struct xfn_function_spec *function)
{
	return function->limit.rate.period_ns;
}

struct xfn_capacity_spec {
	__u64 triggers;  /* 0: not given */
	__u64 functions; /* 0: not given */
};

struct xfn_stringpool;

struct xfn_manifest {
	const char *file; /* as given to xfn_manifest_parse() */
	const char *set;  /* "main" if not given */
	bool has_set;     /* the text named the set */
	bool has_attach;  /* false: interfaces are left alone; true: may still be none */
	struct xfn_attach_spec *attach;
	size_t attach_count;
	struct xfn_capacity_spec capacity;
	struct xfn_function_spec *functions; /* in the order of the text */
	size_t function_count;
	struct xfn_trigger_spec *triggers; /* those of one function lie together */
	size_t trigger_count;
	struct xfn_prefix *prefixes;
	size_t prefix_count;
	struct xfn_key_spec *keys;
	size_t key_count;
	const char **texts; /* of programs: arguments, variables */
	size_t text_count;
	const char **files; /* what a trigger's file means; [0] is ->file */
	size_t file_count;
	struct xfn_stringpool *strings; /* private: holds every string; NULL: they are borrowed */
};

/* The function's triggers, function->trigger_count of them. */
static inline const struct xfn_trigger_spec *
xfn_function_triggers(const struct xfn_manifest *manifest, const struct xfn_function_spec *function)
{
	return function->trigger_count ? manifest->triggers + function->trigger_first : NULL;
}

/*
 * What `excess: reply` says for a function: enum xfn_reply_kind, by its UDP triggers, which all have to be
 * for the same protocol; XFN_REPLY_NONE (0) where there is none. *ret_odd is the first one that is for
 * another, or for none that is known; NULL if all is well.
 */
int xfn_function_reply(const struct xfn_manifest *manifest,
		       const struct xfn_function_spec *function,
		       const struct xfn_trigger_spec **ret_odd);

/* The prefixes of a trigger's destinations or sources, span.count of them. */
static inline const struct xfn_prefix *xfn_manifest_prefixes(const struct xfn_manifest *manifest,
							     struct xfn_prefix_span span)
{
	return span.count ? manifest->prefixes + span.first : NULL;
}

/* The texts of a span, span.count of them. */
static inline const char *const *xfn_manifest_texts(const struct xfn_manifest *manifest,
						    struct xfn_text_span span)
{
	return span.count ? manifest->texts + span.first : NULL;
}

/* The trigger's key, or NULL. */
static inline const struct xfn_key_spec *xfn_manifest_key(const struct xfn_manifest *manifest,
							  const struct xfn_trigger_spec *trigger)
{
	return trigger->key ? manifest->keys + trigger->key - 1 : NULL;
}

/*
 * Read @len bytes of YAML at @text, which need no terminator and are only borrowed. @file is what
 * messages call it; it is not opened. Returns 0 and a manifest that the caller frees, or
 * -EINVAL (@diags got at least one entry; as many mistakes as could be found, ordered by line), or
 * -ENOMEM (@diags may hold some). On success @diags is as it was.
 */
int xfn_manifest_parse(const char *file, const char *text, size_t len, struct xfn_diag_list *diags,
		       struct xfn_manifest **ret);

/*
 * Make paths of programs and their directories absolute, which are relative to the folder of the
 * manifest: @folder is its absolute path, NULL where that is not known. Says nothing of whether they
 * exist. Returns 0, or -EINVAL (@diags got an entry for each function that it cannot be done for), or
 * -ENOMEM; then some may be absolute already. Before the manifest is shared with anybody.
 */
int xfn_manifest_anchor(struct xfn_manifest *manifest, const char *folder,
			struct xfn_diag_list *diags);

/* Free @manifest and all it holds; NULL is allowed. */
void xfn_manifest_free(struct xfn_manifest *manifest);

/*
 * Print @manifest as YAML that reads back as the same manifest, places in the text apart: what was
 * given is printed, defaults are not. Returns 0, or -EIO if @out failed.
 */
int xfn_manifest_write(const struct xfn_manifest *manifest, FILE *out);

/* Print one trigger the way it stands in a manifest: "{protocol: udp, port: "53"}". */
void xfn_trigger_write(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger,
		       FILE *out);

/* Labels as the manifest writes them: "kernel", "socket", "netdev", "xsk"; "drop", "pass"; "native", "generic". */
const char *xfn_delivery_label(enum xfn_delivery delivery);
const char *xfn_excess_label(enum xfn_excess excess);
const char *xfn_attach_mode_label(enum xfn_attach_mode mode);
/* "coap_path" and its like. */
const char *xfn_key_label(enum xfn_key_kind kind);
/* "udp" or "tcp"; "?" for other numbers. */
const char *xfn_protocol_label(__u8 protocol);

#endif /* XFN_MANIFEST_H */
