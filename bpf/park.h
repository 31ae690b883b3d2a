/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_PARK_H
#define XFN_BPF_PARK_H
/*
 * Parking: an event of a function that has no instance ready goes to the keeper, with a word in front of
 * it that says whose it is (xfn/park.h).
 */
#include "xfn/park.h"
#include "maps.bpf.h"
#include "observe.h"

/* Takes away what xfn_port_park() has put in front of a packet that does not go there after all. */
static __always_inline void unpark(struct xdp_md *ctx)
{
	bpf_xdp_adjust_meta(ctx, sizeof(struct xfn_park_meta));
}

/* One more that waits. Per CPU, and NAPI does not nest: no race. */
static __always_inline void count_parked(__u32 port)
{
	struct xfn_port_counts *counts = bpf_map_lookup_elem(&xfn_port_counts, &port);

	if (counts)
		counts->parked++;
}

/*
 * Looks whether the keeper has a socket for this interface and queue, which notes it as where the packet
 * goes, and writes the metadata. Returns 0, or -1: not there, or no room in front of the packet, which is
 * then as it came. Changes packet data: pointers into the packet are gone behind it.
 */
__noinline int xfn_port_park(struct xdp_md *ctx, __u32 port, __u32 slot, __u64 now_ns)
{
	struct xfn_port_line *line = bpf_map_lookup_elem(&xfn_port_lines, &port);
	__u32 queue = ctx->rx_queue_index;
	struct xfn_park_meta *meta;

	barrier_var(now_ns); /* or a variant that does not use it is called without it */
	if (!line || !(line->flags & XFN_PORT_PARKS) || queue >= XFN_PARK_QUEUES ||
	    bpf_redirect_map(&xfn_parking, XFN_PARK_INDEX(slot, queue), 0) != XDP_REDIRECT)
		return -1;
	if (XFN_DRY)
		return 0;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return -1;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return -1; /* it was made room for: never taken */
	meta->magic = XFN_PARK_MAGIC;
	meta->identity = line->identity;
	meta->seen_ns = now_ns;
	meta->function = line->function;
	meta->interface = slot;
	meta->check = xfn_park_check(meta);
	return 0;
}

#endif
