/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FAR_END_H
#define XFN_FAR_END_H

/*
 * The far end of a port, as it can be asked: what came to the socket of an instance, and what did not. A duplicate of
 * the bound AF_XDP socket, which keeps it bound: the kernel lets go of the instance's pool, its interface's queue and its
 * network namespace when both the instance's descriptors and this are closed.
 *
 * Its ring for receiving is mapped, to be read, where the kernel maps those of bound sockets (6.4). What is in there
 * the instance may forge: it falsifies its own figures.
 */

#include <stdbool.h>
#include <linux/types.h>

struct xfn_far_end {
	int socket_fd;                  /* -1: there is none */
	int lost_fd;                    /* of struct xfn_port_far, or -1 */
	const __u8 *ring;               /* NULL: not to be had */
	__u64 producer_at, consumer_at; /* in the ring, in bytes */
};

struct xfn_far_counts {
	bool seen;       /* false: `received` and `waiting` are not known */
	__u32 received;  /* put into the ring, ever; wraps */
	__u32 waiting;   /* of those, not taken out of it */
	__u64 dropped;   /* rx_dropped: there was no free frame, or it did not fit into one */
	__u64 ring_full; /* rx_ring_full */
	__u64 no_socket; /* they came when none was there */
};

#define XFN_FAR_END_NONE ((struct xfn_far_end){.socket_fd = -1, .lost_fd = -1})

/* Takes over @socket_fd, which is bound, into a far end without one, and maps its ring if that can be had. */
void xfn_far_end_hold(struct xfn_far_end *end, int socket_fd);
/* What can be asked; the rest is 0. */
void xfn_far_end_read(const struct xfn_far_end *end, struct xfn_far_counts *ret);
/*
 * Lets go of it. Where the socket is bound and this is its last descriptor, that takes an RCU grace period: remove its
 * interface first.
 */
void xfn_far_end_close(struct xfn_far_end *end);

#endif
