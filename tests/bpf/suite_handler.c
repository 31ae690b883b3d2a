/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of an event in a handler; replies are compared byte by byte. */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "harness.h"
#include "suites.h"

enum { ACTOR, DNS, COAP, MISSING };

/* Every address is steered, so that sources and destinations can be odd. */
static const char manifest[] =
	"version: 1\n"
	"functions:\n"
	"  - name: actor\n"
	"    kernel: actor.bpf.o\n"
	"    triggers:\n"
	"      - {protocol: udp, port: 7, destination: any}\n"
	"      - {protocol: tcp, port: 7, destination: any}\n"
	"      - {protocol: udp, port: 7, destination: any, vlan: 5}\n"
	"      - {protocol: udp, port: 7, destination: any, vlan: [5, 6]}\n"
	"      - {protocol: udp, port: 7, destination: [224.0.0.251, 'ff02::fb', 192.0.2.1]}\n"
	"  - {name: dns, kernel: dns.bpf.o, trigger: udp/53}\n"
	"  - {name: coap, kernel: coap.bpf.o, trigger: udp/5683}\n"
	"  - {name: missing, kernel: missing.bpf.o, trigger: udp/9}\n";

#define V6               .dst = "2001:db8::1"
#define SAY(text)        .payload = (text), .payload_bytes = sizeof(text) - 1
#define TAKEN            XFN_VERDICT_HANDLED
#define REPLIED          XFN_OUTCOME_REPLIED
#define ABORTED          XFN_OUTCOME_ABORTED
#define BAD_SOURCE       XFN_OUTCOME_BAD_SOURCE
#define BROADCAST_MAC    "\xff\xff\xff\xff\xff\xff"
#define MULTICAST_MAC    "\x01\x00\x5e\x00\x00\xfb"
#define DNS_QUERY(flags) "\x12\x34" flags "\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"

/* ---- replies ----------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct frame_spec request;
} replies[] = {
	{"IPv4", {SAY("R, and thirty more bytes or so")}},
	{"IPv4, an odd number of bytes", {SAY("R, and thirty more bytes or so.")}},
	{"IPv4, no payload", {}},
	{"IPv4, shorter than a frame", {SAY("R")}},
	{"IPv4, shorter than a frame, padded with junk", {SAY("R"), .trailer_bytes = 17}},
	{"IPv4, a trailer", {SAY("R, and thirty more bytes or so"), .trailer_bytes = 11}},
	{"IPv4, 4 bytes of options", {SAY("R, and thirty more bytes"), .ip_options = 4}},
	{"IPv4, 40 bytes of options", {SAY("R, and thirty more bytes"), .ip_options = 40}},
	{"IPv4, 40 bytes of options, shorter than a frame", {SAY("R"), .ip_options = 40}},
	{"IPv4, a VLAN tag", {SAY("R, and thirty more bytes"), .vlan = {0x6005}}},
	{"IPv4, two VLAN tags", {SAY("R"), .vlan = {0x6005, 6}}},
	{"IPv4, two VLAN tags and options", {SAY("R"), .vlan = {5, 6}, .ip_options = 12}},
	{"IPv4, ports that are not the usual ones", {SAY("R"), .src_port = 65535}},
	{"IPv4, a source that is transit", {SAY("R"), .src = "223.255.255.255", .dst = "8.8.8.8"}},
	{"IPv6", {V6, SAY("R, and thirty more bytes or so")}},
	{"IPv6, an odd number of bytes", {V6, SAY("R, and thirty more bytes or so.")}},
	{"IPv6, no payload", {V6}},
	{"IPv6, 1 byte", {V6, SAY("R")}},
	{"IPv6, 2 bytes", {V6, SAY("RR")}},
	{"IPv6, 3 bytes", {V6, SAY("RRR")}},
	{"IPv6, a trailer", {V6, SAY("R, and so on"), .trailer_bytes = 11}},
	{"IPv6, an extension header", {V6, SAY("R, and so on"), .extensions = "h"}},
	{"IPv6, four extension headers", {V6, SAY("R, and so on"), .extensions = "hDra"}},
	{"IPv6, two VLAN tags, extension headers",
	 {V6, SAY("R"), .vlan = {5, 6}, .extensions = "da"}},
	{"IPv6, from a link-local address", {V6, SAY("R"), .src = "fe80::9"}},
};

static void expect_reply(struct harness *harness, const struct frame_spec *request, int function,
			 const void *payload, __u32 payload_bytes)
{
	struct expected expected = {
		.action = XDP_TX,
		.verdict = TAKEN,
		.function = function,
		.outcome = REPLIED,
	};
	static struct frame frame, after;
	static struct run run;

	frame_build(request, &frame);
	frame_build_reply(request, payload, payload_bytes, &after);
	expected.after = &after;
	harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, &run);
	if (run.action == XDP_TX)
		test_expect(frame_sums_are_right(&run.after), "a checksum is wrong");
	harness_expect(harness, "by ingress", 0, BY_INGRESS, &frame, &expected, NULL);
}

static void run_replies(struct harness *harness)
{
	const struct frame_spec *request;
	unsigned i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		request = &replies[i].request;
		test_begin("handler: reply: %s", replies[i].name);
		expect_reply(harness, request, ACTOR, request->payload, request->payload_bytes);
		test_end();
	}
}

/* A checksum of 0 is sent as 0xffff: the payload makes the sum what it must be. */
static void run_zero_sum(struct harness *harness)
{
	__u8 payload[4] = "R\0\0";
	struct frame_spec request = {V6, .payload = payload, .payload_bytes = 4};
	static struct frame reply;
	__u16 sum;

	test_begin("handler: reply: IPv6, whose checksum comes out as 0");
	frame_build_reply(&request, payload, 4, &reply);
	sum = (__u16)(reply.bytes[reply.l4 + 6] << 8 | reply.bytes[reply.l4 + 7]);
	payload[2] = sum >> 8;
	payload[3] = (__u8)sum;
	frame_build_reply(&request, payload, 4, &reply);
	test_expect(reply.bytes[reply.l4 + 6] == 0xff && reply.bytes[reply.l4 + 7] == 0xff,
		    "the payload does not make it so");
	expect_reply(harness, &request, ACTOR, payload, 4);
	test_end();
}

/* ---- other lengths ----------------------------------------------------------------------------- */

static void run_resize(struct harness *harness, bool ipv6, char way, __u32 from_bytes,
		       __u32 to_bytes, __u32 trailer_bytes)
{
	static __u8 payload[4000], wanted[4000];
	struct frame_spec request = {.dst = ipv6 ? "2001:db8::1" : "192.0.2.1",
				     .payload = payload,
				     .payload_bytes = from_bytes,
				     .trailer_bytes = trailer_bytes};
	__u32 kept = from_bytes < to_bytes ? from_bytes : to_bytes, i;

	for (i = 3; i < from_bytes; i++)
		payload[i] = 'a' + i % 26;
	payload[0] = way;
	payload[1] = to_bytes >> 8;
	payload[2] = (__u8)to_bytes;
	if (way == 'S' && kept > 4)
		kept = 4;
	memset(wanted, 0, sizeof(wanted));
	memcpy(wanted, payload, kept);
	test_begin("handler: reply: IPv%c, %u bytes made %u%s, %u behind", ipv6 ? '6' : '4',
		   from_bytes, to_bytes, way == 'S' ? " by way of 4" : "", trailer_bytes);
	expect_reply(harness, &request, ACTOR, wanted, to_bytes);
	test_end();
}

static void run_resizes(struct harness *harness)
{
	static const __u32 lengths[] = {3, 4, 17, 18, 19, 100, 511, 512, 513, 1024, 1025, 1472};
	enum { COUNT = sizeof(lengths) / sizeof(lengths[0]) };
	unsigned i, j;

	for (i = 0; i < COUNT; i++)
		for (j = 0; j < COUNT; j++)
			run_resize(harness, (i + j) % 2, 'Z', lengths[i], lengths[j], 0);
	run_resize(harness, false, 'Z', 100, 0, 0);
	run_resize(harness, true, 'Z', 100, 0, 0);
	run_resize(harness, true, 'Z', 100, 2999, 0);
	run_resize(harness, false, 'Z', 3, 12, 15); /* grows into the padding: zeros, not junk */
	run_resize(harness, false, 'Z', 3, 12, 200);
	run_resize(harness, true, 'Z', 3, 40, 20);
	run_resize(harness, false, 'S', 18, 18, 0); /* grows into what it had before */
	run_resize(harness, false, 'S', 100, 17, 0);
	run_resize(harness, true, 'S', 30, 20, 9);
	/* TEST_RUN has 3,520 bytes; what does not fit behind is taken from the room in front. */
	run_resize(harness, false, 'Z', 3478, 3479, 0);
	run_resize(harness, false, 'Z', 3450, 3600, 0);
	run_resize(harness, true, 'Z', 3440, 3590, 0);
}

/* Neither behind nor in front: the reply is given up, as the author says who sees it fail. */
static void run_no_room(struct harness *harness)
{
	static __u8 payload[3478] = {'Z', 4000 >> 8, 4000 & 0xff};
	struct frame_spec request = {.payload = payload, .payload_bytes = sizeof(payload)};
	struct expected expected = {
		.action = XDP_DROP, .verdict = TAKEN, .function = ACTOR, .outcome = ABORTED};
	static struct frame frame;

	test_begin("handler: no room for a longer reply");
	frame_build(&request, &frame);
	harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

/* ---- everything else --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int function, outcome, action;
	struct frame_spec request;
} cases[] = {
	{"drop", ACTOR, XFN_OUTCOME_DROPPED, XDP_DROP, {SAY("D")}},
	{"pass", ACTOR, XFN_OUTCOME_PASSED, XDP_PASS, {SAY("P")}},
	{"pass, with options and a trailer",
	 ACTOR,
	 XFN_OUTCOME_PASSED,
	 XDP_PASS,
	 {SAY("P"), .ip_options = 8, .trailer_bytes = 5}},
	{"abort", ACTOR, ABORTED, XDP_DROP, {SAY("A")}},
	{"nonsense", ACTOR, ABORTED, XDP_DROP, {SAY("N")}},
	{"redirect to interface 1", ACTOR, XFN_OUTCOME_REDIRECTED, XDP_REDIRECT, {SAY("X\1")}},
	{"redirect to interface 0", ACTOR, ABORTED, XDP_DROP, {SAY("X\0")}},
	{"resize to more than can be", ACTOR, ABORTED, XDP_DROP, {SAY("Z\xff\xff")}},
	{"resize to more than fits", ACTOR, ABORTED, XDP_DROP, {SAY("Z\x23\x00")}},

	{"reply over TCP", ACTOR, ABORTED, XDP_DROP, {SAY("R"), .l4_proto = IPPROTO_TCP}},
	{"pass over TCP", ACTOR, XFN_OUTCOME_PASSED, XDP_PASS, {SAY("P"), .l4_proto = IPPROTO_TCP}},
	{"reply from a group",
	 ACTOR,
	 ABORTED,
	 XDP_DROP,
	 {SAY("R"), .dst = "224.0.0.251", .eth_dst = MULTICAST_MAC}},
	{"reply from an IPv6 group",
	 ACTOR,
	 ABORTED,
	 XDP_DROP,
	 {SAY("R"), .dst = "ff02::fb", .eth_dst = "\x33\x33\x00\x00\x00\xfb"}},
	{"reply to what came by broadcast",
	 ACTOR,
	 ABORTED,
	 XDP_DROP,
	 {SAY("R"), .eth_dst = BROADCAST_MAC}},

	{"from port 0", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .patch = {{FRAME_L4, 0, 2, 0}}}},
	{"from 0.0.0.0", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "0.0.0.0"}},
	{"from 0.1.2.3", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "0.1.2.3"}},
	{"from 127.0.0.1", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "127.0.0.1"}},
	{"from 127.255.255.254", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "127.255.255.254"}},
	{"from 224.0.0.1", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "224.0.0.1"}},
	{"from 240.0.0.1", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "240.0.0.1"}},
	{"from 255.255.255.255", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "255.255.255.255"}},
	{"from an own address", ACTOR, BAD_SOURCE, XDP_DROP, {SAY("R"), .src = "192.0.2.1"}},
	{"from a directed broadcast address",
	 ACTOR,
	 BAD_SOURCE,
	 XDP_DROP,
	 {SAY("R"), .src = "192.0.2.255"}},
	{"from ::", ACTOR, BAD_SOURCE, XDP_DROP, {V6, SAY("R"), .src = "::"}},
	{"from ::1", ACTOR, BAD_SOURCE, XDP_DROP, {V6, SAY("R"), .src = "::1"}},
	{"from an IPv4-mapped address",
	 ACTOR,
	 BAD_SOURCE,
	 XDP_DROP,
	 {V6, SAY("R"), .src = "::ffff:192.0.2.9"}},
	{"from ff02::1", ACTOR, BAD_SOURCE, XDP_DROP, {V6, SAY("R"), .src = "ff02::1"}},
	{"from ff0e::1", ACTOR, BAD_SOURCE, XDP_DROP, {V6, SAY("R"), .src = "ff0e::1"}},
	{"from an own IPv6 address",
	 ACTOR,
	 BAD_SOURCE,
	 XDP_DROP,
	 {V6, SAY("R"), .src = "2001:db8::1"}},
	{"from an own link-local address",
	 ACTOR,
	 BAD_SOURCE,
	 XDP_DROP,
	 {V6, SAY("R"), .src = "fe80::1"}},
	{"dropped all the same from a bad source",
	 ACTOR,
	 XFN_OUTCOME_DROPPED,
	 XDP_DROP,
	 {SAY("D"), .src = "127.0.0.1"}},

	{"a DNS response", DNS, BAD_SOURCE, XDP_DROP, {SAY(DNS_QUERY("\x80")), .dst_port = 53}},
	{"a DNS response with other flags",
	 DNS,
	 BAD_SOURCE,
	 XDP_DROP,
	 {SAY(DNS_QUERY("\x85")), .dst_port = 53}},
	{"a CoAP 2.05", COAP, BAD_SOURCE, XDP_DROP, {SAY("\x60\x45\x12\x34"), .dst_port = 5683}},
	{"a CoAP 4.04", COAP, BAD_SOURCE, XDP_DROP, {SAY("\x60\x84\x12\x34"), .dst_port = 5683}},
	{"a CoAP 5.00", COAP, BAD_SOURCE, XDP_DROP, {SAY("\x60\xa0\x12\x34"), .dst_port = 5683}},
	{"a CoAP 7.01 (signalling)",
	 COAP,
	 BAD_SOURCE,
	 XDP_DROP,
	 {SAY("\x40\xe1"), .dst_port = 5683}},
};

static void run_cases(struct harness *harness)
{
	struct expected expected = {.verdict = TAKEN};
	static struct frame frame;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("handler: %s", cases[i].name);
		frame_build(&cases[i].request, &frame);
		expected.action = cases[i].action;
		expected.function = cases[i].function;
		expected.outcome = cases[i].outcome;
		harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
		harness_expect(harness, "by ingress", 0, BY_INGRESS, &frame, &expected, NULL);
		test_end();
	}
}

static void run_questions(struct harness *harness)
{
	static const struct {
		const char *name;
		int function;
		struct frame_spec request;
	} questions[] = {
		{"a DNS question", DNS, {SAY(DNS_QUERY("\x01")), .dst_port = 53}},
		{"too short for DNS", DNS, {SAY("\x12\x34"), .dst_port = 53}},
		{"a CoAP GET", COAP, {SAY("\x40\x01\x12\x34"), .dst_port = 5683}},
		{"a CoAP method 0.31", COAP, {SAY("\x40\x1f\x12\x34"), .dst_port = 5683}},
		{"too short for CoAP", COAP, {SAY("\x40"), .dst_port = 5683}},
	};
	unsigned i;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		test_begin("handler: reply: %s", questions[i].name);
		expect_reply(harness, &questions[i].request, questions[i].function,
			     questions[i].request.payload, questions[i].request.payload_bytes);
		test_end();
	}
}

static void run_out_of_reach(struct harness *harness)
{
	struct frame_spec request = {SAY("O, which reads and writes where it may not")};

	test_begin("handler: reads and writes outside the payload fail and touch nothing");
	expect_reply(harness, &request, ACTOR, request.payload, request.payload_bytes);
	test_end();
}

static void run_missing(struct harness *harness)
{
	static const struct frame_spec requests[] = {
		{SAY("R"), .dst_port = 9},
		{V6, SAY("R"), .dst_port = 9, .extensions = "hd", .trailer_bytes = 4},
	};
	struct expected expected = {.action = XDP_PASS,
				    .verdict = XFN_VERDICT_NO_TARGET,
				    .function = MISSING,
				    .outcome = -1};
	static struct frame frame;
	unsigned i;

	test_begin("handler: not there: passed unchanged, and `handled` taken back");
	for (i = 0; i < 2; i++) {
		frame_build(&requests[i], &frame);
		harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
	}
	test_end();

	test_begin("handler: entered, and cleared again under the same rules");
	frame_build(&requests[0], &frame);
	harness_enter_handler(harness, MISSING, "examples/echo/echo.bpf.o");
	expect_reply(harness, &requests[0], MISSING, "R", 1);
	harness_clear_handler(harness, MISSING);
	harness_expect(harness, "cleared", 0, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

void suite_handler(struct harness *harness)
{
	test_begin("handler: rules and handlers go live");
	harness_apply(harness, manifest);
	harness_enter_handler(harness, ACTOR, "tests/bpf/actor.bpf.o");
	harness_enter_handler(harness, DNS, "tests/bpf/echo_dns.bpf.o");
	harness_enter_handler(harness, COAP, "tests/bpf/echo_coap.bpf.o");
	harness_clear_handler(harness, MISSING);
	test_end();
	run_replies(harness);
	run_zero_sum(harness);
	run_resizes(harness);
	run_no_room(harness);
	run_cases(harness);
	run_questions(harness);
	run_out_of_reach(harness);
	run_missing(harness);
}
