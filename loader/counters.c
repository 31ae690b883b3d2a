/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "counters.h"
#include "errnum.h"
#include "histogram.h"

/* Room for one batch; one element always fits. */
#define BATCH_BYTES (256U << 10)

/* A batch is worth it where at least one element in so many is wanted. */
#define SPARSE 16

#define ENOTSUPP_KERNEL 524 /* what the kernel says of operations that a map type lacks */

/* Adds one CPU's value to the sum. */
typedef void add_fn(void *sum, const void *one, size_t bytes);

struct reading {
	int fd;
	unsigned cpus;
	size_t value_bytes; /* of one CPU, a multiple of 8 */
	add_fn *add;
	__u32 batch; /* elements that fit in values; 1: no batches */
	char *values;
	__u32 *keys;
};

#ifdef XFN_TESTING
bool xfn_counters_refuse_batches;
unsigned xfn_counters_calls;
#define REFUSE_BATCHES xfn_counters_refuse_batches
#define COUNT_CALL()   xfn_counters_calls++
#else
#define REFUSE_BATCHES false
#define COUNT_CALL()
#endif

static void add_words(void *sum, const void *one, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(__u64); i++)
		((__u64 *)sum)[i] += ((const __u64 *)one)[i];
}

static void add_histogram(void *sum, const void *one, size_t bytes)
{
	(void)bytes;
	xfn_histogram_add(sum, one);
}

static const struct {
	size_t bytes;
	add_fn *add;
} kinds[XFN_MAP_COUNT] = {
	[XFN_MAP_PACKETS] = {sizeof(__u64), add_words},
	[XFN_MAP_VERDICTS] = {sizeof(struct xfn_interface_verdicts), add_words},
	[XFN_MAP_COUNTS] = {sizeof(struct xfn_function_counts), add_words},
	[XFN_MAP_OUTCOMES] = {sizeof(struct xfn_version_counts), add_words},
	[XFN_MAP_HISTOGRAMS] = {sizeof(struct xfn_histogram), add_histogram},
	[XFN_MAP_HANDED] = {sizeof(__u64), add_words},
};

/* One element's values, of all CPUs. */
static void sum_up(const struct reading *reading, const char *values, void *sum)
{
	unsigned cpu;

	memset(sum, 0, reading->value_bytes);
	for (cpu = 0; cpu < reading->cpus; cpu++)
		reading->add(sum, values + cpu * reading->value_bytes, reading->value_bytes);
}

static int read_one(const struct reading *reading, const struct xfn_counter *counter)
{
	COUNT_CALL();
	if (bpf_map_lookup_elem(reading->fd, &counter->index, reading->values))
		return xfn_errno();
	sum_up(reading, reading->values, counter->sum);
	return 0;
}

static int read_each(const struct reading *reading, const struct xfn_counter *counters,
		     size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++)
		err = read_one(reading, &counters[i]);
	return err;
}

static bool is_refusal(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -ENOTSUPP_KERNEL;
}

/*
 * Reads elements first to first + count - 1 into values. The kernel wants the key before the first,
 * or none.
 */
static int read_batch(const struct reading *reading, __u32 first, __u32 count)
{
	__u32 before = first - 1, after, got = count;

	COUNT_CALL();
	if (REFUSE_BATCHES)
		return -ENOTSUPP_KERNEL;
	if (bpf_map_lookup_batch(reading->fd, first ? &before : NULL, &after, reading->keys,
				 reading->values, &got, NULL) &&
	    errno != ENOENT) /* the last element was among them */
		return xfn_errno();
	return got == count ? 0 : -EINVAL;
}

static int read_run(struct reading *reading, const struct xfn_counter *counters, size_t count)
{
	__u32 first = counters[0].index, span = counters[count - 1].index - first + 1;
	size_t element_bytes = reading->cpus * reading->value_bytes, i;
	int err;

	if (reading->batch == 1 || count * SPARSE < span || span == 1)
		return read_each(reading, counters, count);
	err = read_batch(reading, first, span);
	if (is_refusal(err)) {
		reading->batch = 1;
		return read_each(reading, counters, count);
	}
	for (i = 0; i < count && !err; i++)
		sum_up(reading, reading->values + (counters[i].index - first) * element_bytes,
		       counters[i].sum);
	return err;
}

static int by_index(const void *a, const void *b)
{
	__u32 left = ((const struct xfn_counter *)a)->index;
	__u32 right = ((const struct xfn_counter *)b)->index;

	return (left > right) - (left < right);
}

int xfn_counters_read(const struct xfn_dataplane *dataplane, enum xfn_map map,
		      struct xfn_counter *counters, size_t count)
{
	struct reading reading = {
		.fd = dataplane->map_fd[map],
		.cpus = dataplane->cpus,
		.value_bytes = kinds[map].bytes,
		.add = kinds[map].add,
	};
	size_t element_bytes = reading.cpus * reading.value_bytes, i, end;
	int err = 0;

	if (!count)
		return 0;
	qsort(counters, count, sizeof(*counters), by_index);
	reading.batch = element_bytes < BATCH_BYTES ? BATCH_BYTES / element_bytes : 1;
	reading.values = malloc(reading.batch * element_bytes);
	reading.keys = calloc(reading.batch, sizeof(*reading.keys));
	if (!reading.values || !reading.keys)
		err = -ENOMEM;
	for (i = 0; i < count && !err; i = end) {
		for (end = i + 1; end < count; end++)
			if (counters[end].index - counters[i].index >= reading.batch)
				break;
		err = read_run(&reading, counters + i, end - i);
	}
	free(reading.values);
	free(reading.keys);
	return err;
}
