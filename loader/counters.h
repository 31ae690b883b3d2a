/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_COUNTERS_H
#define XFN_COUNTERS_H

/*
 * Reading per-CPU arrays of counters, summed over CPUs.
 *
 * Elements that lie together are read many at a time (BPF_MAP_LOOKUP_BATCH), so that reading all
 * functions takes some hundred system calls and not as many as there are functions; elements that
 * lie apart, and all where the kernel refuses batches, one at a time. The data plane goes on counting
 * meanwhile: each word is read whole, but two words are not of the same moment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "dataplane.h"

/* An element to be read. */
struct xfn_counter {
	__u32 index; /* in the map */
	void *sum;   /* the map's value type; overwritten */
};

/*
 * Reads @count elements of @map, one of XFN_MAP_{PACKETS,VERDICTS,COUNTS,OUTCOMES,HISTOGRAMS,
 * HANDED}, and sums each over CPUs (of a histogram's max_ns it takes the largest). Sorts @counters by index.
 * An index may be given more than once. Returns 0 or -errno; then some sums may be filled.
 */
int xfn_counters_read(const struct xfn_dataplane *dataplane, enum xfn_map map,
		      struct xfn_counter *counters, size_t count);

#ifdef XFN_TESTING
extern bool xfn_counters_refuse_batches; /* as a kernel does that has none */
extern unsigned xfn_counters_calls;      /* system calls made so far */
#endif

#endif
