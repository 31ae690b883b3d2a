/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: the token on the way in, what may come back, and what is in flight between. */
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "suites.h"
#include "wire.h"
#include "../../loader/dry.h"
#include "../../loader/park.h"
#include "../../loader/port.h"
#include "errnum.h"

#define MANIFEST                                                                              \
	"version: 1\nfunctions:\n"                                                            \
	"  - {name: a, socket: existing, triggers: [udp/7, udp/53, {protocol: udp, port: 9, " \
	"vlan: 5}]}\n"

enum { LOOPBACK = 1, PORT = 5, IDENTITY = 77, FUNCTION = 3 };

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

static unsigned live(const struct harness *harness)
{
	return XFN_LIVE_GENERATION(harness->dataplane->rules.control->live);
}

/* Function 0 is delivered to port PORT from now on. */
static void deliver(struct harness *harness, const struct xfn_port_owner *given)
{
	static const struct xfn_port_rule rules[] = {
		{.port_first = 7,
		 .port_last = 9,
		 .ip_version = 4,
		 .l4_proto = IPPROTO_UDP,
		 .own = 1},
		{.port_first = 7,
		 .port_last = 9,
		 .ip_version = 6,
		 .l4_proto = IPPROTO_UDP,
		 .own = 1},
		/* 203.0.113.0/24, as the bytes of a packet */
		{.address = {0x007100cb},
		 .mask = {0x00ffffff},
		 .port_first = 53,
		 .port_last = 53,
		 .ip_version = 4,
		 .l4_proto = IPPROTO_UDP},
	};
	struct xfn_dataplane *dataplane = harness->dataplane;
	struct xfn_port_owner owner = *given;
	struct xfn_function_config config;

	harness_apply(harness, MANIFEST);
	owner.identity = IDENTITY;
	owner.function = FUNCTION;
	owner.deadline_ns = owner.deadline_ns ?: 1000000000ULL;
	owner.histogram = XFN_HISTOGRAM_NONE;
	test_expect(!xfn_port_claim(dataplane, PORT, &owner), "claim the port");
	test_expect(!xfn_port_set_rules(dataplane, live(harness), PORT, rules, 3), "set its rules");
	test_expect(xfn_port_of(dataplane, IDENTITY) == PORT, "it is found by its function");
	dataplane->functions[0].identity = IDENTITY;
	config = dataplane->functions[0].config[live(harness)];
	config.limit &= ~XFN_FUNCTION_DELIVERY(0xf);
	config.limit |= XFN_FUNCTION_DELIVERY(XFN_DELIVERY_XSK);
	config.target = XFN_TARGET(XFN_SAMPLE_NEVER, PORT);
	xfn_dataplane_set_function(dataplane, live(harness), 0, &config);
}

static void close_way(struct harness *harness)
{
	test_expect(!xfn_port_close(harness->dataplane, PORT), "close the port");
	xfn_port_free(harness->dataplane, PORT);
	harness->dataplane->functions[0].identity = 0;
}

/* ---- in ---------------------------------------------------------------------------------------------- */

static const struct frame_spec request = {.payload = "hello", .payload_bytes = 5};

/* Runs one frame in; the token is checked, the rest has to be as it came. */
static void run_one_in(struct harness *harness, __u32 slot, const char *name,
		       const struct frame_spec *spec)
{
	static struct frame frame;
	struct run run;
	__u64 before = now_ns(), after, arrival;

	frame_build(spec, &frame);
	test_begin("port: in: %s", name);
	harness_run(harness, slot, BY_ROOT, &frame, &run);
	after = now_ns();
	test_expect(run.action == XDP_REDIRECT, "redirected, got %s", action_label(run.action));
	test_expect(xfn_token_is(run.after.bytes), "a token is in the Ethernet destination");
	test_expect(xfn_token_slot(run.after.bytes) == slot, "it names the interface");
	arrival = xfn_token_arrival_ns(run.after.bytes, after);
	test_expect(arrival + 16 > before && arrival <= after, "it has the arrival time");
	test_expect_bytes("all behind the token", run.after.bytes + XFN_TOKEN_BYTES,
			  run.after.size - XFN_TOKEN_BYTES, frame.bytes + XFN_TOKEN_BYTES,
			  frame.size - XFN_TOKEN_BYTES);
	test_end();
}

static void expect_in(struct harness *harness, const char *name, enum xfn_verdict verdict,
		      int action)
{
	static struct frame frame;
	struct expected expected = {.action = action, .verdict = verdict, .outcome = -1};

	frame_build(&request, &frame);
	test_begin("port: in: %s", name);
	harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
	test_end();
}

static void run_in(struct harness *harness)
{
	struct xfn_dataplane *dataplane = harness->dataplane;

	deliver(harness, &(struct xfn_port_owner){});
	expect_in(harness, "no instance is ready: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
	xfn_port_open(dataplane, PORT, LOOPBACK);
	run_one_in(harness, 0, "UDP over IPv4", &request);
	run_one_in(harness, 1, "by the other interface", &request);
	run_one_in(harness, 0, "UDP over IPv6",
		   &(struct frame_spec){.dst = "2001:db8::1", .src = "2001:db8::9"});
	run_one_in(harness, 0, "a VLAN tag stays",
		   &(struct frame_spec){
			   .vlan = {5}, .dst_port = 9, .payload = "x", .payload_bytes = 1});
	dataplane->functions[0].identity = IDENTITY + 1;
	expect_in(harness, "the slot has another owner: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
	close_way(harness);
	expect_in(harness, "after it was closed: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
}

/* ---- parked -------------------------------------------------------------------------------------------- */

static __u64 parked(const struct harness *harness)
{
	struct xfn_port_totals totals;

	xfn_port_read(harness->dataplane, PORT, now_ns(), &totals);
	return totals.parked;
}

static const struct xfn_port_line *line_of(const struct harness *harness)
{
	return &harness->dataplane->port_lines[PORT];
}

/* What explain says of it, without a trace. */
static void foretell_parked(const struct harness *harness, __u32 slot, const struct frame *frame)
{
	const struct xfn_dry_frame dry = {frame->bytes, frame->size};
	__u64 parked_before = parked(harness), before = line_of(harness)->in_flight;
	struct xfn_dry_result result;

	test_expect(!xfn_dry_step(harness->dry[slot], &dry, &result), "run dry");
	test_expect(result.report.seen.verdict == XFN_VERDICT_STEERED, "explain says %s",
		    verdict_label(result.report.seen.verdict));
	test_expect(parked(harness) == parked_before && line_of(harness)->in_flight == before,
		    "explain moves nothing");
}

/* What is at @bytes of a packet that was parked: a token, then what came; the metadata in front. */
static void expect_parked(__u32 slot, const struct frame *frame, const __u8 *bytes, __u32 size)
{
	struct xfn_park_meta meta;
	__u64 after = now_ns();

	memcpy(&meta, bytes - sizeof(meta), sizeof(meta));
	test_expect(size == frame->size, "%u bytes for %u", size, frame->size);
	test_expect(meta.magic == XFN_PARK_MAGIC, "the magic, got %x", meta.magic);
	test_expect(meta.check == xfn_park_check(&meta), "the check word, got %x", meta.check);
	test_expect(meta.identity == IDENTITY && meta.function == FUNCTION, "whose it is");
	test_expect(meta.interface == slot, "interface %u", meta.interface);
	test_expect(meta.seen_ns <= after && after - meta.seen_ns < 1000000000ULL,
		    "when it came: %llu, now it is %llu", meta.seen_ns, after);
	test_expect(xfn_token_is(bytes) && xfn_token_slot(bytes) == slot, "a token is there");
	test_expect(xfn_token_arrival_ns(bytes, after) == meta.seen_ns / 16 * 16,
		    "it has the same time");
	test_expect_bytes("all behind the token", bytes + XFN_TOKEN_BYTES, size - XFN_TOKEN_BYTES,
			  frame->bytes + XFN_TOKEN_BYTES, frame->size - XFN_TOKEN_BYTES);
}

static void run_one_parked(struct harness *harness, const char *name, __u32 slot, bool one_way)
{
	__u64 parked_before = parked(harness), before = line_of(harness)->in_flight;
	static struct frame frame;
	struct run run;

	test_begin("port: parked: %s", name);
	frame_build(&request, &frame);
	foretell_parked(harness, slot, &frame);
	harness_run(harness, slot, BY_ROOT, &frame, &run);
	test_expect(run.action == XDP_REDIRECT, "redirected, got %s", action_label(run.action));
	expect_parked(slot, &frame, run.after.bytes + sizeof(struct xfn_park_meta),
		      run.after.size - (__u32)sizeof(struct xfn_park_meta));
	test_expect(parked(harness) == parked_before + 1, "it is counted");
	test_expect(line_of(harness)->in_flight == before + !one_way, "and in flight");
	test_end();
}

static void run_park_refusals(const struct xfn_dataplane *dataplane, int socket_fd)
{
	test_begin("port: parked: what is no place, and no socket, is refused");
	test_expect(xfn_park_enter(dataplane, XFN_INTERFACES_MAX, 0, socket_fd) == -EINVAL, "slot");
	test_expect(xfn_park_enter(dataplane, 0, XFN_PARK_QUEUES, socket_fd) == -EINVAL, "queue");
	test_expect(xfn_park_leave(dataplane, 0, XFN_PARK_QUEUES) == -EINVAL, "queue");
	test_expect(xfn_park_enter(dataplane, 0, 0, STDERR_FILENO) < 0, "a file");
	test_expect(!xfn_park_leave(dataplane, 0, 7), "nothing is there to take away");
	test_end();
}

/* From a real interface to a real socket: what comes first in front of a frame is the metadata. */
static void run_wire(struct harness *harness)
{
	struct xfn_dataplane *dataplane = harness->dataplane;
	static struct frame frame;
	const __u8 *bytes;
	struct wire wire;
	__u32 size = 0;
	int err;

	test_begin("port: parked: off the wire, as the keeper finds it");
	frame_build(&request, &frame);
	err = wire_open(&wire, dataplane->interface[0].root_fd);
	if (test_expect(!err, "make a veth pair: %s", strerror(-err)) &&
	    test_expect(!xfn_park_enter(dataplane, 0, 0, wire.xsk.fd), "enter its socket") &&
	    test_expect(wire_send(&wire, &frame), "send")) {
		bytes = wire_receive(&wire, &size);
		if (test_expect(bytes, "nothing came"))
			expect_parked(0, &frame, bytes, size);
	}
	wire_close(&wire);
	test_end();
}

/* The kernel wants to know of an element only that it is an AF_XDP socket. */
static void run_parked(struct harness *harness)
{
	struct xfn_dataplane *dataplane = harness->dataplane;
	int socket_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	deliver(harness, &(struct xfn_port_owner){.flags = XFN_PORT_PARKS, .concurrency = 2});
	expect_in(harness, "the keeper has no socket: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
	run_park_refusals(dataplane, socket_fd);
	test_begin("port: parked: a socket is entered");
	test_expect(!xfn_park_enter(dataplane, 1, 0, socket_fd), "enter it");
	test_end();
	expect_in(harness, "the keeper has none of this interface: passed unchanged",
		  XFN_VERDICT_NO_TARGET, XDP_PASS);
	run_one_parked(harness, "with its function, interface and time", 1, false);
	xfn_park_enter(dataplane, 0, 0, socket_fd);
	run_one_parked(harness, "from the other interface", 0, false);
	expect_in(harness, "so many wait as may be in flight: refused, with nothing in front",
		  XFN_VERDICT_CONCURRENCY_LIMITED, XDP_DROP);
	test_begin("port: parked: what was refused is not counted");
	test_expect(parked(harness) == 2 && line_of(harness)->in_flight == 2, "two wait");
	test_end();
	close_way(harness);

	deliver(harness, &(struct xfn_port_owner){.flags = XFN_PORT_PARKS | XFN_PORT_ONE_WAY});
	run_one_parked(harness, "of one that does not answer", 0, true);
	xfn_port_open(dataplane, PORT, LOOPBACK);
	run_one_in(harness, 0, "an instance is ready: nothing is parked", &request);
	test_begin("port: parked: with an instance ready it is not counted");
	test_expect(parked(harness) == 1, "one was, got %llu", parked(harness));
	test_end();
	close_way(harness);

	deliver(harness, &(struct xfn_port_owner){});
	expect_in(harness, "of a function that does not park: passed unchanged",
		  XFN_VERDICT_NO_TARGET, XDP_PASS);
	close_way(harness);

	deliver(harness, &(struct xfn_port_owner){.flags = XFN_PORT_PARKS});
	xfn_park_leave(dataplane, 0, 0);
	expect_in(harness, "the socket was taken out: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
	xfn_park_enter(dataplane, 0, 0, socket_fd);
	run_one_parked(harness, "it is there again", 0, false);
	close(socket_fd);
	expect_in(harness, "the keeper was killed: passed unchanged", XFN_VERDICT_NO_TARGET,
		  XDP_PASS);
	run_wire(harness);
	close_way(harness);
}

/* ---- out --------------------------------------------------------------------------------------------- */

static int run_out(const struct harness *harness, int program_fd, const struct frame *frame,
		   struct frame *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = frame->size, .data_out = ret->bytes,
		    .data_size_out = sizeof(ret->bytes));

	(void)harness;
	if (bpf_prog_test_run_opts(program_fd, &options))
		return xfn_errno();
	ret->size = options.data_size_out;
	return (int)options.retval;
}

/* A reply of the function's, as an echo makes it: to the client, with a token of interface @slot. */
static void build_reply(const struct frame_spec *spec, __u32 slot, struct frame *ret)
{
	frame_build(spec, ret);
	memcpy(ret->bytes, FRAME_PEER_MAC, 6);
	xfn_token_write(ret->bytes + 6, slot, now_ns());
}

static const struct {
	const char *name;
	struct frame_spec spec;
	enum xfn_port_outcome outcome;
	bool no_token;
} replies[] = {
	{"to a client",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.9", .dst_port = 4000},
	 XFN_PORT_REPLIED,
	 false},
	{"over IPv6",
	 {.src = "2001:db8::1", .src_port = 8, .dst = "2001:db8::9", .dst_port = 4000},
	 XFN_PORT_REPLIED,
	 false},
	{"from a prefix that is named",
	 {.src = "203.0.113.8", .src_port = 53, .dst = "192.0.2.9", .dst_port = 4000},
	 XFN_PORT_REPLIED,
	 false},
	{"with a VLAN tag",
	 {.src = "192.0.2.1", .src_port = 9, .dst = "192.0.2.9", .dst_port = 4000, .vlan = {5}},
	 XFN_PORT_REPLIED,
	 false},
	{"from another port",
	 {.src = "192.0.2.1", .src_port = 10, .dst = "192.0.2.9"},
	 XFN_PORT_BAD_REPLY,
	 false},
	{"from another address",
	 {.src = "192.0.2.2", .src_port = 7, .dst = "192.0.2.9"},
	 XFN_PORT_BAD_REPLY,
	 false},
	{"from another address of the prefix, another port",
	 {.src = "203.0.113.8", .src_port = 7, .dst = "192.0.2.9"},
	 XFN_PORT_BAD_REPLY,
	 false},
	{"by another protocol",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.9", .l4_proto = IPPROTO_TCP},
	 XFN_PORT_BAD_REPLY,
	 false},
	{"without a token",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.9"},
	 XFN_PORT_BAD_REPLY,
	 true},
	{"cut short",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.9", .patch = {{FRAME_L4, 4, 2, 7}}},
	 XFN_PORT_BAD_REPLY,
	 false},
	{"to port 0",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.9", .patch = {{FRAME_L4, 2, 2, 0}}},
	 XFN_PORT_BAD_SOURCE,
	 false},
	{"to a group",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "224.0.0.1", .dst_port = 4000},
	 XFN_PORT_BAD_SOURCE,
	 false},
	{"to an address of this host",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.1", .dst_port = 4000},
	 XFN_PORT_BAD_SOURCE,
	 false},
	{"to the broadcast address",
	 {.src = "192.0.2.1", .src_port = 7, .dst = "192.0.2.255", .dst_port = 4000},
	 XFN_PORT_BAD_SOURCE,
	 false},
};

/* Exactly one counter moves, by one. */
static void expect_outcome(struct harness *harness, const struct xfn_port_totals *before,
			   enum xfn_port_outcome outcome)
{
	struct xfn_port_totals after;
	unsigned i;

	test_expect(!xfn_port_read(harness->dataplane, PORT, now_ns(), &after),
		    "read the counters");
	for (i = 0; i < XFN_PORT_OUTCOME_COUNT; i++)
		test_expect(after.outcomes[i] == before->outcomes[i] + (i == outcome),
			    "outcome %u: %llu before, %llu after", i, before->outcomes[i],
			    after.outcomes[i]);
}

/* One reply out, with an event in flight if it is to be a good one. */
static void run_one_out(struct harness *harness, int program_fd, unsigned i)
{
	static struct frame frame, event, after;
	bool good = replies[i].outcome == XFN_PORT_REPLIED;
	struct xfn_port_totals before;
	struct run run;
	int action;

	test_begin("port: out: %s", replies[i].name);
	frame_build(&request, &event);
	harness_run(harness, 0, BY_ROOT, &event, &run);
	xfn_port_read(harness->dataplane, PORT, now_ns(), &before);
	build_reply(&replies[i].spec, 0, &frame);
	if (replies[i].no_token)
		memcpy(frame.bytes + 6, "\x00\x11\x22\x33\x44\x55", 6);
	action = run_out(harness, program_fd, &frame, &after);
	test_expect(action == (good ? XDP_REDIRECT : XDP_DROP), "got %s", action_label(action));
	expect_outcome(harness, &before, replies[i].outcome);
	if (good) {
		test_expect(!memcmp(after.bytes + 6, FRAME_MAC, 6),
			    "the interface's own address is in the place of the token");
		memcpy(frame.bytes + 6, FRAME_MAC, 6);
		test_expect_bytes("all else", after.bytes, after.size, frame.bytes, frame.size);
	}
	test_end();
}

/* Out of the interface that the token names, with its own address; and nowhere else where that is gone. */
static void run_other_interface(struct harness *harness, int program_fd)
{
	static const __u8 other_mac[6] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0x03};
	struct xfn_dataplane *dataplane = harness->dataplane;
	struct xfn_port_totals before;
	static struct frame frame, after;

	test_begin("port: out: of the other interface");
	xfn_dataplane_set_mac(dataplane, 1, other_mac);
	xfn_port_set_uplink(dataplane, 0, 0);
	xfn_port_set_uplink(dataplane, 1, LOOPBACK);
	build_reply(&replies[0].spec, 1, &frame);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_REDIRECT, "sent");
	test_expect(!memcmp(after.bytes + 6, other_mac, 6), "with that one's address");
	test_end();
	test_begin("port: out: only of the interface it came from");
	build_reply(&replies[0].spec, 0, &frame);
	xfn_port_read(dataplane, PORT, now_ns(), &before);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_DROP, "dropped");
	expect_outcome(harness, &before, XFN_PORT_UNSENT);
	xfn_port_set_uplink(dataplane, 0, LOOPBACK);
	xfn_port_set_uplink(dataplane, 1, 0);
	build_reply(&replies[0].spec, 1, &frame);
	xfn_port_read(dataplane, PORT, now_ns(), &before);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_DROP, "dropped as well");
	expect_outcome(harness, &before, XFN_PORT_UNSENT);
	xfn_dataplane_set_mac(dataplane, 1, (const __u8 *)FRAME_MAC);
	test_end();
}

static void run_replies(struct harness *harness, int program_fd)
{
	struct xfn_dataplane *dataplane = harness->dataplane;
	struct xfn_port_totals before;
	static struct frame frame, after;
	unsigned i;

	deliver(harness, &(struct xfn_port_owner){});
	xfn_port_open(dataplane, PORT, LOOPBACK);
	xfn_port_set_uplink(dataplane, 0, LOOPBACK);
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		run_one_out(harness, program_fd, i);

	test_begin("port: out: the interface it came from is gone");
	xfn_port_set_uplink(dataplane, 0, 0);
	xfn_port_read(dataplane, PORT, now_ns(), &before);
	build_reply(&replies[0].spec, 0, &frame);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_DROP, "dropped");
	expect_outcome(harness, &before, XFN_PORT_UNSENT);
	xfn_port_set_uplink(dataplane, 0, LOOPBACK);
	test_end();

	run_other_interface(harness, program_fd);

	test_begin("port: out: from anywhere, where the function may");
	dataplane->port_lines[PORT].flags = XFN_PORT_SEND_ANY;
	build_reply(&replies[5].spec, 0, &frame);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_REDIRECT, "sent");
	test_end();

	test_begin("port: out: of one that does not answer");
	dataplane->port_lines[PORT].flags = XFN_PORT_ONE_WAY;
	xfn_port_read(dataplane, PORT, now_ns(), &before);
	build_reply(&replies[0].spec, 0, &frame);
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_DROP, "dropped");
	expect_outcome(harness, &before, XFN_PORT_BAD_REPLY);
	test_end();
	close_way(harness);

	test_begin("port: out: of a port that is nobody's");
	test_expect(run_out(harness, program_fd, &frame, &after) == XDP_DROP, "dropped");
	test_end();
}

/* ---- in flight ------------------------------------------------------------------------------------------ */

static __u64 in_flight(struct harness *harness)
{
	struct xfn_port_totals totals;

	xfn_port_read(harness->dataplane, PORT, now_ns(), &totals);
	return totals.in_flight;
}

/* ---- over the limit -------------------------------------------------------------------------------------- */

#define DNS_QUESTION "\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1"

/* One is in flight, and no more may be: what becomes of the next is what @excess says. */
static void expect_excess(struct harness *harness, __u64 excess, bool parks, int action)
{
	static const char question[] = "ab\1\0" DNS_QUESTION, refused[] = "ab\x81\5" DNS_QUESTION;
	const struct frame_spec spec = {
		.dst_port = 53, .payload = question, .payload_bytes = sizeof(question) - 1};
	struct expected expected = {
		.action = action, .verdict = XFN_VERDICT_CONCURRENCY_LIMITED, .outcome = -1};
	static struct frame frame, answer;
	struct run run;

	deliver(harness,
		&(struct xfn_port_owner){.flags = parks ? XFN_PORT_PARKS : 0, .concurrency = 1});
	if (!parks)
		xfn_port_open(harness->dataplane, PORT, LOOPBACK);
	harness->dataplane->functions[0].config[live(harness)].limit |= excess;
	harness->dataplane->policies[0].config[live(harness)].reply = XFN_REPLY_DNS;
	frame_build(&spec, &frame);
	harness_run(harness, 0, BY_ROOT, &frame, &run);
	test_expect(run.action == XDP_REDIRECT && in_flight(harness) == 1, "one is in flight");
	if (action == XDP_TX) {
		frame_build_reply(&spec, refused, sizeof(refused) - 1, &answer);
		expected.after = &answer;
	}
	harness_expect(harness, "the next", 0, BY_ROOT, &frame, &expected, NULL);
	test_expect(in_flight(harness) == 1, "it is not in flight");
	harness->dataplane->policies[0].config[live(harness)].reply = XFN_REPLY_NONE;
	close_way(harness);
}

static void run_excess(struct harness *harness)
{
	int socket_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	xfn_park_enter(harness->dataplane, 0, 0, socket_fd);
	test_begin("port: excess: passed to the stack, unchanged");
	expect_excess(harness, XFN_FUNCTION_EXCESS_PASS, false, XDP_PASS);
	test_end();
	test_begin("port: excess: passed to the stack, unchanged, where events wait");
	expect_excess(harness, XFN_FUNCTION_EXCESS_PASS, true, XDP_PASS);
	test_end();
	test_begin("port: excess: told that it is refused");
	expect_excess(harness, XFN_FUNCTION_EXCESS_REPLY, false, XDP_TX);
	test_end();
	test_begin("port: excess: told that it is refused, where events wait");
	expect_excess(harness, XFN_FUNCTION_EXCESS_REPLY, true, XDP_TX);
	test_end();
	close(socket_fd);
}

static void run_flight(struct harness *harness, int program_fd)
{
	static struct frame event, reply, after;
	struct xfn_port_totals totals;
	struct run run;
	unsigned i;

	frame_build(&request, &event);
	test_begin("port: flight: events are in flight until they are answered");
	deliver(harness, &(struct xfn_port_owner){.concurrency = 3});
	xfn_port_open(harness->dataplane, PORT, LOOPBACK);
	for (i = 0; i < 3; i++)
		harness_run(harness, 0, BY_ROOT, &event, &run);
	test_expect(in_flight(harness) == 3, "three are in flight");
	test_end();
	expect_in(harness, "so many in flight as may be: the next is refused",
		  XFN_VERDICT_CONCURRENCY_LIMITED, XDP_DROP);
	test_begin("port: flight: an answer makes room for one");
	build_reply(&replies[0].spec, 0, &reply);
	memcpy(reply.bytes + 6, run.after.bytes, XFN_TOKEN_BYTES);
	test_expect(run_out(harness, program_fd, &reply, &after) == XDP_REDIRECT,
		    "the answer is sent");
	test_expect(in_flight(harness) == 2, "two are left");
	harness_run(harness, 0, BY_ROOT, &event, &run);
	test_expect(run.action == XDP_REDIRECT && in_flight(harness) == 3, "and one more came");
	test_end();
	close_way(harness);

	test_begin("port: flight: what is unanswered after the deadline is a timeout, and out of "
		   "flight");
	deliver(harness, &(struct xfn_port_owner){.deadline_ns = 20000000, .concurrency = 2});
	xfn_port_open(harness->dataplane, PORT, LOOPBACK);
	harness_run(harness, 0, BY_ROOT, &event, &run);
	memcpy(reply.bytes + 6, run.after.bytes, XFN_TOKEN_BYTES);
	harness_run(harness, 0, BY_ROOT, &event, &run);
	test_expect(in_flight(harness) == 2, "two are in flight");
	usleep(40000);
	/* The data plane itself ends them, with the next event. */
	harness_run(harness, 0, BY_ROOT, &event, &run);
	test_expect(run.action == XDP_REDIRECT, "there is room again");
	test_expect(harness->dataplane->port_lines[PORT].timeouts == 2, "two timeouts");
	test_expect(harness->dataplane->port_lines[PORT].in_flight == 1, "one in flight");
	test_end();

	test_begin("port: flight: an answer after the deadline goes out and is said to be late");
	xfn_port_read(harness->dataplane, PORT, now_ns(), &totals);
	test_expect(run_out(harness, program_fd, &reply, &after) == XDP_REDIRECT, "sent");
	expect_outcome(harness, &totals, XFN_PORT_LATE);
	test_end();

	test_begin("port: flight: without traffic reading ends them");
	usleep(40000);
	test_expect(in_flight(harness) == 0, "none is in flight");
	xfn_port_read(harness->dataplane, PORT, now_ns(), &totals);
	test_expect(totals.outcomes[XFN_PORT_TIMEOUT] == 3, "three timeouts in all, got %llu",
		    totals.outcomes[XFN_PORT_TIMEOUT]);
	test_end();
	close_way(harness);

	test_begin("port: flight: of one that does not answer nothing is in flight");
	deliver(harness, &(struct xfn_port_owner){.flags = XFN_PORT_ONE_WAY});
	xfn_port_open(harness->dataplane, PORT, LOOPBACK);
	harness_run(harness, 0, BY_ROOT, &event, &run);
	test_expect(run.action == XDP_REDIRECT && in_flight(harness) == 0,
		    "steered, and forgotten");
	test_end();
	close_way(harness);
}

/* Rules that may leave the port in a generation. */
static unsigned count_rules(const struct harness *harness, unsigned generation)
{
	const struct xfn_port_rule *rules =
		&harness->dataplane
			 ->port_rules[(generation * XFN_PORTS_MAX + PORT) * XFN_PORT_RULES_MAX];
	unsigned count = 0;

	while (count < XFN_PORT_RULES_MAX && rules[count].ip_version)
		count++;
	return count;
}

static void run_owners(struct harness *harness)
{
	const struct xfn_port_owner other = {.identity = IDENTITY + 1, .deadline_ns = 1000000};

	test_begin("port: owners: one whose function leaves goes on with its rules");
	deliver(harness, &(struct xfn_port_owner){0});
	xfn_port_carry_rules(harness->dataplane, !live(harness), PORT);
	test_expect(count_rules(harness, 0) == 3 && count_rules(harness, 1) == 3,
		    "the same in both generations");
	test_end();
	test_begin("port: owners: the next one begins without rules, in either generation");
	xfn_port_free(harness->dataplane, PORT);
	test_expect(!xfn_port_claim(harness->dataplane, PORT, &other), "claimed");
	test_expect(!count_rules(harness, 0) && !count_rules(harness, 1), "nothing may leave");
	test_end();
	xfn_port_free(harness->dataplane, PORT);
}

void suite_port(struct harness *harness)
{
	int fd = harness->dataplane->map_fd[XFN_MAP_PORT_OF], program_fd;
	__u32 loopback = LOOPBACK, port = PORT;
	struct xfn_fault fault = {""};

	run_in(harness);
	run_parked(harness);
	program_fd = xfn_port_load_near(harness->dataplane, &fault);
	test_begin("port: the ports' program loads");
	test_expect(program_fd >= 0, "%s", fault.text);
	test_expect(!bpf_map_update_elem(fd, &loopback, &port, 0), "the port has its interface");
	test_end();
	if (program_fd < 0)
		return;
	run_replies(harness, program_fd);
	run_flight(harness, program_fd);
	run_excess(harness);
	run_owners(harness);
	bpf_map_delete_elem(fd, &loopback);
	xfn_port_set_uplink(harness->dataplane, 0, 0);
	close(program_fd);
}
