/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ns per packet by BPF_PROG_TEST_RUN. The generator writes a frame and tail-calls what is measured;
 * each round takes all cases in turn, and a case's figure is its difference to the empty program of
 * the same round. CPU time of the thread, so that other processes weigh less. With spread keys the
 * generator reads the clock before each packet, which no load passes, so that the cache misses of
 * several packets do not overlap; cases that overlap leave that out, and are compared with their like.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "object.h"
#include "sample.h"
#include "world.h"
#include "../bpf/message.h"

enum worlds { ONE, MANY, CROWD, SHADOW, PATHS, NAMES, SUFFIXES, BYTES, WORLDS };

static const struct {
	enum world_kind kind;
	__u32 triggers, functions;
} world_sizes[WORLDS] = {
	[ONE] = {WORLD_ONE, 1, 1},
	[MANY] = {WORLD_PLACES, WORLD_TRIGGERS, 1},
	[CROWD] = {WORLD_PLACES, WORLD_TRIGGERS, 65534},
	[SHADOW] = {WORLD_SHADOW, WORLD_SHAPES, 1},
	[PATHS] = {WORLD_PATHS, WORLD_TRIGGERS, 1},
	[NAMES] = {WORLD_NAMES, WORLD_TRIGGERS, 1},
	[SUFFIXES] = {WORLD_SUFFIXES, WORLD_SHAPES, 1},
	[BYTES] = {WORLD_BYTES, WORLD_TRIGGERS, 1},
};

/* Programs that a packet may go to. */
enum target { EMPTY, CLOCK, WALK, HASHMAP, XFN };

struct packet_case {
	const char *name;
	enum target target;
	enum worlds world;
	bool spread; /* over all triggers, uniformly at random; else the same packet each time */
	bool nobody; /* to a port without triggers */
	const char *path;  /* the payload is a request for it */
	const char *query; /* the payload is a query for it */
	bool overlap; /* with spread: the next packet may begin before this one's memory is there */
	struct world_config config;
	int action;
};

#define PASSED     .action = XDP_PASS, .config.delivery = XFN_DELIVERY_SOCKET
#define HANDLED    .config.delivery = XFN_DELIVERY_KERNEL
#define UNLIMITED  .config.rate = 10000000, .config.burst = 10000000 /* a limit that never bites */
#define PER_SOURCE .config.source_rate = 10000000, .config.burst = 10000000
#define DROP_OVER  .action = XDP_DROP, .config.rate = 1, .config.burst = 1

/* The first three are what the others are compared with. */
static const struct packet_case cases[] = {
	{"empty program", EMPTY, MANY, .action = XDP_DROP},
	{"empty program, random destination", EMPTY, MANY, true, .action = XDP_DROP},
	{"empty program, random destination, packets overlap", EMPTY, MANY, true, .overlap = true,
	 .action = XDP_DROP},
	{"one reading of the clock", CLOCK, MANY, .action = XDP_DROP},
	{"nobody's traffic, 1 trigger", XFN, ONE, .nobody = true, PASSED},
	{"nobody's traffic, 100,000 triggers", XFN, MANY, .nobody = true, PASSED},
	{"nobody's address on a function's port, 1 trigger", XFN, MANY, .nobody = true, PASSED},
	{"1 trigger for own addresses", XFN, ONE, PASSED},
	{"1 trigger for own addresses, limit", XFN, ONE, PASSED, UNLIMITED},
	{"100,000 triggers, hot", XFN, MANY, PASSED},
	{"100,000 triggers, hot, limit", XFN, MANY, PASSED, UNLIMITED},
	{"100,000 triggers, hot, limit per source", XFN, MANY, PASSED, PER_SOURCE},
	{"100,000 triggers, hot, limit, limit per source", XFN, MANY, PASSED, UNLIMITED,
	 .config.source_rate = 10000000},
	{"100,000 triggers, hot, limit bites", XFN, MANY, HANDLED, DROP_OVER},
	{"100,000 triggers, hot, stamp 1/16", XFN, MANY, PASSED, .config.sample = 16},
	{"100,000 triggers, hot, stamp 1/1", XFN, MANY, PASSED, .config.sample = 1},
	{"100,000 triggers, hot, limit, stamp 1/16", XFN, MANY, PASSED, UNLIMITED,
	 .config.sample = 16},
	{"100,000 triggers, hot, limit, stamp 1/1", XFN, MANY, PASSED, UNLIMITED,
	 .config.sample = 1},
	{"100,000 triggers, hot, handler drops", XFN, MANY, HANDLED, .config.handler = WORLD_DROP,
	 .action = XDP_DROP},
	{"100,000 triggers, hot, handler drops, stamp 1/16", XFN, MANY, HANDLED,
	 .config.handler = WORLD_DROP, .config.sample = 16, .action = XDP_DROP},
	{"100,000 triggers, hot, handler drops, stamp 1/1", XFN, MANY, HANDLED,
	 .config.handler = WORLD_DROP, .config.sample = 1, .action = XDP_DROP},
	{"100,000 triggers, hot, handler echoes", XFN, MANY, HANDLED, .config.handler = WORLD_ECHO,
	 .action = XDP_TX},
	{"100,000 triggers, hot, handler echoes, stamp 1/16", XFN, MANY, HANDLED,
	 .config.handler = WORLD_ECHO, .config.sample = 16, .action = XDP_TX},
	{"8 shapes on the port, the last matches", XFN, SHADOW, PASSED},
	{"a CoAP path, 1 of 100,000", XFN, PATHS, .path = "/sensors/7", PASSED},
	{"a CoAP path, none of 100,000", XFN, PATHS, .path = "/sensors/x", PASSED},
	{"a CoAP path, odd", XFN, PATHS, .query = "a7.x", PASSED},
	{"a DNS name, 1 of 100,000", XFN, NAMES, .query = "a7.x", PASSED},
	{"a DNS name, none of 100,000", XFN, NAMES, .query = "b7.x", PASSED},
	{"a DNS suffix, the last of 8", XFN, SUFFIXES, .query = "a", PASSED},
	{"4 bytes, 1 of 100,000", XFN, BYTES, PASSED},
	{"100,000 triggers, spread", XFN, MANY, true, PASSED},
	{"100,000 triggers, spread, limit", XFN, MANY, true, PASSED, UNLIMITED},
	{"100,000 triggers of 65,534 functions, spread", XFN, CROWD, true, PASSED},
	{"100,000 triggers of 65,534 functions, spread, limit", XFN, CROWD, true, PASSED,
	 UNLIMITED},
	{"bare random walk over as many lines", WALK, CROWD, true, PASSED},
	{"100,000 triggers of 65,534 functions, spread, packets overlap", XFN, CROWD, true,
	 .overlap = true, PASSED},
	{"bare random walk over as many lines, packets overlap", WALK, CROWD, true, .overlap = true,
	 PASSED},
	{"kernel hash map, 100,000 rules, hot", HASHMAP, MANY, PASSED},
	{"kernel hash map, 100,000 rules, hot, limit", HASHMAP, MANY, PASSED, UNLIMITED},
	{"kernel hash map, 100,000 rules, spread", HASHMAP, MANY, true, PASSED},
	{"kernel hash map, 100,000 rules of 65,534 functions, spread", HASHMAP, CROWD, true,
	 PASSED},
};

enum {
	CASES = sizeof(cases) / sizeof(cases[0]),
	BASE_HOT = 0,
	BASE_SPREAD,
	BASE_OVERLAP,
	CASE_CLOCK
};

struct packet_bench {
	const char *only; /* cases whose names have this; NULL: all */
	struct drive drive;
	struct world world[WORLDS];
	struct bpf_object *floor, *walk, *hashmap[WORLDS];
	struct samples ns[CASES];         /* per packet, generator included */
	struct samples difference[CASES]; /* to the empty program of the same round */
};

/* ---- what is measured -------------------------------------------------------------------------- */

static int open_walk(struct packet_bench *bench)
{
	const struct world *crowd = &bench->world[CROWD];
	struct object_constant constants[] = {
		{"walk_entries", crowd->triggers},
		{"walk_functions", crowd->functions},
		{"walk_displaces",
		 (1U << (crowd->dataplane->capacity.slot_bits - XFN_BUCKET_BITS_LESS)) /
			 XFN_DISPLACE_PER_CHUNK},
		{NULL, 0}};

	return object_load("walk", crowd, constants, &bench->walk);
}

static int open_all(struct packet_bench *bench)
{
	int i, err = drive_open(&bench->drive);

	if (!err)
		err = object_load("floor", NULL, NULL, &bench->floor);
	for (i = 0; i < WORLDS && !err; i++)
		err = world_open(&bench->world[i], world_sizes[i].kind, world_sizes[i].triggers,
				 world_sizes[i].functions);
	if (!err)
		err = object_load_hashmap(&bench->world[MANY], &bench->hashmap[MANY]);
	if (!err)
		err = object_load_hashmap(&bench->world[CROWD], &bench->hashmap[CROWD]);
	return err ?: open_walk(bench);
}

static void close_all(struct packet_bench *bench)
{
	int i;

	for (i = 0; i < WORLDS; i++) {
		bpf_object__close(bench->hashmap[i]);
		world_close(&bench->world[i]);
	}
	bpf_object__close(bench->walk);
	bpf_object__close(bench->floor);
	drive_close(&bench->drive);
}

static int target_of(const struct packet_bench *bench, const struct packet_case *test)
{
	switch (test->target) {
	case EMPTY:
		return object_program(bench->floor, "floor_drop");
	case CLOCK:
		return object_program(bench->floor, "floor_clock");
	case WALK:
		return object_program(bench->walk, "walk");
	case HASHMAP:
		return object_program(bench->hashmap[test->world], "hashmap");
	case XFN:
		return bench->world[test->world].dataplane->interface[0].root_fd;
	}
	return -ENOENT;
}

/* ---- measuring --------------------------------------------------------------------------------- */

static void aim(struct packet_bench *bench, const struct packet_case *test)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	bool other_address = test->nobody && test->world == MANY && strstr(test->name, "address");
	__u8 payload[MESSAGE_BYTES_MAX] = {};
	__u32 dst = WORLD_DST + (test->world == ONE || test->world >= PATHS);

	if (other_address)
		dst += 1 << 20;
	if (test->world == BYTES)
		payload[3] = 7;
	if (test->path) /* what is left of the frame is a payload marker, and its payload */
		memset(payload + message_coap(test->path, payload), 0xff, sizeof(payload) / 2);
	if (test->query)
		message_dns(test->query, payload);
	drive_frame(&bench->drive, mac, dst,
		    test->nobody && !other_address ? WORLD_PORT + 1 : WORLD_PORT, payload,
		    DRIVE_FRAME_BYTES - 42);
	bench->drive.control->dst_count = test->spread ? WORLD_TRIGGERS : 0;
	bench->drive.control->timed = test->spread && !test->overlap;
}

/* One case, once: ns per packet, or a negative number. */
static double measure(struct packet_bench *bench, const struct packet_case *test, __u32 count)
{
	__u64 begin;
	int action;

	world_set(&bench->world[test->world], &test->config);
	aim(bench, test);
	if (drive_target(&bench->drive, target_of(bench, test)))
		return -1;
	action = drive_call(&bench->drive, test->spread ? count : count / 8);
	begin = thread_ns();
	if (action == test->action)
		action = drive_call(&bench->drive, count);
	if (action != test->action) {
		fprintf(stderr, "bench: %s: action %d instead of %d\n", test->name, action,
			test->action);
		return -1;
	}
	return (double)(thread_ns() - begin) / count;
}

/* The floor is always measured. */
static bool is_wanted(const struct packet_bench *bench, int i)
{
	return i <= CASE_CLOCK || !bench->only || strstr(cases[i].name, bench->only);
}

static int base_of(const struct packet_case *test)
{
	return !test->spread ? BASE_HOT : test->overlap ? BASE_OVERLAP : BASE_SPREAD;
}

static int run_round(struct packet_bench *bench, __u32 count)
{
	double base[CASE_CLOCK] = {}, ns;
	int i;

	for (i = 0; i < CASES; i++) {
		if (!is_wanted(bench, i))
			continue;
		ns = measure(bench, &cases[i], count);
		if (ns < 0)
			return -1;
		if (i < CASE_CLOCK)
			base[i] = ns;
		samples_add(&bench->ns[i], ns);
		samples_add(&bench->difference[i], ns - base[base_of(&cases[i])]);
	}
	return 0;
}

static void report(const struct packet_bench *bench)
{
	double clock = samples_quantile(&bench->difference[CASE_CLOCK], 0.5), least;
	int i;

	for (i = 0; i < CASES; i++) {
		if (!is_wanted(bench, i))
			continue;
		least = samples_quantile(&bench->ns[i], 0) -
			samples_quantile(&bench->ns[base_of(&cases[i])], 0);
		record_begin("packet", cases[i].name);
		record_samples("whole", &bench->ns[i]);
		record_samples("ns", &bench->difference[i]);
		record_number("least", least);
		record_number("ratio", samples_quantile(&bench->difference[i], 0.5) / clock);
		record_number("rounds", bench->ns[i].count);
		record_end();
	}
}

int bench_packet(int argc, char **argv)
{
	static struct packet_bench bench;
	__u32 rounds = bench_is_quick() ? 7 : 31, count = bench_is_quick() ? 50000 : 100000, i;
	int err = open_all(&bench);

	bench.only = argc > 1 ? argv[1] : NULL;
	for (i = 0; i < rounds && !err; i++)
		err = run_round(&bench, count);
	if (!err)
		report(&bench);
	close_all(&bench);
	return err ? 1 : 0;
}
