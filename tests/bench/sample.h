/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_SAMPLE_H
#define XFN_BENCH_SAMPLE_H

/* Repeated measurements and what is said of them. */

#include <linux/types.h>

#define SAMPLES_MAX 1024

struct samples {
	double value[SAMPLES_MAX];
	unsigned count;
};

/* Beyond SAMPLES_MAX values are ignored. */
void samples_add(struct samples *samples, double value);

/* 0 to 1: 0 is the smallest, 0.5 the median. 0 where there are no samples. */
double samples_quantile(const struct samples *samples, double quantile);

/* CLOCK_MONOTONIC, and the calling thread's own time on a CPU. */
__u64 now_ns(void);
__u64 thread_ns(void);

/* One JSON object a line on standard output, which tests/bench/report.py reads. */
void record_begin(const char *section, const char *name);
void record_text(const char *key, const char *value);
void record_number(const char *key, double value);
/* key_median, key_q1, key_q3, key_min. */
void record_samples(const char *key, const struct samples *samples);
void record_end(void);

#endif
