/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sample.h"

void samples_add(struct samples *samples, double value)
{
	if (samples->count < SAMPLES_MAX)
		samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double samples_quantile(const struct samples *samples, double quantile)
{
	struct samples sorted;

	if (!samples->count)
		return 0;
	memcpy(&sorted, samples, sizeof(sorted));
	qsort(sorted.value, sorted.count, sizeof(double), compare);
	return sorted.value[(unsigned)(quantile * (sorted.count - 1) + 0.5)];
}

static __u64 read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

__u64 now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

__u64 thread_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- records ----------------------------------------------------------------------------------- */

void record_begin(const char *section, const char *name)
{
	printf("{\"section\":\"%s\",\"name\":\"%s\"", section, name);
}

void record_text(const char *key, const char *value)
{
	printf(",\"%s\":\"%s\"", key, value);
}

void record_number(const char *key, double value)
{
	printf(",\"%s\":%.12g", key, value);
}

void record_samples(const char *key, const struct samples *samples)
{
	printf(",\"%s_median\":%.6g,\"%s_q1\":%.6g,\"%s_q3\":%.6g,\"%s_min\":%.6g", key,
	       samples_quantile(samples, 0.5), key, samples_quantile(samples, 0.25), key,
	       samples_quantile(samples, 0.75), key, samples_quantile(samples, 0));
}

void record_end(void)
{
	printf("}\n");
	fflush(stdout);
}
