/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_LIMITER_H
#define XFN_BPF_LIMITER_H
/*
 * Rate and burst by GCRA (ITU-T I.371, virtual scheduling): one theoretical arrival time, moved by
 * compare-and-swap. No lock, no division, exact on any number of CPUs: at most
 * burst + rate * elapsed + 1 events are admitted in any interval. Functions have one such time, their
 * sources two each (sources.h).
 */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "observe.h"
#include "xfn/abi.h"

/* Tries before an event counts as over the limit: nothing is admitted uncharged. */
#define LIMITER_TRIES 8

/* A limit as its config has it, and the time of the event at hand; all in 1/16 ns. */
struct limiter {
	__u64 now;
	__u64 interval;
	__u64 burst;
};

/* The arrival time that the event would leave behind. */
static __always_inline __u64 limiter_next(const struct limiter *limiter, __u64 stored)
{
	return (stored > limiter->now ? stored : limiter->now) + limiter->interval;
}

static __always_inline __u64 limiter_latest(const struct limiter *limiter)
{
	return limiter->now + limiter->burst;
}

static __always_inline int limiter_is_over(const struct limiter *limiter, __u64 stored)
{
	return limiter_next(limiter, stored) > limiter_latest(limiter);
}

/*
 * After a refusal. A stored time further ahead than the live burst comes from a larger limit that was
 * in force before: it is pulled back, so that a function is shut for no longer than its present burst
 * lasts. Told by a fresh reading of the clock: this event may have been held up since it was stamped,
 * while another CPU admitted later ones, and what those were charged must stay charged.
 */
static __always_inline void limiter_heal(const struct limiter *limiter, __u64 *arrival,
					 __u64 stored)
{
	__u64 latest;

	if (stored <= limiter_latest(limiter))
		return;
	latest = bpf_ktime_get_ns() * XFN_TIME_FRACTION + limiter->burst;
	if (stored > latest)
		__sync_val_compare_and_swap(arrival, stored, latest);
}

/* Admits or refuses one event. */
static __always_inline int limiter_admit(const struct limiter *limiter, __u64 *arrival)
{
	__u64 stored, next;
	int i;

	stored = *(volatile __u64 *)arrival;
	if (XFN_DRY) { /* the same answer, and nothing charged */
		observe_limiter(stored, limiter->now);
		return !limiter_is_over(limiter, stored);
	}
	for (i = 0; i < LIMITER_TRIES; i++) {
		if (limiter_is_over(limiter, stored)) {
			limiter_heal(limiter, arrival, stored);
			return 0;
		}
		next = limiter_next(limiter, stored);
		next = __sync_val_compare_and_swap(arrival, stored, next);
		if (next == stored)
			return 1;
		stored = next;
	}
	return 0;
}

/*
 * Charges an event that another time admits: as far as the burst goes, no further. Returns 1, or 0
 * where it could not be charged.
 */
static __always_inline int limiter_charge(const struct limiter *limiter, __u64 *arrival)
{
	__u64 stored, next;
	int i;

	stored = *(volatile __u64 *)arrival;
	for (i = 0; i < LIMITER_TRIES; i++) {
		next = limiter_is_over(limiter, stored) ? limiter_latest(limiter)
							: limiter_next(limiter, stored);
		if (stored >= next) {
			limiter_heal(limiter, arrival, stored);
			return 1;
		}
		next = __sync_val_compare_and_swap(arrival, stored, next);
		if (next == stored)
			return 1;
		stored = next;
	}
	return 0;
}

/*
 * Admits an event that two times are charged for, and that is refused only if both say so. The fuller
 * one is charged first, then the emptier one decides: so whoever is admitted by a time finds everything
 * charged to it that was admitted before, whichever of the two admitted that. Two CPUs cannot use up one
 * place in both.
 */
static __always_inline int limiter_admit_pair(const struct limiter *limiter, __u64 *one,
					      __u64 *other)
{
	__u64 of_one = *(volatile __u64 *)one, of_other = *(volatile __u64 *)other;

	if (XFN_DRY) {
		observe_source(of_one < of_other ? of_one : of_other, limiter->now);
		return !limiter_is_over(limiter, of_one) || !limiter_is_over(limiter, of_other);
	}
	if (limiter_is_over(limiter, of_one) && limiter_is_over(limiter, of_other)) {
		limiter_heal(limiter, one, of_one);
		limiter_heal(limiter, other, of_other);
		return 0;
	}
	if (of_one > of_other)
		return limiter_charge(limiter, one) && limiter_admit(limiter, other);
	return limiter_charge(limiter, other) && limiter_admit(limiter, one);
}

#endif
