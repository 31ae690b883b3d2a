/* SPDX-License-Identifier: BSD-2-Clause */
/* libxfn: packets read, and turned round byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "../../user/libxfn/frame.h"

#define ROOM 2048

/* Ethernet from 02:..:02 to a token; IPv4 198.18.0.2:4000 > 198.18.0.1:7, "hello". */
#define ETH   "\x02\x11\x22\x33\x44\x55\x02\x00\x00\x00\x00\x02"
#define IPV4  "\x45\x00\x00\x21\x12\x34\x40\x00\x40\x11\x00\x00\xc6\x12\x00\x02\xc6\x12\x00\x01"
#define UDP   "\x0f\xa0\x00\x07\x00\x0d\xab\xcd"
#define HELLO "hello"
#define V6_A  "\xfd\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
#define V6_B  "\xfd\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"

struct packet {
	const char *name;
	const char *bytes;
	size_t size;
};

#define PACKET(name, text)                   \
	{                                    \
		name, text, sizeof(text) - 1 \
	}

static __u8 memory[ROOM];

static bool read_packet(const struct packet *packet, struct xfn_event *event)
{
	memset(memory, 0xee, sizeof(memory));
	memcpy(memory + 256, packet->bytes, packet->size);
	return xfn_frame_read(memory + 256, (__u32)packet->size, memory + ROOM, event);
}

/* Its sum over the words of all of it, with what is in the field, is all ones (RFC 1071). */
static __u32 sum_of(const __u8 *at, size_t bytes, __u32 sum)
{
	for (; bytes > 1; bytes -= 2, at += 2)
		sum += (__u32)(at[0] << 8 | at[1]);
	if (bytes)
		sum += (__u32)(at[0] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static const struct packet good[] = {
	PACKET("IPv4", ETH "\x08\x00" IPV4 UDP HELLO),
	PACKET("IPv4 with Ethernet padding", ETH "\x08\x00" IPV4 UDP HELLO "\0\0\0\0\0"),
	PACKET("IPv4 behind two tags",
	       ETH "\x88\xa8\x00\x05\x81\x00\x00\x07\x08\x00" IPV4 UDP HELLO),
	PACKET("IPv4 with options", ETH
	       "\x08\x00\x46\x00\x00\x25\x12\x34\x40\x00\x40\x11\x00\x00\xc6\x12\x00\x02\xc6\x12"
	       "\x00\x01\x01\x01\x01\x01" UDP HELLO),
	PACKET("IPv6", ETH "\x86\xdd\x60\x00\x00\x00\x00\x0d\x11\x40" V6_A V6_B UDP HELLO),
	PACKET("IPv6 with a hop-by-hop header",
	       ETH "\x86\xdd\x60\x00\x00\x00\x00\x15\x00\x40" V6_A V6_B
		   "\x11\x00\x01\x04\x00\x00\x00\x00" UDP HELLO),
};

static void check_answer(const struct xfn_event *event, const char *text)
{
	size_t ip_bytes = event->ip_version == 4 ? 20 : 40, size = strlen(text);
	__u8 source[16], destination[16], *answer;
	struct xfn_event back;
	__u32 bytes;

	memcpy(source, event->source.address, 16);
	memcpy(destination, event->destination.address, 16);
	memcpy(event->payload, text, size);
	answer = xfn_frame_answer(event, size, &bytes);
	assert_int_equal(bytes, event->l2_bytes + ip_bytes + 8 + size);
	assert_memory_equal(answer, "\x02\x00\x00\x00\x00\x02\x02\x11\x22\x33\x44\x55", 12);
	assert_true(xfn_frame_read(answer, bytes, memory + ROOM, &back));
	assert_memory_equal(back.source.address, destination, 16);
	assert_memory_equal(back.destination.address, source, 16);
	assert_int_equal(back.source.port, 7);
	assert_int_equal(back.destination.port, 4000);
	assert_int_equal(back.payload_bytes, size);
	assert_memory_equal(back.payload, text, size);
	if (event->ip_version == 4)
		assert_int_equal(sum_of(answer + event->l2_bytes, 20, 0), 0xffff);
	else
		assert_int_equal(sum_of(back.payload - 8, size + 8,
					sum_of(answer + event->l2_bytes + 8, 32,
					       (__u32)size + 8 + IPPROTO_UDP)),
				 0xffff);
}

static void test_answers(void **state)
{
	static const char *const texts[] = {"hello", "", "odd",
					    "a longer answer than the question"};
	struct xfn_event event;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			assert_true(read_packet(&good[i], &event));
			assert_int_equal(event.payload_bytes, 5);
			assert_memory_equal(event.payload, "hello", 5);
			assert_int_equal(event.room_bytes, memory + ROOM - event.payload);
			check_answer(&event, texts[j]);
		}
}

/* Tags are as they came. */
static void test_tags(void **state)
{
	struct xfn_event event;
	__u32 bytes;
	__u8 *answer;

	(void)state;
	assert_true(read_packet(&good[2], &event));
	answer = xfn_frame_answer(&event, 5, &bytes);
	assert_memory_equal(answer + 12, "\x88\xa8\x00\x05\x81\x00\x00\x07\x08\x00", 10);
}

/* ---- sent elsewhere -------------------------------------------------------------------------------------- */

#define HOP "\x02\xaa\xbb\xcc\xdd\xee"

static const struct xfn_endpoint from4 = {.address = {198, 18, 0, 1}, .port = 53};
static const struct xfn_endpoint from6 = {.address = V6_B, .port = 53};
/* What is behind an IPv4 address is nobody's. */
static const struct xfn_endpoint to4 = {.address = "\xcb\x00\x71\x09 and noise", .port = 9000};
static const struct xfn_endpoint to6 = {.address = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09",
					.port = 9000};

/* Made by other hands: by Python's struct, with the sums of RFC 1071. */
static const struct packet sent[] = {
	PACKET("IPv4", HOP "\x02\x11\x22\x33\x44\x55\x08\x00"
			   "\x45\x00\x00\x21\x00\x00\x40\x00\x40\x11\x38\xaf\xc6\x12\x00\x01"
			   "\xcb\x00\x71\x09\x00\x35\x23\x28\x00\x0d\x96\x87" HELLO),
	PACKET("IPv6", HOP "\x02\x11\x22\x33\x44\x55\x86\xdd"
			   "\x60\x00\x00\x00\x00\x0d\x11\x40" V6_B
			   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
			   "\x00\x35\x23\x28\x00\x0d\x6d\xc9" HELLO),
	PACKET("IPv4 behind two tags",
	       HOP "\x02\x11\x22\x33\x44\x55\x88\xa8\x00\x05\x81\x00\x00\x07\x08\x00"
		   "\x45\x00\x00\x21\x00\x00\x40\x00\x40\x11\x38\xaf\xc6\x12\x00\x01"
		   "\xcb\x00\x71\x09\x00\x35\x23\x28\x00\x0d\x96\x87" HELLO),
};

static struct frame_way way_of(const struct xfn_event *event)
{
	return (struct frame_way){.source = event->ip_version == 4 ? &from4 : &from6,
				  .destination = event->ip_version == 4 ? &to4 : &to6,
				  .next_hop = (const __u8 *)HOP,
				  .sums_ipv4 = true};
}

/* Each of those that were good, with options, extensions and padding, becomes the very same bytes. */
static void test_sent(void **state)
{
	static const size_t becomes[] = {0, 0, 2, 0, 1, 1};
	struct xfn_event event;
	struct frame_way way;
	const struct packet *want;
	__u32 bytes;
	__u8 *made;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(read_packet(&good[i], &event));
		way = way_of(&event);
		made = xfn_frame_make(&event, &way, 5, &bytes);
		want = &sent[becomes[i]];
		assert_int_equal(bytes, want->size);
		assert_memory_equal(made, want->bytes, want->size);
	}
}

/* The sum of the pseudo header and all behind it. */
static __u32 udp_sum_of(const struct xfn_event *event)
{
	size_t bytes = event->ip_version == 4 ? 4 : 16;
	__u32 sum = sum_of(event->source.address, bytes, 0);

	sum = sum_of(event->destination.address, bytes, sum);
	sum += (__u32)event->payload_bytes + 8 + IPPROTO_UDP;
	return sum_of(event->payload - 8, event->payload_bytes + 8, sum);
}

/* Right for each payload, also for the one whose sum would be 0, which stands for none. */
static void test_sums(void **state)
{
	struct xfn_event event, back;
	struct frame_way way;
	size_t i, ones = 0;
	__u32 bytes, value;
	__u8 *made;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i += 4)
		for (value = 0; value <= 0xffff; value++) {
			assert_true(read_packet(&good[i], &event));
			event.payload[0] = (__u8)(value >> 8);
			event.payload[1] = (__u8)value;
			way = way_of(&event);
			made = xfn_frame_make(&event, &way, 2, &bytes);
			assert_true(xfn_frame_read(made, bytes, memory + ROOM, &back));
			assert_int_equal(udp_sum_of(&back), 0xffff);
			assert_false(back.payload[-2] == 0 && back.payload[-1] == 0);
			ones += back.payload[-2] == 0xff && back.payload[-1] == 0xff;
		}
	assert_int_equal(ones, 2);
}

/* Cut anywhere, or with a length that is wrong, none is read beyond its end: ASan says so. */
static void test_cut(void **state)
{
	struct xfn_event event;
	struct packet cut;
	__u8 *heap;
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size = 0; size < good[i].size; size++) {
			cut = good[i];
			cut.size = size;
			heap = malloc(size + 1);
			memcpy(heap, cut.bytes, size);
			if (xfn_frame_read(heap, (__u32)size, heap + size, &event)) {
				assert_string_equal(good[i].name, "IPv4 with Ethernet padding");
				assert_int_equal(event.payload_bytes, 5);
			}
			free(heap);
		}
}

static void test_refused(void **state)
{
	static const struct packet bad[] = {
		PACKET("ARP", ETH "\x08\x06" IPV4 UDP HELLO),
		PACKET("three tags", ETH
		       "\x81\x00\x00\x01\x81\x00\x00\x02\x81\x00\x00\x03\x08\x00" IPV4 UDP HELLO),
		PACKET("version 5", ETH "\x08\x00\x55" UDP UDP UDP HELLO),
		PACKET("ICMP", ETH
		       "\x08\x00\x45\x00\x00\x21\x12\x34\x40\x00\x40\x01\x00\x00\xc6\x12\x00\x02"
		       "\xc6\x12\x00\x01" UDP HELLO),
		PACKET("a UDP length beyond the packet",
		       ETH "\x08\x00" IPV4 "\x0f\xa0\x00\x07\x00\x0e\x00\x00" HELLO),
		PACKET("a UDP length below its header",
		       ETH "\x08\x00" IPV4 "\x0f\xa0\x00\x07\x00\x07\x00\x00" HELLO),
	};
	struct xfn_event event;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (read_packet(&bad[i], &event))
			fail_msg("%s: read", bad[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_sent),    cmocka_unit_test(test_sums),
		cmocka_unit_test(test_cut),     cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
