/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_PORT_H
#define XFN_BPF_PORT_H
/*
 * Delivery to a function's own AF_XDP socket, by way of its port: the way in. The way back is
 * bpf/xfn_port.bpf.c. Global functions, which keep the frame of the ingress program small.
 */
#include "xfn/flight.h"
#include "classify.h"
#include "maps.bpf.h"
#include "observe.h"
#include "park.h"
#include "parse.h"

/* The same answer without a word moved. */
static __always_inline int flight_has_room(const struct xfn_port_line *line)
{
	return !line->concurrency || line->in_flight < line->concurrency;
}

/*
 * Hands an event that came at @now_ns by interface @slot to port @index, if the port is still the
 * function's, or to the keeper where nobody is ready there. The map is asked first, which only notes the
 * target. Returns a verdict; with any other than steered the packet is as it came. Changes packet data.
 */
__noinline int xfn_port_admit(struct xdp_md *ctx, __u32 index, __u64 identity, __u32 slot,
			      __u64 now_ns)
{
	struct xfn_port_line *line = bpf_map_lookup_elem(&xfn_port_lines, &index);
	int parks;

	barrier_var(now_ns); /* or a variant that does not use it is called without it */
	if (!line || line->identity != identity)
		return XFN_VERDICT_NO_TARGET;
	parks = bpf_redirect_map(&xfn_port_devs, index, 0) != XDP_REDIRECT;
	if (parks && xfn_port_park(ctx, index, slot, now_ns))
		return XFN_VERDICT_NO_TARGET;
	if (XFN_DRY)
		return line->flags & XFN_PORT_ONE_WAY || flight_has_room(line)
			       ? XFN_VERDICT_STEERED
			       : XFN_VERDICT_CONCURRENCY_LIMITED;
	if (!(line->flags & XFN_PORT_ONE_WAY) && flight_begin(line, now_ns)) {
		if (parks)
			unpark(ctx);
		return XFN_VERDICT_CONCURRENCY_LIMITED;
	}
	if (parks)
		count_parked(index);
	return XFN_VERDICT_STEERED;
}

/* Puts the token in the place of the Ethernet destination. */
__noinline int xfn_port_address(struct xdp_md *ctx, __u32 slot, __u64 now_ns)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u8 *token = data;

	if (data + sizeof(struct ethernet_header) > data_end)
		return -1; /* steered, and parsed: never taken */
	xfn_token_write(token, slot, now_ns);
	return 0;
}

#endif
