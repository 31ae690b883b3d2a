/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys in the payload: each form of an option or name, and what is odd, by hand; then each message cut
 * short everywhere, and changed at random, against the look-up in user space.
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "message.h"
#include "suites.h"

enum fate { MATCH, OTHER, ODD };

#define COAP(key) "{coap_path: " key "}"
#define HEADER    "40011234" /* GET, confirmable, no token */
#define AB     \
	"b161" \
	"0162" /* the options of /a/b */
#define X64                                                                \
	"6161616161616161616161616161616161616161616161616161616161616161" \
	"6161616161616161616161616161616161616161616161616161616161616161"
#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Q    "123401000001000000000000" /* header of a query with one question */
#define A_IN "00010001"
#define AB_NAME    \
	"01610162" \
	"00"

/* Payloads in hex. */
static const struct {
	const char *name, *key, *payload;
	enum fate fate;
} cases[] = {
	/* CoAP: the header */
	{"two segments", COAP("/a/b"), HEADER AB, MATCH},
	{"other methods too", COAP("/a/b"), "40071234" AB, MATCH},
	{"class 0 to its end", COAP("/a/b"), "401f1234" AB, MATCH},
	{"not confirmable, a token of 8", COAP("/a/b"),
	 "58011234"
	 "0102030405060708" AB,
	 MATCH},
	{"a token of 1", COAP("/a/b"), "4101123499" AB, MATCH},
	{"a token of 9", COAP("/a/b"),
	 "49011234"
	 "010203040506070809" AB,
	 ODD},
	{"a token of 15", COAP("/a/b"),
	 "4f011234"
	 "0102030405060708090a0b0c0d0e0f" AB,
	 ODD},
	{"a token cut short", COAP("/"), "4401123401", ODD},
	{"a token and no more", COAP("/"), "4401123401020304", MATCH},
	{"version 0", COAP("/a/b"), "00011234" AB, ODD},
	{"version 2", COAP("/a/b"), "80011234" AB, ODD},
	{"an empty message", COAP("/"), "40001234", ODD},
	{"a response 2.05", COAP("/a/b"), "60451234" AB, ODD},
	{"class 1", COAP("/a/b"), "40201234" AB, ODD},
	{"class 7", COAP("/a/b"), "40e11234" AB, ODD},
	{"three bytes", COAP("/"), "400112", ODD},
	{"no payload", COAP("/"), "", ODD},
	{"the header alone is the path /", COAP("/"), HEADER, MATCH},
	{"the header alone is no other path", COAP("/a/b"), HEADER, OTHER},

	/* CoAP: deltas */
	{"a delta of 11 by nibble", COAP("/a"), HEADER "b161", MATCH},
	{"an option before: Uri-Host 3, delta 8", COAP("/a"),
	 HEADER "3178"
		"8161",
	 MATCH},
	{"If-Match 1, ETag 4, If-None-Match 5, Uri-Port 7", COAP("/a"),
	 HEADER "1101"
		"3102"
		"10"
		"22abcd"
		"4161",
	 MATCH},
	{"an unknown option 10 before", COAP("/a"),
	 HEADER "a178"
		"1161",
	 MATCH},
	{"a delta of 13 behind a byte: number 13, no path", COAP("/"),
	 HEADER "d0"
		"00"
		"ff31",
	 MATCH},
	{"a delta of 13 + 255", COAP("/"), HEADER "d0ff", MATCH},
	{"a delta of 14 behind two bytes", COAP("/"),
	 HEADER "e0"
		"0000",
	 MATCH},
	{"the largest delta", COAP("/"),
	 HEADER "e0"
		"ffff",
	 MATCH},
	{"a delta's byte is missing", COAP("/"), HEADER "d0", ODD},
	{"the second of a delta's bytes is missing", COAP("/"), HEADER "e000", ODD},
	{"a delta of 15", COAP("/"), HEADER "f0", ODD},
	{"a delta of 15, length 1", COAP("/a"),
	 HEADER "b161"
		"f161",
	 ODD},
	{"the payload marker", COAP("/a"),
	 HEADER "b161"
		"ff"
		"b162",
	 MATCH},
	{"the marker first", COAP("/"),
	 HEADER "ff"
		"b162",
	 MATCH},
	{"the marker last", COAP("/a"),
	 HEADER "b161"
		"ff",
	 MATCH},
	{"options behind the path", COAP("/a/b"),
	 HEADER AB "1160"
		   "3161"
		   "d104"
		   "ff",
	 MATCH},
	{"behind the path anything goes, past its option's delta", COAP("/a/b"), HEADER AB "1f",
	 MATCH},
	{"an option 12 ends the path", COAP("/a/b"),
	 HEADER "b161"
		"1100"
		"f0",
	 OTHER},

	/* CoAP: lengths */
	{"a length of 12", COAP("/aaaaaaaaaaaa"),
	 HEADER "bc"
		"616161616161616161616161",
	 MATCH},
	{"a length of 13", COAP("/aaaaaaaaaaaaa"),
	 HEADER "bd00"
		"61616161616161616161616161",
	 MATCH},
	{"a length of 64", COAP("/" A64), HEADER "bd33" X64, MATCH},
	{"a length of 64, cut short", COAP("/" A64), HEADER "bd34" X64, ODD},
	{"a length of 14 for less than 269 does not exist: 269", COAP("/a"),
	 HEADER "be0000" X64 X64 X64 X64 "61616161616161616161616161",
	 ODD}, /* and no segment is that long */
	{"a length of 15", COAP("/a"), HEADER "bf61", ODD},
	{"a length's byte is missing", COAP("/a"), HEADER "bd", ODD},
	{"a length's second byte is missing", COAP("/a"), HEADER "be00", ODD},
	{"an option before the path that is too long", COAP("/a"), HEADER "3561", ODD},
	{"an option of 269 before the path", COAP("/a"),
	 HEADER "3e0000" X64 X64 X64 X64 "61616161616161616161616161"
		"8161",
	 MATCH},
	{"a value one byte short", COAP("/ab"), HEADER "b261", ODD},
	{"a segment of 7, 8 and 9 bytes", COAP("/1234567/12345678/123456789"),
	 HEADER "b731323334353637"
		"083132333435363738"
		"09313233343536373839",
	 MATCH},
	{"an empty segment in the middle", COAP("/a//b"),
	 HEADER "b161"
		"00"
		"0162",
	 MATCH},
	{"an empty segment at the end", COAP("/a/"),
	 HEADER "b161"
		"00",
	 MATCH},
	{"an empty segment at the end is no other path", COAP("/a"),
	 HEADER "b161"
		"00",
	 OTHER},
	{"a single empty segment is the path /", COAP("/"), HEADER "b0", MATCH},
	{"two empty ones are not", COAP("/"),
	 HEADER "b0"
		"00",
	 OTHER},
	{"/ab is not /a/b", COAP("/a/b"), HEADER "b26162", OTHER},
	{"/a/b is not /ab", COAP("/ab"), HEADER AB, OTHER},
	{"/b/a is not /a/b", COAP("/a/b"),
	 HEADER "b162"
		"0161",
	 OTHER},
	{"a zero behind is another segment", COAP("/a"), HEADER "b26100", OTHER},
	{"a segment %00", COAP("/%00"), HEADER "b100", MATCH},
	{"capitals are other letters", COAP("/a/b"),
	 HEADER "b141"
		"0162",
	 OTHER},
	{"no letter is folded in the top bit", COAP("/a"), HEADER "b1e1", OTHER},

	/* DNS */
	{"a name", "{dns_name: a.b}", Q AB_NAME A_IN, MATCH},
	{"in capitals", "{dns_name: a.b}",
	 Q "0141"
	   "0142"
	   "00" A_IN,
	 MATCH},
	{"written in capitals", "{dns_name: A.B}", Q AB_NAME A_IN, MATCH},
	{"other types and classes", "{dns_name: a.b}", Q AB_NAME "00ff00ff", MATCH},
	{"more behind the question", "{dns_name: a.b}", Q AB_NAME A_IN "0000290000", MATCH},
	{"another name", "{dns_name: a.b}",
	 Q "01620161"
	   "00" A_IN,
	 OTHER},
	{"the parent", "{dns_name: a.b}",
	 Q "0162"
	   "00" A_IN,
	 OTHER},
	{"one below", "{dns_name: a.b}", Q "0163" AB_NAME A_IN, OTHER},
	{"one label for two", "{dns_name: a.b}",
	 Q "03612e62"
	   "00" A_IN,
	 OTHER},
	{"the root", "{dns_name: .}", Q "00" A_IN, MATCH},
	{"the root is no name", "{dns_name: a}", Q "00" A_IN, OTHER},
	{"letters are folded, @ [ ` { are not", "{dns_name: '@z\\[\\`\\{a'}",
	 Q "06405a5b607b41"
	   "00" A_IN,
	 MATCH},
	{"@ is not `", "{dns_name: '@'}",
	 Q "0160"
	   "00" A_IN,
	 OTHER},
	{"[ is not {", "{dns_name: '\\['}",
	 Q "017b"
	   "00" A_IN,
	 OTHER},
	{"bytes with the top bit are not folded", "{dns_name: '\\193'}",
	 Q "01e1"
	   "00" A_IN,
	 OTHER},
	{"bytes with the top bit", "{dns_name: '\\193'}",
	 Q "01c1"
	   "00" A_IN,
	 MATCH},
	{"a response", "{dns_name: a.b}", "123481000001000000000000" AB_NAME A_IN, ODD},
	{"no question", "{dns_name: a.b}", "123401000000000000000000" AB_NAME A_IN, ODD},
	{"two questions", "{dns_name: a.b}", "123401000002000000000000" AB_NAME A_IN AB_NAME A_IN,
	 ODD},
	{"256 questions", "{dns_name: a.b}", "123401000100000000000000" AB_NAME A_IN, ODD},
	{"257 questions", "{dns_name: a.b}", "123401000101000000000000" AB_NAME A_IN, ODD},
	{"another opcode", "{dns_name: a.b}", "123428000001000000000000" AB_NAME A_IN, MATCH},
	{"compressed at once", "{dns_name: a.b}", Q "c00c" A_IN, ODD},
	{"compressed behind a label", "{dns_name: a.b}",
	 Q "0161"
	   "c010" A_IN,
	 ODD},
	{"a label type that does not exist", "{dns_name: a.b}",
	 Q "4161"
	   "00" A_IN,
	 ODD},
	{"another one", "{dns_name: a.b}",
	 Q "8161"
	   "00" A_IN,
	 ODD},
	{"a pointer is no label of 192 bytes", "{dns_suffix: .}", Q "c0" X64 X64 X64 "00" A_IN,
	 ODD},
	{"a label of 64 bytes", "{dns_suffix: .}", Q "40" X64 "00" A_IN, ODD},
	{"a label that leaves the message", "{dns_name: a.b}",
	 Q "0161"
	   "3f62"
	   "00" A_IN,
	 ODD},
	{"no root", "{dns_name: a.b}", Q "01610162", ODD},
	{"no type", "{dns_name: a.b}", Q AB_NAME, ODD},
	{"half a class", "{dns_name: a.b}", Q AB_NAME "000100", ODD},
	{"a header alone", "{dns_suffix: .}", Q, ODD},
	{"half a header", "{dns_suffix: .}", "123401000001", ODD},
	{"a suffix", "{dns_suffix: b}", Q AB_NAME A_IN, MATCH},
	{"a suffix is for itself", "{dns_suffix: a.b}", Q AB_NAME A_IN, MATCH},
	{"a suffix ends at a label", "{dns_suffix: b}",
	 Q "026162"
	   "00" A_IN,
	 OTHER},
	{"every name", "{dns_suffix: .}", Q AB_NAME A_IN, MATCH},
	{"every name, the root too", "{dns_suffix: .}", Q "00" A_IN, MATCH},
	{"a suffix that is longer than the name", "{dns_suffix: c.a.b}", Q AB_NAME A_IN, OTHER},
	{"a suffix of 8 labels", "{dns_suffix: 1.2.3.4.5.6.7.8}",
	 Q "0130"
	   "01310132013301340135013601370138"
	   "00" A_IN,
	 MATCH},
	{"an 8th label that differs", "{dns_suffix: 1.2.3.4.5.6.7.8}",
	 Q "0130"
	   "01390132013301340135013601370138"
	   "00" A_IN,
	 OTHER},

	/* Bytes */
	{"the first byte", "{bytes: {offset: 0, value: 16}}", "16", MATCH},
	{"another byte", "{bytes: {offset: 0, value: 16}}", "17", OTHER},
	{"no byte", "{bytes: {offset: 0, value: 16}}", "", ODD},
	{"under a mask", "{bytes: {offset: 1, value: '20', mask: f0}}", "002f", MATCH},
	{"not under a mask", "{bytes: {offset: 1, value: '20', mask: f0}}", "0030", OTHER},
	{"16 bytes", "{bytes: {offset: 2, value: 000102030405060708090a0b0c0d0e0f}}",
	 "ffff000102030405060708090a0b0c0d0e0f", MATCH},
	{"the last of 16 differs", "{bytes: {offset: 2, value: 000102030405060708090a0b0c0d0e0f}}",
	 "ffff000102030405060708090a0b0c0d0e0e", OTHER},
	{"the last of 16 is missing",
	 "{bytes: {offset: 2, value: 000102030405060708090a0b0c0d0e0f}}",
	 "ffff000102030405060708090a0b0c0d0e", ODD},
	{"far in the payload", "{bytes: {offset: 257, value: 6162}}", X64 X64 X64 X64 "616162",
	 MATCH},
	{"behind the payload", "{bytes: {offset: 9000, value: 16}}", "16", ODD},
	{"zeros", "{bytes: {offset: 0, value: '0000'}}", "0000", MATCH},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* ---- one function, one key --------------------------------------------------------------------- */

static bool apply_key(struct harness *harness, const char *key)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "version: 1\nfunctions:\n  - name: f\n    socket: existing\n"
		 "    trigger: {protocol: udp, port: 7, key: %s}\n",
		 key);
	return harness_apply(harness, text);
}

static void expect_fate(struct harness *harness, const char *what, const void *payload, __u32 bytes,
			enum fate fate)
{
	static const enum xfn_verdict verdicts[] = {
		[MATCH] = XFN_VERDICT_STEERED,
		[OTHER] = XFN_VERDICT_UNMATCHED,
		[ODD] = XFN_VERDICT_KEY_ERROR,
	};
	struct expected expected = {.action = XDP_PASS,
				    .verdict = verdicts[fate],
				    .function = fate == MATCH ? 0 : -1,
				    .outcome = -1};
	/* Ethernet padding, or what else follows the datagram, is no part of the payload. */
	struct frame_spec spec = {
		.dst_port = 7, .payload = payload, .payload_bytes = bytes, .trailer_bytes = 40};
	static struct frame frame;

	frame_build(&spec, &frame);
	harness_expect(harness, what, 0, BY_ROOT, &frame, &expected, NULL);
}

/* The packet that a frame_spec of a payload makes, for the look-up in user space. */
static struct xfn_packet_view view_of(const void *payload, __u32 bytes)
{
	struct xfn_packet_view view = {.family = AF_INET,
				       .protocol = IPPROTO_UDP,
				       .dst_port = 7,
				       .payload = payload,
				       .payload_bytes = bytes};

	inet_pton(AF_INET, "192.0.2.1", view.dst);
	inet_pton(AF_INET, "192.0.2.9", view.src);
	return view;
}

static enum fate fate_of(const struct xfn_ruleset *ruleset, const void *payload, __u32 bytes)
{
	struct xfn_packet_view view = view_of(payload, bytes);

	if (xfn_ruleset_find(ruleset, &view))
		return MATCH;
	return xfn_ruleset_key_error(ruleset, &view) ? ODD : OTHER;
}

static void run_case(struct harness *harness, unsigned number)
{
	__u8 payload[MESSAGE_BYTES_MAX];
	unsigned bytes = message_hex(cases[number].payload, payload), i;
	char what[32];

	test_begin("key: %s", cases[number].name);
	if (apply_key(harness, cases[number].key)) {
		expect_fate(harness, "whole", payload, bytes, cases[number].fate);
		for (i = 0; i < bytes; i++) {
			snprintf(what, sizeof(what), "cut to %u bytes", i);
			expect_fate(harness, what, payload, i,
				    fate_of(harness->ruleset, payload, i));
		}
	}
	test_end();
}

/* ---- bounds ------------------------------------------------------------------------------------ */

/* A request for /a behind @count options of @bytes bytes: Uri-Host and as many more like it. */
static unsigned options_then_a(unsigned count, unsigned bytes, __u8 *out)
{
	static const __u8 value[256];
	__u8 *at = out + message_coap("/", out);
	unsigned i;

	for (i = 0; i < count; i++)
		at = message_option(at, i ? 0 : 3, value, bytes);
	return message_option(at, 8 + (count ? 0 : 3), "a", 1) - out;
}

static void run_option_bounds(struct harness *harness)
{
	__u8 payload[MESSAGE_BYTES_MAX];
	unsigned bytes;

	test_begin("key: 32 options up to the path's end, and 512 bytes");
	if (apply_key(harness, COAP("/a"))) {
		bytes = options_then_a(31, 1, payload);
		expect_fate(harness, "32 options", payload, bytes, MATCH);
		bytes = options_then_a(32, 1, payload);
		expect_fate(harness, "33 options", payload, bytes, ODD);
		bytes = options_then_a(2, 251, payload);
		test_expect(bytes == 512, "%u bytes", bytes);
		expect_fate(harness, "512 bytes", payload, bytes, MATCH);
		payload[bytes++] = 0xff;
		expect_fate(harness, "512 bytes, then a payload", payload, bytes, ODD);
		bytes = options_then_a(2, 252, payload);
		expect_fate(harness, "514 bytes", payload, bytes, ODD);
	}
	test_end();
}

static void run_long_payload(struct harness *harness)
{
	__u8 payload[MESSAGE_BYTES_MAX];
	unsigned bytes;

	test_begin("key: a long payload behind the path");
	if (apply_key(harness, COAP("/a/b"))) {
		bytes = message_coap("/a/b", payload);
		memset(payload + bytes, 0xff, sizeof(payload) - bytes);
		expect_fate(harness, "1400 bytes", payload, sizeof(payload), MATCH);
	}
	test_end();
}

/* Names of the longest and the most labels. */
static void run_name_bounds(struct harness *harness)
{
	char name[300], key[400];
	__u8 payload[MESSAGE_BYTES_MAX];
	unsigned i, bytes;

	test_begin("key: names of 127 labels, and of 255 bytes and one more");
	for (i = 0; i < 127; i++)
		memcpy(name + 2 * i, "a.", 3);
	snprintf(key, sizeof(key), "{dns_name: %s}", name);
	if (apply_key(harness, key)) {
		bytes = message_dns(name, payload);
		test_expect(bytes == 12 + 255 + 4, "%u bytes", bytes);
		expect_fate(harness, "127 labels", payload, bytes, MATCH);
		payload[12 + 253] = 'b';
		expect_fate(harness, "another first label", payload, bytes, OTHER);
		strcat(name, "a.");
		bytes = message_dns(name, payload);
		expect_fate(harness, "128 labels", payload, bytes, ODD);
	}
	memset(name, 'a', sizeof(name));
	for (i = 62; i < 4 * 63; i += 63)
		name[i] = '.';
	strcpy(name + 4 * 63, "b");
	snprintf(key, sizeof(key), "{dns_name: %s}", name);
	if (apply_key(harness, key)) {
		bytes = message_dns(name, payload);
		test_expect(bytes == 12 + 255 + 4, "%u bytes", bytes);
		expect_fate(harness, "255 bytes", payload, bytes, MATCH);
		strcat(name, "b");
		bytes = message_dns(name, payload);
		expect_fate(harness, "256 bytes", payload, bytes, ODD);
	}
	test_end();
}

/* A fragment, a TCP segment, another port: keys are not asked. */
static void run_elsewhere(struct harness *harness)
{
	struct expected expected = {.action = XDP_PASS,
				    .verdict = XFN_VERDICT_UNMATCHED,
				    .function = -1,
				    .outcome = -1};
	struct frame_spec tcp = {.dst_port = 7, .l4_proto = IPPROTO_TCP};
	struct frame_spec other = {.dst_port = 8};
	static struct frame frame;

	test_begin("key: TCP and other ports are not asked for one");
	if (apply_key(harness, COAP("/a"))) {
		frame_build(&tcp, &frame);
		harness_expect(harness, "TCP", 0, BY_ROOT, &frame, &expected, NULL);
		frame_build(&other, &frame);
		harness_expect(harness, "another port", 0, BY_ROOT, &frame, &expected, NULL);
	}
	test_end();
}

/* Where the ruleset's hash sends a key. */
static __u32 slot_of(const struct xfn_ruleset *ruleset, const struct xfn_key *key)
{
	__u64 hash = xfn_hash_key(ruleset->seed, key);
	__u32 bucket = xfn_hash_bucket(hash, ruleset->slot_bits);

	return xfn_hash_slot(hash, ruleset->displace[bucket], ruleset->slot_bits);
}

/* Other bytes, searched for, that the hash sends to the one entry there is: a look-up must compare them. */
static void run_same_slot(struct harness *harness)
{
	const struct xfn_ruleset *ruleset;
	const struct xfn_entry *entry;
	struct xfn_packet_view view;
	struct xfn_key key;
	__u64 value = 7;
	unsigned half;

	test_begin("key: other bytes that fall on the same entry");
	if (!apply_key(harness, "{bytes: {offset: 0, value: "
				"07000000000000000700000000000000}}"))
		goto end;
	ruleset = harness->ruleset;
	view = view_of((__u64[]){value, value}, 16);
	entry = xfn_ruleset_find(ruleset, &view);
	test_expect(entry != NULL, "the value itself is not found");
	for (half = 0; entry && half < 2; half++) {
		key = entry->key;
		do
			key.payload[half]++;
		while (slot_of(ruleset, &key) != entry - ruleset->entries);
		expect_fate(harness, half ? "second half" : "first half", key.payload, 16, OTHER);
	}
	expect_fate(harness, "itself", (__u64[]){value, value}, 16, MATCH);
end:
	test_end();
}

/* ---- many keys on one port --------------------------------------------------------------------- */

static const char crowd[] =
	"version: 1\nfunctions:\n"
	"  - {name: a, socket: existing, trigger: {protocol: udp, port: 7, key: {coap_path: /}}}\n"
	"  - {name: b, socket: existing, trigger: {protocol: udp, port: 7, key: {coap_path: "
	"/a/b}}}\n"
	"  - {name: c, socket: existing, trigger: {protocol: udp, port: 7, key: {coap_path: /a}}}\n"
	"  - {name: d, socket: existing, trigger: {protocol: udp, port: 7, key: {dns_name: a.b}}}\n"
	"  - {name: e, socket: existing, trigger: {protocol: udp, port: 7, key: {dns_suffix: b}}}\n"
	"  - {name: f, socket: existing, trigger: {protocol: udp, port: 7, key: {dns_suffix: "
	"a.b}}}\n"
	"  - {name: g, socket: existing, trigger: {protocol: udp, port: 7, key: {dns_suffix: .}}}\n"
	"  - {name: h, socket: existing, trigger: {protocol: udp, port: 7,\n"
	"     key: {bytes: {offset: 0, value: '4001'}}}}\n"
	"  - {name: i, socket: existing, trigger: {protocol: udp, port: 7,\n"
	"     key: {bytes: {offset: 1, value: '00', mask: '80'}}}}\n";

/* The message of a case, a few bits of it changed, perhaps cut short. Returns its size. */
static unsigned make_mutation(unsigned number, __u64 *state, __u8 *payload)
{
	unsigned bytes = message_hex(cases[number].payload, payload);
	unsigned changes = bytes ? frame_random(state) % 4 : 0;

	while (changes--)
		payload[frame_random(state) % bytes] ^= 1 << frame_random(state) % 8;
	if (bytes && frame_random(state) % 8 == 0)
		bytes -= frame_random(state) % bytes;
	return bytes;
}

enum { CROWD = 9, CROWD_ODD, CROWD_OTHER, CROWD_FATES };

/* Puts a payload through; returns the function, or how else it ended, or -1 after a failure. */
static int run_payload(struct harness *harness, const char *what, const __u8 *payload,
		       unsigned bytes)
{
	struct frame_spec spec = {.dst_port = 7, .payload = payload, .payload_bytes = bytes};
	struct xfn_packet_view view = view_of(payload, bytes);
	const struct xfn_entry *entry = xfn_ruleset_find(harness->ruleset, &view);
	bool odd = !entry && xfn_ruleset_key_error(harness->ruleset, &view);
	struct expected expected = {
		.action = XDP_PASS,
		.verdict = entry ? XFN_VERDICT_STEERED
			   : odd ? XFN_VERDICT_KEY_ERROR
				 : XFN_VERDICT_UNMATCHED,
		.function = entry ? (int)entry->function : -1,
		.outcome = -1,
	};
	static struct frame frame;

	frame_build(&spec, &frame);
	if (!harness_expect(harness, what, 0, BY_INGRESS, &frame, &expected, NULL))
		return -1;
	return entry ? (int)entry->function : odd ? CROWD_ODD : CROWD_OTHER;
}

static void run_mutations(struct harness *harness)
{
	unsigned rounds = harness_scaled(harness, 400, 8), round, i;
	__u64 state = 7, fates[CROWD_FATES] = {};
	__u8 payload[MESSAGE_BYTES_MAX];
	int fate = 0;

	test_begin("key: changed messages, as the look-up in user space says");
	if (!harness_apply(harness, crowd))
		rounds = 0;
	for (round = 0; round < rounds && fate >= 0; round++) {
		for (i = 0; i < CASES && fate >= 0; i++) {
			fate = run_payload(harness, cases[i].name, payload,
					   make_mutation(i, &state, payload));
			if (fate >= 0)
				fates[fate]++;
		}
	}
	for (i = 0; i < CROWD_FATES; i++)
		test_expect(i == CROWD || fates[i], "nothing ended as %u", i);
	test_end();
}

void suite_key(struct harness *harness)
{
	unsigned i;

	for (i = 0; i < CASES; i++)
		run_case(harness, i);
	run_option_bounds(harness);
	run_long_payload(harness);
	run_name_bounds(harness);
	run_elsewhere(harness);
	run_same_slot(harness);
	run_mutations(harness);
}
