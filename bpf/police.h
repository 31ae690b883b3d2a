/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_POLICE_H
#define XFN_BPF_POLICE_H
/*
 * Stage 3: is the function on, and is there room? First each source is held to its own limit, then the
 * function as a whole to its: what one source sends too much must not use up what is for all. The other
 * way round nothing is given back: an event that the function had no room for stays charged to its
 * source, which is never charged for more than it sent.
 */
#include "classify.h"
#include "limiter.h"
#include "sources.h"

#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_ACK 0x10

/* Of TCP, limits count what opens a connection, unless packets are asked for. */
static __always_inline int is_charged(const struct packet *packet, __u64 limit)
{
	if (!(packet->meta & XFN_META_TCP) || limit & XFN_FUNCTION_PACKETS)
		return 1;
	return (packet->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
}

/* Returns XFN_GO_ON or XFN_VERDICT_{DISABLED,SOURCE_LIMITED,RATE_LIMITED}. */
static __always_inline int police(const struct generation *generation, const struct packet *packet,
				  struct match *match)
{
	__u64 limit = match->config.limit;
	struct limiter limiter;

	if (limit & XFN_FUNCTION_DISABLED)
		return XFN_VERDICT_DISABLED;
	if (!(limit & (XFN_FUNCTION_LIMITED | XFN_FUNCTION_PER_SOURCE)) ||
	    !is_charged(packet, limit))
		return XFN_GO_ON;
	if (!match->seen_ns)
		match->seen_ns = bpf_ktime_get_ns();
	limiter.now = match->seen_ns * XFN_TIME_FRACTION;
	if (limit & XFN_FUNCTION_PER_SOURCE &&
	    !xfn_source_admit(packet, match->slot, generation->number, limiter.now))
		return XFN_VERDICT_SOURCE_LIMITED;
	if (!(limit & XFN_FUNCTION_LIMITED))
		return XFN_GO_ON;
	limiter.interval = limit & XFN_LIMIT_INTERVAL_MASK;
	limiter.burst = match->config.burst;
	return limiter_admit(&limiter, &match->function->arrival) ? XFN_GO_ON
								  : XFN_VERDICT_RATE_LIMITED;
}

#endif
