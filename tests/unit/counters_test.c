/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums over CPUs, out of real per-CPU arrays: dense and sparse, in batches and one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../loader/counters.h"

#define ELEMENTS 5000

static struct xfn_dataplane dataplane;

/* Makes a map whose element i has word w = i * 1000 + w on CPU 0, and 1 on the others. */
static void make_map(enum xfn_map map, __u32 value_bytes, __u32 elements)
{
	unsigned cpus = (unsigned)libbpf_num_possible_cpus(), words = value_bytes / 8, cpu, w;
	__u64 *values = calloc(cpus, value_bytes);
	__u32 i;
	int fd;

	fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xfn_test", 4, value_bytes, elements, NULL);
	if (fd < 0 && errno == EPERM) {
		free(values);
		skip();
	}
	assert_true(fd >= 0);
	assert_non_null(values);
	dataplane.cpus = cpus;
	dataplane.map_fd[map] = fd;
	for (cpu = 1; cpu < cpus; cpu++)
		for (w = 0; w < words; w++)
			values[cpu * words + w] = 1;
	for (i = 0; i < elements; i++) {
		for (w = 0; w < words; w++)
			values[w] = i * 1000ULL + w;
		assert_int_equal(bpf_map_update_elem(fd, &i, values, 0), 0);
	}
	free(values);
}

static int close_maps(void **context)
{
	int i;

	(void)context;
	for (i = 0; i < XFN_MAP_COUNT; i++)
		if (dataplane.map_fd[i])
			close(dataplane.map_fd[i]);
	memset(&dataplane, 0, sizeof(dataplane));
	xfn_counters_refuse_batches = false;
	return 0;
}

/* Reads every @step-th element, from the back to the front, and checks each word. */
static void read_every(__u32 step)
{
	static struct xfn_function_counts sums[ELEMENTS];
	static struct xfn_counter counters[ELEMENTS];
	const __u64 *words;
	size_t count = 0, i, w;
	__u32 index;

	memset(sums, 0xff, sizeof(sums));
	for (index = ELEMENTS - 1; index < ELEMENTS; index -= step) {
		counters[count] = (struct xfn_counter){index, &sums[index]};
		count++;
	}
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_COUNTS, counters, count), 0);
	for (i = 0; i < count; i++) {
		words = counters[i].sum;
		for (w = 0; w < sizeof(sums[0]) / 8; w++)
			assert_int_equal(words[w],
					 counters[i].index * 1000ULL + w + dataplane.cpus - 1);
	}
	for (index = 0; index < ELEMENTS; index++)
		if ((ELEMENTS - 1 - index) % step)
			assert_int_equal(sums[index].bytes, ~0ULL); /* not asked for */
}

static void read_all_ways(void **context)
{
	static const __u32 steps[] = {1, 2, 15, 16, 17, 100, 4999, 5000};
	size_t i;

	(void)context;
	make_map(XFN_MAP_COUNTS, sizeof(struct xfn_function_counts), ELEMENTS);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		xfn_counters_refuse_batches = false;
		read_every(steps[i]);
		xfn_counters_refuse_batches = true;
		read_every(steps[i]);
	}
}

static unsigned calls_of_every(__u32 step)
{
	xfn_counters_calls = 0;
	read_every(step);
	return xfn_counters_calls;
}

static void few_system_calls(void **context)
{
	(void)context;
	make_map(XFN_MAP_COUNTS, sizeof(struct xfn_function_counts), ELEMENTS);
	assert_true(calls_of_every(1) < ELEMENTS / 10);
	assert_true(calls_of_every(2) < ELEMENTS / 10);
	/* Far apart: one for each is less work than all that lies between. */
	assert_int_equal(calls_of_every(1000), 5);
	/* One refusal, and no second try. */
	xfn_counters_refuse_batches = true;
	assert_int_equal(calls_of_every(1), ELEMENTS + 1);
}

static void same_element_twice(void **context)
{
	struct xfn_function_counts sums[3];
	struct xfn_counter counters[] = {{7, &sums[0]}, {6, &sums[1]}, {7, &sums[2]}};

	(void)context;
	make_map(XFN_MAP_COUNTS, sizeof(struct xfn_function_counts), ELEMENTS);
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_COUNTS, counters, 3), 0);
	assert_memory_equal(&sums[0], &sums[2], sizeof(sums[0]));
	assert_int_equal(sums[1].verdicts[0], 6000 + dataplane.cpus - 1);
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_COUNTS, NULL, 0), 0);
}

static void not_there(void **context)
{
	struct xfn_function_counts sums[2];
	struct xfn_counter counters[] = {{ELEMENTS - 1, &sums[0]}, {ELEMENTS, &sums[1]}};

	(void)context;
	make_map(XFN_MAP_COUNTS, sizeof(struct xfn_function_counts), ELEMENTS);
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_COUNTS, counters, 2), -ENOENT);
	dataplane.map_fd[XFN_MAP_PACKETS] = -1;
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_PACKETS, counters, 1), -EBADF);
	dataplane.map_fd[XFN_MAP_PACKETS] = 0;
}

static void each_kind(void **context)
{
	static const struct {
		enum xfn_map map;
		__u32 bytes;
	} kinds[] = {
		{XFN_MAP_PACKETS, sizeof(__u64)},
		{XFN_MAP_VERDICTS, sizeof(struct xfn_interface_verdicts)},
		{XFN_MAP_COUNTS, sizeof(struct xfn_function_counts)},
		{XFN_MAP_OUTCOMES, sizeof(struct xfn_version_counts)},
	};
	__u64 sum[64];
	struct xfn_counter counter = {2, sum};
	size_t i, w;

	(void)context;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_map(kinds[i].map, kinds[i].bytes, 4);
		memset(sum, 0xee, sizeof(sum));
		assert_int_equal(xfn_counters_read(&dataplane, kinds[i].map, &counter, 1), 0);
		for (w = 0; w < kinds[i].bytes / 8; w++)
			assert_int_equal(sum[w], 2000 + w + dataplane.cpus - 1);
		assert_int_equal(sum[w], 0xeeeeeeeeeeeeeeeeULL);
	}
}

static void histograms(void **context)
{
	struct xfn_histogram sums[3];
	struct xfn_counter counters[] = {{0, &sums[0]}, {1, &sums[1]}, {2, &sums[2]}};
	unsigned i;

	(void)context;
	make_map(XFN_MAP_HISTOGRAMS, sizeof(struct xfn_histogram), 3);
	assert_int_equal(xfn_counters_read(&dataplane, XFN_MAP_HISTOGRAMS, counters, 3), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(sums[i].sum_ns, i * 1000 + dataplane.cpus - 1);
		assert_int_equal(sums[i].max_ns, i * 1000 + 1); /* the largest, not the sum */
		assert_int_equal(sums[i].bucket[527], i * 1000 + 529 + dataplane.cpus - 1);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, close_maps)
	const struct CMUnitTest tests[] = {
		TEST(read_all_ways), TEST(few_system_calls), TEST(same_element_twice),
		TEST(not_there),     TEST(each_kind),        TEST(histograms),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
