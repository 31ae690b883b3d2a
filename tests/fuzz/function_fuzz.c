/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any inbox to libxfn: what is read of its frames lies within them, and what is answered is a packet again, from
 * where the event was sent to.
 */
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "../../user/libxfn/frame.h"
#include "../../user/libxfn/inbox.h"
#include "xfn/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_AT = 256, FRAME_END = 2048 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_event(const __u8 *frame, __u32 bytes, const __u8 *end,
			const struct xfn_event *event)
{
	check(event->frame == frame && event->frame_bytes == bytes);
	check(event->l4_proto == IPPROTO_UDP || event->l4_proto == IPPROTO_TCP);
	check(event->ip_version == 4 || event->ip_version == 6);
	check(event->payload > frame && event->payload + event->payload_bytes <= frame + bytes);
	check(event->payload + event->room_bytes == end);
}

/* As long as the event, as short as can be, and as long as fits. */
static void check_answer(const struct xfn_event *given, const __u8 *end, size_t bytes)
{
	struct xfn_event event = *given, back;
	__u32 frame_bytes;
	__u8 *frame;

	frame = xfn_frame_answer(&event, bytes, &frame_bytes);
	check(frame >= event.frame && frame + frame_bytes <= end);
	check(xfn_frame_read(frame, frame_bytes, end, &back));
	check(back.payload_bytes == bytes && back.l2_bytes == event.l2_bytes);
	check(memcmp(&back.source, &event.destination, sizeof(back.source)) == 0);
	check(memcmp(&back.destination, &event.source, sizeof(back.source)) == 0);
}

/* Elsewhere, with a checksum, by the hop it came from. */
static void check_sent(const struct xfn_event *given, const __u8 *end)
{
	static const struct xfn_endpoint to = {.address = {203, 0, 113, 9}, .port = 9000};
	struct xfn_event event = *given, back;
	const struct frame_way way = {.source = &event.destination,
				      .destination = &to,
				      .next_hop = event.frame + 6,
				      .sums_ipv4 = true};
	__u32 frame_bytes;
	__u8 *frame = xfn_frame_make(&event, &way, event.payload_bytes, &frame_bytes);

	check(frame >= event.frame && frame + frame_bytes <= end);
	check(xfn_frame_read(frame, frame_bytes, end, &back));
	check(back.payload_bytes == event.payload_bytes && back.l2_bytes == event.l2_bytes);
	check(memcmp(&back.source, &event.destination, sizeof(back.source)) == 0);
	check(memcmp(&back.destination, &to, sizeof(to)) == 0);
}

/* In memory that ends where the frame does, so that ASan sees who reads on. */
static void read_exactly(const __u8 *bytes, __u32 count)
{
	__u8 *frame = malloc(count);
	struct xfn_event event;

	check(frame);
	memcpy(frame, bytes, count);
	if (xfn_frame_read(frame, count, frame + count, &event))
		check_event(frame, count, frame + count, &event);
	free(frame);
}

/* As it lies in a pool. */
static void read_frame(const __u8 *bytes, __u32 count)
{
	__u8 *frame = malloc(FRAME_END), *at = frame + FRAME_AT, *end = frame + FRAME_END;
	struct xfn_event event;
	size_t room;

	check(frame);
	memset(frame, 0xee, FRAME_END);
	memcpy(at, bytes, count);
	if (xfn_frame_read(at, count, end, &event)) {
		check_event(at, count, end, &event);
		room = event.room_bytes;
		if (event.l4_proto == IPPROTO_UDP) {
			check_answer(&event, end, event.payload_bytes);
			memcpy(at, bytes, count);
			check_sent(&event, end);
			memcpy(at, bytes, count);
			check_answer(&event, end, 0);
			memcpy(at, bytes, count);
			check_answer(&event, end, room);
		}
	}
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1);
	__u8 frame[XFN_INBOX_FRAME_MAX];
	struct inbox inbox;
	__u32 count, lost, left;

	check(bytes);
	memcpy(bytes, data, size);
	if (!xfn_inbox_read(&inbox, bytes, size)) {
		left = inbox.left;
		while ((count = xfn_inbox_next(&inbox, frame, &lost))) {
			check(count <= sizeof(frame) && inbox.left == --left);
			read_exactly(frame, count);
			read_frame(frame, count);
		}
		check(lost == left && inbox.left == 0);
	}
	free(bytes);
	return 0;
}
