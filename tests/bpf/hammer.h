/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_HAMMER_H
#define XFN_TESTS_HAMMER_H

/* One packet put through again and again, on several CPUs at once. */

#include "harness.h"

#define HAMMER_RUNS     10000 /* in each round */
#define HAMMER_CPUS_MAX 2

/* CPUs that there are to be hammered on, at most HAMMER_CPUS_MAX. */
unsigned hammer_cpus(void);

/* @rounds rounds on each of @cpus CPUs, by interface slot 0. Returns how long it took, in ns. */
__u64 hammer_all(const struct harness *harness, const struct frame_spec *spec, unsigned cpus,
		 unsigned rounds);

/* CLOCK_MONOTONIC. */
__u64 now_ns(void);

#endif
