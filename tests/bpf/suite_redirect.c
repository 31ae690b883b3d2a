/* SPDX-License-Identifier: BSD-2-Clause */
/* Deliveries by redirect: action, Ethernet addresses, which CPU, and nothing at all where nothing is there. */
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "suites.h"
#include "../../loader/targets.h"

#define HEAD     "version: 1\nfunctions:\n"
#define TRIGGERS "triggers: [udp/7, tcp/7]"
#define NEXT_MAC "\x02\x00\x00\x00\x00\x77" /* of whoever is behind the interface */
#define OUT_MAC  "\x02\x00\x00\x00\x00\x66" /* of the interface itself */

enum { LOOPBACK = 1, FLOWS = 256 };

static const char to_interface[] = HEAD "  - {name: a, netdev: out0, " TRIGGERS "}\n";
static const char to_cpus[] =
	HEAD "  - {name: a, socket: {existing: true, cpus: [0, 1]}, " TRIGGERS "}\n";

/* ---- what is there ------------------------------------------------------------------------------------------ */

static void set_device(struct harness *harness, __u32 element, __u32 device)
{
	struct xfn_target target = {.device = device, .ifindex = LOOPBACK};

	memcpy(target.dst_mac, NEXT_MAC, sizeof(target.dst_mac));
	memcpy(target.src_mac, OUT_MAC, sizeof(target.src_mac));
	harness->dataplane->targets[element] = target;
}

static void set_cpus(struct harness *harness, __u16 count, __u16 first, __u16 second)
{
	harness->dataplane->targets[0] =
		(struct xfn_target){.cpu_count = count, .cpu = {first, second}};
}

/* Enters @value in element @index; 0 takes out what is there. */
static void enter(const struct harness *harness, enum xfn_map map, __u32 index, __u32 value)
{
	int fd = harness->dataplane->map_fd[map];
	int err = value ? bpf_map_update_elem(fd, &index, &value, 0)
			: bpf_map_delete_elem(fd, &index);

	test_expect(!err || (!value && errno == ENOENT), "enter %u in %s: %s", value,
		    xfn_map_name(map), strerror(errno));
}

static void enter_cpus(const struct harness *harness, __u32 first, __u32 second)
{
	enter(harness, XFN_MAP_CPUS, 0, first);
	if (harness->dataplane->cpus > 1)
		enter(harness, XFN_MAP_CPUS, 1, second);
}

static __u64 handed(const struct harness *harness, __u32 index)
{
	__u64 events = 0;

	test_expect(!xfn_targets_handed(harness->dataplane, index, &events),
		    "read what was handed");
	return events;
}

/* ---- interfaces ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct frame_spec frame;
} frames[] = {
	{"UDP over IPv4", {.payload = "hello", .payload_bytes = 5}},
	{"UDP over IPv6", {.dst = "2001:db8::1", .payload = "hello", .payload_bytes = 5}},
	{"TCP over IPv4", {.l4_proto = IPPROTO_TCP}},
	{"IPv4 options", {.ip_options = 8}},
	{"IPv6 extension headers", {.dst = "2001:db8::1", .extensions = "hd"}},
	{"an empty datagram with padding", {.trailer_bytes = 18}},
};

static void expect(struct harness *harness, const struct frame *frame, const struct frame *after,
		   enum xfn_verdict verdict, int action)
{
	struct expected expected = {
		.action = action, .verdict = verdict, .function = 0, .outcome = -1, .after = after};

	harness_expect(harness, "by root", 0, BY_ROOT, frame, &expected, NULL);
}

/* The two addresses change, and not one byte else. */
static void run_rewrite(struct harness *harness)
{
	static struct frame frame, after;
	__u64 before;
	unsigned i;

	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		test_begin("redirect: to an interface: %s", frames[i].name);
		harness_apply(harness, to_interface);
		set_device(harness, 0, 3);
		enter(harness, XFN_MAP_DEVS, 3, LOOPBACK);
		frame_build(&frames[i].frame, &frame);
		after = frame;
		memcpy(after.bytes, NEXT_MAC, 6);
		memcpy(after.bytes + 6, OUT_MAC, 6);
		before = handed(harness, XFN_HANDED_DEVICE(3));
		expect(harness, &frame, &after, XFN_VERDICT_STEERED, XDP_REDIRECT);
		test_expect(handed(harness, XFN_HANDED_DEVICE(3)) == before + 1,
			    "handed over once, and a dry run hands nothing over");
		enter(harness, XFN_MAP_DEVS, 3, 0);
		test_end();
	}
}

/* Each leaves the packet as it came, for the stack. */
static void run_no_device(struct harness *harness)
{
	static const struct {
		const char *name;
		__u32 element, device, entered;
	} cases[] = {
		{"no interface in the map", 0, 3, 0},
		{"another interface in the map", 0, 3, 4},
		{"a device beyond the map", 0, XFN_DEVICES_MAX, 3},
		{"the largest device there can be", 0, 0xffffffff, 3},
	};
	static struct frame frame;
	unsigned i;

	frame_build(&frames[0].frame, &frame);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("redirect: to an interface: %s: passed unchanged", cases[i].name);
		harness_apply(harness, to_interface);
		set_device(harness, 0, cases[i].device);
		if (cases[i].entered)
			enter(harness, XFN_MAP_DEVS, cases[i].entered, LOOPBACK);
		expect(harness, &frame, NULL, XFN_VERDICT_NO_TARGET, XDP_PASS);
		if (cases[i].entered)
			enter(harness, XFN_MAP_DEVS, cases[i].entered, 0);
		test_end();
	}
}

static void run_no_target(struct harness *harness)
{
	static const __u32 elements[] = {XFN_TARGETS_MAX, XFN_TARGET_NONE};
	static const char *const manifests[] = {to_interface, to_cpus};
	static struct frame frame;
	struct xfn_function_config config;
	__u64 live;
	unsigned i;

	frame_build(&frames[0].frame, &frame);
	enter(harness, XFN_MAP_DEVS, 0, LOOPBACK);
	enter_cpus(harness, 16, 16);
	for (i = 0; i < 4; i++) {
		test_begin("redirect: %s: no element %u: passed unchanged",
			   i / 2 ? "to CPUs" : "to an interface", elements[i % 2]);
		harness_apply(harness, manifests[i / 2]);
		live = XFN_LIVE_GENERATION(harness->dataplane->rules.control->live);
		config = harness->dataplane->functions[0].config[live];
		config.target = XFN_TARGET(XFN_SAMPLE_NEVER, elements[i % 2]);
		xfn_dataplane_set_function(harness->dataplane, live, 0, &config);
		expect(harness, &frame, NULL, XFN_VERDICT_NO_TARGET, XDP_PASS);
		test_end();
	}
	enter(harness, XFN_MAP_DEVS, 0, 0);
	enter_cpus(harness, 0, 0);
}

/* What police refuses is not redirected, whatever the delivery. */
static void run_policed(struct harness *harness)
{
	static const struct {
		const char *name, *limit;
		enum xfn_verdict verdict;
		int action;
	} cases[] = {
		{"a limit of 0 drops", "limit: 0", XFN_VERDICT_DISABLED, XDP_DROP},
		{"off passes", "enabled: false", XFN_VERDICT_DISABLED, XDP_PASS},
	};
	static struct frame frame;
	char manifest[256];
	unsigned i;

	frame_build(&frames[0].frame, &frame);
	enter(harness, XFN_MAP_DEVS, 3, LOOPBACK);
	for (i = 0; i < 2; i++) {
		test_begin("redirect: to an interface: %s", cases[i].name);
		snprintf(manifest, sizeof(manifest),
			 HEAD "  - {name: a, netdev: out0, " TRIGGERS ", %s}\n", cases[i].limit);
		harness_apply(harness, manifest);
		set_device(harness, 0, 3);
		expect(harness, &frame, NULL, cases[i].verdict, cases[i].action);
		test_end();
	}
	enter(harness, XFN_MAP_DEVS, 3, 0);
}

/* Two functions with an element each: one is found by the slot, not by the first. */
static void run_two(struct harness *harness)
{
	static struct frame frame, after;
	struct expected expected = {.action = XDP_REDIRECT,
				    .verdict = XFN_VERDICT_STEERED,
				    .function = 1,
				    .outcome = -1,
				    .after = &after};

	test_begin("redirect: each function to its own interface");
	harness_apply(harness, HEAD "  - {name: a, netdev: out0, trigger: udp/7}\n"
				    "  - {name: b, netdev: out1, trigger: udp/8}\n");
	set_device(harness, 0, 3);
	set_device(harness, 1, 4);
	harness->dataplane->targets[1].dst_mac[2] ^= 0xffff;
	enter(harness, XFN_MAP_DEVS, 4, LOOPBACK);
	frame_build(&(struct frame_spec){.dst_port = 8}, &frame);
	after = frame;
	memcpy(after.bytes, harness->dataplane->targets[1].dst_mac, 6);
	memcpy(after.bytes + 6, OUT_MAC, 6);
	harness_expect(harness, "the second", 1, BY_ROOT, &frame, &expected, NULL);
	frame_build(&(struct frame_spec){.dst_port = 7}, &frame);
	expect(harness, &frame, NULL, XFN_VERDICT_NO_TARGET, XDP_PASS);
	enter(harness, XFN_MAP_DEVS, 4, 0);
	test_end();
}

/* ---- CPUs ------------------------------------------------------------------------------------------------------- */

static void run_cpu(struct harness *harness)
{
	static struct frame frame;
	__u64 before;
	unsigned i;

	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		test_begin("redirect: to a CPU, unchanged: %s", frames[i].name);
		harness_apply(harness, to_cpus);
		set_cpus(harness, 1, 0, 0);
		enter_cpus(harness, 16, 0);
		frame_build(&frames[i].frame, &frame);
		before = handed(harness, XFN_HANDED_CPU(0));
		expect(harness, &frame, NULL, XFN_VERDICT_STEERED, XDP_REDIRECT);
		test_expect(handed(harness, XFN_HANDED_CPU(0)) == before + 1, "handed over once");
		enter_cpus(harness, 0, 0);
		expect(harness, &frame, NULL, XFN_VERDICT_NO_TARGET, XDP_PASS);
		test_end();
	}
}

/* CPU that a flow goes to: the one whose book moves. */
static int cpu_of(struct harness *harness, unsigned flow)
{
	static struct frame frame;
	static struct run run;
	__u64 before[2] = {handed(harness, XFN_HANDED_CPU(0)), handed(harness, XFN_HANDED_CPU(1))};
	int cpu;

	frame_build(&(struct frame_spec){.src_port = 1000 + flow, .l4_proto = IPPROTO_UDP}, &frame);
	harness_run(harness, 0, BY_ROOT, &frame, &run);
	test_expect(run.action == XDP_REDIRECT, "flow %u: action %s", flow,
		    action_label(run.action));
	for (cpu = 0; cpu < 2; cpu++)
		if (handed(harness, XFN_HANDED_CPU(cpu)) != before[cpu])
			return cpu;
	return -1;
}

static void change_seed(const struct harness *harness)
{
	int fd = harness->dataplane->map_fd[XFN_MAP_SECRETS];
	struct xfn_secrets secrets;
	__u32 zero = 0;

	test_expect(!bpf_map_lookup_elem(fd, &zero, &secrets), "read the secrets");
	secrets.flow_seed ^= 0x5555;
	test_expect(!bpf_map_update_elem(fd, &zero, &secrets, 0), "write the secrets");
}

static void run_flows(struct harness *harness)
{
	unsigned counts[2] = {}, flow;
	int cpus[FLOWS], other[FLOWS], moved = 0;

	test_begin("redirect: flows are spread over the CPUs, and each stays over every change");
	if (harness->dataplane->cpus < 2) {
		test_end();
		return;
	}
	enter_cpus(harness, 16, 16);
	harness_apply(harness, to_cpus);
	set_cpus(harness, 2, 0, 1);
	for (flow = 0; flow < FLOWS; flow++) {
		cpus[flow] = cpu_of(harness, flow);
		counts[cpus[flow] & 1]++;
	}
	test_expect(counts[0] > FLOWS / 4 && counts[1] > FLOWS / 4, "%u on one, %u on the other",
		    counts[0], counts[1]);
	harness_apply(harness, to_interface);
	harness_apply(harness, to_cpus);
	set_cpus(harness, 2, 0, 1);
	for (flow = 0; flow < FLOWS; flow++)
		test_expect(cpu_of(harness, flow) == cpus[flow], "flow %u moved", flow);
	change_seed(harness);
	for (flow = 0; flow < FLOWS; flow++) {
		other[flow] = cpu_of(harness, flow);
		moved += other[flow] != cpus[flow];
	}
	test_expect(moved > FLOWS / 4, "the seed matters: %d moved", moved);
	enter_cpus(harness, 0, 0);
	test_end();
}

void suite_redirect(struct harness *harness)
{
	run_rewrite(harness);
	run_no_device(harness);
	run_no_target(harness);
	run_policed(harness);
	run_two(harness);
	run_cpu(harness);
	run_flows(harness);
}
