/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_KEY_COAP_H
#define XFN_BPF_KEY_COAP_H
/*
 * The path of a CoAP request: its Uri-Path options, each a segment (RFC 7252 s. 3.1, 5.10.1). What
 * comes behind them is not looked at. No option, and a single empty one, are both the path `/`
 * (s. 6.5). Other messages than requests have no path, even where they carry the option.
 */
#include "key_part.h"

#define KEY_COAP_VERSION         1
#define KEY_COAP_HEADER_BYTES    4
#define KEY_COAP_TOKEN_BYTES_MAX 8
#define KEY_COAP_MARKER          0xff
#define KEY_COAP_RESERVED        15 /* as delta or length */
#define KEY_COAP_URI_PATH        11
#define KEY_COAP_SEGMENT_MAX     255 /* RFC 7252 s. 5.10 */
/* Options up to the path's end; each takes a step, and one for each word of a segment. */
#define KEY_COAP_OPTIONS_MAX 32
#define KEY_COAP_STEPS_MAX   (2 * KEY_COAP_OPTIONS_MAX + XFN_KEY_HEAD_BYTES / 8 + 1)

/* A delta or length, from its four bits and what follows at the cursor, which moves. */
static __always_inline __u32 coap_extended(struct xfn_key_scratch *scratch, __u32 nibble)
{
	__u32 at = scratch->at;

	if (nibble < 13)
		return nibble;
	if (nibble == 13) {
		scratch->at = at + 1;
		return 13 + key_byte(scratch, at);
	}
	scratch->at = at + 2;
	return 269 + ((__u32)key_byte(scratch, at) << 8 | key_byte(scratch, at + 1));
}

/* Opens an Uri-Path's value as a part: its length byte takes the place of the byte before it. */
static __always_inline void coap_segment(struct xfn_key_scratch *scratch, __u32 bytes)
{
	scratch->at--;
	scratch->bytes[key_offset(scratch->at)] = bytes;
	scratch->left = bytes + 1;
	scratch->parts++;
	scratch->longest |= bytes;
}

/* The head of an option. Returns 1 at the end of the path, good (`done` is set) or bad. */
static __always_inline long coap_option(struct xfn_key_scratch *scratch)
{
	__u32 first, bytes, size = scratch->size;

	if (scratch->at >= size) { /* of the message, or of what is read of it */
		scratch->done = scratch->at == scratch->payload_bytes;
		return 1;
	}
	first = key_byte(scratch, scratch->at);
	scratch->at++;
	if (first >> 4 == KEY_COAP_RESERVED) {
		scratch->done = first == KEY_COAP_MARKER;
		return 1;
	}
	scratch->option += coap_extended(scratch, first >> 4);
	if (scratch->at > size)
		return 1;
	if (scratch->option > KEY_COAP_URI_PATH) {
		scratch->done = 1;
		return 1;
	}
	if ((first & 15) == KEY_COAP_RESERVED || scratch->options == KEY_COAP_OPTIONS_MAX)
		return 1;
	scratch->options++;
	bytes = coap_extended(scratch, first & 15);
	if (scratch->at + bytes > size)
		return 1;
	if (scratch->option < KEY_COAP_URI_PATH) {
		scratch->at += bytes;
		return 0;
	}
	if (bytes > KEY_COAP_SEGMENT_MAX)
		return 1;
	coap_segment(scratch, bytes);
	return 0;
}

static long coap_step(__u32 index, struct key_loop *loop)
{
	struct xfn_key_scratch *scratch = loop->scratch;

	if (!scratch->left)
		return coap_option(scratch);
	xfn_digest_word(&scratch->path, key_part_word(scratch));
	return 0;
}

/* Puts the cursor before the first option. Returns 0, or -1 where the payload is no request. */
static __always_inline int coap_header(struct xfn_key_scratch *scratch)
{
	__u32 form = key_byte(scratch, 0), code = key_byte(scratch, 1), token_bytes = form & 15;

	if (scratch->size < KEY_COAP_HEADER_BYTES || form >> 6 != KEY_COAP_VERSION)
		return -1;
	if (!code || code >> 5) /* empty, or a response */
		return -1;
	scratch->at = KEY_COAP_HEADER_BYTES + token_bytes;
	return token_bytes > KEY_COAP_TOKEN_BYTES_MAX || scratch->at > scratch->size ? -1 : 0;
}

/*
 * Reads the path of the payload in @scratch, whose segments' lengths are written over the bytes before
 * them. Returns 0 with `path` filled in, or -1 where there is no path that can be read: no request, an
 * option that is malformed, or more options or bytes than are read.
 */
static __always_inline int key_coap_read(struct xfn_key_scratch *scratch, __u64 seed)
{
	struct key_loop loop = {.scratch = scratch};

	if (coap_header(scratch))
		return -1;
	scratch->left = 0;
	scratch->parts = 0;
	scratch->options = 0;
	scratch->option = 0;
	scratch->longest = 0;
	scratch->done = 0;
	xfn_digest_start(&scratch->path, seed);
	bpf_loop(KEY_COAP_STEPS_MAX, coap_step, &loop, 0);
	if (!scratch->done)
		return -1;
	if (scratch->parts == 1 && !scratch->longest)
		xfn_digest_start(&scratch->path, seed);
	return 0;
}

#endif
