/* SPDX-License-Identifier: BSD-2-Clause */
/* Which trigger matches: the order of the contract case by case; random ones are in classify_random.c. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "classify_random.h"
#include "harness.h"
#include "suites.h"

enum { NOBODY = -1 };

#define BROADCAST_MAC "\xff\xff\xff\xff\xff\xff"
#define GROUP_MAC     "\x01\x00\x5e\x00\x00\xfb"
#define V6            "2001:db8::1"

/* Functions are written down least specific first, so that their order cannot be what decides. */
static const struct {
	const char *name;
	const char *triggers[6]; /* of function 0, 1, ... */
	struct {
		int interface, function;
		struct frame_spec packet;
	} packets[9];
	unsigned packet_count;
} cases[] = {
	{"an exact port",
	 {"udp/1000"},
	 {{0, 0, {.dst_port = 1000}},
	  {1, 0, {.dst_port = 1000}},
	  {0, NOBODY, {.dst_port = 999}},
	  {0, NOBODY, {.dst_port = 1001}},
	  {0, NOBODY, {.dst_port = 1000, .l4_proto = IPPROTO_TCP}}},
	 5},
	{"UDP and TCP apart",
	 {"udp/1000", "tcp/1000"},
	 {{0, 0, {.dst_port = 1000}}, {0, 1, {.dst_port = 1000, .l4_proto = IPPROTO_TCP}}},
	 2},
	{"a range, both ends in it",
	 {"udp/1000-1009"},
	 {{0, 0, {.dst_port = 1000}},
	  {0, 0, {.dst_port = 1009}},
	  {0, NOBODY, {.dst_port = 999}},
	  {0, NOBODY, {.dst_port = 1010}}},
	 4},
	{"the narrower range, the exact port",
	 {"udp/1-65535", "udp/1000-1999", "udp/1000-1009", "udp/1005"},
	 {{0, 3, {.dst_port = 1005}},
	  {0, 2, {.dst_port = 1006}},
	  {0, 1, {.dst_port = 1010}},
	  {0, 0, {.dst_port = 2000}},
	  {0, 0, {.dst_port = 1}},
	  {0, 0, {.dst_port = 65535}}},
	 6},
	{"the longer destination prefix",
	 {"{protocol: udp, port: 7, destination: 10.0.0.0/8}",
	  "{protocol: udp, port: 7, destination: 10.0.0.0/16}",
	  "{protocol: udp, port: 7, destination: 10.0.0.1}"},
	 {{0, 2, {.dst = "10.0.0.1"}},
	  {0, 1, {.dst = "10.0.0.2"}},
	  {0, 0, {.dst = "10.1.0.1"}},
	  {0, NOBODY, {.dst = "11.0.0.1"}},
	  {0, NOBODY, {.dst = "192.0.2.1"}}},
	 5},
	{"the longer destination prefix before the exact port",
	 {"{protocol: udp, port: 7, destination: 10.0.0.0/8}",
	  "{protocol: udp, port: 1-100, destination: 10.0.0.0/9}"},
	 {{0, 1, {.dst = "10.0.0.1"}}, {0, 0, {.dst = "10.128.0.1"}}},
	 2},
	{"the longer IPv6 prefix",
	 {"{protocol: udp, port: 7, destination: '2001:db8::/32'}",
	  "{protocol: udp, port: 7, destination: '2001:db8::/64'}",
	  "{protocol: udp, port: 7, destination: '2001:db8::1'}"},
	 {{0, 2, {.dst = V6}},
	  {0, 1, {.dst = "2001:db8::2"}},
	  {0, 0, {.dst = "2001:db8:0:1::1"}},
	  {0, NOBODY, {.dst = "2001:db9::1"}}},
	 4},
	{"IPv4 and IPv6 apart",
	 {"{protocol: udp, port: 7, destination: 0.0.0.0/0}",
	  "{protocol: udp, port: 7, destination: '::/0'}"},
	 {{0, 0, {.dst = "8.8.8.8"}}, {0, 1, {.dst = "2a00::1"}}},
	 2},
	{"the source after the destination",
	 {"udp/7", "{protocol: udp, port: 7, source: 192.0.2.0/24}",
	  "{protocol: udp, port: 7, source: 192.0.2.9}",
	  "{protocol: udp, port: 7, destination: 192.0.2.1}"},
	 {{0, 3, {.src = "192.0.2.9"}},
	  {0, NOBODY, {.dst = "8.8.8.8", .src = "192.0.2.9"}},
	  {0, 0, {.dst = V6, .src = "2001:db8::9"}}},
	 3},
	{"the longer source prefix",
	 {"udp/7", "{protocol: udp, port: 7, source: 192.0.2.0/24}",
	  "{protocol: udp, port: 7, source: 192.0.2.9}"},
	 {{0, 2, {.src = "192.0.2.9"}},
	  {0, 1, {.src = "192.0.2.10"}},
	  {0, 0, {.src = "198.51.100.1"}}},
	 3},
	{"VLAN tags",
	 {"udp/7", "{protocol: udp, port: 7, vlan: 5}", "{protocol: udp, port: 7, vlan: [5, 6]}",
	  "{protocol: udp, port: 7, vlan: 4094}"},
	 {{0, 0, {.dst = "192.0.2.1"}},
	  {0, 1, {.vlan = {5}}},
	  {0, 2, {.vlan = {5, 6}}},
	  {0, NOBODY, {.vlan = {6}}},
	  {0, NOBODY, {.vlan = {6, 5}}},
	  {0, 3, {.vlan = {0xeffe}}},    /* priority and 4094 */
	  {0, 0, {.vlan = {0x2000}}},    /* a priority, no VLAN */
	  {0, 1, {.vlan = {0x2000, 5}}}, /* as the kernel: the tag behind counts */
	  {0, 1, {.vlan = {5, 0x2000}}}},
	 9},
	{"an interface",
	 {"udp/7", "{protocol: udp, port: 7, interface: test1}"},
	 {{0, 0, {.dst = "192.0.2.1"}}, {1, 1, {.dst = "192.0.2.1"}}},
	 2},
	{"an interface that is not attached waits",
	 {"udp/7", "{protocol: udp, port: 7, interface: test9}"},
	 {{0, 0, {.dst = "192.0.2.1"}}, {1, 0, {.dst = "192.0.2.1"}}},
	 2},
	{"the interface before the exact port",
	 {"udp/7", "{protocol: udp, port: 1-100, interface: test1}"},
	 {{0, 0, {.dst = "192.0.2.1"}}, {1, 1, {.dst = "192.0.2.1"}}},
	 2},
	{"own addresses by default",
	 {"udp/7"},
	 {{0, 0, {.dst = "192.0.2.1"}},
	  {0, 0, {.dst = V6}},
	  {0, 0, {.dst = "fe80::1"}},
	  {0, NOBODY, {.dst = "192.0.2.2"}},
	  {0, NOBODY, {.dst = "192.0.2.255"}},
	  {0, NOBODY, {.dst = "2001:db8::2"}},
	  {0, NOBODY, {.dst = "fe80::2"}}},
	 7},
	{"any address, and the own ones before",
	 {"{protocol: udp, port: 7, destination: any}", "udp/7"},
	 {{0, 1, {.dst = "192.0.2.1"}},
	  {0, 1, {.dst = V6}},
	  {0, 0, {.dst = "192.0.2.2"}},
	  {0, NOBODY, {.dst = "192.0.2.255"}},
	  {0, 0, {.dst = "2a00::1"}}},
	 5},
	{"groups only by name",
	 {"{protocol: udp, port: 7, destination: any}", "udp/7",
	  "{protocol: udp, port: 7, destination: 0.0.0.0/0}",
	  "{protocol: udp, port: 7, destination: 224.0.0.251}",
	  "{protocol: udp, port: 7, destination: 'ff02::/16'}",
	  "{protocol: udp, port: 7, destination: 255.255.255.255}"},
	 {{0, 3, {.dst = "224.0.0.251", .eth_dst = GROUP_MAC}},
	  {0, 3, {.dst = "224.0.0.251"}},
	  {0, NOBODY, {.dst = "224.0.0.252", .eth_dst = GROUP_MAC}},
	  {0, 4, {.dst = "ff02::fb", .eth_dst = "\x33\x33\x00\x00\x00\xfb"}},
	  {0, NOBODY, {.dst = "ff05::fb", .eth_dst = "\x33\x33\x00\x00\x00\xfb"}},
	  {0, 5, {.dst = "255.255.255.255", .eth_dst = BROADCAST_MAC}},
	  {0, NOBODY, {.dst = "192.0.2.1", .eth_dst = BROADCAST_MAC}},
	  {0, 2, {.dst = "8.8.8.8"}}},
	 8},
	{"directed broadcast by name",
	 {"udp/7", "{protocol: udp, port: 7, destination: 192.0.2.255}"},
	 {{0, 1, {.dst = "192.0.2.255", .eth_dst = BROADCAST_MAC}},
	  {0, 1, {.dst = "192.0.2.255"}},
	  {0, NOBODY, {.dst = "192.0.3.255", .eth_dst = BROADCAST_MAC}}},
	 3},
	{"several prefixes in one trigger",
	 {"{protocol: udp, port: 7, destination: [10.0.0.0/8, 192.0.2.1, '2001:db8::/32'], source: "
	  "[192.0.2.9, '2001:db8::/64']}"},
	 {{0, 0, {.dst = "10.1.1.1"}},
	  {0, 0, {.dst = "192.0.2.1"}},
	  {0, 0, {.dst = "2001:db8:5::1", .src = "2001:db8::9"}},
	  {0, NOBODY, {.dst = "10.1.1.1", .src = "192.0.2.8"}},
	  {0, NOBODY, {.dst = "2001:db8:5::1", .src = "2001:db8:1::9"}}},
	 5},
};

static bool apply_case(struct harness *harness, unsigned number)
{
	char text[4096];
	size_t used = snprintf(text, sizeof(text), "version: 1\nfunctions:\n");
	unsigned i;

	for (i = 0; i < 6 && cases[number].triggers[i]; i++)
		used += snprintf(text + used, sizeof(text) - used,
				 "  - name: f%u\n    socket: existing\n    trigger: %s\n", i,
				 cases[number].triggers[i]);
	return harness_apply(harness, text);
}

static void run_case(struct harness *harness, unsigned number)
{
	struct expected expected = {.action = XDP_PASS, .outcome = -1};
	static struct frame frame;
	char what[32];
	unsigned i;

	test_begin("classify: %s", cases[number].name);
	if (!apply_case(harness, number))
		goto end;
	for (i = 0; i < cases[number].packet_count; i++) {
		snprintf(what, sizeof(what), "packet %u", i + 1);
		frame_build(&cases[number].packets[i].packet, &frame);
		expected.function = cases[number].packets[i].function;
		expected.verdict =
			expected.function == NOBODY ? XFN_VERDICT_UNMATCHED : XFN_VERDICT_STEERED;
		harness_expect(harness, what, cases[number].packets[i].interface, BY_ROOT, &frame,
			       &expected, NULL);
	}
end:
	test_end();
}

/* No rules at all: everything is unmatched. */
static void run_empty(struct harness *harness)
{
	struct expected expected = {.action = XDP_PASS,
				    .verdict = XFN_VERDICT_UNMATCHED,
				    .function = NOBODY,
				    .outcome = -1};
	struct frame_spec packet = {.dst_port = 7};
	static struct frame frame;

	test_begin("classify: no function, nothing matches");
	harness_apply(harness, "version: 1\nfunctions: []\n");
	frame_build(&packet, &frame);
	harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

/* As many probes as a port may have: prefixes of every length but 0, the shortest one alone. */
static void run_longest_list(struct harness *harness)
{
	struct expected expected = {
		.action = XDP_PASS, .verdict = XFN_VERDICT_STEERED, .outcome = -1};
	struct frame_spec packet = {.dst = "192.168.0.1"};
	static struct frame frame;
	char text[2048];
	size_t used;
	unsigned plen;

	test_begin("classify: %d probes on a port, the last one too", XFN_PROBES_PER_PORT_MAX);
	used = snprintf(text, sizeof(text),
			"version: 1\nfunctions:\n  - name: long\n    socket: existing\n"
			"    trigger: {protocol: udp, port: 7, destination: [");
	for (plen = 32; plen > 1; plen--)
		used += snprintf(text + used, sizeof(text) - used, "128.0.0.0/%u%s", plen,
				 plen > 2 ? ", " : "]}\n");
	snprintf(text + used, sizeof(text) - used,
		 "  - name: short\n    socket: existing\n"
		 "    trigger: {protocol: udp, port: 7, destination: 128.0.0.0/1}\n");
	if (harness_apply(harness, text)) {
		test_expect(harness->ruleset->longest_list == XFN_PROBES_PER_PORT_MAX,
			    "the longest list has %u", harness->ruleset->longest_list);
		frame_build(&packet, &frame);
		expected.function = 1;
		harness_expect(harness, "/1", 0, BY_ROOT, &frame, &expected, NULL);
		packet.dst = "128.0.0.0";
		frame_build(&packet, &frame);
		expected.function = 0;
		harness_expect(harness, "/32", 0, BY_ROOT, &frame, &expected, NULL);
	}
	test_end();
}

void suite_classify(struct harness *harness)
{
	unsigned i;

	run_empty(harness);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(harness, i);
	run_longest_list(harness);
	classify_random(harness);
}
