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

/*
 * Everything is off: whatever the function's own switch says. On the line that holds the generation's
 * number; found by arithmetic on it, so that it is the generation's own on every architecture.
 */
static __always_inline int is_off(const struct generation *generation, struct match *match)
{
	__u32 off = *(volatile const __u32 *)&generation->control->off[generation->number & 1];

	if (off == XFN_OFF_NONE)
		return 0;
	match->config.limit &= ~XFN_FUNCTION_OFF_DROP;
	if (off == XFN_OFF_DROP)
		match->config.limit |= XFN_FUNCTION_OFF_DROP;
	return 1;
}

/* By the function's own config alone. */
static __always_inline int police_function(const struct generation *generation,
					   const struct packet *packet, struct match *match)
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

/* Returns XFN_GO_ON or XFN_VERDICT_{DISABLED,SOURCE_LIMITED,RATE_LIMITED}. */
static __always_inline int police(const struct generation *generation, const struct packet *packet,
				  struct match *match)
{
	return is_off(generation, match) ? XFN_VERDICT_DISABLED
					 : police_function(generation, packet, match);
}

#endif
