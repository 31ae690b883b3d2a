/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_ACCOUNT_H
#define XFN_BPF_ACCOUNT_H
/*
 * Stage 5: counts the verdict, once, and turns it into an XDP action; a packet that goes to an interface
 * or a port leaves with the addresses for it. Counters are per CPU and written in NAPI alone, which does
 * not nest: plain increments lose nothing.
 */
#include "maps.bpf.h"
#include "observe.h"
#include "packet.h"
#include "port.h"
#include "redirect.h"
#include "reply.h"

/* Interface slot, given by the loader: each interface has an ingress program of its own. */
const volatile __u32 xfn_interface_slot;

/* Moves one verdict in the interface's and the function's book by `by`: 1, or -1 to take it back. */
static __always_inline void count_verdict(const struct packet *packet, const struct match *match,
					  __u32 verdict, __u64 by)
{
	__u32 slot = xfn_interface_slot;
	struct xfn_interface_verdicts *verdicts = bpf_map_lookup_elem(&xfn_verdicts, &slot);
	struct xfn_function_counts *counts;

	if (XFN_DRY)
		return;
	if (verdicts && verdict < XFN_VERDICT_COUNT)
		verdicts->count[verdict] += by;
	if (verdict >= XFN_FUNCTION_VERDICT_COUNT)
		return;
	slot = match->slot;
	counts = bpf_map_lookup_elem(&xfn_counts, &slot);
	if (!counts)
		return;
	counts->verdicts[verdict] += by;
	if (verdict == XFN_VERDICT_HANDLED || verdict == XFN_VERDICT_STEERED)
		counts->bytes += by * packet->bytes;
}

/* Over a limit: dropped, unless the function says otherwise. */
static __always_inline int refuse(struct xdp_md *ctx, const struct generation *generation,
				  const struct packet *packet, const struct match *match,
				  __u32 verdict)
{
	__u64 limit = match->config.limit;

	if (limit & XFN_FUNCTION_EXCESS_PASS)
		return XDP_PASS;
	if (limit & XFN_FUNCTION_EXCESS_REPLY && !observe_runs_handler())
		return xfn_refuse(ctx, packet, match->slot, generation->number, verdict);
	return XDP_DROP;
}

/* The packet goes where steer found a place for it, and leaves as that place wants it. */
static __always_inline int send_on(struct xdp_md *ctx, const struct match *match)
{
	__u32 delivery = XFN_FUNCTION_DELIVERY_OF(match->config.limit);

	if (delivery < XFN_DELIVERY_REDIRECTS)
		return XDP_PASS;
	if (delivery == XFN_DELIVERY_NETDEV)
		xfn_address(ctx, XFN_TARGET_HANDLER(match->config.target));
	if (delivery == XFN_DELIVERY_XSK)
		xfn_port_address(ctx, xfn_interface_slot, match->seen_ns);
	return XDP_REDIRECT;
}

/* Passing is the answer to everything but a refusal, and a redirect. */
static __always_inline int action_of(struct xdp_md *ctx, const struct generation *generation,
				     const struct packet *packet, const struct match *match,
				     __u32 verdict)
{
	if (verdict == XFN_VERDICT_STEERED)
		return send_on(ctx, match);
	if (verdict == XFN_VERDICT_DISABLED)
		return match->config.limit & XFN_FUNCTION_OFF_DROP ? XDP_DROP : XDP_PASS;
	if (verdict == XFN_VERDICT_RATE_LIMITED || verdict == XFN_VERDICT_SOURCE_LIMITED ||
	    verdict == XFN_VERDICT_CONCURRENCY_LIMITED)
		return refuse(ctx, generation, packet, match, verdict);
	return XDP_PASS;
}

static __always_inline int account(struct xdp_md *ctx, const struct generation *generation,
				   const struct packet *packet, const struct match *match,
				   __u32 verdict)
{
	count_verdict(packet, match, verdict, 1);
	return action_of(ctx, generation, packet, match, verdict);
}

#endif
