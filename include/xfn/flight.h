/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_FLIGHT_H
#define XFN_FLIGHT_H
/*
 * What is in flight at a port (struct xfn_port_line). Words are moved by compare-and-swap: several CPUs
 * hand over and answer at the same time. After FLIGHT_TRIES failed tries an event is not counted here, in
 * which case it is not missed as a timeout either; its reply is then said to be late.
 * For the data plane, and for xfnd, which ends what is past the deadline where there is no traffic.
 */
#include "port.h"

#define FLIGHT_TRIES 8

/* So many are in flight no more: they were not answered in time. */
XFN_PORT_INLINE void flight_time_out(struct xfn_port_line *line, __u64 events)
{
	__sync_fetch_and_add(&line->timeouts, events);
	__sync_fetch_and_add(&line->in_flight, -events);
}

/* An epoch is over. */
XFN_PORT_INLINE void flight_close(struct xfn_port_line *line, __u64 *word, __u64 seen)
{
	__u32 open = XFN_EPOCH_OPEN(seen);

	if (!open || __sync_val_compare_and_swap(word, seen, seen & ~0xffffffffULL) != seen)
		return; /* another CPU moved it: it is looked at again with the next epoch */
	flight_time_out(line, open);
}

/*
 * Meets @epoch: the one who is first ends those that are past the deadline. Others may be a little further
 * already; one that is far ahead is of other epochs, before the deadline was changed.
 */
XFN_PORT_INLINE void flight_meet(struct xfn_port_line *line, __u64 epoch)
{
	__u64 newest = *(volatile __u64 *)&line->epoch, seen;
	int i;

	if (newest - epoch < XFN_PORT_EPOCHS ||
	    __sync_val_compare_and_swap(&line->epoch, newest, epoch) != newest)
		return;
	for (i = 0; i < XFN_PORT_EPOCHS; i++) {
		seen = *(volatile __u64 *)&line->epochs[i];
		if ((__s32)((__u32)epoch - XFN_EPOCH_TAG(seen)) > (__s32)line->deadline_epochs)
			flight_close(line, &line->epochs[i], seen);
	}
}

/*
 * One more event, that came at @now_ns. Returns 0, or -1 where so many are in flight as may be: then it
 * is not counted.
 */
XFN_PORT_INLINE int flight_begin(struct xfn_port_line *line, __u64 now_ns)
{
	__u64 epoch = now_ns >> (line->epoch_shift & 63), seen, next, before;
	__u64 *word = &line->epochs[epoch & (XFN_PORT_EPOCHS - 1)];
	int i;

	flight_meet(line, epoch);
	before = __sync_fetch_and_add(&line->in_flight, 1);
	if (line->concurrency && before >= line->concurrency) {
		__sync_fetch_and_add(&line->in_flight, -1ULL);
		return -1;
	}
	seen = *(volatile __u64 *)word;
	for (i = 0; i < FLIGHT_TRIES; i++) {
		next = XFN_EPOCH_TAG(seen) == (__u32)epoch ? seen + 1 : XFN_EPOCH_WORD(epoch, 1);
		next = __sync_val_compare_and_swap(word, seen, next);
		if (next == seen) {
			if (XFN_EPOCH_TAG(seen) != (__u32)epoch && XFN_EPOCH_OPEN(seen))
				/* Of a round ago, and met by nobody since. */
				flight_time_out(line, XFN_EPOCH_OPEN(seen));
			return 0;
		}
		seen = next;
	}
	__sync_fetch_and_add(&line->in_flight, -1ULL);
	return 0;
}

/* An event that came at @arrival_ns is answered. Returns 1, or 0 where it was in flight no more. */
XFN_PORT_INLINE int flight_end(struct xfn_port_line *line, __u64 arrival_ns, __u64 now_ns)
{
	__u64 epoch = arrival_ns >> (line->epoch_shift & 63), seen, next;
	__u64 *word = &line->epochs[epoch & (XFN_PORT_EPOCHS - 1)];
	int i;

	flight_meet(line, now_ns >> (line->epoch_shift & 63));
	seen = *(volatile __u64 *)word;
	for (i = 0; i < FLIGHT_TRIES; i++) {
		if (XFN_EPOCH_TAG(seen) != (__u32)epoch || !XFN_EPOCH_OPEN(seen))
			return 0;
		next = __sync_val_compare_and_swap(word, seen, seen - 1);
		if (next == seen) {
			__sync_fetch_and_add(&line->in_flight, -1ULL);
			return 1;
		}
		seen = next;
	}
	return 0;
}

#endif
