/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_STEER_H
#define XFN_BPF_STEER_H
/* Stage 4: deliver. A new delivery kind is a case in steer() and a function above it. */
#include "account.h"
#include "classify.h"
#include "port.h"
#include "redirect.h"

/*
 * Tail-calls the function's handler with what is known of the event. `handled` is counted before,
 * so that nothing in a handler can keep it from being counted, and taken back when there was none.
 */
static __always_inline int give_to_handler(struct xdp_md *ctx, const struct generation *generation,
					   const struct packet *packet, const struct match *match)
{
	__u32 zero = 0;
	struct xfn_event_state *event = bpf_map_lookup_elem(&xfn_events, &zero);

	if (XFN_DRY && !observe_runs_handler())
		return XFN_VERDICT_HANDLED; /* xfnd knows whether there is a handler */
	if (!event)
		return XFN_VERDICT_NO_TARGET;
	event->data = (__u64)(long)ctx->data;
	event->seen_ns = match->sampled ? match->seen_ns : 0;
	event->dst[0] = packet->dst[0];
	event->dst[1] = packet->dst[1];
	event->src[0] = packet->src[0];
	event->src[1] = packet->src[1];
	event->src_port = packet->src_port;
	event->dst_port = packet->dst_port;
	event->l3_offset = packet->l3_offset;
	event->l4_offset = packet->l4_offset;
	event->payload_offset = packet->payload_offset;
	event->payload_bytes = packet->payload_bytes;
	event->ip_version = packet->ip_version;
	event->l4_proto = packet->l4_proto;
	event->flags = (is_bad_source(generation, packet) ? XFN_EVENT_BAD_SOURCE : 0) |
		       (packet->group ? XFN_EVENT_GROUP : 0);
	event->function = match->slot;
	event->rule = match->rule;
	event->interface = xfn_interface_slot;
	event->given_ns = match->sampled ? bpf_ktime_get_ns() : 0;
	observe_verdict(ctx, packet, match, XFN_VERDICT_HANDLED);
	count_verdict(packet, match, XFN_VERDICT_HANDLED, 1);
	bpf_tail_call(ctx, &xfn_handlers, XFN_TARGET_HANDLER(match->config.target));
	count_verdict(packet, match, XFN_VERDICT_HANDLED, -1);
	return XFN_VERDICT_NO_TARGET;
}

/* Every such event has its time: it goes along in the token. */
static __always_inline int give_to_port(struct xdp_md *ctx, struct match *match)
{
	if (!match->seen_ns)
		match->seen_ns = bpf_ktime_get_ns();
	return xfn_port_admit(ctx, XFN_TARGET_HANDLER(match->config.target),
			      match->function->identity, xfn_interface_slot, match->seen_ns);
}

/* Returns a verdict; does not return where a handler took the event. */
static __always_inline int steer(struct xdp_md *ctx, const struct generation *generation,
				 const struct packet *packet, struct match *match)
{
	switch (XFN_FUNCTION_DELIVERY_OF(match->config.limit)) {
	case XFN_DELIVERY_KERNEL:
		return give_to_handler(ctx, generation, packet, match);
	case XFN_DELIVERY_SOCKET:
		return XFN_VERDICT_STEERED; /* the stack finds the socket */
	case XFN_DELIVERY_NETDEV:
		return give_to_interface(match);
	case XFN_DELIVERY_CPU:
		return give_to_cpu(packet, match);
	case XFN_DELIVERY_XSK:
		return give_to_port(ctx, match);
	}
	return XFN_VERDICT_NO_TARGET;
}

#endif
