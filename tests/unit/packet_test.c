/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "packet.h"

/* What reads, and what it prints as again; NULL: the same. */
static const struct {
	const char *text, *printed;
} good[] = {
	{"udp 10.0.0.9:4000 > 10.0.0.1:53", NULL},
	{"tcp 10.0.0.9:4000 > 10.0.0.1:80", NULL},
	{"udp [fd00::9]:4000 > [fd00::1]:53", NULL},
	{"udp 10.0.0.9:0 > 10.0.0.1:65535", NULL},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 dev eth0", NULL},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 vlan 1", NULL},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 vlan 5,4094", NULL},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 payload 0aff", NULL},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 dev a vlan 1,2 payload 00", NULL},
	{"  udp  10.0.0.9:4000\t>\n10.0.0.1:53  payload  0A fF 01:02 ",
	 "udp 10.0.0.9:4000 > 10.0.0.1:53 payload 0aff0102"},
	{"udp 10.0.0.9:4000 > 10.0.0.1:53 vlan 7 dev a",
	 "udp 10.0.0.9:4000 > 10.0.0.1:53 dev a vlan 7"},
	{"tcp 10.0.0.9:4000 > 10.0.0.1:80 flags S", "tcp 10.0.0.9:4000 > 10.0.0.1:80"},
	{"tcp 10.0.0.9:4000 > 10.0.0.1:80 flags S.", "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags SA"},
	{"tcp 10.0.0.9:4000 > 10.0.0.1:80 flags FPA payload 61",
	 "tcp 10.0.0.9:4000 > 10.0.0.1:80 flags FPA payload 61"},
};

/* What does not, where, and a word of what is said. */
static const struct {
	const char *text;
	unsigned column;
	const char *message, *expected;
} bad[] = {
	{"", 1, "ends too early", "udp or tcp"},
	{"icmp 10.0.0.9:1 > 10.0.0.1:2", 1, "unknown protocol 'icmp'", "udp or tcp"},
	{"udp", 4, "ends too early", "ADDRESS:PORT"},
	{"udp 10.0.0.9 > 10.0.0.1:2", 5, "no port in '10.0.0.9'", "ADDRESS:PORT"},
	{"udp 10.0.0:1 > 10.0.0.1:2", 5, "cannot read the address", "10.0.0.9:4000"},
	{"udp fd00::9:1 > 10.0.0.1:2", 5, "cannot read the address", "[fd00::9]:4000"},
	{"udp [fd00::9:1 > [fd00::1]:2", 5, "cannot read the address", "[fd00::9]:4000"},
	{"udp 10.0.0.9:65536 > 10.0.0.1:2", 14, "cannot read the port", "0 to 65535"},
	{"udp 10.0.0.9:-1 > 10.0.0.1:2", 14, "cannot read the port", "0 to 65535"},
	{"udp 10.0.0.9: > 10.0.0.1:2", 14, "cannot read the port", "0 to 65535"},
	{"udp 10.0.0.9:1", 15, "ends too early", "'>'"},
	{"udp 10.0.0.9:1 < 10.0.0.1:2", 16, "unexpected '<'", "'>'"},
	{"udp 10.0.0.9:1 > [fd00::1]:2", 18, "another address family", "IPv4 on both"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 via eth0", 29, "unknown word 'via'", "dev IF"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 dev", 32, "ends too early", "interface"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 dev sixteen-letters0", 33, "no interface", "15"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 dev a dev b", 35, "given twice: 'dev'", "once"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 vlan 0", 34, "VLAN '0'", "1 to 4094"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 vlan 4095", 34, "VLAN '4095'", "1 to 4094"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 vlan 5,", 34, "VLAN '5,'", "1 to 4094"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 vlan 1,2,3", 34, "too many VLAN tags", "OUTER,INNER"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 flags S", 35, "flags of TCP", "SYN"},
	{"tcp 10.0.0.9:1 > 10.0.0.1:2 flags SX", 36, "unknown TCP flag", "SYN"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 payload", 36, "ends too early", "hex"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 payload 0a1", 40, "ends too early", "two digits"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 payload 0a xy", 40, "cannot read the payload at 'x'", "hex"},
	{"udp 10.0.0.9:1 > \xc3\xa4\xc3\xb6:2", 18, "cannot read the address", "ADDRESS"},
	{"udp 10.0.0.9:1 > 10.0.0.1:2 \xc3\xa4 x", 29, "unknown word", "dev"},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct xfn_packet packet;

static int parse(const char *text, struct xfn_diag_list *diags)
{
	return xfn_packet_parse(text, strlen(text), diags, &packet);
}

static void test_good(void **state)
{
	struct xfn_diag_list diags = {0};
	char buf[512];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *printed = good[i].printed ? good[i].printed : good[i].text;

		assert_int_equal(parse(good[i].text, &diags), 0);
		assert_string_equal(xfn_packet_print(&packet, true, buf, sizeof(buf)), printed);
		assert_int_equal(parse(buf, &diags), 0);
	}
	assert_int_equal(diags.count, 0);
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct xfn_diag_list diags = {0};

		if (parse(bad[i].text, &diags) != -EINVAL || diags.count != 1 ||
		    diags.items[0].line != 1 || diags.items[0].column != bad[i].column ||
		    !strstr(diags.items[0].message, bad[i].message) ||
		    !strstr(diags.items[0].expected, bad[i].expected))
			fail_msg("'%s': %u said, column %u: %s, expected %s", bad[i].text,
				 diags.count, diags.items[0].column, diags.items[0].message,
				 diags.items[0].expected);
		xfn_diag_list_fini(&diags);
	}
}

static void test_payload_bounds(void **state)
{
	struct xfn_diag_list diags = {0};
	char text[2 * XFN_PACKET_PAYLOAD_MAX + 100];
	size_t length = sprintf(text, "udp 1.2.3.4:1 > 5.6.7.8:2 payload ");

	(void)state;
	memset(text + length, 'a', 2 * XFN_PACKET_PAYLOAD_MAX + 2);
	text[length + 2 * XFN_PACKET_PAYLOAD_MAX] = '\0';
	assert_int_equal(parse(text, &diags), 0);
	assert_int_equal(packet.payload_bytes, XFN_PACKET_PAYLOAD_MAX);
	text[length + 2 * XFN_PACKET_PAYLOAD_MAX] = 'a';
	text[length + 2 * XFN_PACKET_PAYLOAD_MAX + 2] = '\0';
	assert_int_equal(parse(text, &diags), -EINVAL);
	xfn_diag_list_fini(&diags);
}

static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
static __u8 frame[XFN_PACKET_FRAME_MAX];

static void test_frame_reads_back(void **state)
{
	struct xfn_diag_list diags = {0};
	char before[512], after[512];
	struct xfn_packet decoded;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		size_t size;

		assert_int_equal(parse(good[i].text, &diags), 0);
		size = xfn_packet_frame(&packet, mac, frame);
		assert_true(size >= 60);
		assert_int_equal(xfn_packet_decode(frame, size, &decoded), 0);
		packet.interface[0] = '\0'; /* not in a frame */
		xfn_packet_print(&packet, true, before, sizeof(before));
		xfn_packet_print(&decoded, true, after, sizeof(after));
		assert_string_equal(before, after);
		/* Cut short it is refused, or loses payload; it is never read past its end. */
		while (size--) {
			__u8 *cut = malloc(size + 1);

			memcpy(cut, frame, size);
			xfn_packet_decode(cut, size, &decoded);
			free(cut);
		}
	}
}

/* Header by header, as on the wire; the checksums were computed by hand (RFC 1071). */
static void test_frame_bytes(void **state)
{
	static const char wanted[] = "020000000001"
				     "0278666e0001"
				     "81000005"
				     "0800"
				     "4500001e000040004011"
				     "26c6"
				     "0a0000090a000001"
				     "0fa00035000a"
				     "7392"
				     "6869";
	struct xfn_diag_list diags = {0};
	char text[512];
	size_t size;

	(void)state;
	assert_int_equal(parse("udp 10.0.0.9:4000 > 10.0.0.1:53 vlan 5 payload 6869", &diags), 0);
	size = xfn_packet_frame(&packet, mac, frame);
	assert_int_equal(size, 60);
	xfn_hex_print(frame, sizeof(wanted) / 2, text);
	assert_string_equal(text, wanted);
}

static void test_group_addresses(void **state)
{
	static const struct {
		const char *text;
		__u8 mac[6];
	} cases[] = {
		{"udp 10.0.0.9:1 > 10.0.0.1:2", {2, 0, 0, 0, 0, 1}},
		{"udp 10.0.0.9:1 > 239.129.2.3:2", {1, 0, 0x5e, 1, 2, 3}},
		{"udp 10.0.0.9:1 > 255.255.255.255:2", {255, 255, 255, 255, 255, 255}},
		{"udp [fd00::9]:1 > [ff02::1:2]:2", {0x33, 0x33, 0, 1, 0, 2}},
	};
	struct xfn_diag_list diags = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(cases[i].text, &diags), 0);
		xfn_packet_frame(&packet, mac, frame);
		assert_memory_equal(frame, cases[i].mac, 6);
	}
}

static void test_decode_refuses(void **state)
{
	static const char *const frames[] = {
		"",
		"0200",
		"0200000000010200000000020806",
		"02000000000102000000000286dd6000000000003b40",
		/* a fragment */
		"0200000000010200000000020800"
		"4500001c0000200040110000"
		"0a0000090a000001"
		"0fa0003500080000",
		/* an IP header of 16 bytes */
		"0200000000010200000000020800"
		"4400001c0000000040110000"
		"0a0000090a000001"
		"0fa0003500080000",
		/* a UDP length of 7 */
		"0200000000010200000000020800"
		"4500001c0000000040110000"
		"0a0000090a000001"
		"0fa0003500070000",
	};
	struct xfn_packet decoded;
	size_t at;

	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		int size = xfn_hex_parse(frames[i], strlen(frames[i]), frame, sizeof(frame), &at);

		assert_true(size >= 0);
		assert_int_equal(xfn_packet_decode(frame, size, &decoded), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),           cmocka_unit_test(test_bad),
		cmocka_unit_test(test_payload_bounds), cmocka_unit_test(test_frame_reads_back),
		cmocka_unit_test(test_frame_bytes),    cmocka_unit_test(test_group_addresses),
		cmocka_unit_test(test_decode_refuses),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
