/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths and names in messages, byte by byte as the RFCs have them. */
#include <string.h>

#include "ruleset_key.h"

/* The bounds of the data plane's readers, see bpf/key_coap.h. */
enum { OPTIONS_MAX = 32 };

/* ---- CoAP: RFC 7252 s. 3 ------------------------------------------------------------------------- */

enum { URI_PATH = 11, SEGMENT_MAX = 255 };

struct option {
	__u32 number;
	const __u8 *value;
	__u32 bytes;
};

struct message {
	const __u8 *at, *end;
	bool is_cut; /* more of it follows, which is not read */
};

static bool take(struct message *message, __u32 count, const __u8 **ret)
{
	if ((size_t)(message->end - message->at) < count)
		return false;
	*ret = message->at;
	message->at += count;
	return true;
}

/* A delta or length by its four bits; the rest of it is taken. */
static bool take_extended(struct message *message, __u32 nibble, __u32 *ret)
{
	const __u8 *more;

	if (nibble == 15 || !take(message, nibble < 13 ? 0 : nibble - 12, &more))
		return false;
	*ret = nibble;
	if (nibble == 13)
		*ret = 13 + more[0];
	if (nibble == 14)
		*ret = 269 + 256 * more[0] + more[1];
	return true;
}

enum step { STEP_OPTION, STEP_END, STEP_ODD };

/* The next option; STEP_END where no more can belong to the path. */
static enum step take_option(struct message *message, struct option *option)
{
	const __u8 *first;
	__u32 delta;

	if (!take(message, 1, &first))
		return message->is_cut ? STEP_ODD : STEP_END;
	if (*first == 0xff)
		return STEP_END;
	if (!take_extended(message, *first >> 4, &delta))
		return STEP_ODD;
	option->number += delta;
	if (option->number > URI_PATH)
		return STEP_END;
	if (!take_extended(message, *first & 15, &option->bytes) ||
	    !take(message, option->bytes, &option->value))
		return STEP_ODD;
	return STEP_OPTION;
}

static bool take_request(struct message *message)
{
	const __u8 *header, *token;

	if (!take(message, 4, &header) || header[0] >> 6 != 1)
		return false;
	if (header[1] == 0 || header[1] >= 32) /* class 0 but 0.00 */
		return false;
	return (header[0] & 15) <= 8 && take(message, header[0] & 15, &token);
}

static void add_span(struct xfn_key_spans *spans, const __u8 *at, __u32 bytes)
{
	spans->at[spans->count] = at;
	spans->bytes[spans->count++] = (__u8)bytes;
}

static bool read_options(struct message *message, struct xfn_key_spans *ret)
{
	struct option option = {0};
	enum step step;
	int options;

	for (options = 0; (step = take_option(message, &option)) == STEP_OPTION; options++) {
		if (options == OPTIONS_MAX)
			return false;
		if (option.number < URI_PATH)
			continue;
		if (option.bytes > SEGMENT_MAX)
			return false;
		add_span(ret, option.value, option.bytes);
	}
	return step == STEP_END;
}

bool xfn_key_read_path(const __u8 *payload, __u32 size, struct xfn_key_spans *ret)
{
	struct message message = {payload, payload + size, false};

	if (size > XFN_KEY_HEAD_BYTES)
		message = (struct message){payload, payload + XFN_KEY_HEAD_BYTES, true};
	ret->count = 0;
	if (!take_request(&message) || !read_options(&message, ret))
		return false;
	if (ret->count == 1 && !ret->bytes[0]) /* s. 6.5: the same path as none */
		ret->count = 0;
	return true;
}

/* ---- DNS: RFC 1035 s. 4.1 ------------------------------------------------------------------------ */

enum { HEADER_BYTES = 12, QUESTION_BYTES = 4, LABEL_MAX = 63, NAME_MAX_BYTES = 255 };

bool xfn_key_read_name(const __u8 *payload, __u32 size, struct xfn_key_spans *ret)
{
	__u32 at = HEADER_BYTES;

	ret->count = 0;
	if (size < HEADER_BYTES || payload[2] & 0x80 || payload[4] || payload[5] != 1)
		return false;
	for (; at < size && payload[at]; at += 1 + payload[at]) {
		if (payload[at] > LABEL_MAX ||
		    at - HEADER_BYTES + 1 + payload[at] >= NAME_MAX_BYTES)
			return false;
		add_span(ret, payload + at + 1, payload[at]);
	}
	return at + 1 + QUESTION_BYTES <= size;
}
