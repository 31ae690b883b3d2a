/* SPDX-License-Identifier: BSD-2-Clause */
/* Percentiles out of buckets against those of the sorted values themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../loader/histogram.h"

#define VALUES_MAX 20000

static struct xfn_histogram histogram;
static __u64 values[VALUES_MAX];
static size_t value_count;

static __u64 seed = 1;

static __u64 draw(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 11;
}

/* The bucket as xfn/abi.h describes it, without handler.h's way of finding it. */
static unsigned bucket_of(__u64 ns)
{
	unsigned magnitude;

	if (ns < 32)
		return (unsigned)ns;
	magnitude = 63 - (unsigned)__builtin_clzll(ns);
	if (magnitude >= XFN_HISTOGRAM_MAGNITUDE_MAX)
		return XFN_HISTOGRAM_BUCKETS - 1;
	return (magnitude - 3) * 16 + (unsigned)((ns - (1ULL << magnitude)) * 16 >> magnitude);
}

static void count(__u64 ns)
{
	values[value_count++] = ns;
	histogram.bucket[bucket_of(ns)]++;
	histogram.sum_ns += ns;
	if (ns > histogram.max_ns)
		histogram.max_ns = ns;
}

static int clear(void **context)
{
	(void)context;
	memset(&histogram, 0, sizeof(histogram));
	value_count = 0;
	return 0;
}

static int ascending(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return (left > right) - (left < right);
}

/* Within 1/32 of the value of that rank, and exact below 32 ns. */
static void assert_percentile(unsigned per_mille)
{
	size_t rank = (value_count * per_mille + 999) / 1000;
	__u64 value = values[rank ? rank - 1 : 0];
	__u64 said = xfn_histogram_percentile_ns(&histogram, per_mille);
	__u64 apart = said > value ? said - value : value - said;

	if (value < 32)
		assert_int_equal(apart, 0);
	assert_true(apart * 32 <= value);
	assert_true(said <= histogram.max_ns);
}

static void assert_all(void)
{
	unsigned per_mille;

	qsort(values, value_count, sizeof(values[0]), ascending);
	for (per_mille = 0; per_mille <= 1000; per_mille++)
		assert_percentile(per_mille);
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void buckets_follow_each_other(void **context)
{
	__u64 next = 0;
	unsigned i;

	(void)context;
	for (i = 0; i < XFN_HISTOGRAM_BUCKETS; i++) {
		assert_int_equal(xfn_histogram_low_ns(i), next);
		assert_int_equal(bucket_of(next), i);
		next += xfn_histogram_width_ns(i);
		assert_int_equal(bucket_of(next - 1), i);
		/* At most 1/16 of its values wide. */
		assert_true(xfn_histogram_width_ns(i) == 1 ||
			    xfn_histogram_width_ns(i) * 16 <= xfn_histogram_low_ns(i));
	}
	assert_int_equal(next, 1ULL << XFN_HISTOGRAM_MAGNITUDE_MAX);
}

static void nothing_counted(void **context)
{
	struct xfn_latency_figures figures, zeros = {0};

	(void)context;
	xfn_histogram_read(&histogram, &figures);
	assert_memory_equal(&figures, &zeros, sizeof(zeros));
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 1000), 0);
}

static void one_value(void **context)
{
	struct xfn_latency_figures figures;

	(void)context;
	count(1000);
	assert_all();
	xfn_histogram_read(&histogram, &figures);
	assert_int_equal(figures.count, 1);
	assert_int_equal(figures.max_ns, 1000);
	assert_int_equal(figures.mean_ns, 1000);
	assert_int_equal(figures.p50_ns, figures.p999_ns);
	assert_true(figures.p999_ns <= 1000);
}

static void each_value_by_itself(void **context)
{
	__u64 ns;

	for (ns = 1; ns < 1ULL << XFN_HISTOGRAM_MAGNITUDE_MAX; ns += 1 + ns / 37) {
		clear(context);
		count(ns);
		histogram.max_ns = 1ULL << 36; /* of another stage of time: the cap does not help */
		qsort(values, value_count, sizeof(values[0]), ascending);
		assert_percentile(500);
	}
}

static void ranks(void **context)
{
	unsigned i;

	(void)context;
	/* 1,000 values from 0 to 999: rank n is value n - 1. */
	for (i = 0; i < 1000; i++)
		count(i % 32);
	qsort(values, value_count, sizeof(values[0]), ascending);
	for (i = 1; i <= 1000; i++)
		assert_int_equal(xfn_histogram_percentile_ns(&histogram, i), values[i - 1]);
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 0), values[0]);
}

static void random_values(void **context)
{
	static const struct {
		size_t count;
		unsigned bits_min, bits_max;
	} cases[] = {{1, 3, 35},     {7, 0, 5},      {100, 8, 14},        {999, 0, 35},
		     {1000, 10, 12}, {1001, 20, 35}, {VALUES_MAX, 0, 35}, {VALUES_MAX, 9, 16}};
	size_t i, j;
	unsigned bits;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clear(context);
		for (j = 0; j < cases[i].count; j++) {
			bits = cases[i].bits_min +
			       (unsigned)(draw() % (cases[i].bits_max - cases[i].bits_min + 1));
			count(draw() & ((1ULL << (bits + 1)) - 1));
		}
		assert_all();
	}
}

static void too_long(void **context)
{
	(void)context;
	count(100);
	count(1ULL << 40);
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 500), 101);
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 999), 1ULL << 40);
}

static void huge_counts(void **context)
{
	(void)context;
	histogram.bucket[10] = 1ULL << 62;
	histogram.bucket[20] = 1ULL << 61;
	histogram.max_ns = 20;
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 500), 10);
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 660), 10);
	assert_int_equal(xfn_histogram_percentile_ns(&histogram, 670), 20);
}

static void cpus_add_up(void **context)
{
	struct xfn_histogram other = {.sum_ns = 50, .max_ns = 30, .bucket = {[20] = 1, [30] = 1}};

	(void)context;
	count(30);
	count(7);
	xfn_histogram_add(&histogram, &other);
	assert_int_equal(histogram.sum_ns, 87);
	assert_int_equal(histogram.max_ns, 30);
	assert_int_equal(histogram.bucket[30], 2);
	assert_int_equal(histogram.bucket[20], 1);
	other.max_ns = 31;
	xfn_histogram_add(&histogram, &other);
	assert_int_equal(histogram.max_ns, 31);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, clear)
	const struct CMUnitTest tests[] = {
		TEST(buckets_follow_each_other),
		TEST(nothing_counted),
		TEST(one_value),
		TEST(each_value_by_itself),
		TEST(ranks),
		TEST(random_values),
		TEST(too_long),
		TEST(huge_counts),
		TEST(cpus_add_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
