/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits per source on the way through the real ingress, and how often they refuse falsely. */
#include <errno.h>
#include <linux/bpf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "errnum.h"
#include "hammer.h"
#include "harness.h"
#include "suites.h"
#include "units.h"
#include "../../loader/dataplane_load.h"

#define HEAD "version: 1\nfunctions:\n"

/* One function on UDP and TCP port 7, with this limit. */
#define LIMITED(text)                                    \
	HEAD "  - name: limited\n    socket: existing\n" \
	     "    triggers: [udp/7, tcp/7]\n    limit: " text "\n"

enum { TCP_PROTO = 6, SYN = 2, ACK = 16 };

/* ---- cells --------------------------------------------------------------------------------------- */

/* The cells that the live generation names for function 0; -1 and errno. */
static int cells_fd(const struct harness *harness)
{
	const struct xfn_dataplane *dataplane = harness->dataplane;
	__u64 live = dataplane->rules.control->live;
	__u64 cells = dataplane->policies[0].config[XFN_LIVE_GENERATION(live)].cells;
	__u32 table = XFN_POLICY_TABLE_OF(cells), id;

	if (bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_SOURCES], &table, &id))
		return -1;
	return bpf_map_get_fd_by_id(id);
}

/* How many there are, and how many of them were ever charged. */
static void count_cells(const struct harness *harness, __u32 *ret_all, __u32 *ret_charged)
{
	int fd = cells_fd(harness);
	struct bpf_map_info info;
	__u64 value;
	__u32 i;

	*ret_all = *ret_charged = 0;
	if (!test_expect(fd >= 0 && !xfn_map_info(fd, &info), "no cells: %s", strerror(errno)))
		return;
	*ret_all = info.max_entries;
	for (i = 0; i < info.max_entries; i++)
		*ret_charged += !bpf_map_lookup_elem(fd, &i, &value) && value;
	close(fd);
}

static void expect_cells(const struct harness *harness, __u32 all, __u32 charged)
{
	__u32 is_all, is_charged;

	count_cells(harness, &is_all, &is_charged);
	test_expect(is_all == all, "%u cells, expected %u", is_all, all);
	test_expect(is_charged == charged, "%u cells charged, expected %u", is_charged, charged);
}

static unsigned count_tables(const struct harness *harness)
{
	__u32 table, id;
	unsigned count = 0;

	for (table = 0; table < 2 * harness->dataplane->capacity.functions; table++)
		count += !bpf_map_lookup_elem(harness->dataplane->map_fd[XFN_MAP_SOURCES], &table,
					      &id);
	return count;
}

/* No limit at all, and then this one: with cells that nobody has charged. */
static bool apply_fresh(struct harness *harness, const char *manifest)
{
	harness_apply(harness, HEAD "  - {name: limited, socket: existing, trigger: udp/7}\n");
	__atomic_store_n(&harness->dataplane->functions[0].arrival, 0, __ATOMIC_RELAXED);
	return harness_apply(harness, manifest);
}

/* ---- who shares, and what comes first -------------------------------------------------------------- */

struct event {
	const char *src; /* NULL ends a list */
	enum xfn_verdict verdict;
	int action;
	__u8 l4_proto, tcp_flags;
};

#define IN(address)                                          \
	{                                                    \
		address, XFN_VERDICT_STEERED, XDP_PASS, 0, 0 \
	}
#define OVER(address)                                               \
	{                                                           \
		address, XFN_VERDICT_SOURCE_LIMITED, XDP_DROP, 0, 0 \
	}
#define FULL(address)                                             \
	{                                                         \
		address, XFN_VERDICT_RATE_LIMITED, XDP_DROP, 0, 0 \
	}

static const struct {
	const char *name;
	const char *manifest;
	struct event events[10];
} cases[] = {
	{"each source has a burst of its own",
	 LIMITED("{per_source: {rate: 1/m, burst: 2}}"),
	 {IN("10.0.0.1"), IN("10.0.0.1"), OVER("10.0.0.1"), IN("10.0.0.2"), IN("10.0.0.2"),
	  OVER("10.0.0.2"), OVER("10.0.0.1")}},
	{"a rate alone, with its default burst",
	 LIMITED("{per_source: 20/m}"),
	 {IN("10.0.0.1"), OVER("10.0.0.1"), IN("10.0.0.2"), OVER("10.0.0.2")}},
	{"excess: pass",
	 LIMITED("{per_source: 1/m, excess: pass}"),
	 {IN("10.0.0.1"), {"10.0.0.1", XFN_VERDICT_SOURCE_LIMITED, XDP_PASS, 0, 0}}},
	{"of IPv4 whole addresses are compared, of IPv6 the first 64 bits",
	 LIMITED("{per_source: 1/m}"),
	 {IN("10.0.0.1"), IN("10.0.0.2"), IN("2001:db8:0:1::1"), OVER("2001:db8:0:1::2"),
	  IN("2001:db8:0:2::1"), OVER("2001:db8:0:1:ffff::")}},
	{"prefix4, prefix6",
	 LIMITED("{per_source: {rate: 1/m, prefix4: 23, prefix6: 49}}"),
	 {IN("10.0.0.1"), OVER("10.0.1.255"), IN("10.0.2.0"), IN("2001:db8:0:7fff::1"),
	  OVER("2001:db8::"), IN("2001:db8:0:8000::"), OVER("2001:db8:0:ffff::")}},
	{"prefix6: 128",
	 LIMITED("{per_source: {rate: 1/m, prefix6: 128}}"),
	 {IN("2001:db8::1"), IN("2001:db8::2"), OVER("2001:db8::1")}},
	{"addresses that begin alike in IPv4 and IPv6 are two sources",
	 LIMITED("{per_source: {rate: 1/m, prefix6: 32}}"),
	 {IN("32.1.13.184"), IN("2001:db8::1"), OVER("32.1.13.184"), OVER("2001:db8::1")}},
	{"a source that sends too much does not use up what is for all",
	 LIMITED("{rate: 1/m, burst: 3, per_source: 1/m}"),
	 {IN("10.0.0.1"), OVER("10.0.0.1"), OVER("10.0.0.1"), OVER("10.0.0.1"), IN("10.0.0.2"),
	  IN("10.0.0.3")}},
	{"an event that the function has no room for stays charged to its source",
	 LIMITED("{rate: 1/m, burst: 1, per_source: {rate: 1/m, burst: 2}}"),
	 {IN("10.0.0.1"), FULL("10.0.0.1"), OVER("10.0.0.1"), FULL("10.0.0.2"), FULL("10.0.0.2"),
	  OVER("10.0.0.2")}},
	{"of TCP connections are counted",
	 LIMITED("{per_source: 1/m}"),
	 {{"10.0.0.1", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, ACK},
	  {"10.0.0.1", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, SYN},
	  {"10.0.0.1", XFN_VERDICT_SOURCE_LIMITED, XDP_DROP, TCP_PROTO, SYN},
	  {"10.0.0.1", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, ACK},
	  {"10.0.0.1", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, SYN | ACK},
	  {"10.0.0.2", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, SYN}}},
	{"of TCP packets are counted with packets: true",
	 LIMITED("{per_source: 1/m, packets: true}"),
	 {{"10.0.0.1", XFN_VERDICT_STEERED, XDP_PASS, TCP_PROTO, ACK},
	  {"10.0.0.1", XFN_VERDICT_SOURCE_LIMITED, XDP_DROP, TCP_PROTO, ACK},
	  {"10.0.0.1", XFN_VERDICT_SOURCE_LIMITED, XDP_DROP, TCP_PROTO, SYN}}},
	{"a function that is off charges nobody",
	 LIMITED("{rate: 0, per_source: 1/m}"),
	 {{"10.0.0.1", XFN_VERDICT_DISABLED, XDP_DROP, 0, 0},
	  {"10.0.0.1", XFN_VERDICT_DISABLED, XDP_DROP, 0, 0}}},
};

static bool expect(const struct harness *harness, __u32 interface, const struct event *event)
{
	struct expected expected = {
		.action = event->action, .verdict = event->verdict, .function = 0, .outcome = -1};
	struct frame_spec spec = {.src = event->src,
				  .dst = strchr(event->src, ':') ? "2001:db8::1" : NULL,
				  .l4_proto = event->l4_proto,
				  .tcp_flags = event->tcp_flags};
	static struct frame frame;

	frame_build(&spec, &frame);
	return harness_expect(harness, event->src, interface, BY_ROOT, &frame, &expected, NULL);
}

static void run_cases(struct harness *harness)
{
	const struct event *event;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("sources: %s", cases[i].name);
		if (apply_fresh(harness, cases[i].manifest))
			for (event = cases[i].events; event->src; event++)
				expect(harness, event == cases[i].events ? 1 : 0, event);
		test_end();
	}
}

/* ---- cells through changes --------------------------------------------------------------------------- */

static void run_changes(struct harness *harness)
{
	static const struct event in = IN("10.0.0.1"), over = OVER("10.0.0.1");
	unsigned i;

	test_begin("sources: cells are charged two by two, go on through changes, and go");
	apply_fresh(harness, LIMITED("{per_source: {rate: 1/m, burst: 3, entries: 1024}}"));
	expect_cells(harness, 1024, 0);
	for (i = 0; i < 3; i++)
		expect(harness, 0, &in);
	expect(harness, 0, &over);
	expect_cells(harness, 1024, 2);

	harness_apply(harness, LIMITED("{per_source: {rate: 2/m, burst: 3, entries: 1024}}"));
	expect_cells(harness, 1024, 2);
	expect(harness, 0, &over);

	/* Was shut for three minutes. */
	harness_apply(harness, LIMITED("{per_source: {rate: 1k/s, burst: 5, entries: 1024}}"));
	expect(harness, 0, &over);
	usleep(2000);
	expect(harness, 0, &in);

	harness_apply(harness, LIMITED("{per_source: {rate: 1/m, burst: 3, entries: 4096}}"));
	expect_cells(harness, 4096, 0);
	test_expect(count_tables(harness) == 2, "%u tables, expected 2", count_tables(harness));
	expect(harness, 0, &in);
	harness_apply(harness, LIMITED("{per_source: {rate: 1/m, burst: 3, entries: 4096}}"));
	xfn_dataplane_sweep_sources(harness->dataplane);
	expect_cells(harness, 4096, 2);
	test_expect(count_tables(harness) == 1, "%u tables, expected 1", count_tables(harness));

	harness_apply(harness, LIMITED("1/m"));
	harness_apply(harness, LIMITED("1/m"));
	xfn_dataplane_sweep_sources(harness->dataplane);
	test_expect(!count_tables(harness), "%u tables, expected none", count_tables(harness));
	test_end();
}

/* ---- false refusals ------------------------------------------------------------------------------------ */

/* The chance of @least or more where @mean are expected (Poisson). */
static double at_least(unsigned least, double mean)
{
	double chance = exp(-mean), sum = 0;
	unsigned i;

	for (i = 0; i < least; i++) {
		sum += chance;
		chance *= mean / (i + 1);
	}
	return sum < 1 ? 1 - sum : 0;
}

/*
 * What is stated (docs/adr/0006-per-source.md): when @others sources have sent an event each, the next
 * one is refused though it has sent nothing if both its cells hold a burst.
 */
static double false_refusal(unsigned others, unsigned cells, unsigned burst)
{
	double full = at_least(burst, 2.0 * others / cells);

	return full * full;
}

/* Runs one packet from each of @count sources. Returns 0 or -errno. */
static int send_from(const struct harness *harness, unsigned count)
{
	static const struct frame_spec spec = {.payload = "hello", .payload_bytes = 5};
	static struct frame frame;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes, .repeat = 1);
	unsigned i;
	int err = 0;

	frame_build(&spec, &frame);
	options.data_size_in = frame.size;
	for (i = 0; i < count && !err; i++) {
		/* 11.0.0.0 and up, one by one: near each other, as a flood's sources may be. */
		frame.bytes[frame.l3 + 12] = 11 + (i >> 24);
		frame.bytes[frame.l3 + 13] = i >> 16;
		frame.bytes[frame.l3 + 14] = i >> 8;
		frame.bytes[frame.l3 + 15] = i;
		err = bpf_prog_test_run_opts(harness->dataplane->interface[0].ingress_fd, &options);
	}
	return err;
}

static void count_refusals(struct harness *harness, unsigned cells, unsigned burst)
{
	unsigned sources = 10 * cells, i;
	double stated = 0, variance = 0, chance, bound;
	struct xfn_function_counts before, after;
	__u64 refused, passed;
	char manifest[256];
	int err;

	test_begin("sources: %u sources, %u cells, burst %u: falsely refused as stated", sources,
		   cells, burst);
	snprintf(manifest, sizeof(manifest),
		 LIMITED("{per_source: {rate: 1/m, burst: %u, entries: %u}}"), burst, cells);
	apply_fresh(harness, manifest);
	harness_read_counts(harness, 0, &before);
	err = send_from(harness, sources);
	harness_read_counts(harness, 0, &after);
	refused = after.verdicts[XFN_VERDICT_SOURCE_LIMITED] -
		  before.verdicts[XFN_VERDICT_SOURCE_LIMITED];
	passed = after.verdicts[XFN_VERDICT_STEERED] - before.verdicts[XFN_VERDICT_STEERED];
	for (i = 0; i < sources; i++) {
		chance = false_refusal(i, cells, burst);
		stated += chance;
		variance += chance * (1 - chance);
	}
	/* Refusals hang together a little, as cells are shared: the deviation is up to 1.4 times as much. */
	bound = 7 * sqrt(variance) + 3;
	printf("# %u cells, burst %u: %llu of %u refused, stated %.1f +- %.1f\n", cells, burst,
	       refused, sources, stated, bound);
	test_expect(!err, "test run: %s", strerror(-err));
	test_expect(refused + passed == sources, "%llu refused and %llu passed of %u", refused,
		    passed, sources);
	test_expect(fabs(refused - stated) <= bound, "%llu refused, stated %.1f +- %.1f", refused,
		    stated, bound);
	test_end();
}

/* ---- two CPUs at once ------------------------------------------------------------------------------------ */

/* One source of many: what it was charged, by the emptier of its two cells, in 1/16 ns. */
static __u64 charged_time(const struct harness *harness)
{
	int fd = cells_fd(harness);
	__u64 value, least = ~0ULL;
	__u32 i;

	for (i = 0; i < 1024; i++)
		if (!bpf_map_lookup_elem(fd, &i, &value) && value && value < least)
			least = value;
	close(fd);
	return least;
}

/*
 * The burst is used up first, and is long enough not to be there again while the threads start: then
 * each admission shows in the cells.
 */
static void run_hammer(struct harness *harness, unsigned rate_per_s, unsigned burst, unsigned cpus)
{
	static const struct frame_spec spec = {.payload = "hello", .payload_bytes = 5};
	unsigned rounds = harness_scaled(harness, 30, 4);
	__u64 runs = (__u64)rounds * HAMMER_RUNS * cpus, elapsed_ns, steered, limited, most;
	__u64 interval = XFN_NS_PER_S * XFN_TIME_FRACTION / rate_per_s, before_time, charged;
	struct books before, after;
	char manifest[512];

	test_begin("sources: %u/s each, burst %u, on %u CPUs at once: never over the limit",
		   rate_per_s, burst, cpus);
	snprintf(manifest, sizeof(manifest),
		 LIMITED("{per_source: {rate: %u/s, burst: %u, entries: 1024}, excess: pass}"),
		 rate_per_s, burst);
	apply_fresh(harness, manifest);
	hammer_all(harness, &spec, 1, burst / HAMMER_RUNS + 1);
	before_time = charged_time(harness);
	harness_read_books(harness, 0, &before);
	elapsed_ns = hammer_all(harness, &spec, cpus, rounds);
	charged = (charged_time(harness) - before_time) / interval;
	harness_read_books(harness, 0, &after);
	steered = after.verdicts[XFN_VERDICT_STEERED] - before.verdicts[XFN_VERDICT_STEERED];
	limited = after.verdicts[XFN_VERDICT_SOURCE_LIMITED] -
		  before.verdicts[XFN_VERDICT_SOURCE_LIMITED];
	most = burst + (__u64)((__uint128_t)rate_per_s * elapsed_ns / XFN_NS_PER_S) + 1;
	test_expect(steered + limited == runs, "%llu steered and %llu limited of %llu", steered,
		    limited, runs);
	test_expect(steered <= most, "%llu admitted in %llu ns, at most %llu may be", steered,
		    elapsed_ns, most);
	test_expect(steered <= charged + 1, "%llu admitted, %llu charged", steered, charged);
	test_expect(steered || elapsed_ns < 2 * XFN_NS_PER_S / rate_per_s, "none admitted");
	test_end();
}

void suite_sources(struct harness *harness)
{
	static const unsigned limits[][2] = {
		{10, 1}, {1000, 100}, {100000, 1000}, {2000000, 20000}};
	unsigned i;

	run_cases(harness);
	run_changes(harness);
	count_refusals(harness, 1024, 1);
	count_refusals(harness, 1024, 16);
	count_refusals(harness, 1024, 24);
	count_refusals(harness, 4096, 24);
	count_refusals(harness, 4096, 40);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		run_hammer(harness, limits[i][0], limits[i][1], 1);
		run_hammer(harness, limits[i][0], limits[i][1], hammer_cpus());
	}
}
