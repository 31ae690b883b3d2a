/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOADER_HISTOGRAM_H
#define XFN_LOADER_HISTOGRAM_H

/*
 * Reading latency histograms (struct xfn_histogram of xfn/abi.h): log-linear buckets, 16 for each
 * power of two, exact below 32 ns.
 *
 * A percentile is the middle of the bucket that holds the value of that rank, and never more than the
 * largest value seen; so it is at most 1/32 away from the value itself.
 */

#include <linux/types.h>

#include "xfn/abi.h"

/* What is said of one histogram. All zeros where nothing was counted. */
struct xfn_latency_figures {
	__u64 count;
	__u64 p50_ns;
	__u64 p90_ns;
	__u64 p99_ns;
	__u64 p999_ns;
	__u64 max_ns; /* exact */
	__u64 mean_ns;
};

/* Adds @one, another CPU's, to @sum. */
void xfn_histogram_add(struct xfn_histogram *sum, const struct xfn_histogram *one);

/* The smallest value of bucket @bucket, below XFN_HISTOGRAM_BUCKETS, in ns. */
__u64 xfn_histogram_low_ns(unsigned bucket);

/* Number of values in a bucket's range: 1 below 32 ns. */
__u64 xfn_histogram_width_ns(unsigned bucket);

/*
 * The value of rank ceil(count * @per_mille / 1000), at least 1, in ascending order; 0 where nothing
 * was counted. @per_mille: 0 to 1000. Of values over 2^36 ns only the largest is known.
 */
__u64 xfn_histogram_percentile_ns(const struct xfn_histogram *histogram, unsigned per_mille);

void xfn_histogram_read(const struct xfn_histogram *histogram, struct xfn_latency_figures *ret);

#endif
