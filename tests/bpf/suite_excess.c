/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said to those over a limit (`excess: reply`), byte for byte, and to whom nothing is. */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "suites.h"

/* The rate is used up by the first event; with PER_SOURCE it is the source's own. */
#define MANIFEST(limit)                                                                     \
	"version: 1\nfunctions:\n"                                                          \
	"  - {name: dns, socket: existing, limit: {" limit ", excess: reply}, triggers: ["  \
	"udp/53, tcp/53, {protocol: udp, port: 53, vlan: [5, 6]}, "                         \
	"{protocol: udp, port: 53, destination: [224.0.0.251, 192.0.2.255]}]}\n"            \
	"  - {name: coap, socket: existing, limit: {" limit ", excess: reply}, triggers: [" \
	"udp/5683, {protocol: udp, port: 5683, vlan: 5}]}\n"
#define BY_RATE   MANIFEST("rate: 3/m, burst: 1")
#define BY_SOURCE MANIFEST("rate: 1k/s, per_source: {rate: 1/m, burst: 1}")

enum { DNS, COAP, DNS_PORT = 53, COAP_PORT = 5683, TCP_PROTO = 6 };

#define BYTES(text) text, sizeof(text) - 1
#define NO_REPLY    NULL, 0
#define QUESTION    "\3www\7example\0\0\1\0\1"
#define OPT         "\0\0\51\x10\0\0\0\x80\0\0\0"   /* 4096 bytes, DO, no options */
#define OPT_REPLY   "\0\0\51\x04\xd0\0\0\x80\0\0\0" /* 1232 bytes */
#define OPT_COOKIE                                   \
	"\0\0\51\x10\0\x01\1\xff\xff\0\14\0\12\0\10" \
	"12345678"
#define OPT_DO    "\0\0\51\x04\xd0\0\0\x80\0\0\0"
#define COUNTS(n) "\0\1\0\0\0\0\0" n
#define LABEL63   "\77aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	int function;
	const void *request;
	__u32 request_bytes;
	const void *by_rate; /* NULL: dropped without a word */
	__u32 by_rate_bytes;
	const void *by_source;
	__u32 by_source_bytes;
} messages[] = {
	{"DNS: a query", DNS, BYTES("ab\1\0" COUNTS("\0") QUESTION),
	 BYTES("ab\x81\5" COUNTS("\0") QUESTION), BYTES("ab\x83\0" COUNTS("\0") QUESTION)},
	{"DNS: AD, Z and RA go, CD stays", DNS, BYTES("ab\0\xff" COUNTS("\0") QUESTION),
	 BYTES("ab\x80\x15" COUNTS("\0") QUESTION), BYTES("ab\x82\x10" COUNTS("\0") QUESTION)},
	{"DNS: with EDNS", DNS, BYTES("ab\1\0" COUNTS("\1") QUESTION OPT),
	 BYTES("ab\x81\5" COUNTS("\1") QUESTION OPT_REPLY),
	 BYTES("ab\x83\0" COUNTS("\1") QUESTION OPT_REPLY)},
	{"DNS: EDNS options go, of flags DO stays", DNS,
	 BYTES("ab\1\0" COUNTS("\1") QUESTION OPT_COOKIE),
	 BYTES("ab\x81\5" COUNTS("\1") QUESTION OPT_DO),
	 BYTES("ab\x83\0" COUNTS("\1") QUESTION OPT_DO)},
	{"DNS: another additional record goes", DNS,
	 BYTES("ab\1\0" COUNTS("\1") QUESTION "\0\0\1\0\1\0\0\0\0\0\4abcd"),
	 BYTES("ab\x81\5" COUNTS("\0") QUESTION), BYTES("ab\x83\0" COUNTS("\0") QUESTION)},
	{"DNS: an authority section goes (IXFR)", DNS,
	 BYTES("ab\0\0\0\1\0\0\0\1\0\0" QUESTION "\0\0\6\0\1\0\0\0\0\0\0"),
	 BYTES("ab\x80\5" COUNTS("\0") QUESTION), BYTES("ab\x82\0" COUNTS("\0") QUESTION)},
	{"DNS: other opcodes", DNS, BYTES("ab\x20\0" COUNTS("\0") QUESTION),
	 BYTES("ab\xa0\5" COUNTS("\0") QUESTION), BYTES("ab\xa2\0" COUNTS("\0") QUESTION)},
	{"DNS: the root", DNS, BYTES("ab\0\0" COUNTS("\0") "\0\0\2\0\1"),
	 BYTES("ab\x80\5" COUNTS("\0") "\0\0\2\0\1"), BYTES("ab\x82\0" COUNTS("\0") "\0\0\2\0\1")},
	{"DNS: labels of 63 bytes", DNS,
	 BYTES("ab\0\0" COUNTS("\0") LABEL63 LABEL63 LABEL63 "\0\0\1\0\1"),
	 BYTES("ab\x80\5" COUNTS("\0") LABEL63 LABEL63 LABEL63 "\0\0\1\0\1"),
	 BYTES("ab\x82\0" COUNTS("\0") LABEL63 LABEL63 LABEL63 "\0\0\1\0\1")},
	{"DNS: what is behind the question goes", DNS,
	 BYTES("ab\1\0" COUNTS("\0") QUESTION "secret"), BYTES("ab\x81\5" COUNTS("\0") QUESTION),
	 BYTES("ab\x83\0" COUNTS("\0") QUESTION)},
	{"DNS: a response", DNS, BYTES("ab\x81\0" COUNTS("\0") QUESTION), NO_REPLY, NO_REPLY},
	{"DNS: no question", DNS, BYTES("ab\1\0\0\0\0\0\0\0\0\0"), NO_REPLY, NO_REPLY},
	{"DNS: two questions", DNS, BYTES("ab\1\0\0\2\0\0\0\0\0\0" QUESTION QUESTION), NO_REPLY,
	 NO_REPLY},
	{"DNS: a header cut short", DNS,
	 BYTES("ab\1\0"
	       "\0\1\0\0\0\0\0"),
	 NO_REPLY, NO_REPLY},
	{"DNS: a question cut short", DNS, BYTES("ab\1\0" COUNTS("\0") "\3www\7example\0\0\1\0"),
	 NO_REPLY, NO_REPLY},
	{"DNS: a name without an end", DNS, BYTES("ab\1\0" COUNTS("\0") "\3www\7example"), NO_REPLY,
	 NO_REPLY},
	{"DNS: a compressed name", DNS, BYTES("ab\1\0" COUNTS("\0") "\3www\xc0\14\0\1\0\1"),
	 NO_REPLY, NO_REPLY},
	{"DNS: nothing", DNS, BYTES(""), NO_REPLY, NO_REPLY},

	{"CoAP: confirmable", COAP,
	 BYTES("\x44\1id"
	       "tokn"
	       "\xb1"
	       "a\xff"
	       "data"),
	 BYTES("\x64\x9did"
	       "tokn"
	       "\xd1\1\x14"),
	 BYTES("\x64\x9did"
	       "tokn"
	       "\xd1\1\x3c")},
	{"CoAP: non-confirmable", COAP,
	 BYTES("\x54\2id"
	       "tokn"
	       "\xb1"
	       "a\xff"
	       "data"),
	 BYTES("\x54\x9did"
	       "tokn"
	       "\xd1\1\x14"),
	 BYTES("\x54\x9did"
	       "tokn"
	       "\xd1\1\x3c")},
	{"CoAP: without a token", COAP,
	 BYTES("\x40\1id"
	       "\xb3"
	       "abc"),
	 BYTES("\x60\x9did"
	       "\xd1\1\x14"),
	 BYTES("\x60\x9did"
	       "\xd1\1\x3c")},
	{"CoAP: with the longest token", COAP,
	 BYTES("\x48\4id"
	       "12345678"
	       "\xb3"
	       "abc"),
	 BYTES("\x68\x9did"
	       "12345678"
	       "\xd1\1\x14"),
	 BYTES("\x68\x9did"
	       "12345678"
	       "\xd1\1\x3c")},
	{"CoAP: Max-Age fits exactly", COAP,
	 BYTES("\x41\1id"
	       "t"
	       "\xb2"
	       "ab"),
	 BYTES("\x61\x9did"
	       "t"
	       "\xd1\1\x14"),
	 BYTES("\x61\x9did"
	       "t"
	       "\xd1\1\x3c")},
	{"CoAP: no room for Max-Age", COAP,
	 BYTES("\x41\1id"
	       "t"
	       "\xb1"
	       "a"),
	 BYTES("\x61\x9did"
	       "t"),
	 BYTES("\x61\x9did"
	       "t")},
	{"CoAP: a header alone", COAP, BYTES("\x40\1id"), BYTES("\x60\x9did"), BYTES("\x60\x9did")},
	{"CoAP: a token that is too long", COAP,
	 BYTES("\x49\1id"
	       "123456789"
	       "abc"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: a token cut short", COAP,
	 BYTES("\x44\1id"
	       "tok"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: a header cut short", COAP, BYTES("\x40\1i"), NO_REPLY, NO_REPLY},
	{"CoAP: an acknowledgement", COAP,
	 BYTES("\x60\1id"
	       "abc"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: a reset", COAP, BYTES("\x70\0id"), NO_REPLY, NO_REPLY},
	{"CoAP: a ping", COAP, BYTES("\x40\0id"), NO_REPLY, NO_REPLY},
	{"CoAP: a response", COAP,
	 BYTES("\x50\x45id"
	       "abc"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: an error response", COAP,
	 BYTES("\x50\x84id"
	       "abc"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: a signal (TCP only)", COAP,
	 BYTES("\x40\xe1id"
	       "abc"),
	 NO_REPLY, NO_REPLY},
	{"CoAP: another version", COAP,
	 BYTES("\x80\1id"
	       "abc"),
	 NO_REPLY, NO_REPLY},
};

/* Ways that a request can come. */
static const struct {
	const char *name;
	struct frame_spec spec;
	bool is_answered;
	bool only_dns; /* the trigger is there for one function alone */
} ways[] = {
	{"IPv4", {}, true, false},
	{"IPv6", {.src = "2001:db8::9", .dst = "2001:db8::1"}, true, false},
	{"IPv4 with options and a trailer", {.ip_options = 8, .trailer_bytes = 30}, true, false},
	{"IPv6 with extension headers",
	 {.src = "2001:db8::9", .dst = "2001:db8::1", .extensions = "hda"},
	 true,
	 false},
	{"two VLAN tags", {.vlan = {5, 6}}, true, true},
	{"IPv6, two VLAN tags",
	 {.vlan = {5, 6}, .src = "2001:db8::9", .dst = "2001:db8::1"},
	 true,
	 true},
	{"from a group", {.src = "224.0.0.1"}, false, false},
	{"from this network", {.src = "0.0.0.0"}, false, false},
	{"from loopback", {.src = "127.0.0.1"}, false, false},
	{"from broadcast", {.src = "255.255.255.255"}, false, false},
	{"from directed broadcast", {.src = "192.0.2.255"}, false, false},
	{"from an own address", {.src = "192.0.2.1"}, false, false},
	{"from an IPv6 group", {.src = "ff02::1", .dst = "2001:db8::1"}, false, false},
	{"from ::", {.src = "::", .dst = "2001:db8::1"}, false, false},
	{"from an own IPv6 address", {.src = "fe80::1", .dst = "2001:db8::1"}, false, false},
	{"to a group", {.eth_dst = "\x01\x00\x5e\0\0\xfb", .dst = "224.0.0.251"}, false, true},
	{"to directed broadcast",
	 {.eth_dst = "\xff\xff\xff\xff\xff\xff", .dst = "192.0.2.255"},
	 false,
	 true},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]), MESSAGES = sizeof(messages) / sizeof(messages[0]) };

/* The one event that there is room for. */
static void use_up(struct harness *harness, const struct frame_spec *spec, int function)
{
	static struct frame frame;
	struct run run;

	frame_build(spec, &frame);
	__atomic_store_n(&harness->dataplane->functions[function].arrival, 0, __ATOMIC_RELAXED);
	harness_run(harness, 0, BY_INGRESS, &frame, &run);
}

/* A request over the limit: refused, counted as that, and answered with these bytes, or not at all. */
static void expect(struct harness *harness, const char *what, const struct frame_spec *spec,
		   int function, enum xfn_verdict verdict, const void *reply, __u32 reply_bytes)
{
	static struct frame request, answer;
	struct expected expected = {
		.action = XDP_DROP, .verdict = verdict, .function = function, .outcome = -1};

	frame_build(spec, &request);
	use_up(harness, spec, function);
	if (reply) {
		frame_build_reply(spec, reply, reply_bytes, &answer);
		test_expect(answer.size <= request.size || answer.size == 60,
			    "%s: grew from %u to %u bytes", what, request.size, answer.size);
		expected.action = XDP_TX;
		expected.after = &answer;
	}
	harness_expect(harness, what, 0, BY_ROOT, &request, &expected, NULL);
}

static void run_message(struct harness *harness, unsigned way, unsigned i, enum xfn_verdict verdict)
{
	struct frame_spec spec = ways[way].spec;
	bool by_rate = verdict == XFN_VERDICT_RATE_LIMITED;
	const void *reply = by_rate ? messages[i].by_rate : messages[i].by_source;

	spec.dst_port = messages[i].function == DNS ? DNS_PORT : COAP_PORT;
	spec.payload = messages[i].request;
	spec.payload_bytes = messages[i].request_bytes;
	if (!ways[way].is_answered)
		reply = NULL;
	expect(harness, messages[i].name, &spec, messages[i].function, verdict, reply,
	       by_rate ? messages[i].by_rate_bytes : messages[i].by_source_bytes);
}

static void run_messages(struct harness *harness, const char *manifest, enum xfn_verdict verdict)
{
	unsigned way, i;

	for (way = 0; way < WAYS; way++) {
		test_begin("excess: %s: %s: each message in its words", verdict_label(verdict),
			   ways[way].name);
		if (harness_apply(harness, manifest))
			for (i = 0; i < MESSAGES; i++)
				if (messages[i].function == DNS || !ways[way].only_dns)
					run_message(harness, way, i, verdict);
		test_end();
	}
}

static void run_others(struct harness *harness)
{
	struct frame_spec query = {.dst_port = DNS_PORT,
				   .payload = messages[0].request,
				   .payload_bytes = messages[0].request_bytes};
	struct frame_spec syn = {.dst_port = DNS_PORT, .l4_proto = TCP_PROTO};
	static struct frame frame;
	struct expected expected = {.action = XDP_DROP,
				    .verdict = XFN_VERDICT_RATE_LIMITED,
				    .function = DNS,
				    .outcome = -1};

	test_begin("excess: nothing is said to TCP, nor to port 0");
	harness_apply(harness, BY_RATE);
	expect(harness, "SYN", &syn, DNS, XFN_VERDICT_RATE_LIMITED, NULL, 0);
	use_up(harness, &query, DNS);
	frame_build(&query, &frame);
	memset(frame.bytes + frame.l4, 0, 2);
	harness_expect(harness, "port 0", 0, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

void suite_excess(struct harness *harness)
{
	run_messages(harness, BY_RATE, XFN_VERDICT_RATE_LIMITED);
	run_messages(harness, BY_SOURCE, XFN_VERDICT_SOURCE_LIMITED);
	run_others(harness);
}
