/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_POLICE_H
#define XFN_BPF_POLICE_H
/*
 * Stage 3: rate and burst per function, by GCRA (ITU-T I.371, virtual scheduling): one theoretical
 * arrival time per function, moved by compare-and-swap. No lock, no division, exact on any number
 * of CPUs: at most burst + rate * elapsed + 1 events are admitted in any interval.
 */
#include "maps.bpf.h"
#include "observe.h"
#include "packet.h"

/* Tries before an event counts as over the limit: nothing is admitted uncharged. */
#define LIMITER_TRIES 8
#define TCP_FLAG_SYN  0x02
#define TCP_FLAG_ACK  0x10

/*
 * After a refusal. A stored time further ahead than the live burst comes from a larger limit that was
 * in force before: it is pulled back, so that a function is shut for no longer than its present burst
 * lasts. Told by a fresh reading of the clock: this event may have been held up since it was stamped,
 * while another CPU admitted later ones, and what those were charged must stay charged.
 */
static __always_inline void limiter_heal(__u64 *arrival, __u64 stored, __u64 burst)
{
	__u64 latest = bpf_ktime_get_ns() * XFN_TIME_FRACTION + burst;

	if (stored > latest)
		__sync_val_compare_and_swap(arrival, stored, latest);
}

/* Admits or refuses one event that came at time `now` (1/16 ns). */
static __always_inline int limiter_admit(__u64 *arrival, __u64 now, __u64 interval, __u64 burst)
{
	__u64 stored, expected, latest = now + burst;
	int i;

	stored = *(volatile __u64 *)arrival;
	if (XFN_DRY) { /* the same answer, and nothing charged */
		observe_limiter(stored, now);
		return (stored > now ? stored : now) + interval <= latest;
	}
	for (i = 0; i < LIMITER_TRIES; i++) {
		expected = (stored > now ? stored : now) + interval;
		if (expected > latest) {
			if (stored > latest)
				limiter_heal(arrival, stored, burst);
			return 0;
		}
		expected = __sync_val_compare_and_swap(arrival, stored, expected);
		if (expected == stored)
			return 1;
		stored = expected;
	}
	return 0;
}

/* Of TCP, the limit counts what opens a connection, unless packets are asked for. */
static __always_inline int is_charged(const struct packet *packet, __u64 limit)
{
	if (!(packet->meta & XFN_META_TCP) || limit & XFN_FUNCTION_PACKETS)
		return 1;
	return (packet->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
}

/* Returns XFN_GO_ON or XFN_VERDICT_{DISABLED,RATE_LIMITED}. */
static __always_inline int police(const struct packet *packet, struct match *match)
{
	__u64 limit = match->config.limit;

	if (limit & XFN_FUNCTION_DISABLED)
		return XFN_VERDICT_DISABLED;
	if (!(limit & XFN_FUNCTION_LIMITED) || !is_charged(packet, limit))
		return XFN_GO_ON;
	if (!match->seen_ns)
		match->seen_ns = bpf_ktime_get_ns();
	if (limiter_admit(&match->function->arrival, match->seen_ns * XFN_TIME_FRACTION,
			  limit & XFN_LIMIT_INTERVAL_MASK, match->config.burst))
		return XFN_GO_ON;
	return XFN_VERDICT_RATE_LIMITED;
}

#endif
