/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_HISTOGRAM_H
#define XFN_HISTOGRAM_H
/* Durations into a struct xfn_histogram, for BPF programs. */
#include <xfn/abi.h>

#define XFN_HISTOGRAM_INLINE static inline __attribute__((always_inline))

/* Number of the bucket of a duration: exact below 32, then 16 buckets for each power of two. */
XFN_HISTOGRAM_INLINE __u32 xfn_histogram_bucket(__u64 ns)
{
	__u32 high, magnitude = 0, bucket;

	if (ns < 32)
		return (__u32)ns;
	if (ns >> XFN_HISTOGRAM_MAGNITUDE_MAX)
		return XFN_HISTOGRAM_BUCKETS - 1;
	/* Index of the highest set bit, in five steps: BPF has no instruction for it. */
	high = (__u32)(ns >> 32);
	magnitude = high ? 32 : 0;
	bucket = high ? high : (__u32)ns;
	if (bucket >> 16) {
		magnitude += 16;
		bucket >>= 16;
	}
	if (bucket >> 8) {
		magnitude += 8;
		bucket >>= 8;
	}
	if (bucket >> 4) {
		magnitude += 4;
		bucket >>= 4;
	}
	if (bucket >> 2) {
		magnitude += 2;
		bucket >>= 2;
	}
	magnitude += bucket >> 1;
	return (magnitude - 4) * 16 + (__u32)(ns >> (magnitude - 4));
}

/* One more. @histogram is this CPU's. */
XFN_HISTOGRAM_INLINE void xfn_histogram_put(struct xfn_histogram *histogram, __u64 ns)
{
	__u32 bucket = xfn_histogram_bucket(ns);

	if (bucket >= XFN_HISTOGRAM_BUCKETS)
		return;
	histogram->sum_ns += ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->bucket[bucket]++;
}

#endif
