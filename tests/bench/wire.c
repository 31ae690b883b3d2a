/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Over a real veth pair: live frames of BPF_PROG_TEST_RUN go into the client's end, the far end's driver
 * runs what is measured. "whole" is the time of one packet from its making to its end, on one CPU; "ns" is
 * what the kernel's BPF statistics say of the XDP program and all it tail-calls. Each round takes all
 * cases in turn. Other filters (nftables, tc) are at the ends of wires of their own, without XDP.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "errnum.h"
#include "object.h"
#include "sample.h"
#include "world.h"

enum { PACKETS = 200000, PACKETS_QUICK = 50000, ROUNDS = 21, ROUNDS_QUICK = 5, CASES_MAX = 32 };

enum wire_target { EMPTY_DROP, EMPTY_PASS, EMPTY_TX, XFN_ONE, XFN_MANY, HASHMAP, FILTER };

struct wire_case {
	const char *name;
	enum wire_target target;
	int base; /* the case that does the same with an empty program; a position in the table */
	bool spread, nobody;
	struct world_config config;
};

#define DROPPED .config.delivery = XFN_DELIVERY_KERNEL, .config.handler = WORLD_DROP
#define ECHOED  .config.delivery = XFN_DELIVERY_KERNEL, .config.handler = WORLD_ECHO
#define BITES   .config.delivery = XFN_DELIVERY_KERNEL, .config.rate = 1, .config.burst = 1
#define PASSED  .config.delivery = XFN_DELIVERY_SOCKET

static const struct wire_case xdp_cases[] = {
	{"empty program, drops", EMPTY_DROP, .base = 0},
	{"empty program, passes to the stack", EMPTY_PASS, .base = 1},
	{"empty program, sends back", EMPTY_TX, .base = 2},
	{"nobody's traffic, passed", XFN_MANY, 1, .nobody = true, PASSED},
	{"100,000 triggers, hot, passed to a socket", XFN_MANY, 1, PASSED},
	{"100,000 triggers, hot, limit bites", XFN_MANY, 0, BITES},
	{"100,000 triggers, spread, limit bites", XFN_MANY, 0, .spread = true, BITES},
	{"100,000 triggers, hot, handler drops", XFN_MANY, 0, DROPPED},
	{"100,000 triggers, spread, handler drops", XFN_MANY, 0, .spread = true, DROPPED},
	{"100,000 triggers, hot, handler drops, stamp 1/16", XFN_MANY, 0, DROPPED,
	 .config.sample = 16},
	{"1 trigger, handler echoes", XFN_ONE, 2, ECHOED},
	{"100,000 triggers, hot, handler echoes", XFN_MANY, 2, ECHOED},
	{"kernel hash map, 100,000 rules, hot, limit bites", HASHMAP, 0, BITES},
	{"kernel hash map, 100,000 rules, spread, limit bites", HASHMAP, 0, .spread = true, BITES},
};

enum { XDP_CASES = sizeof(xdp_cases) / sizeof(xdp_cases[0]) };

struct wire_bench {
	struct drive drive;
	struct world one, many;
	struct bpf_object *floor, *hashmap;
	int link_fd, count_link_fd, stats_fd;
	const char *server_netns; /* path */
	__u32 server_ifindex, client_ifindex;
	struct wire_case cases[CASES_MAX];
	__u32 ifindex[CASES_MAX]; /* the client's end */
	int case_count;
	struct samples whole[CASES_MAX], ns[CASES_MAX], difference[CASES_MAX];
};

/* ---- namespaces and links ---------------------------------------------------------------------- */

static int enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err = xfn_errno();
	if (fd >= 0)
		close(fd);
	return err;
}

static int attach(int program_fd, __u32 ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program_fd, ifindex, BPF_XDP, &options);

	return fd < 0 ? xfn_errno() : fd;
}

/* In the server's namespace: the data planes, and a link on its interface. */
static int open_server(struct wire_bench *bench, const char *interface)
{
	int err;

	bench->server_ifindex = if_nametoindex(interface);
	err = world_open(&bench->one, WORLD_ONE, 1, 1);
	if (!err)
		err = world_open(&bench->many, WORLD_PLACES, WORLD_TRIGGERS, 1);
	if (err)
		return err;
	err = object_load_hashmap(&bench->many, &bench->hashmap);
	if (err)
		return err;
	bench->link_fd = attach(object_program(bench->floor, "floor_drop"), bench->server_ifindex);
	return bench->link_fd < 0 ? bench->link_fd : 0;
}

static int open_all(struct wire_bench *bench, char **argv)
{
	int err, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	bench->link_fd = bench->count_link_fd = bench->stats_fd = -1;
	bench->server_netns = argv[1];
	bench->client_ifindex = if_nametoindex(argv[3]);
	err = drive_open(&bench->drive) ?: object_load("floor", NULL, NULL, &bench->floor);
	if (!err)
		err = enter_netns(argv[1]) ?: open_server(bench, argv[2]);
	if (setns(home, CLONE_NEWNET))
		err = xfn_errno();
	close(home);
	if (!err) {
		bench->count_link_fd =
			attach(object_program(bench->floor, "floor_count"), bench->client_ifindex);
		err = bench->count_link_fd < 0 ? bench->count_link_fd : 0;
	}
	bench->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME); /* until it is closed */
	if (err)
		fprintf(stderr, "bench: cannot prepare the wire: %s\n", strerror(-err));
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_all(struct wire_bench *bench)
{
	close_fd(bench->stats_fd);
	close_fd(bench->link_fd); /* the last references: detaches */
	close_fd(bench->count_link_fd);
	bpf_object__close(bench->hashmap);
	bpf_object__close(bench->floor);
	enter_netns(bench->server_netns); /* pins are in a folder named after it */
	world_close(&bench->one);
	world_close(&bench->many);
	drive_close(&bench->drive);
}

/* ---- cases ------------------------------------------------------------------------------------- */

static void add_case(struct wire_bench *bench, const struct wire_case *test, __u32 ifindex)
{
	if (bench->case_count == CASES_MAX)
		return;
	bench->cases[bench->case_count] = *test;
	bench->ifindex[bench->case_count++] = ifindex;
}

/* NAME CLIENT_IF hot|spread for each filter. */
static void add_filters(struct wire_bench *bench, int argc, char **argv)
{
	struct wire_case test = {.target = FILTER, .base = EMPTY_DROP};
	int i;

	for (i = 0; i < XDP_CASES; i++)
		add_case(bench, &xdp_cases[i], bench->client_ifindex);
	for (i = 0; i + 2 < argc; i += 3) {
		test.name = argv[i];
		test.spread = !strcmp(argv[i + 2], "spread");
		add_case(bench, &test, if_nametoindex(argv[i + 1]));
	}
}

static struct world *world_of(struct wire_bench *bench, const struct wire_case *test)
{
	return test->target == XFN_ONE ? &bench->one : &bench->many;
}

static int program_of(struct wire_bench *bench, const struct wire_case *test)
{
	switch (test->target) {
	case EMPTY_DROP:
	case FILTER:
		return object_program(bench->floor, "floor_drop");
	case EMPTY_PASS:
		return object_program(bench->floor, "floor_pass");
	case EMPTY_TX:
		return object_program(bench->floor, "floor_tx");
	case HASHMAP:
		return object_program(bench->hashmap, "hashmap");
	case XFN_ONE:
	case XFN_MANY:
		break;
	}
	return world_of(bench, test)->dataplane->interface[0].root_fd;
}

static void aim(struct wire_bench *bench, const struct wire_case *test, __u32 ifindex)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};

	drive_frame(&bench->drive, mac, WORLD_DST + (test->target == XFN_ONE),
		    WORLD_PORT + test->nobody, NULL, DRIVE_FRAME_BYTES - 42);
	bench->drive.control->dst_count = test->spread ? WORLD_TRIGGERS : 0;
	bench->drive.control->ifindex = ifindex;
}

static void read_runs(int program_fd, __u64 *ret_ns, __u64 *ret_count)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	bpf_obj_get_info_by_fd(program_fd, &info, &size);
	*ret_ns = info.run_time_ns;
	*ret_count = info.run_cnt;
}

static int measure(struct wire_bench *bench, int which, __u32 count)
{
	const struct wire_case *test = &bench->cases[which];
	int program_fd = program_of(bench, test), err;
	__u64 begin, ns, runs, ns_before, runs_before;

	world_set(world_of(bench, test), &test->config);
	aim(bench, test, bench->ifindex[which]);
	if (bpf_link_update(bench->link_fd, program_fd, NULL))
		return xfn_errno();
	err = drive_send(&bench->drive, count / 8);
	read_runs(program_fd, &ns_before, &runs_before);
	begin = thread_ns();
	if (!err)
		err = drive_send(&bench->drive, count);
	if (err)
		return err;
	samples_add(&bench->whole[which], (double)(thread_ns() - begin) / count);
	read_runs(program_fd, &ns, &runs);
	runs -= runs_before;
	if (test->target == FILTER)
		return 0;
	if (runs < count - count / 100) {
		fprintf(stderr, "bench: %s: %llu of %u packets arrived\n", test->name,
			(unsigned long long)runs, count);
		return -EIO;
	}
	samples_add(&bench->ns[which], (double)(ns - ns_before) / runs);
	return 0;
}

static int run_round(struct wire_bench *bench, __u32 count, unsigned round)
{
	int i, err = 0;

	for (i = 0; i < bench->case_count && !err; i++)
		err = measure(bench, i, count);
	if (err)
		fprintf(stderr, "bench: wire: %s\n", strerror(-err));
	for (i = 0; i < XDP_CASES && !err; i++)
		samples_add(&bench->difference[i],
			    bench->ns[i].value[round] -
				    bench->ns[bench->cases[i].base].value[round]);
	return err;
}

static void report(const struct wire_bench *bench)
{
	int i;

	for (i = 0; i < bench->case_count; i++) {
		record_begin("wire", bench->cases[i].name);
		record_samples("whole", &bench->whole[i]);
		if (bench->cases[i].target != FILTER)
			record_samples("ns", &bench->difference[i]);
		record_number("base", bench->cases[i].base);
		record_number("ratio", samples_quantile(&bench->whole[i], 0.5) /
					       samples_quantile(&bench->whole[EMPTY_DROP], 0.5));
		record_number("rounds", bench->whole[i].count);
		record_end();
	}
}

int bench_wire(int argc, char **argv)
{
	static struct wire_bench bench;
	unsigned i, rounds = bench_is_quick() ? ROUNDS_QUICK : ROUNDS;
	cpu_set_t cpus;
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: bench wire SERVER_NETNS SERVER_IF CLIENT_IF "
				"[NAME CLIENT_IF hot|spread]...\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	err = open_all(&bench, argv);
	add_filters(&bench, argc - 4, argv + 4);
	for (i = 0; i < rounds && !err; i++)
		err = run_round(&bench, bench_is_quick() ? PACKETS_QUICK : PACKETS, i);
	if (!err)
		report(&bench);
	close_all(&bench);
	return err ? 1 : 0;
}
