/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PROCESSORS_H
#define XFN_PROCESSORS_H

#include <stdbool.h>

/* Whether softirqs, and what runs in them, may be preempted: PREEMPT_RT. */
bool xfn_processors_preempt_softirqs(void);

/*
 * Runs on each CPU that is online, one after another. XDP programs run with softirqs off, where nobody is preempted: so
 * who has run on a CPU knows that what ran there before has ended, the flush of what it redirected included. Takes 0.1 ms
 * where two CPUs are at rest; as long as it takes to get a turn where they are not.
 *
 * Returns 0; or -errno, and nothing is known: of a PREEMPT_RT kernel, where CPUs are isolated, with one that this process may not use, or within
 * a minute of a time when it took long. For one thread.
 */
int xfn_processors_pass(void);

#endif
