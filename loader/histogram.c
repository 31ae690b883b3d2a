/* SPDX-License-Identifier: BSD-2-Clause */
#include "histogram.h"

#define BUCKETS_PER_POWER 16

void xfn_histogram_add(struct xfn_histogram *sum, const struct xfn_histogram *one)
{
	unsigned i;

	sum->sum_ns += one->sum_ns;
	if (one->max_ns > sum->max_ns)
		sum->max_ns = one->max_ns;
	for (i = 0; i < XFN_HISTOGRAM_BUCKETS; i++)
		sum->bucket[i] += one->bucket[i];
}

/* By how many bits a bucket's values were shifted to find it. */
static unsigned shift_of(unsigned bucket)
{
	return bucket < 2 * BUCKETS_PER_POWER ? 0 : bucket / BUCKETS_PER_POWER - 1;
}

__u64 xfn_histogram_low_ns(unsigned bucket)
{
	unsigned shift = shift_of(bucket);

	return shift ? (__u64)(bucket % BUCKETS_PER_POWER + BUCKETS_PER_POWER) << shift : bucket;
}

__u64 xfn_histogram_width_ns(unsigned bucket)
{
	return 1ULL << shift_of(bucket);
}

static __u64 count_of(const struct xfn_histogram *histogram)
{
	__u64 count = 0;
	unsigned i;

	for (i = 0; i < XFN_HISTOGRAM_BUCKETS; i++)
		count += histogram->bucket[i];
	return count;
}

static __u64 middle_of(const struct xfn_histogram *histogram, unsigned bucket)
{
	__u64 middle = xfn_histogram_low_ns(bucket) + (xfn_histogram_width_ns(bucket) - 1) / 2;
	__u64 max = histogram->max_ns;

	if (!max)
		return middle; /* not yet written: a reading in the middle of an event */
	if (bucket == XFN_HISTOGRAM_BUCKETS - 1 && max >> XFN_HISTOGRAM_MAGNITUDE_MAX)
		return max; /* the last bucket takes all that is longer */
	return max < middle ? max : middle;
}

__u64 xfn_histogram_percentile_ns(const struct xfn_histogram *histogram, unsigned per_mille)
{
	__u64 count = count_of(histogram), rank, seen = 0;
	unsigned i;

	if (!count)
		return 0;
	/* In two steps: the product might not fit. */
	rank = count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
	if (!rank)
		rank = 1;
	for (i = 0; i < XFN_HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			break;
	}
	return middle_of(histogram, i);
}

void xfn_histogram_read(const struct xfn_histogram *histogram, struct xfn_latency_figures *ret)
{
	ret->count = count_of(histogram);
	ret->p50_ns = xfn_histogram_percentile_ns(histogram, 500);
	ret->p90_ns = xfn_histogram_percentile_ns(histogram, 900);
	ret->p99_ns = xfn_histogram_percentile_ns(histogram, 990);
	ret->p999_ns = xfn_histogram_percentile_ns(histogram, 999);
	ret->max_ns = histogram->max_ns;
	ret->mean_ns = ret->count ? histogram->sum_ns / ret->count : 0;
}
