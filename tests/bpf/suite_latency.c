/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms: which events are in them, in which bucket. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "suites.h"

enum { ALL, SIXTEENTH, FOURTH, NONE, FUNCTIONS };

/* Three of them share port 7, so that one draw serves all. */
static const char manifest[] =
	"version: 1\n"
	"functions:\n"
	"  - {name: all, kernel: a.bpf.o, trigger: udp/8, latency: {sample: 1}}\n"
	"  - {name: sixteenth, kernel: a.bpf.o, trigger: udp/7, latency: {sample: 16}}\n"
	"  - name: fourth\n"
	"    kernel: a.bpf.o\n"
	"    trigger: {protocol: udp, port: 7, destination: 198.51.100.1}\n"
	"    latency: {sample: 4}\n"
	"  - name: none\n"
	"    kernel: a.bpf.o\n"
	"    trigger: {protocol: udp, port: 7, destination: 198.51.100.2}\n";

static const struct frame_spec events[FUNCTIONS] = {
	[ALL] = {.dst_port = 8, .payload = "D", .payload_bytes = 1},
	[SIXTEENTH] = {.payload = "D", .payload_bytes = 1},
	[FOURTH] = {.dst = "198.51.100.1", .payload = "D", .payload_bytes = 1},
	[NONE] = {.dst = "198.51.100.2", .payload = "D", .payload_bytes = 1},
};

/* The lowest duration in a bucket; the reverse of the formula in xfn/abi.h. */
static __u64 bucket_floor(unsigned bucket)
{
	return bucket < 32 ? bucket : (__u64)(16 + bucket % 16) << (bucket / 16 - 1);
}

static void run_many(struct harness *harness, int function, unsigned count)
{
	static struct frame frame;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes, .repeat = (int)count);
	int err;

	frame_build(&events[function], &frame);
	options.data_size_in = frame.size;
	err = bpf_prog_test_run_opts(harness->dataplane->interface[0].root_fd, &options);
	test_expect(!err && options.retval == XDP_DROP, "test run: %d, %s", err,
		    action_label(options.retval));
}

/* What the buckets say and what the sum and the maximum say must fit. */
static void expect_fitting(const struct xfn_histogram *histogram)
{
	__u64 least = 0, most = 0, last = 0;
	unsigned i;

	for (i = 0; i < XFN_HISTOGRAM_BUCKETS; i++) {
		least += histogram->bucket[i] * bucket_floor(i);
		most += histogram->bucket[i] * (bucket_floor(i + 1) - 1);
		if (histogram->bucket[i])
			last = i;
	}
	test_expect(histogram->sum_ns >= least && histogram->sum_ns <= most,
		    "sum is %llu ns, by the buckets %llu to %llu", histogram->sum_ns, least, most);
	/* On several CPUs the maximum is read as a sum: no more than that can be said. */
	test_expect(histogram->max_ns >= bucket_floor(last), "maximum %llu ns, last bucket %llu",
		    histogram->max_ns, bucket_floor(last));
}

static void run_all(struct harness *harness)
{
	static struct xfn_histogram stages[XFN_STAGE_COUNT];
	unsigned count = harness_scaled(harness, 20000, 500), stage;
	__u64 before[XFN_STAGE_COUNT], events_in;

	test_begin("latency: sample 1: every event is in every stage");
	for (stage = 0; stage < XFN_STAGE_COUNT; stage++)
		before[stage] = harness_read_histogram(harness, ALL, stage, &stages[stage]);
	run_many(harness, ALL, count);
	for (stage = 0; stage < XFN_STAGE_COUNT; stage++) {
		events_in = harness_read_histogram(harness, ALL, stage, &stages[stage]);
		test_expect(events_in - before[stage] == count, "stage %u: %llu events of %u",
			    stage, events_in - before[stage], count);
		expect_fitting(&stages[stage]);
	}
	test_expect(stages[XFN_STAGE_TOTAL].sum_ns ==
			    stages[XFN_STAGE_STEER].sum_ns + stages[XFN_STAGE_RUN].sum_ns,
		    "total %llu ns is not steer %llu and run %llu", stages[XFN_STAGE_TOTAL].sum_ns,
		    stages[XFN_STAGE_STEER].sum_ns, stages[XFN_STAGE_RUN].sum_ns);
	test_end();
}

/* Six standard deviations: one run in 500 million is red by chance. */
static void run_sampled(struct harness *harness, const char *name, int function, unsigned sample)
{
	unsigned count = harness_scaled(harness, 200000, 4000);
	static struct xfn_histogram histogram;
	__u64 before, got;
	double mean = sample ? (double)count / sample : 0, off;

	test_begin("latency: sampled: %s", name);
	before = harness_read_histogram(harness, function, XFN_STAGE_TOTAL, &histogram);
	run_many(harness, function, count);
	got = harness_read_histogram(harness, function, XFN_STAGE_TOTAL, &histogram) - before;
	off = (double)got - mean;
	test_expect(off * off <= 36 * mean, "%llu of %u, expected about %.0f", got, count, mean);
	test_end();
}

static void expect_bucket(int program_fd, __u64 ns)
{
	__u64 packet[8] = {ns};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1);
	int err = bpf_prog_test_run_opts(program_fd, &options);
	unsigned bucket = options.retval;

	if (!test_expect(!err && bucket < XFN_HISTOGRAM_BUCKETS, "%llu ns: bucket %u, error %d", ns,
			 bucket, err))
		return;
	test_expect(bucket_floor(bucket) <= ns, "%llu ns in bucket %u, which begins at %llu", ns,
		    bucket, bucket_floor(bucket));
	test_expect(bucket == XFN_HISTOGRAM_BUCKETS - 1 || ns < bucket_floor(bucket + 1),
		    "%llu ns in bucket %u, which ends before %llu", ns, bucket,
		    bucket_floor(bucket + 1));
}

static void run_buckets(struct harness *harness)
{
	char path[sizeof(harness->build_dir) + 64];
	unsigned count = harness_scaled(harness, 20000, 1000), i;
	struct bpf_object *object;
	__u64 random = 3;
	int fd;

	test_begin("latency: each duration is in the bucket that holds it");
	snprintf(path, sizeof(path), "%s/tests/bpf/bucket.bpf.o", harness->build_dir);
	object = bpf_object__open_file(path, NULL);
	if (test_expect(object && !bpf_object__load(object), "cannot load %s", path)) {
		fd = bpf_program__fd(bpf_object__find_program_by_name(object, "bucket"));
		for (i = 0; i < 5000; i++)
			expect_bucket(fd, i);
		for (i = 1; i < XFN_HISTOGRAM_BUCKETS; i++) {
			expect_bucket(fd, bucket_floor(i) - 1);
			expect_bucket(fd, bucket_floor(i));
		}
		for (i = 0; i < count; i++)
			expect_bucket(fd, frame_random(&random) >> frame_random(&random) % 64);
		expect_bucket(fd, ~0ULL);
	}
	bpf_object__close(object);
	test_end();
}

void suite_latency(struct harness *harness)
{
	__u32 slot;

	test_begin("latency: rules and handlers go live");
	harness_apply(harness, manifest);
	for (slot = 0; slot < FUNCTIONS; slot++)
		harness_enter_handler(harness, slot, "tests/bpf/actor.bpf.o");
	test_end();
	run_all(harness);
	run_sampled(harness, "1 in 16", SIXTEENTH, 16);
	run_sampled(harness, "1 in 4, on the same port", FOURTH, 4);
	run_sampled(harness, "never, on the same port", NONE, 0);
	run_buckets(harness);
}
