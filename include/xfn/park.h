/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_PARK_H
#define XFN_PARK_H
/*
 * Parking: events of a function that has no instance ready wait in the keeper (docs/adr/0015-keeper.md).
 * Ingress hands them to the keeper's AF_XDP socket of their interface and queue, the only one there, and
 * says whose each is in the metadata in front of the packet.
 */
#include "xfn/abi.h"
#include "xfn/port.h"

#define XFN_PARK_QUEUES 64 /* rx queues of an interface that can be parked from */
/* Element of xfn_parking; @queue must be below XFN_PARK_QUEUES, or it is another interface's. */
#define XFN_PARK_INDEX(slot, queue) ((slot)*XFN_PARK_QUEUES + (queue))

/*
 * Written by ingress; 32 bytes, all that Linux 6.1 allows. The keeper believes it only with the magic, the
 * check word, and an identity that it was told. What an earlier packet left in the frame is
 * erased there when it was read.
 */
struct xfn_park_meta {
	__u32 magic; /* XFN_PARK_MAGIC */
	__u32 check; /* xfn_park_check() */
	__u64 identity;
	__u64 seen_ns; /* CLOCK_MONOTONIC */
	__u32 function;
	__u32 interface; /* slot */
};
#define XFN_PARK_MAGIC 0x786e706b /* "xnpk" */

/* No secret: it tells half-written and left-over words from whole ones. */
XFN_PORT_INLINE __u32 xfn_park_check(const struct xfn_park_meta *meta)
{
	__u64 place = (__u64)meta->function << 32 | meta->interface;
	__u64 hash = xfn_hash_round(xfn_hash_round(meta->identity, meta->seen_ns), place);

	return (__u32)(hash >> 32);
}

_Static_assert(sizeof(struct xfn_park_meta) == 32, "as much as 6.1 takes");

#endif
