/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_TESTS_LIMITER_H
#define XFN_TESTS_LIMITER_H

#include <linux/types.h>

/* One event for limiter.bpf.c, in its only map; `arrival` stays there from one to the next. */
struct limiter_step {
	__u64 arrival;  /* 1/16 ns */
	__u64 other;    /* 1/16 ns: the second one of a pair */
	__u64 now;      /* 1/16 ns: when the event came */
	__u64 clock_ns; /* what the clock says when the limiter looks at it again */
	__u64 interval; /* 1/16 ns */
	__u64 burst;    /* 1/16 ns */
};

#endif
