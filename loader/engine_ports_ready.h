/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_PORTS_READY_H
#define XFN_ENGINE_PORTS_READY_H

/*
 * Ports that stand by: making one takes longer than starting a program. They are nobody's until an
 * instance takes one, and are used once. Their descriptors are xfnd's alone, so they go when it ends.
 */

#include "engine_private.h"

/* With Ethernet header and one tag as long as a frame of libxfn's pool has room. */
#define XFN_PORT_MTU 1774

struct xfn_ready_ports;

/* A veth pair with its programs, and the namespace of its far end. */
struct xfn_port_ends {
	__u32 ifindex;  /* of the host's end */
	int netns_fd;   /* keeps it all, where no instance does */
	int sockets_fd; /* XSKMAP of the far end: element 0 */
	int lost_fd;    /* of the far end: struct xfn_port_far */
};

int xfn_ready_ports_open(struct xfn_engine *engine, struct xfn_ready_ports **ret);
/* Removes them. Takes NULL. */
void xfn_ready_ports_close(struct xfn_ready_ports *ports);

/* There are to be @count of them, at most XFN_READY_PORTS_MAX: made bit by bit, while nothing starts. 0: removes all. */
void xfn_ready_ports_set(struct xfn_ready_ports *ports, unsigned count);
/* The data plane is made anew: they and their program are for the former one. */
void xfn_ready_ports_renew(struct xfn_ready_ports *ports);

/* One that stands by, or else one that is made now; the caller's. 0 or -errno, with the reason in @fault. */
int xfn_ready_ports_take(struct xfn_ready_ports *ports, struct xfn_port_ends *ret,
			 struct xfn_fault *fault);

/* Whether host's end @ifindex was made by an xfnd with this one's run directory. */
bool xfn_ready_ports_are_ours(const struct xfn_ready_ports *ports, __u32 ifindex);

#endif
