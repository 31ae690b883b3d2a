/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits and switches on the way through the real ingress, on the real clock. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hammer.h"
#include "harness.h"
#include "suites.h"
#include "units.h"

#define HEAD "version: 1\nfunctions:\n"

/* One function on UDP and TCP port 7, with this limit. */
#define LIMITED(text)                                    \
	HEAD "  - name: limited\n    socket: existing\n" \
	     "    triggers: [udp/7, tcp/7]\n    limit: " text "\n"

enum { TCP_PROTO = 6, SYN = 2, ACK = 16 };

static const struct frame_spec udp = {.payload = "hello", .payload_bytes = 5};

static bool apply(struct harness *harness, const char *manifest)
{
	return harness_apply(harness, manifest);
}

/* As if the burst had just been used up. Returns the arrival time, in 1/16 ns. */
static __u64 use_up(struct harness *harness)
{
	struct xfn_function *function = &harness->dataplane->functions[0];
	__u64 live = harness->dataplane->rules.control->live;
	__u64 arrival =
		now_ns() * XFN_TIME_FRACTION + function->config[XFN_LIVE_GENERATION(live)].burst;

	__atomic_store_n(&function->arrival, arrival, __ATOMIC_RELAXED);
	return arrival;
}

/* As if no event had come for long. */
static void forget_arrivals(struct harness *harness)
{
	__atomic_store_n(&harness->dataplane->functions[0].arrival, 0, __ATOMIC_RELAXED);
}

static void expect(struct harness *harness, const char *what, const struct frame_spec *spec,
		   enum xfn_verdict verdict, int action)
{
	struct expected expected = {
		.action = action, .verdict = verdict, .function = 0, .outcome = -1};
	struct frame frame;

	frame_build(spec, &frame);
	harness_expect(harness, what, 0, BY_ROOT, &frame, &expected, NULL);
}

/* ---- switches ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *manifest;
	enum xfn_verdict first, second; /* of two packets */
	int first_action, second_action;
} cases[] = {
	{"no limit", HEAD "  - {name: a, socket: existing, trigger: udp/7}\n", XFN_VERDICT_STEERED,
	 XFN_VERDICT_STEERED, XDP_PASS, XDP_PASS},
	{"burst 1, excess drops by default", LIMITED("{rate: 1/m, burst: 1}"), XFN_VERDICT_STEERED,
	 XFN_VERDICT_RATE_LIMITED, XDP_PASS, XDP_DROP},
	{"burst 1, excess: pass", LIMITED("{rate: 1/m, burst: 1, excess: pass}"),
	 XFN_VERDICT_STEERED, XFN_VERDICT_RATE_LIMITED, XDP_PASS, XDP_PASS},
	{"burst 2", LIMITED("{rate: 1/m, burst: 2}"), XFN_VERDICT_STEERED, XFN_VERDICT_STEERED,
	 XDP_PASS, XDP_PASS},
	{"rate: 0 drops", LIMITED("0"), XFN_VERDICT_DISABLED, XFN_VERDICT_DISABLED, XDP_DROP,
	 XDP_DROP},
	{"enabled: false passes",
	 HEAD "  - {name: a, enabled: false, socket: existing, trigger: udp/7}\n",
	 XFN_VERDICT_DISABLED, XFN_VERDICT_DISABLED, XDP_PASS, XDP_PASS},
	{"enabled: false, disabled: drop drops",
	 HEAD "  - {name: a, enabled: false, disabled: drop, socket: existing, trigger: udp/7}\n",
	 XFN_VERDICT_DISABLED, XFN_VERDICT_DISABLED, XDP_DROP, XDP_DROP},
	{"enabled: false with a limit passes",
	 HEAD "  - {name: a, enabled: false, socket: existing, trigger: udp/7, limit: 1/m}\n",
	 XFN_VERDICT_DISABLED, XFN_VERDICT_DISABLED, XDP_PASS, XDP_PASS},
	{"enabled: false of a handler passes",
	 HEAD "  - {name: a, enabled: false, kernel: a.bpf.o, trigger: udp/7}\n",
	 XFN_VERDICT_DISABLED, XFN_VERDICT_DISABLED, XDP_PASS, XDP_PASS},
	{"a limit of a handler that is not there",
	 HEAD "  - {name: a, kernel: a.bpf.o, trigger: udp/7, limit: {rate: 1/m, burst: 1}}\n",
	 XFN_VERDICT_NO_TARGET, XFN_VERDICT_RATE_LIMITED, XDP_PASS, XDP_DROP},
};

static void run_cases(struct harness *harness)
{
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("police: %s", cases[i].name);
		forget_arrivals(harness);
		if (apply(harness, cases[i].manifest)) {
			expect(harness, "first", &udp, cases[i].first, cases[i].first_action);
			expect(harness, "second", &udp, cases[i].second, cases[i].second_action);
		}
		test_end();
	}
}

/* Of TCP a limit counts what opens a connection, unless it is told to count packets. */
static void run_tcp(struct harness *harness)
{
	struct frame_spec syn = {.l4_proto = TCP_PROTO, .tcp_flags = SYN};
	struct frame_spec syn_ack = {.l4_proto = TCP_PROTO, .tcp_flags = SYN | ACK};
	struct frame_spec data = {.l4_proto = TCP_PROTO, .tcp_flags = ACK};

	test_begin("police: TCP: a limit counts connections");
	forget_arrivals(harness);
	apply(harness, LIMITED("{rate: 1/m, burst: 1}"));
	expect(harness, "data before", &data, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "first SYN", &syn, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "second SYN", &syn, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	expect(harness, "data after", &data, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "SYN with ACK", &syn_ack, XFN_VERDICT_STEERED, XDP_PASS);
	test_end();

	test_begin("police: TCP: packets: true counts packets");
	forget_arrivals(harness);
	apply(harness, LIMITED("{rate: 1/m, burst: 1, packets: true}"));
	expect(harness, "first", &data, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "second", &data, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	expect(harness, "SYN", &syn, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	test_end();
}

/* One limit, whatever interface an event comes in by. */
static void run_interfaces(struct harness *harness)
{
	struct expected expected = {
		.action = XDP_PASS, .verdict = XFN_VERDICT_STEERED, .function = 0, .outcome = -1};
	static struct frame frame;

	test_begin("police: two interfaces share a function's limit");
	forget_arrivals(harness);
	apply(harness, LIMITED("{rate: 1/m, burst: 2}"));
	frame_build(&udp, &frame);
	harness_expect(harness, "first", 0, BY_ROOT, &frame, &expected, NULL);
	harness_expect(harness, "second", 1, BY_ROOT, &frame, &expected, NULL);
	expected.verdict = XFN_VERDICT_RATE_LIMITED;
	expected.action = XDP_DROP;
	harness_expect(harness, "third", 0, BY_ROOT, &frame, &expected, NULL);
	harness_expect(harness, "fourth", 1, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

/* Everything off: whatever the function's own switch says, and nobody else's traffic. */
static const struct {
	const char *name;
	const char *manifest;
	enum xfn_off off;
	int action;
} off_cases[] = {
	{"passes", LIMITED("{rate: 1/m, burst: 1}"), XFN_OFF_PASS, XDP_PASS},
	{"drops", LIMITED("{rate: 1/m, burst: 1}"), XFN_OFF_DROP, XDP_DROP},
	{"a handler passes", HEAD "  - {name: a, kernel: a.bpf.o, trigger: udp/7}\n", XFN_OFF_PASS,
	 XDP_PASS},
	{"rate: 0 passes", LIMITED("0"), XFN_OFF_PASS, XDP_PASS},
	{"enabled: false drops",
	 HEAD "  - {name: a, enabled: false, socket: existing, trigger: udp/7}\n", XFN_OFF_DROP,
	 XDP_DROP},
};

static void set_off(struct harness *harness, __u32 live, __u32 idle)
{
	struct xfn_control *control = harness->dataplane->rules.control;
	__u32 generation = XFN_LIVE_GENERATION(control->live);

	control->off[generation] = live;
	control->off[!generation] = idle;
}

static void run_off(struct harness *harness)
{
	const struct frame_spec other = {.l4_proto = 17, .dst_port = 9};
	struct expected unmatched = {.action = XDP_PASS,
				     .verdict = XFN_VERDICT_UNMATCHED,
				     .function = -1,
				     .outcome = -1};
	static struct frame frame;
	unsigned i;

	for (i = 0; i < sizeof(off_cases) / sizeof(off_cases[0]); i++) {
		test_begin("police: off %s", off_cases[i].name);
		forget_arrivals(harness);
		if (apply(harness, off_cases[i].manifest)) {
			set_off(harness, off_cases[i].off, XFN_OFF_NONE);
			expect(harness, "first", &udp, XFN_VERDICT_DISABLED, off_cases[i].action);
			expect(harness, "second", &udp, XFN_VERDICT_DISABLED, off_cases[i].action);
			frame_build(&other, &frame);
			harness_expect(harness, "nobody's", 0, BY_ROOT, &frame, &unmatched, NULL);
		}
		set_off(harness, XFN_OFF_NONE, XFN_OFF_NONE);
		test_end();
	}

	test_begin("police: off in the idle generation changes nothing");
	forget_arrivals(harness);
	apply(harness, LIMITED("{rate: 1/m, burst: 2}"));
	set_off(harness, XFN_OFF_NONE, XFN_OFF_DROP);
	expect(harness, "first", &udp, XFN_VERDICT_STEERED, XDP_PASS);
	set_off(harness, XFN_OFF_PASS, XFN_OFF_PASS);
	expect(harness, "off", &udp, XFN_VERDICT_DISABLED, XDP_PASS);
	set_off(harness, XFN_OFF_NONE, XFN_OFF_NONE);
	expect(harness, "on again: the limit went on", &udp, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "over it", &udp, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	test_end();
}

/* A rule whose function slot is empty: nothing to steer to. */
static void run_no_delivery(struct harness *harness)
{
	struct xfn_function_config nothing = {};
	__u64 live;

	test_begin("police: a function without a delivery passes its events");
	apply(harness, HEAD "  - {name: a, socket: existing, trigger: udp/7}\n");
	live = harness->dataplane->rules.control->live;
	xfn_dataplane_set_function(harness->dataplane, XFN_LIVE_GENERATION(live), 0, &nothing);
	expect(harness, "by root", &udp, XFN_VERDICT_NO_TARGET, XDP_PASS);
	test_end();
}

/* Through revisions: what one limit leaves behind holds the next one up no longer than its burst. */
static void run_changes(struct harness *harness)
{
	unsigned i;

	test_begin("police: lowering, raising, zeroing and restoring a limit heals at once");
	forget_arrivals(harness);
	apply(harness, LIMITED("{rate: 10/m, burst: 100}"));
	for (i = 0; i < 100; i++)
		expect(harness, "within the burst", &udp, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "over it", &udp, XFN_VERDICT_RATE_LIMITED, XDP_DROP);

	apply(harness, LIMITED("{rate: 1000/s, burst: 10}")); /* was shut for ten minutes */
	expect(harness, "raised: full still", &udp, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	usleep(2000);
	expect(harness, "raised: 2 ms later", &udp, XFN_VERDICT_STEERED, XDP_PASS);

	apply(harness, LIMITED("{rate: 0}"));
	expect(harness, "zero", &udp, XFN_VERDICT_DISABLED, XDP_DROP);
	apply(harness, LIMITED("{rate: 1000/s, burst: 10}"));
	usleep(2000);
	expect(harness, "restored", &udp, XFN_VERDICT_STEERED, XDP_PASS);

	apply(harness, LIMITED("{rate: 1/m, burst: 1}"));
	usleep(12000); /* the bucket of before is empty again */
	expect(harness, "lowered", &udp, XFN_VERDICT_STEERED, XDP_PASS);
	expect(harness, "lowered, over it", &udp, XFN_VERDICT_RATE_LIMITED, XDP_DROP);
	test_end();
}

/* ---- two CPUs at once -------------------------------------------------------------------------- */

/*
 * The bucket is full at the start, and a burst of a millisecond or more keeps it from running empty
 * while the threads start: then each admission shows in the arrival time.
 */
static void run_hammer(struct harness *harness, unsigned rate_per_s, unsigned burst, unsigned cpus)
{
	unsigned rounds = harness_scaled(harness, 30, 4);
	__u64 runs = (__u64)rounds * HAMMER_RUNS * cpus, elapsed_ns, steered, limited, most;
	__u64 interval = XFN_NS_PER_S * XFN_TIME_FRACTION / rate_per_s, arrival, charged;
	struct books before, after;
	char manifest[512];

	test_begin("police: %u/s, burst %u, on %u CPUs at once: never over the limit", rate_per_s,
		   burst, cpus);
	snprintf(manifest, sizeof(manifest), LIMITED("{rate: %u/s, burst: %u, excess: pass}"),
		 rate_per_s, burst);
	apply(harness, manifest);
	harness_read_books(harness, 0, &before);
	arrival = use_up(harness);
	elapsed_ns = hammer_all(harness, &udp, cpus, rounds);
	charged = (harness->dataplane->functions[0].arrival - arrival) / interval;
	harness_read_books(harness, 0, &after);
	steered = after.verdicts[XFN_VERDICT_STEERED] - before.verdicts[XFN_VERDICT_STEERED];
	limited = after.verdicts[XFN_VERDICT_RATE_LIMITED] -
		  before.verdicts[XFN_VERDICT_RATE_LIMITED];
	most = burst + (__u64)((__uint128_t)rate_per_s * elapsed_ns / XFN_NS_PER_S) + 1;
	test_expect(after.packets - before.packets == runs, "%llu packets, expected %llu",
		    after.packets - before.packets, runs);
	test_expect(steered + limited == runs, "%llu steered and %llu limited of %llu", steered,
		    limited, runs);
	test_expect(steered <= most, "%llu admitted in %llu ns, at most %llu may be", steered,
		    elapsed_ns, most);
	test_expect(steered <= charged, "%llu admitted, %llu charged", steered, charged);
	test_expect(steered || elapsed_ns < 2 * XFN_NS_PER_S / rate_per_s, "none admitted");
	test_end();
}

void suite_police(struct harness *harness)
{
	/* Rates and bursts. */
	static const unsigned limits[][2] = {{10, 1},         {1000, 100},      {100000, 1000},
					     {1000000, 1000}, {2000000, 20000}, {5000000, 50000}};
	unsigned i, cpus = hammer_cpus();

	run_cases(harness);
	run_no_delivery(harness);
	run_off(harness);
	run_interfaces(harness);
	run_tcp(harness);
	run_changes(harness);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		run_hammer(harness, limits[i][0], limits[i][1], 1);
		run_hammer(harness, limits[i][0], limits[i][1], cpus);
	}
}
