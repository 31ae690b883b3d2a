/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limiter, event by event, on arrival times that are replayed. The reference is the other form of
 * the algorithm in ITU-T I.371, the leaky bucket, in whole numbers: with a rate of C events in P ns the
 * bucket's level is counted in 1/(16 C) ns, an event adds 16 P, and C leak in 1/16 ns.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "limiter.h"
#include "suites.h"
#include "units.h"

enum { EVENTS = 20000 };

#define START_NS 1000000000000ULL

struct limit {
	struct xfn_rate rate;
	__u64 burst;
};

static struct {
	struct bpf_object *object;
	struct limiter_step *step; /* mapped */
	int program_fd;
	int pair_fd;
} replay;

/* ---- the two sides ----------------------------------------------------------------------------- */

static bool open_replay(const struct harness *harness)
{
	char path[sizeof(harness->build_dir) + 64];
	struct bpf_program *program;
	struct bpf_map *map;

	snprintf(path, sizeof(path), "%s/tests/bpf/limiter.bpf.o", harness->build_dir);
	replay.object = bpf_object__open_file(path, NULL);
	if (!replay.object || bpf_object__load(replay.object))
		return false;
	program = bpf_object__find_program_by_name(replay.object, "limiter");
	map = bpf_object__find_map_by_name(replay.object, "steps");
	replay.program_fd = bpf_program__fd(program);
	program = bpf_object__find_program_by_name(replay.object, "pair");
	replay.pair_fd = bpf_program__fd(program);
	replay.step =
		mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return replay.step != MAP_FAILED;
}

static __u64 interval_of(const struct limit *limit)
{
	return limit->rate.period_ns * XFN_TIME_FRACTION / limit->rate.count;
}

static bool is_exact(const struct limit *limit)
{
	return limit->rate.period_ns * XFN_TIME_FRACTION % limit->rate.count == 0;
}

/* One event by a program under test. @behind_ns: the event was stamped so long before. */
static bool run_step(int program_fd, const struct limit *limit, __u64 now_ns, __u64 behind_ns)
{
	static __u8 packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1);
	int err;

	replay.step->now = (now_ns - behind_ns) * XFN_TIME_FRACTION;
	replay.step->clock_ns = now_ns;
	replay.step->interval = interval_of(limit);
	replay.step->burst = replay.step->interval * limit->burst;
	err = bpf_prog_test_run_opts(program_fd, &options);
	test_expect(!err && options.retval <= 1, "test run: %d, returned %u", err, options.retval);
	return options.retval;
}

static bool admit(const struct limit *limit, __u64 now_ns, __u64 behind_ns)
{
	return run_step(replay.program_fd, limit, now_ns, behind_ns);
}

/* The reference. */
struct bucket {
	unsigned __int128 level; /* 1/(16 count) ns */
	__u64 last_ns;
};

static unsigned __int128 event_of(const struct limit *limit)
{
	return (unsigned __int128)limit->rate.period_ns * 16;
}

static unsigned __int128 full_of(const struct limit *limit)
{
	return event_of(limit) * limit->burst;
}

/* Leaks up to now; says whether one more event has room. */
static bool bucket_has_room(struct bucket *bucket, const struct limit *limit, __u64 now_ns)
{
	unsigned __int128 leak =
		(unsigned __int128)(now_ns - bucket->last_ns) * 16 * limit->rate.count;

	bucket->level = bucket->level > leak ? bucket->level - leak : 0;
	bucket->last_ns = now_ns;
	if (bucket->level > full_of(limit))
		bucket->level = full_of(limit); /* a limit that was lowered */
	return bucket->level + event_of(limit) <= full_of(limit);
}

static bool bucket_admit(struct bucket *bucket, const struct limit *limit, __u64 now_ns)
{
	if (!bucket_has_room(bucket, limit, now_ns))
		return false;
	bucket->level += event_of(limit);
	return true;
}

/* An event is refused if neither bucket has room; else it goes into both, as far as they hold it. */
static bool pair_admit(struct bucket *one, struct bucket *other, const struct limit *limit,
		       __u64 now_ns)
{
	bool room = bucket_has_room(one, limit, now_ns);

	room |= bucket_has_room(other, limit, now_ns);
	if (!room)
		return false;
	one->level += event_of(limit);
	other->level += event_of(limit);
	bucket_has_room(one, limit, now_ns);
	bucket_has_room(other, limit, now_ns);
	return true;
}

/* The level means time: it is kept when the rate changes. */
static void bucket_change(struct bucket *bucket, const struct limit *from, const struct limit *to)
{
	bucket->level = bucket->level / from->rate.count * to->rate.count;
}

static void start(struct bucket *bucket, __u64 now_ns)
{
	replay.step->arrival = 0;
	*bucket = (struct bucket){.last_ns = now_ns};
}

/* ---- arrival times ----------------------------------------------------------------------------- */

/* How long after event @i the next one comes; @interval_ns is the limit's. */
typedef __u64 gap_fn(__u64 interval_ns, unsigned i, __u64 *random);

static __u64 gap_exact(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)i, (void)random;
	return interval_ns;
}

static __u64 gap_a_little_early(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)i, (void)random;
	return interval_ns - (interval_ns > 1);
}

static __u64 gap_twice_too_fast(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)i;
	return frame_random(random) % (interval_ns + 1);
}

static __u64 gap_about_right(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)i;
	return frame_random(random) % (2 * interval_ns + 1);
}

static __u64 gap_at_once(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)random;
	return i % 50 == 49 ? 20 * interval_ns : 0;
}

/* Bursts and silences of many lengths. */
static __u64 gap_in_bursts(__u64 interval_ns, unsigned i, __u64 *random)
{
	(void)i;
	if (frame_random(random) % 20)
		return frame_random(random) % (interval_ns / 8 + 2);
	return interval_ns << frame_random(random) % 10;
}

static const struct {
	const char *name;
	gap_fn *gap;
} patterns[] = {
	{"exactly at the rate", gap_exact},     {"a nanosecond early each", gap_a_little_early},
	{"twice too fast", gap_twice_too_fast}, {"about right", gap_about_right},
	{"fifty at once", gap_at_once},         {"bursts and silences", gap_in_bursts},
};
enum { PATTERN_COUNT = sizeof(patterns) / sizeof(patterns[0]) };

static const struct {
	const char *name;
	struct limit limit;
} limits[] = {
	{"1/m, burst 1", {{1, 60 * XFN_NS_PER_S}, 1}},
	{"1/s, burst 1", {{1, XFN_NS_PER_S}, 1}},
	{"10/s, burst 1", {{10, XFN_NS_PER_S}, 1}},
	{"10/s, burst 5", {{10, XFN_NS_PER_S}, 5}},
	{"1k/s, burst 100", {{1000, XFN_NS_PER_S}, 100}},
	{"200k/s, burst 20k", {{200000, XFN_NS_PER_S}, 20000}},
	{"1M/s, burst 1", {{1000000, XFN_NS_PER_S}, 1}},
	{"1M/s, burst 64", {{1000000, XFN_NS_PER_S}, 64}},
	{"100M/s, burst 1", {{100000000, XFN_NS_PER_S}, 1}},
	{"100M/s, burst 10M", {{100000000, XFN_NS_PER_S}, 10000000}},
	{"3/s, burst 2 (inexact)", {{3, XFN_NS_PER_S}, 2}},
	{"7777/s, burst 777 (inexact)", {{7777, XFN_NS_PER_S}, 777}},
	{"77M/s, burst 7 (inexact)", {{77000000, XFN_NS_PER_S}, 7}},
};

/* ---- tests ------------------------------------------------------------------------------------- */

/*
 * Where 1/16 ns does not express the interval, the limit is a little high, by less than 1/16 ns an
 * event: then the sums are compared.
 */
static void compare(const struct limit *limit, gap_fn *gap, unsigned events)
{
	__u64 interval_ns = interval_of(limit) / XFN_TIME_FRACTION, now_ns = START_NS;
	__u64 random = 11, admitted = 0, wanted = 0, drift;
	struct bucket bucket;
	unsigned i;
	bool got, want;

	start(&bucket, now_ns);
	for (i = 0; i < events && !test_has_failed(); i++) {
		got = admit(limit, now_ns, 0);
		want = bucket_admit(&bucket, limit, now_ns);
		admitted += got;
		wanted += want;
		if (is_exact(limit))
			test_expect(got == want, "event %u at +%llu ns: %s, expected %s", i,
				    now_ns - START_NS, got ? "admitted" : "refused",
				    want ? "admitted" : "refused");
		now_ns += gap(interval_ns, i, &random);
	}
	drift = 1 + events / (interval_of(limit) + 1);
	test_expect(admitted + drift >= wanted && admitted <= wanted + drift,
		    "%llu admitted, expected %llu", admitted, wanted);
}

static void run_against_reference(struct harness *harness)
{
	unsigned events = harness_scaled(harness, EVENTS, 400), i, j;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (j = 0; j < PATTERN_COUNT; j++) {
			test_begin("limiter: %s: %s", limits[i].name, patterns[j].name);
			compare(&limits[i].limit, patterns[j].gap, events);
			test_end();
		}
}

/* The limit changes every so often, by a lot, and the reference with it. */
static void run_changing(struct harness *harness)
{
	unsigned events = harness_scaled(harness, 2 * EVENTS, 400), i, which = 3, next;
	__u64 now_ns = START_NS, random = 5;
	const struct limit *limit = &limits[which].limit;
	struct bucket bucket;
	bool got, want;

	test_begin("limiter: a limit that is raised and lowered at random");
	start(&bucket, now_ns);
	for (i = 0; i < events && !test_has_failed(); i++) {
		if (frame_random(&random) % 30 == 0) {
			next = frame_random(&random) % 10; /* the exact ones */
			bucket_change(&bucket, limit, &limits[next].limit);
			limit = &limits[next].limit;
		}
		got = admit(limit, now_ns, 0);
		want = bucket_admit(&bucket, limit, now_ns);
		test_expect(got == want, "event %u: %s, expected %s", i,
			    got ? "admitted" : "refused", want ? "admitted" : "refused");
		now_ns += gap_in_bursts(interval_of(limit) / XFN_TIME_FRACTION, i, &random);
	}
	test_end();
}

static __u64 admit_all(const struct limit *limit, __u64 now_ns, unsigned events)
{
	__u64 admitted = 0;

	while (events--)
		admitted += admit(limit, now_ns, 0);
	return admitted;
}

/* After a change a full bucket is a full bucket of the new size: open again an interval later. */
static void run_healing(void)
{
	static const struct {
		const char *name;
		struct limit from, to;
	} changes[] = {
		{"raised from 1/m to 1M/s",
		 {{1, 60 * XFN_NS_PER_S}, 10},
		 {{1000000, XFN_NS_PER_S}, 10}},
		{"burst lowered from 1000 to 1",
		 {{1000, XFN_NS_PER_S}, 1000},
		 {{1000, XFN_NS_PER_S}, 1}},
		{"lowered from 1M/s to 10/s",
		 {{1000000, XFN_NS_PER_S}, 100000},
		 {{10, XFN_NS_PER_S}, 1}},
	};
	__u64 now_ns = START_NS, interval_ns;
	struct bucket bucket;
	unsigned i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		test_begin("limiter: %s heals at once", changes[i].name);
		start(&bucket, now_ns);
		test_expect(admit_all(&changes[i].from, now_ns, 200000) >= 10, "nothing admitted");
		interval_ns = interval_of(&changes[i].to) / XFN_TIME_FRACTION;
		admit(&changes[i].to, now_ns, 0);
		test_expect(!admit(&changes[i].to, now_ns + interval_ns - 1, 0), "too early");
		test_expect(admit(&changes[i].to, now_ns + interval_ns, 0),
			    "still shut an interval after the change");
		test_end();
	}
}

/*
 * An event that was stamped on one CPU and then held up, while another CPU used up the limit, must
 * not give back what that one has used.
 */
static void run_held_up(void)
{
	struct limit limit = {{1000, XFN_NS_PER_S}, 10};
	__u64 now_ns = START_NS, behind_ns, used;
	struct bucket bucket;

	for (behind_ns = 1; behind_ns <= 1000000000; behind_ns *= 10) {
		test_begin("limiter: an event held up for %llu ns gives nothing back", behind_ns);
		start(&bucket, now_ns);
		used = admit_all(&limit, now_ns, 20);
		test_expect(used == 10, "%llu admitted, expected 10", used);
		test_expect(!admit(&limit, now_ns, behind_ns), "the late one was admitted");
		used = admit_all(&limit, now_ns, 20);
		test_expect(!used, "%llu more admitted, expected none", used);
		test_end();
	}
}

/*
 * A few cells and sources that share them, each with two: events of random sources against the
 * reference. A limit that changes pulls back what is too far ahead only when it refuses.
 */
static void compare_pairs(const struct limit *limit, gap_fn *gap, unsigned events)
{
	enum { CELLS = 6 };
	__u64 interval_ns = interval_of(limit) / XFN_TIME_FRACTION, now_ns = START_NS;
	__u64 random = 23, arrivals[CELLS] = {};
	struct bucket buckets[CELLS];
	unsigned i, one, other;
	bool got, want;

	for (i = 0; i < CELLS; i++)
		buckets[i] = (struct bucket){.last_ns = now_ns};
	for (i = 0; i < events && !test_has_failed(); i++) {
		one = frame_random(&random) % CELLS;
		other = (one + 1 + frame_random(&random) % (CELLS - 1)) % CELLS;
		replay.step->arrival = arrivals[one];
		replay.step->other = arrivals[other];
		got = run_step(replay.pair_fd, limit, now_ns, 0);
		arrivals[one] = replay.step->arrival;
		arrivals[other] = replay.step->other;
		want = pair_admit(&buckets[one], &buckets[other], limit, now_ns);
		test_expect(got == want, "event %u at +%llu ns, cells %u and %u: %s, expected %s",
			    i, now_ns - START_NS, one, other, got ? "admitted" : "refused",
			    want ? "admitted" : "refused");
		now_ns += gap(interval_ns, i, &random) / 2;
	}
}

static void run_pairs(struct harness *harness)
{
	unsigned events = harness_scaled(harness, EVENTS / 4, 400), i, j;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (j = 0; j < PATTERN_COUNT && is_exact(&limits[i].limit); j++) {
			test_begin("limiter: pairs of cells: %s: %s", limits[i].name,
				   patterns[j].name);
			compare_pairs(&limits[i].limit, patterns[j].gap, events);
			test_end();
		}
}

/* What a larger limit left in both cells holds nobody up for longer than the burst of the new one. */
static void run_pair_healing(void)
{
	struct limit from = {{1, 60 * XFN_NS_PER_S}, 10}, to = {{1000, XFN_NS_PER_S}, 10};
	__u64 now_ns = START_NS, admitted = 0;
	unsigned i;

	test_begin("limiter: a pair of cells heals at once when the limit is raised");
	replay.step->arrival = replay.step->other = 0;
	for (i = 0; i < 20; i++)
		admitted += run_step(replay.pair_fd, &from, now_ns, 0);
	test_expect(admitted == 10, "%llu admitted, expected 10", admitted);
	test_expect(!run_step(replay.pair_fd, &to, now_ns, 0), "admitted before it healed");
	test_expect(!run_step(replay.pair_fd, &to, now_ns + 999999, 0), "too early");
	test_expect(run_step(replay.pair_fd, &to, now_ns + 1000000, 0),
		    "still shut an interval after the change");
	test_end();
}

void suite_limiter(struct harness *harness)
{
	test_begin("limiter: loads by itself");
	test_expect(open_replay(harness), "cannot open limiter.bpf.o: %s", strerror(errno));
	test_end();
	if (replay.step && replay.step != MAP_FAILED) {
		run_against_reference(harness);
		run_changing(harness);
		run_healing();
		run_held_up();
		run_pairs(harness);
		run_pair_healing();
		munmap(replay.step, getpagesize());
	}
	bpf_object__close(replay.object);
}
