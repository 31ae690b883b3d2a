/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_LINGER_H
#define XFN_BENCH_LINGER_H

/*
 * Waiting as libxfn waits, for programs without it: one that is to be compared with it under load looks for
 * packets as long before it sleeps. It does so always, also where none are to come soon, which only takes
 * its own CPU.
 */

#include <stdbool.h>
#include <time.h>
#include <linux/types.h>

enum { LINGER_NS = 80 * 1000 };

/* Whether to look once more; @found: whether the last look found packets. @since_ns is zero at first. */
static inline bool linger(__u64 *since_ns, bool found)
{
	struct timespec now;
	__u64 now_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
	if (found)
		*since_ns = now_ns;
	return now_ns - *since_ns < LINGER_NS;
}

#endif
