/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CLOCK_H
#define XFN_CLOCK_H

#include <time.h>
#include <linux/types.h>

/* What @clock says, in ns. */
static inline __u64 xfn_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

#endif
