/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random manifests, and packets built, changed and made up at random: verdict, function and action of
 * the programs must be those of the oracle, and no packet may come out changed. Packets go through in
 * batches, with the counters compared behind each; where they differ, the batch goes through again one
 * by one, to find the packet.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "oracle.h"
#include "suites.h"

enum {
	MANIFESTS = 1000,
	BATCHES = 16, /* of each manifest */
	BATCH = 64,
	FUNCTIONS_MOST = 10,
	TRIGGERS_MOST = 6,
	RUNNABLE_BYTES = 14, /* BPF_PROG_TEST_RUN takes no less */
	MANIFEST_BYTES = 65536,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const interfaces[] = {"test0", "test1"};
static const struct oracle_address addresses[] = {
	{4, false, {192, 0, 2, 1}},
	{4, true, {192, 0, 2, 255}},
	{6, false, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
	{6, false, {0xfe, 0x80, [15] = 1}},
};
static struct oracle_world world = {
	.mac = FRAME_MAC,
	.interfaces = interfaces,
	.interface_count = COUNT(interfaces),
	.addresses = addresses,
	.address_count = COUNT(addresses),
};

static __u64 state = 20260101;

static __u32 below(__u32 limit)
{
	return frame_random(&state) % limit;
}

#define PICK(array) ((array)[below(COUNT(array))])

/* ---- manifests: short lists, so that triggers overlap and packets hit ---------------------------- */

/* No two overlap in part. */
static const char *const port_texts[] = {"7",   "53",    "53",      "5683", "8000",
					 "7-8", "50-99", "1-65535", "65535"};
static const __u16 port_numbers[] = {7, 7, 8, 53, 53, 60, 5683, 8000, 1, 0, 65535};
static const char *const destinations[] = {
	"",
	"",
	", destination: any",
	", destination: 192.0.2.1",
	", destination: 192.0.2.0/24",
	", destination: [10.0.0.0/8, \"2001:db8::/32\"]",
	", destination: [10.0.0.0/16, 10.1.0.0/16]",
	", destination: \"2001:db8::1\"",
	", destination: \"::/0\"",
	", destination: 0.0.0.0/0",
	", destination: [224.0.0.251, \"ff02::fb\"]",
	", destination: 224.0.0.0/4",
	", destination: [192.0.2.255, 255.255.255.255]",
};
static const char *const sources[] = {
	"",
	"",
	"",
	", source: any",
	", source: [192.0.2.9, \"2001:db8::9\"]",
	", source: [192.0.2.0/24, \"2001:db8::/64\"]",
	", source: [0.0.0.0/0, \"::/0\"]",
};
static const char *const vlan_texts[] = {
	"", "", "", "", ", vlan: 5", ", vlan: [5, 6]", ", vlan: none"};
static const char *const interface_texts[] = {
	"", "", "", ", interface: test0", ", interface: test1", ", interface: test9"};
static const char *const behaviours[] = {
	"    socket: existing\n",
	"    socket: existing\n",
	"    socket: existing\n",
	"    socket: existing\n    limit: 0\n",
	"    socket: existing\n    enabled: false\n",
	"    socket: existing\n    limit: 0\n    enabled: false\n",
	"    kernel: none.bpf.o\n",
};

static const char *const key_texts[] = {
	"",
	"",
	", key: {coap_path: /}",
	", key: {coap_path: /a/b}",
	", key: {coap_path: /a/thirteen-bytes-and-more}",
	", key: {dns_name: www.Example.com}",
	", key: {dns_name: example.com}",
	", key: {dns_suffix: example.com}",
	", key: {dns_suffix: com}",
	", key: {dns_suffix: \".\"}",
	", key: {bytes: {offset: 0, value: \"40\", mask: \"c0\"}}",
	", key: {bytes: {offset: 12, value: 0377}}",
	", key: {bytes: {offset: 30, value: 2e}}",
};

/* One in three differs from others in its key alone, so that keys compete. */
static size_t write_trigger(char *text, size_t size)
{
	const char *destination = PICK(destinations), *source = PICK(sources);
	bool udp = below(4);

	if (!below(3))
		return snprintf(text, size, "      - {protocol: udp, port: 53%s}\n",
				PICK(key_texts));
	return snprintf(text, size, "      - {protocol: %s, port: \"%s\"%s%s%s%s%s}\n",
			udp ? "udp" : "tcp", PICK(port_texts), destination, source,
			PICK(vlan_texts), PICK(interface_texts),
			udp && below(2) ? PICK(key_texts) : "");
}

static void write_manifest(char *text, size_t size)
{
	unsigned functions = 1 + below(FUNCTIONS_MOST), triggers, i, t;
	size_t at = snprintf(text, size, "version: 1\nfunctions:\n");

	for (i = 0; i < functions; i++) {
		at += snprintf(text + at, size - at, "  - name: f%u\n%s    triggers:\n", i,
			       PICK(behaviours));
		triggers = 1 + below(TRIGGERS_MOST);
		for (t = 0; t < triggers; t++)
			at += write_trigger(text + at, size - at);
	}
}

/* ---- packets --------------------------------------------------------------------------------------- */

static const char *const packet_destinations[] = {
	"192.0.2.1",   "192.0.2.1",   "192.0.2.255", "192.0.2.7", "10.0.0.1",
	"10.1.0.1",    "10.200.0.1",  "224.0.0.251", "224.0.0.1", "255.255.255.255",
	"2001:db8::1", "2001:db8::1", "2001:db8::2", "fe80::1",   "ff02::fb",
	"ff02::1",     "2a00::1",     "8.8.8.8"};
static const char *const packet_sources4[] = {"192.0.2.9", "192.0.2.8", "198.51.100.1"};
static const char *const packet_sources6[] = {"2001:db8::9", "2001:db8::8", "2001:db8:1::9"};
static const char *const extension_texts[] = {NULL, NULL, NULL,  NULL, NULL,   "h",
					      "d",  "hd", "hDr", "a",  "hdra", "hdrad",
					      "f",  "hF", "R",   "e",  "A"};
static const __u16 tag_lists[][3] = {{0},    {0},    {0},    {0},      {5},
				     {5, 6}, {6, 5}, {4094}, {0x2005}, {5, 6, 7}};
static const char *const macs[] = {FRAME_MAC,
				   FRAME_MAC,
				   FRAME_MAC,
				   FRAME_MAC,
				   FRAME_MAC,
				   FRAME_PEER_MAC,
				   "\xff\xff\xff\xff\xff\xff",
				   "\x01\x00\x5e\x00\x00\xfb"};

#define PAYLOAD(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct payload {
	const char *bytes;
	size_t size;
} payloads[] = {
	PAYLOAD("thirty-two bytes make a payload."),
	PAYLOAD("\x40\x01\x12\x34"),
	PAYLOAD("\x42\x01\x12\x34tk\xb1"
		"a\x01"
		"b\xffpayload"),
	PAYLOAD("\x50\x02\x12\x34\xb1"
		"a\x0d\x0bthirteen-bytes-and-more\x10"),
	PAYLOAD("\x40\x01\x12\x34\xd1\x05z\x01y"),
	PAYLOAD("\x40\x01\x12\x34\x33"
		"srv\x80\xe1\x00\x00z"),
	PAYLOAD("\x60\x45\x12\x34\xb1"
		"a"),
	PAYLOAD("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03wWw\x07"
		"example\x03"
		"com\x00\x00\x01\x00\x01"),
	PAYLOAD("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07"
		"exAmple\x03"
		"com\x00\x00\x1c\x00\x01\x00\x00\x29"),
	PAYLOAD("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"),
	PAYLOAD("\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03"
		"com\x00\x00\x01\x00\x01\xc0\x0c"),
	PAYLOAD("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"),
};

/* A payload, as it is or cut, with a byte changed now and then. */
static __u32 make_payload(__u8 bytes[64])
{
	const struct payload *payload = &PICK(payloads);
	__u32 size = payload->size < 64 ? payload->size : 64;

	memcpy(bytes, payload->bytes, size);
	if (!below(8))
		size = below(size + 1);
	if (size && !below(4))
		bytes[below(size)] ^= 1 << below(8);
	return size;
}

static void build_packet(struct frame *frame)
{
	static __u8 payload[64];
	const __u16 *tags = PICK(tag_lists);
	struct frame_spec spec = {
		.eth_dst = PICK(macs),
		.dst = PICK(packet_destinations),
		.l4_proto = below(8) ? (below(3) ? IPPROTO_UDP : IPPROTO_TCP) : below(256),
		.src_port = 1024 + below(1000),
		.dst_port = PICK(port_numbers),
		.vlan = {tags[0], tags[1], tags[2]},
		.extensions = PICK(extension_texts),
		.ip_options = below(4) ? 0 : 4 * below(11),
		.tcp_options = below(4) ? 0 : 4 * below(11),
		.payload = payload,
		.payload_bytes = make_payload(payload),
		.trailer_bytes = below(4) ? 0 : below(20),
	};

	if (strchr(spec.dst, ':')) {
		spec.src = PICK(packet_sources6);
	} else {
		spec.src = PICK(packet_sources4);
		spec.extensions = NULL;
	}
	frame_build(&spec, frame);
}

/* A third of the packets is as built, most others are changed a little, a few are noise. */
static void make_packet(struct frame *frame)
{
	__u32 i, kind = below(24);

	build_packet(frame);
	if (kind >= 8)
		frame_mutate(frame, &state);
	if (kind == 23)
		for (i = below(14); i < frame->size; i++)
			frame->bytes[i] = (__u8)frame_random(&state);
	while (frame->size < RUNNABLE_BYTES)
		frame->bytes[frame->size++] = (__u8)frame_random(&state);
}

/* A priority tag, which names no VLAN, in front of what follows the addresses. */
static void add_priority_tag(struct frame *frame)
{
	if (frame->size + 4 > FRAME_BYTES_MAX)
		return;
	memmove(frame->bytes + 16, frame->bytes + 12, frame->size - 12);
	memcpy(frame->bytes + 12, "\x81\x00\xa0\x00", 4);
	frame->size += 4;
}

/* ---- comparing -------------------------------------------------------------------------------------- */

struct packet_case {
	struct frame frame;
	unsigned interface;
	struct oracle_answer answer;
};

static struct packet_case batch[BATCH];

/* Totals that tell every answer from every other. */
struct totals {
	__u64 verdicts[2][XFN_VERDICT_COUNT];
	__u64 functions[FUNCTIONS_MOST][XFN_FUNCTION_VERDICT_COUNT];
};

static void read_totals(const struct harness *harness, struct totals *totals)
{
	struct xfn_function_counts counts;
	unsigned i;

	for (i = 0; i < 2; i++)
		harness_read_verdicts(harness, i, totals->verdicts[i]);
	for (i = 0; i < FUNCTIONS_MOST; i++) {
		harness_read_counts(harness, i, &counts);
		memcpy(totals->functions[i], counts.verdicts, sizeof(totals->functions[i]));
	}
}

static void add_answer(struct totals *totals, const struct packet_case *packet)
{
	totals->verdicts[packet->interface][packet->answer.verdict]++;
	if (packet->answer.function >= 0)
		totals->functions[packet->answer.function][packet->answer.verdict]++;
}

static void say_packet(const struct packet_case *packet, const char *what, const char *got)
{
	char hex[3 * 96 + 1] = "";
	__u32 i;

	for (i = 0; i < packet->frame.size && i < 96; i++)
		sprintf(hex + 2 * i, "%02x", packet->frame.bytes[i]);
	test_expect(false, "%s %s, the oracle says %s of function %d; on %s, %u bytes: %s", what,
		    got, verdict_label(packet->answer.verdict), packet->answer.function,
		    interfaces[packet->interface], packet->frame.size, hex);
}

static void run_packet(const struct harness *harness, const struct packet_case *packet)
{
	static struct run run;
	const struct frame *frame = &packet->frame;

	harness_run(harness, packet->interface, BY_INGRESS, frame, &run);
	if (run.action != (packet->answer.drop ? XDP_DROP : XDP_PASS))
		say_packet(packet, "action", action_label(run.action));
	if (run.after.size != frame->size || memcmp(run.after.bytes, frame->bytes, frame->size))
		say_packet(packet, "packet", "changed");
}

static const char *verdict_of(const struct totals *before, const struct totals *after,
			      unsigned interface)
{
	unsigned i;

	for (i = 0; i < XFN_VERDICT_COUNT; i++)
		if (before->verdicts[interface][i] != after->verdicts[interface][i])
			return verdict_label(i);
	return "none";
}

/* The batch once more, packet by packet. */
static void find_packet(const struct harness *harness)
{
	struct totals before, after, wanted;
	unsigned i;

	for (i = 0; i < BATCH; i++) {
		read_totals(harness, &before);
		wanted = before;
		add_answer(&wanted, &batch[i]);
		run_packet(harness, &batch[i]);
		read_totals(harness, &after);
		if (memcmp(&wanted, &after, sizeof(after)) != 0)
			say_packet(&batch[i], "verdict",
				   verdict_of(&before, &after, batch[i].interface));
	}
}

static void run_batch(const struct harness *harness, __u64 tally[XFN_VERDICT_COUNT])
{
	struct totals wanted, after;
	unsigned i;

	read_totals(harness, &wanted);
	for (i = 0; i < BATCH; i++) {
		make_packet(&batch[i].frame);
		if (!below(16))
			add_priority_tag(&batch[i].frame);
		batch[i].interface = below(2);
		batch[i].answer = oracle_ask(&world, batch[i].interface, batch[i].frame.bytes,
					     batch[i].frame.size);
		add_answer(&wanted, &batch[i]);
		tally[batch[i].answer.verdict]++;
		run_packet(harness, &batch[i]);
	}
	read_totals(harness, &after);
	if (memcmp(&wanted, &after, sizeof(after)) != 0)
		find_packet(harness);
}

/* What the packets never bring about was not compared. */
static void expect_all_kinds(const __u64 tally[XFN_VERDICT_COUNT])
{
	static const enum xfn_verdict kinds[] = {XFN_VERDICT_STEERED,   XFN_VERDICT_DISABLED,
						 XFN_VERDICT_NO_TARGET, XFN_VERDICT_UNMATCHED,
						 XFN_VERDICT_FOREIGN,   XFN_VERDICT_FRAGMENT,
						 XFN_VERDICT_MALFORMED};
	unsigned i;

	for (i = 0; i < COUNT(kinds); i++)
		test_expect(tally[kinds[i]], "no packet is %s", verdict_label(kinds[i]));
}

void suite_differential(struct harness *harness)
{
	unsigned wanted = harness_scaled(harness, MANIFESTS, 20), tried, applied = 0, i;
	__u64 tally[XFN_VERDICT_COUNT] = {};
	static char text[MANIFEST_BYTES];

	test_begin("differential: verdict, function and action of %u packets as the oracle says",
		   wanted * BATCHES * BATCH);
	for (tried = 0; applied < wanted && tried < 20 * wanted && !test_has_failed(); tried++) {
		write_manifest(text, sizeof(text));
		if (!harness_try_apply(harness, text))
			continue; /* two triggers match alike */
		world.manifest = harness->manifest;
		for (i = 0; i < BATCHES && !test_has_failed(); i++)
			run_batch(harness, tally);
		applied++;
	}
	test_expect(applied == wanted || test_has_failed(), "%u manifests of %u", applied, wanted);
	expect_all_kinds(tally);
	test_end();
}
