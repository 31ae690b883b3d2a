/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parse stage in user space, against an oracle that reads byte by byte. Every frame lies at the
 * end of a heap block of exactly its size, so that the sanitizer sees a read past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../bpf/frame.c" /* before parse.h: libc's <netinet/in.h> must come before <linux/in.h> */
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "../../bpf/parse.h"

enum { SLOT = 3, RANDOM_FRAMES = 300000 };

static __u64 own_mac(void)
{
	__u64 mac = 0;

	memcpy(&mac, FRAME_MAC, 6);
	return mac;
}

/* ---- the oracle -------------------------------------------------------------------------------- */

struct reader {
	const __u8 *bytes;
	__u32 size;
};

/* A number of 1 to 4 bytes in network order; what is not there reads as 0. */
static __u32 number_at(const struct reader *frame, __u32 at, __u32 bytes)
{
	__u32 value = 0;

	for (; bytes--; at++)
		value = value << 8 | (at < frame->size ? frame->bytes[at] : 0);
	return value;
}

static int oracle_l4(const struct reader *frame, __u32 at, __u32 left, struct packet *packet)
{
	__u32 length;

	packet->l4_offset = at;
	if (packet->l4_proto == 17) {
		length = number_at(frame, at + 4, 2);
		if (left < 8 || length < 8 || length > left)
			return XFN_VERDICT_MALFORMED;
		packet->payload_offset = at + 8;
		packet->payload_bytes = length - 8;
	} else if (packet->l4_proto == 6) {
		length = number_at(frame, at + 12, 1) / 16 * 4;
		if (left < 20 || length < 20 || length > left)
			return XFN_VERDICT_MALFORMED;
		packet->payload_offset = at + length;
		packet->payload_bytes = left - length;
		packet->tcp_flags = number_at(frame, at + 13, 1);
		packet->meta |= XFN_META_TCP;
	} else {
		return XFN_VERDICT_FOREIGN;
	}
	packet->src_port = htons(number_at(frame, at, 2));
	packet->dst_port = htons(number_at(frame, at + 2, 2));
	return XFN_GO_ON;
}

static int oracle_ipv4(const struct reader *frame, __u32 at, struct packet *packet)
{
	__u32 header = (number_at(frame, at, 1) & 15) * 4, total = number_at(frame, at + 2, 2);
	__u32 dst = number_at(frame, at + 16, 4);

	if (at + 20 > frame->size || number_at(frame, at, 1) >> 4 != 4 || header < 20 ||
	    total < header || at + total > frame->size)
		return XFN_VERDICT_MALFORMED;
	if (number_at(frame, at + 6, 2) & 0x3fff)
		return XFN_VERDICT_FRAGMENT;
	if (dst >> 28 == 14)
		packet->group = XFN_GROUP_MULTICAST;
	if (dst == 0xffffffff)
		packet->group = XFN_GROUP_BROADCAST;
	memcpy(packet->src, frame->bytes + at + 12, 4);
	memcpy(packet->dst, frame->bytes + at + 16, 4);
	packet->meta |= XFN_META_IPV4;
	packet->ip_version = 4;
	packet->l4_proto = number_at(frame, at + 9, 1);
	return oracle_l4(frame, at + header, total - header, packet);
}

static int oracle_ipv6(const struct reader *frame, __u32 at, struct packet *packet)
{
	__u32 next = number_at(frame, at + 6, 1), left = number_at(frame, at + 4, 2), bytes, i;

	if (at + 40 > frame->size || number_at(frame, at, 1) >> 4 != 6 ||
	    at + 40 + left > frame->size)
		return XFN_VERDICT_MALFORMED;
	if (number_at(frame, at + 24, 1) == 0xff)
		packet->group = XFN_GROUP_MULTICAST;
	memcpy(packet->src, frame->bytes + at + 8, 16);
	memcpy(packet->dst, frame->bytes + at + 24, 16);
	packet->meta |= XFN_META_IPV6;
	packet->ip_version = 6;
	at += 40;
	for (i = 0; i < 4 && (next == 0 || next == 43 || next == 44 || next == 60); i++) {
		if (left < 8)
			return XFN_VERDICT_MALFORMED;
		bytes = 8;
		if (next == 44 && number_at(frame, at + 2, 2) & 0xfff9)
			return XFN_VERDICT_FRAGMENT;
		if (next != 44)
			bytes += 8 * number_at(frame, at + 1, 1);
		if (bytes > left)
			return XFN_VERDICT_MALFORMED;
		if (next == 43 && number_at(frame, at + 3, 1))
			return XFN_VERDICT_FOREIGN;
		next = number_at(frame, at, 1);
		left -= bytes;
		at += bytes;
	}
	packet->l4_proto = next;
	return oracle_l4(frame, at, left, packet);
}

static int oracle(const struct reader *frame, struct packet *packet)
{
	__u32 at = 12, eth_proto, i;

	packet->bytes = frame->size;
	packet->meta = XFN_META_PACKET | (__u64)(SLOT + 1) << XFN_META_IFACE_SHIFT;
	if (frame->size < 14)
		return XFN_VERDICT_MALFORMED;
	if (frame->bytes[0] & 1)
		packet->group = XFN_GROUP_BROADCAST;
	else if (memcmp(frame->bytes, FRAME_MAC, 6) != 0)
		return XFN_VERDICT_FOREIGN;
	eth_proto = number_at(frame, at, 2);
	for (i = 0; i < 2 && (eth_proto == 0x8100 || eth_proto == 0x88a8); i++) {
		if (at + 6 > frame->size)
			return XFN_VERDICT_MALFORMED;
		if (number_at(frame, at + 2, 2) & 0xfff)
			packet->meta |=
				(__u64)(0x1000 | (number_at(frame, at + 2, 2) & 0xfff))
				<< (packet->meta & XFN_META_VLAN_MASK ? XFN_META_INNER_SHIFT
								      : XFN_META_OUTER_SHIFT);
		at += 4;
		eth_proto = number_at(frame, at, 2);
		if (at + 2 > frame->size)
			return XFN_VERDICT_MALFORMED;
	}
	packet->l3_offset = at + 2;
	if (eth_proto == 0x0800)
		return oracle_ipv4(frame, at + 2, packet);
	if (eth_proto == 0x86dd)
		return oracle_ipv6(frame, at + 2, packet);
	return XFN_VERDICT_FOREIGN;
}

/* ---- comparing --------------------------------------------------------------------------------- */

/*
 * The stage under test, on a block of its own. The frame lies 2 bytes in, so that the headers are
 * aligned as they are in the kernel.
 */
static int parse_alone(const struct frame *frame, struct packet *packet)
{
	__u8 *block = malloc(frame->size + 2);
	int verdict;

	assert_non_null(block);
	memcpy(block + 2, frame->bytes, frame->size);
	verdict = parse(block + 2, block + 2 + frame->size, own_mac(), SLOT, packet);
	free(block);
	return verdict;
}

static int check(const struct frame *frame)
{
	struct reader reader = {frame->bytes, frame->size};
	struct packet packet, wanted;
	int verdict, wanted_verdict;
	__u32 i;

	memset(&packet, 0, sizeof(packet));
	memset(&wanted, 0, sizeof(wanted));
	verdict = parse_alone(frame, &packet);
	wanted_verdict = oracle(&reader, &wanted);
	if (verdict == wanted_verdict &&
	    (verdict != XFN_GO_ON || !memcmp(&packet, &wanted, sizeof(packet))))
		return verdict;
	print_error("%u bytes:", frame->size);
	for (i = 0; i < frame->size && i < 128; i++)
		print_error("%s%02x", i % 16 ? " " : "\n", frame->bytes[i]);
	print_error("\n");
	assert_int_equal(verdict, wanted_verdict);
	assert_memory_equal(&packet, &wanted, sizeof(packet));
	return verdict;
}

static const struct frame_spec seeds[] = {
	{.payload = "hello", .payload_bytes = 5},
	{.vlan = {7}, .payload = "hello", .payload_bytes = 5},
	{.vlan = {7, 8}, .payload = "hello", .payload_bytes = 5},
	{.ip_options = 4, .payload = "hello", .payload_bytes = 5},
	{.ip_options = 40, .trailer_bytes = 9},
	{.l4_proto = 6, .tcp_options = 12, .payload = "hello", .payload_bytes = 5},
	{.l4_proto = 6, .tcp_options = 40, .vlan = {1}},
	{.dst = "2001:db8::1", .payload = "hello", .payload_bytes = 5},
	{.dst = "2001:db8::1", .extensions = "h", .payload = "hello", .payload_bytes = 5},
	{.dst = "2001:db8::1", .extensions = "hD", .payload = "hello", .payload_bytes = 5},
	{.dst = "2001:db8::1", .extensions = "hrd", .trailer_bytes = 3},
	{.dst = "2001:db8::1", .extensions = "hdra", .l4_proto = 6, .tcp_options = 4},
	{.dst = "2001:db8::1", .extensions = "hdrad", .vlan = {9, 10}},
	{.dst = "2001:db8::1", .extensions = "hR", .payload = "hello", .payload_bytes = 5},
	{.dst = "2001:db8::1", .extensions = "f", .payload = "hello", .payload_bytes = 5},
	{.dst = "ff02::fb", .eth_dst = "\x33\x33\x00\x00\x00\xfb"},
	{.dst = "224.0.0.251", .eth_dst = "\x01\x00\x5e\x00\x00\xfb"},
	{.dst = "255.255.255.255", .eth_dst = "\xff\xff\xff\xff\xff\xff"},
};
enum { SEED_COUNT = sizeof(seeds) / sizeof(seeds[0]) };

/* Cut anywhere inside the datagram, a packet is malformed; behind it, nothing changes. */
static void truncated_anywhere(void **state)
{
	struct frame whole, cut;
	__u32 seed, datagram_end;
	int verdict;

	(void)state;
	for (seed = 0; seed < SEED_COUNT; seed++) {
		frame_build(&seeds[seed], &whole);
		datagram_end = whole.size - seeds[seed].trailer_bytes;
		verdict = check(&whole);
		for (cut = whole, cut.size = 0; cut.size < whole.size; cut.size++)
			assert_int_equal(check(&cut),
					 cut.size < datagram_end ? XFN_VERDICT_MALFORMED : verdict);
	}
}

static void every_byte_takes_every_value(void **state)
{
	struct frame frame;
	__u32 seed, at, value;

	(void)state;
	for (seed = 0; seed < SEED_COUNT; seed++)
		for (at = 0; at < 70; at++)
			for (value = 0; value < 256; value++) {
				frame_build(&seeds[seed], &frame);
				frame.bytes[at] = value;
				check(&frame);
			}
}

static void random_frames(void **state)
{
	__u64 random = 20260101;
	struct frame frame;
	__u32 i, at;

	(void)state;
	for (i = 0; i < RANDOM_FRAMES; i++) {
		frame_build(&seeds[frame_random(&random) % SEED_COUNT], &frame);
		frame_mutate(&frame, &random);
		if (i % 16 == 0) /* noise behind the addresses and the protocol */
			for (at = 14; at < frame.size; at++)
				frame.bytes[at] = (__u8)frame_random(&random);
		check(&frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(every_byte_takes_every_value),
		cmocka_unit_test(random_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
