/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PORT_LOADER_H
#define XFN_PORT_LOADER_H

/*
 * Ports as the data plane sees them: whose each is, what may leave it, whether it takes events, and what
 * became of them (docs/adr/0013-ports.md). The veth pair and its namespace are made elsewhere; here are
 * the program on its host's end, the maps, and the program for its far end.
 *
 * What keeps what alive: the programs the interfaces that they are on; the maps their pins. Closing
 * descriptors takes nothing away.
 *
 * Single-threaded, like the data plane. Functions return 0 or -errno.
 */

#include <stdbool.h>
#include <linux/types.h>

#include "dataplane.h"
#include "xfn/port.h"

/* ---- whose it is --------------------------------------------------------------------------------- */

struct xfn_port_owner {
	__u64 identity;    /* of the function; not 0 */
	__u32 function;    /* its slot */
	__u32 flags;       /* XFN_PORT_* */
	__u64 deadline_ns; /* 1 us to 60 s; what is unanswered after it is a timeout */
	__u32 concurrency; /* 0: any number in flight */
	__u32 histogram;   /* slot in xfn_histograms, or XFN_HISTOGRAM_NONE */
};

/*
 * Gives a port, which takes no events, to a function: counters and what is in flight begin at zero, and nothing may
 * leave it in either generation. Returns 0 or -errno.
 */
int xfn_port_claim(struct xfn_dataplane *dataplane, __u32 port, const struct xfn_port_owner *owner);
/*
 * Changes what a function's own port says of it. Where the deadline is another one, what is in flight is a
 * timeout.
 */
void xfn_port_adjust(struct xfn_dataplane *dataplane, __u32 port,
		     const struct xfn_port_owner *owner);
/* Whether events wait in the keeper while the port takes none; not as long as nobody has said so. */
void xfn_port_set_parks(struct xfn_dataplane *dataplane, __u32 port, bool parks);
/* Takes it away again: from now on nothing is handed to it, and nothing leaves it. */
void xfn_port_free(struct xfn_dataplane *dataplane, __u32 port);
/* Number of the port that a function has, or -ENOENT; of a free one with @identity 0. */
int xfn_port_of(const struct xfn_dataplane *dataplane, __u64 identity);

/*
 * Where replies may leave from, in generation @generation, which must be idle. -E2BIG: more than
 * XFN_PORT_RULES_MAX.
 */
int xfn_port_set_rules(struct xfn_dataplane *dataplane, unsigned generation, __u32 port,
		       const struct xfn_port_rule *rules, __u32 count);
/* The same places as in the live one. */
void xfn_port_carry_rules(struct xfn_dataplane *dataplane, unsigned generation, __u32 port);

/* ---- whether it takes events ----------------------------------------------------------------------- */

/* From now on events go to the port by its host's end @ifindex, and by no other. */
int xfn_port_open(struct xfn_dataplane *dataplane, __u32 port, __u32 ifindex);
/* Where they go, or 0. */
__u32 xfn_port_ifindex(const struct xfn_dataplane *dataplane, __u32 port);
/* From now on none does; on return none is on its way. */
int xfn_port_close(struct xfn_dataplane *dataplane, __u32 port);

/* Replies to events of interface slot @slot go out of @ifindex; 0: of none. */
int xfn_port_set_uplink(struct xfn_dataplane *dataplane, __u32 slot, __u32 ifindex);

/* ---- its programs ------------------------------------------------------------------------------------ */

/* The program for what functions send: a descriptor, the caller's, good for all ports; or -errno. */
int xfn_port_load_near(const struct xfn_dataplane *dataplane, struct xfn_fault *fault);
/* Attaches it to interface @ifindex, a host's end, nobody's so far: it drops all. -EBUSY: another program is there. */
int xfn_port_attach(__u32 ifindex, int program_fd);
/* @ifindex is an end of @port, of which there may be several: of an instance that goes, and of the one that follows. */
int xfn_port_add_end(struct xfn_dataplane *dataplane, __u32 port, __u32 ifindex);
/* It is nobody's again; also where the interface is gone. */
void xfn_port_remove_end(struct xfn_dataplane *dataplane, __u32 ifindex);
/* Forgets which port's all host's ends are that are not to be kept. */
void xfn_port_keep(struct xfn_dataplane *dataplane,
		   bool (*is_kept)(const void *context, __u32 ifindex), const void *context);

/* The program for a port's far end, and the map of its one socket; both the caller's. */
struct xfn_port_far {
	int program_fd;
	int sockets_fd; /* XSKMAP: element 0 */
	int lost_fd;    /* per CPU, element 0: packets that found no socket */
};
int xfn_port_load_far(struct xfn_port_far *ret, struct xfn_fault *fault);
void xfn_port_close_far(struct xfn_port_far *far); /* takes zeros */

/* ---- what became of its events ----------------------------------------------------------------------- */

struct xfn_port_totals {
	__u64 outcomes[XFN_PORT_OUTCOME_COUNT];
	__u64 reply_bytes;
	__u64 in_flight;
	__u64 parked; /* of all that came; they are in flight, too */
};

/* Ends first what is past the deadline: without traffic nobody else does. */
int xfn_port_read(struct xfn_dataplane *dataplane, __u32 port, __u64 now_ns,
		  struct xfn_port_totals *ret);

#endif
