/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LIBXFN_FRAME_H
#define XFN_LIBXFN_FRAME_H

/* Packets, read and turned round; no I/O. */

#include <stdbool.h>

#include "xfn/function.h"

/*
 * Fills in all of @event that a packet of @frame_bytes at @frame says; @end: of the memory that it may
 * grow into. False where it is no UDP or TCP over IP, or its lengths contradict each other.
 */
bool xfn_frame_read(__u8 *frame, __u32 frame_bytes, const __u8 *end, struct xfn_event *event);

/* From where to where a datagram goes; addresses are of the event's IP version. */
struct frame_way {
	const struct xfn_endpoint *source, *destination;
	const __u8 *next_hop; /* its Ethernet destination; may lie in the event's frame */
	bool sums_ipv4;       /* with a UDP checksum over IPv4, too */
};

/*
 * Makes a datagram of the first @bytes at event->payload: the headers right in front of it, without options,
 * the event's token in its Ethernet source, VLAN tags as they came. Returns where it begins; *ret_bytes is its
 * length.
 */
__u8 *xfn_frame_make(const struct xfn_event *event, const struct frame_way *way, size_t bytes,
		     __u32 *ret_bytes);
/* The same, addresses and ports turned round: the answer. */
__u8 *xfn_frame_answer(const struct xfn_event *event, size_t bytes, __u32 *ret_bytes);

#endif
