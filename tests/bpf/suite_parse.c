/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts of the parse stage, in the kernel: by table, cut at every length, at random. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "suites.h"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "../../bpf/parse.h"

enum { RANDOM_FRAMES = 200000, FRAME_BYTES_RUNNABLE = 14 };

/* Port 7 of the host, UDP and TCP, any VLAN tag that the table uses. */
static const char manifest[] =
	"version: 1\n"
	"functions:\n"
	"  - name: all\n"
	"    socket: existing\n"
	"    triggers:\n"
	"      - {protocol: udp, port: 7}\n"
	"      - {protocol: tcp, port: 7}\n"
	"      - {protocol: udp, port: 7, vlan: 5}\n"
	"      - {protocol: udp, port: 7, vlan: [5, 6]}\n"
	"      - {protocol: udp, port: 7, destination: [224.0.0.251, 'ff02::fb', 192.0.2.255]}\n";

#define V4          .dst = "192.0.2.1"
#define V6          .dst = "2001:db8::1"
#define TCP         .l4_proto = IPPROTO_TCP
#define TEXT        .payload = "hello", .payload_bytes = 5
#define L2(o, n, v) .patch = {{FRAME_L2, o, n, v}}
#define L3(o, n, v) .patch = {{FRAME_L3, o, n, v}}
#define L4(o, n, v) .patch = {{FRAME_L4, o, n, v}}
#define FOREIGN_MAC "\x02\x00\x00\x00\x00\x07"
#define MALFORMED   XFN_VERDICT_MALFORMED
#define FOREIGN     XFN_VERDICT_FOREIGN
#define FRAGMENT    XFN_VERDICT_FRAGMENT
#define UNMATCHED   XFN_VERDICT_UNMATCHED
#define STEERED     XFN_VERDICT_STEERED

static const struct {
	const char *name;
	enum xfn_verdict verdict;
	struct frame_spec frame;
} cases[] = {
	{"UDP over IPv4", STEERED, {V4, TEXT}},
	{"UDP over IPv4 without payload", STEERED, {V4}},
	{"UDP over IPv4 with options", STEERED, {V4, TEXT, .ip_options = 4}},
	{"UDP over IPv4 with 40 bytes of options", STEERED, {V4, TEXT, .ip_options = 40}},
	{"UDP over IPv6", STEERED, {V6, TEXT}},
	{"TCP over IPv4", STEERED, {V4, TCP}},
	{"TCP over IPv4 with 40 bytes of options", STEERED, {V4, TCP, .tcp_options = 40}},
	{"TCP over IPv6", STEERED, {V6, TCP, TEXT, .tcp_options = 12}},
	{"a trailer behind the datagram", STEERED, {V4, TEXT, .trailer_bytes = 30}},
	{"another port", UNMATCHED, {V4, TEXT, .dst_port = 8}},

	{"another MAC", FOREIGN, {V4, TEXT, .eth_dst = FOREIGN_MAC}},
	{"another MAC, malformed behind it", FOREIGN, {V4, .eth_dst = FOREIGN_MAC, L3(0, 1, 0)}},
	{"broadcast MAC, own address", UNMATCHED, {V4, .eth_dst = "\xff\xff\xff\xff\xff\xff"}},
	{"broadcast MAC, broadcast address that a trigger names",
	 STEERED,
	 {.dst = "192.0.2.255", .eth_dst = "\xff\xff\xff\xff\xff\xff"}},
	{"multicast MAC, group that a trigger names",
	 STEERED,
	 {.dst = "224.0.0.251", .eth_dst = "\x01\x00\x5e\x00\x00\xfb"}},
	{"multicast MAC, IPv6 group that a trigger names",
	 STEERED,
	 {.dst = "ff02::fb", .eth_dst = "\x33\x33\x00\x00\x00\xfb"}},
	{"multicast MAC, another group",
	 UNMATCHED,
	 {.dst = "224.0.0.250", .eth_dst = "\x01\x00\x5e\x00\x00\xfa"}},

	{"ARP", FOREIGN, {V4, .eth_proto = 0x0806}},
	{"MPLS", FOREIGN, {V4, .eth_proto = 0x8847}},
	{"a length in place of a protocol (802.3)", FOREIGN, {V4, .eth_proto = 0x002e}},
	{"IPv4's protocol over IPv6", MALFORMED, {V6, .eth_proto = 0x0800}},
	{"IPv6's protocol over IPv4", MALFORMED, {V4, TEXT, .eth_proto = 0x86dd}},

	{"one VLAN tag", STEERED, {V4, TEXT, .vlan = {5}}},
	{"one VLAN tag with priority and DEI", STEERED, {V4, TEXT, .vlan = {0xf005}}},
	{"two VLAN tags", STEERED, {V4, TEXT, .vlan = {5, 6}}},
	{"two VLAN tags in the other order", UNMATCHED, {V4, TEXT, .vlan = {6, 5}}},
	{"three VLAN tags", FOREIGN, {V4, TEXT, .vlan = {5, 6, 7}}},
	{"another VLAN", UNMATCHED, {V4, TEXT, .vlan = {9}}},

	{"IPv4: version 5", MALFORMED, {V4, TEXT, L3(0, 1, 0x55)}},
	{"IPv4: header of 0 bytes", MALFORMED, {V4, TEXT, L3(0, 1, 0x40)}},
	{"IPv4: header of 16 bytes", MALFORMED, {V4, TEXT, L3(0, 1, 0x44)}},
	{"IPv4: header longer than the frame", MALFORMED, {V4, L3(0, 1, 0x4f)}},
	{"IPv4: header longer than the datagram",
	 MALFORMED,
	 {V4, L3(0, 1, 0x4f), .trailer_bytes = 60}},
	{"IPv4: total length 0", MALFORMED, {V4, TEXT, L3(2, 2, 0)}},
	{"IPv4: total length 19", MALFORMED, {V4, TEXT, L3(2, 2, 19)}},
	{"IPv4: total length of the header alone", MALFORMED, {V4, TEXT, L3(2, 2, 20)}},
	{"IPv4: total length one more than the frame", MALFORMED, {V4, TEXT, L3(2, 2, 34)}},
	{"IPv4: total length 65535", MALFORMED, {V4, TEXT, L3(2, 2, 65535)}},
	{"IPv4: first fragment", FRAGMENT, {V4, TEXT, L3(6, 2, 0x2000)}},
	{"IPv4: later fragment", FRAGMENT, {V4, TEXT, L3(6, 2, 0x2001)}},
	{"IPv4: last fragment", FRAGMENT, {V4, TEXT, L3(6, 2, 0x1fff)}},
	{"IPv4: fragment of ICMP", FRAGMENT, {V4, TEXT, .l4_proto = 1, L3(6, 2, 0x2000)}},
	{"IPv4: don't fragment", STEERED, {V4, TEXT, L3(6, 2, 0x4000)}},
	{"IPv4: the reserved flag", STEERED, {V4, TEXT, L3(6, 2, 0x8000)}},
	{"IPv4: ICMP", FOREIGN, {V4, TEXT, .l4_proto = 1}},
	{"IPv4: SCTP", FOREIGN, {V4, TEXT, .l4_proto = 132}},
	{"IPv4: ESP", FOREIGN, {V4, TEXT, .l4_proto = 50}},
	{"IPv4: AH", FOREIGN, {V4, TEXT, .l4_proto = 51}},
	{"IPv4: UDP-Lite", FOREIGN, {V4, TEXT, .l4_proto = 136}},

	{"UDP: length 0", MALFORMED, {V4, TEXT, L4(4, 2, 0)}},
	{"UDP: length 7", MALFORMED, {V4, TEXT, L4(4, 2, 7)}},
	{"UDP: length 8 of more", STEERED, {V4, TEXT, L4(4, 2, 8)}},
	{"UDP: length one more than IP's", MALFORMED, {V4, TEXT, L4(4, 2, 14)}},
	{"UDP: the same with a trailer", MALFORMED, {V4, TEXT, L4(4, 2, 14), .trailer_bytes = 20}},
	{"UDP: length 65535", MALFORMED, {V4, TEXT, L4(4, 2, 65535)}},
	{"UDP: IP ends within the header", MALFORMED, {V4, TEXT, L3(2, 2, 27)}},
	{"TCP: IP ends within the header", MALFORMED, {V4, TCP, TEXT, L3(2, 2, 39)}},
	{"TCP: IP ends within the options",
	 MALFORMED,
	 {V4, TCP, TEXT, .tcp_options = 12, L3(2, 2, 51)}},

	{"IPv6: version 4", MALFORMED, {V6, TEXT, L3(0, 1, 0x40)}},
	{"IPv6: payload length 0", MALFORMED, {V6, TEXT, L3(4, 2, 0)}},
	{"IPv6: payload length 7", MALFORMED, {V6, TEXT, L3(4, 2, 7)}},
	{"IPv6: payload length one more than the frame", MALFORMED, {V6, TEXT, L3(4, 2, 14)}},
	{"IPv6: payload length 65535", MALFORMED, {V6, TEXT, L3(4, 2, 65535)}},
	{"IPv6: no next header", FOREIGN, {V6, TEXT, .l4_proto = 59}},
	{"IPv6: ICMPv6", FOREIGN, {V6, TEXT, .l4_proto = 58}},
	{"IPv6: ESP", FOREIGN, {V6, TEXT, .extensions = "e"}},
	{"IPv6: AH", FOREIGN, {V6, TEXT, .extensions = "A"}},
	{"IPv6: hop-by-hop, then ESP", FOREIGN, {V6, TEXT, .extensions = "he"}},
	{"IPv6: one extension header", STEERED, {V6, TEXT, .extensions = "h"}},
	{"IPv6: two, one of 16 bytes", STEERED, {V6, TEXT, .extensions = "hD"}},
	{"IPv6: three", STEERED, {V6, TEXT, .extensions = "hDr"}},
	{"IPv6: four", STEERED, {V6, TEXT, .extensions = "hdrD"}},
	{"IPv6: five", FOREIGN, {V6, TEXT, .extensions = "hdrdD"}},
	{"IPv6: the same one four times", STEERED, {V6, TEXT, .extensions = "dddd"}},
	{"IPv6: a loop of forty",
	 FOREIGN,
	 {V6, .extensions = "dddddddddddddddddddddddddddddddddddddddd"}},
	{"IPv6: TCP behind four", STEERED, {V6, TCP, .extensions = "hdrD", .tcp_options = 8}},
	{"IPv6: routing header, no segment left", STEERED, {V6, TEXT, .extensions = "r"}},
	{"IPv6: routing header, one segment left", FOREIGN, {V6, TEXT, .extensions = "R"}},
	{"IPv6: atomic fragment (RFC 6946)", STEERED, {V6, TEXT, .extensions = "a"}},
	{"IPv6: atomic fragment, reserved byte set",
	 STEERED,
	 {V6, TEXT, .extensions = "a", L3(41, 1, 255)}},
	{"IPv6: first fragment", FRAGMENT, {V6, TEXT, .extensions = "f"}},
	{"IPv6: later fragment", FRAGMENT, {V6, TEXT, .extensions = "F"}},
	{"IPv6: fragment behind hop-by-hop", FRAGMENT, {V6, TEXT, .extensions = "hf"}},
	{"IPv6: fragment behind four others", FOREIGN, {V6, TEXT, .extensions = "hdddf"}},
	{"IPv6: extension longer than the payload",
	 MALFORMED,
	 {V6, TEXT, .extensions = "h", L3(41, 1, 3)}},
	{"IPv6: extension of 2048 bytes", MALFORMED, {V6, TEXT, .extensions = "d", L3(41, 1, 255)}},
	{"IPv6: extension up to the end", MALFORMED, {V6, .extensions = "d", L3(41, 1, 1)}},
	{"IPv6: fragment header behind the payload",
	 MALFORMED,
	 {V6, TEXT, .extensions = "f", L3(4, 2, 4)}},
	{"IPv6: routing header behind the payload",
	 MALFORMED,
	 {V6, TEXT, .extensions = "R", L3(4, 2, 0)}},
};

static void run_cases(struct harness *harness)
{
	struct expected expected = {.action = XDP_PASS, .outcome = -1};
	struct frame frame;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("parse: %s", cases[i].name);
		frame_build(&cases[i].frame, &frame);
		expected.verdict = cases[i].verdict;
		expected.function = cases[i].verdict == STEERED ? 0 : -1;
		harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
		harness_expect(harness, "by ingress", 0, BY_INGRESS, &frame, &expected, NULL);
		test_end();
	}
}

static void run_header_lengths(struct harness *harness)
{
	struct expected expected = {.action = XDP_PASS, .outcome = -1};
	struct frame_spec spec = {TCP, .tcp_options = 20, TEXT};
	struct frame frame;
	unsigned words;

	for (words = 0; words < 16; words++) {
		test_begin("parse: TCP: data offset %u of a header of 10 words", words);
		frame_build(&spec, &frame);
		frame.bytes[frame.l4 + 12] = words << 4;
		/* Any 5 to 11 words fit: there are 5 bytes behind the header. */
		expected.verdict = words >= 5 && words <= 11 ? STEERED : MALFORMED;
		expected.function = expected.verdict == STEERED ? 0 : -1;
		harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
		test_end();
	}
}

/* Between two data planes there may be none: the packet passes, counted, without a verdict. */
static void run_without_ingress(struct harness *harness)
{
	__u32 slot = 1;
	int entries_fd = harness->dataplane->map_fd[XFN_MAP_ENTRY_PROGS];
	static struct books before, after;
	static struct frame frame;
	static struct run run;
	int err;

	test_begin("parse: root without ingress passes, and audit can tell");
	frame_build(&cases[0].frame, &frame);
	err = bpf_map_delete_elem(entries_fd, &slot);
	harness_read_books(harness, slot, &before);
	harness_run(harness, slot, BY_ROOT, &frame, &run);
	harness_read_books(harness, slot, &after);
	err |= bpf_map_update_elem(entries_fd, &slot,
				   &harness->dataplane->interface[slot].ingress_fd, 0);
	test_expect(!err, "cannot take the program out and put it back: %d", err);
	test_expect(run.action == XDP_PASS, "action %s", action_label(run.action));
	test_expect(after.packets - before.packets == 1, "not counted");
	test_expect(!memcmp(after.verdicts, before.verdicts, sizeof(after.verdicts)),
		    "a verdict moved");
	test_end();
}

/* Every packet of the table, cut at every length that TEST_RUN takes. */
static void run_truncated(struct harness *harness)
{
	struct expected expected = {
		.action = XDP_PASS, .verdict = MALFORMED, .function = -1, .outcome = -1};
	struct frame frame;
	__u32 datagram_end;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].verdict != STEERED || cases[i].frame.patch[0].layer)
			continue;
		test_begin("parse: cut short: %s", cases[i].name);
		frame_build(&cases[i].frame, &frame);
		datagram_end = frame.size - cases[i].frame.trailer_bytes;
		for (frame.size = FRAME_BYTES_RUNNABLE; frame.size < datagram_end; frame.size++)
			harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
		test_end();
	}
}

/* ---- random ------------------------------------------------------------------------------------ */

/* The verdict of the same source, compiled for user space; XFN_GO_ON where later stages decide. */
static int parse_here(const struct frame *frame)
{
	static struct frame copy;
	struct packet packet = {};
	__u64 mac = 0;

	copy = *frame;
	memcpy(&mac, FRAME_MAC, 6);
	return parse(copy.bytes, copy.bytes + copy.size, mac, 0, &packet);
}

static bool is_one_of_later_stages(unsigned verdict)
{
	return verdict == STEERED || verdict == UNMATCHED;
}

/* The verdict that moved, or -1 and a failure where it was not exactly one, by one. */
static int verdict_between(const __u64 before[XFN_VERDICT_COUNT],
			   const __u64 after[XFN_VERDICT_COUNT])
{
	int moved = -1;
	unsigned i;

	for (i = 0; i < XFN_VERDICT_COUNT; i++) {
		if (before[i] == after[i])
			continue;
		test_expect(moved < 0, "%s moved beside %s", verdict_label(i),
			    verdict_label(moved));
		test_expect(after[i] - before[i] == 1, "%s moved by %lld", verdict_label(i),
			    (long long)(after[i] - before[i]));
		moved = i;
	}
	test_expect(moved >= 0, "no verdict moved");
	return moved;
}

static void run_random_frame(struct harness *harness, const struct frame *frame, unsigned number,
			     __u64 before[XFN_VERDICT_COUNT])
{
	static struct run run;
	__u64 after[XFN_VERDICT_COUNT];
	int here = parse_here(frame), verdict;

	harness_run(harness, 0, BY_ROOT, frame, &run);
	harness_read_verdicts(harness, 0, after);
	verdict = verdict_between(before, after);
	if (here == XFN_GO_ON)
		test_expect(is_one_of_later_stages(verdict), "frame %u: %s, expected a later stage",
			    number, verdict_label(verdict));
	else
		test_expect(verdict == here, "frame %u: %s, expected %s", number,
			    verdict_label(verdict), verdict_label(here));
	test_expect(run.action == XDP_PASS, "frame %u: %s", number, action_label(run.action));
	test_expect(run.after.size == frame->size &&
			    !memcmp(run.after.bytes, frame->bytes, frame->size),
		    "frame %u was changed", number);
	memcpy(before, after, sizeof(after));
}

static void make_random(struct frame *frame, __u64 *random)
{
	__u32 i, at = frame_random(random) % (sizeof(cases) / sizeof(cases[0]));

	frame_build(&cases[at].frame, frame);
	frame_mutate(frame, random);
	if (frame_random(random) % 16 == 0)
		for (i = 14; i < frame->size; i++)
			frame->bytes[i] = (__u8)frame_random(random);
	if (frame->size < FRAME_BYTES_RUNNABLE)
		frame->size = FRAME_BYTES_RUNNABLE;
}

static void run_random(struct harness *harness)
{
	unsigned count = harness_scaled(harness, RANDOM_FRAMES, 1000), i;
	__u64 random = 7, verdicts[XFN_VERDICT_COUNT];
	struct books before, after;
	struct frame frame;
	__u64 sum = 0;

	test_begin("parse: random packets: one verdict each, that of the parser in user space");
	harness_read_books(harness, 0, &before);
	memcpy(verdicts, before.verdicts, sizeof(verdicts));
	for (i = 0; i < count; i++) {
		make_random(&frame, &random);
		run_random_frame(harness, &frame, i, verdicts);
	}
	harness_read_books(harness, 0, &after);
	for (i = 0; i < XFN_VERDICT_COUNT; i++)
		sum += after.verdicts[i] - before.verdicts[i];
	test_expect(after.packets - before.packets == count, "%llu packets counted, expected %u",
		    after.packets - before.packets, count);
	test_expect(sum == count, "sum of the verdicts is %llu, expected %u", sum, count);
	test_end();
}

void suite_parse(struct harness *harness)
{
	test_begin("parse: the rules go live");
	harness_apply(harness, manifest);
	test_end();
	run_cases(harness);
	run_header_lengths(harness);
	run_without_ingress(harness);
	run_truncated(harness);
	run_random(harness);
}
