/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INBOX_FIXTURE_H
#define XFN_INBOX_FIXTURE_H
/* Inboxes as the keeper makes them, of packets of UDP over IPv4 with 5 bytes each. */
#include <stdio.h>
#include <string.h>

#include "xfn/channel.h"
#include "xfn/port.h"

#define INBOX_HEADERS                                                                      \
	"\x02\x11\x22\x33\x44\x55\x02\x00\x00\x00\x00\x02\x08\x00"                         \
	"\x45\x00\x00\x21\x12\x34\x40\x00\x40\x11\x00\x00\xc6\x12\x00\x02\xc6\x12\x00\x01" \
	"\x0f\xa0\x00\x07\x00\x0d\x00\x00"
enum { INBOX_PAYLOAD_AT = sizeof(INBOX_HEADERS) - 1, INBOX_FRAME = INBOX_PAYLOAD_AT + 5 };

/* A packet with payload @text, 5 bytes, that came at @seen_ns by interface slot 3. */
static inline void inbox_frame(const char *text, __u64 seen_ns, __u8 frame[INBOX_FRAME])
{
	memcpy(frame, INBOX_HEADERS, INBOX_PAYLOAD_AT);
	memcpy(frame + INBOX_PAYLOAD_AT, text, 5);
	xfn_token_write(frame, 3, seen_ns);
}

/*
 * An inbox of @count packets "00000", "00001", ... that came at @seen_ns, in @to, where
 * 32 + count * XFN_INBOX_STEP(INBOX_FRAME) bytes are. Returns its length.
 */
static inline size_t inbox_make(__u32 count, __u64 seen_ns, __u8 *to)
{
	struct xfn_inbox_record record = {INBOX_FRAME, 3, seen_ns};
	struct xfn_inbox header = {
		.magic = XFN_INBOX_MAGIC, .version = XFN_INBOX_VERSION, .count = count};
	size_t at = sizeof(header);
	char text[12];
	__u32 i;

	for (i = 0; i < count; i++, at += XFN_INBOX_STEP(INBOX_FRAME)) {
		snprintf(text, sizeof(text), "%05u", i);
		memset(to + at, 0, XFN_INBOX_STEP(INBOX_FRAME));
		memcpy(to + at, &record, sizeof(record));
		inbox_frame(text, seen_ns, to + at + sizeof(record));
	}
	header.bytes = at;
	memcpy(to, &header, sizeof(header));
	return at;
}

#endif
