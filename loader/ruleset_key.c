/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "key.h"
#include "manifest.h"
#include "ruleset_key.h"

/* ---- digests ----------------------------------------------------------------------------------- */

static __u8 lower(__u8 byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* The words of one part: length, bytes, zeros up to a whole word. */
static void digest_part(struct xfn_digest *digest, const __u8 *bytes, __u8 count, bool is_label)
{
	__u64 word = count;
	unsigned i, filled = 1;

	for (i = 0; i < count; i++) {
		word = word << 8 | (is_label ? lower(bytes[i]) : bytes[i]);
		if (++filled < 8)
			continue;
		xfn_digest_word(digest, word);
		word = filled = 0;
	}
	if (filled)
		xfn_digest_word(digest, word << (8 * (8 - filled)));
}

static void digest_path(const struct xfn_key_spans *spans, __u64 seed, __u64 ret[2])
{
	struct xfn_digest digest;
	__u32 i;

	xfn_digest_start(&digest, seed);
	for (i = 0; i < spans->count; i++)
		digest_part(&digest, spans->at[i], spans->bytes[i], false);
	xfn_digest_end(&digest, ret);
}

/* The last @labels labels, from the root on. */
static void digest_name(const struct xfn_key_spans *spans, __u32 labels, __u64 seed, __u64 ret[2])
{
	struct xfn_digest digest;
	__u32 i;

	xfn_digest_start(&digest, seed);
	for (i = spans->count; i > spans->count - labels; i--)
		digest_part(&digest, spans->at[i - 1], spans->bytes[i - 1], true);
	xfn_digest_end(&digest, ret);
}

/* ---- a trigger's key --------------------------------------------------------------------------- */

static void spans_of(const struct xfn_key_parts *parts, struct xfn_key_spans *ret)
{
	__u32 at;

	ret->count = 0;
	for (at = 0; at < parts->size; at += 1 + parts->bytes[at]) {
		ret->at[ret->count] = parts->bytes + at + 1;
		ret->bytes[ret->count++] = parts->bytes[at];
	}
}

/* What reading the manifest has accepted; an empty path or name otherwise. */
static void compile_path(const struct xfn_key_spec *key, __u64 seed, __u64 payload[2])
{
	struct xfn_key_parts parts = {.size = 0};
	struct xfn_key_spans spans;
	struct xfn_unit_error err;

	xfn_key_path_parse(key->text, strlen(key->text), &parts, &err);
	spans_of(&parts, &spans);
	digest_path(&spans, seed, payload);
}

/* Returns the number of labels. */
static __u32 compile_name(const struct xfn_key_spec *key, __u64 seed, __u64 payload[2])
{
	struct xfn_key_parts parts = {.size = 0};
	struct xfn_key_spans spans;
	struct xfn_unit_error err;

	xfn_key_name_parse(key->text, strlen(key->text), &parts, &err);
	spans_of(&parts, &spans);
	digest_name(&spans, spans.count, seed, payload);
	return spans.count;
}

static void compile_bytes(const struct xfn_key_spec *key, struct xfn_key_class *class,
			  __u64 payload[2])
{
	class->bytes = key->value_bytes;
	class->offset = (__u16)key->offset;
	memcpy(class->mask, key->mask, sizeof(key->mask));
	memcpy(payload, key->value, sizeof(key->value));
	payload[0] &= class->mask[0];
	payload[1] &= class->mask[1];
}

void xfn_key_compile(const struct xfn_key_spec *key, __u64 seed, struct xfn_key_class *ret,
		     __u64 payload[2])
{
	memset(ret, 0, sizeof(*ret));
	memset(payload, 0, 2 * sizeof(*payload));
	switch (key ? key->kind : XFN_KEY_NONE) {
	case XFN_KEY_COAP_PATH:
		ret->reader = XFN_READER_COAP_PATH;
		compile_path(key, seed, payload);
		break;
	case XFN_KEY_DNS_NAME:
		ret->reader = XFN_READER_DNS_NAME;
		compile_name(key, seed, payload);
		break;
	case XFN_KEY_DNS_SUFFIX:
		ret->reader = XFN_READER_DNS_SUFFIX;
		ret->labels = (__u8)compile_name(key, seed, payload);
		break;
	case XFN_KEY_BYTES:
		ret->reader = XFN_READER_BYTES;
		compile_bytes(key, ret, payload);
		break;
	}
}

/* ---- order ------------------------------------------------------------------------------------- */

static int reader_rank(__u8 reader)
{
	static const __u8 ranks[] = {
		[XFN_READER_COAP_PATH] = 0, [XFN_READER_DNS_NAME] = 1, [XFN_READER_DNS_SUFFIX] = 2,
		[XFN_READER_BYTES] = 3,     [XFN_READER_NONE] = 4,
	};

	return ranks[reader];
}

static int mask_bits(const struct xfn_key_class *class)
{
	return __builtin_popcountll(class->mask[0]) + __builtin_popcountll(class->mask[1]);
}

/* More bits first, then what comes first in the payload; the rest makes it an order, no more. */
static int compare_bytes(const struct xfn_key_class *a, const struct xfn_key_class *b)
{
	if (mask_bits(a) != mask_bits(b))
		return mask_bits(b) - mask_bits(a);
	if (a->offset != b->offset)
		return (int)a->offset - (int)b->offset;
	if (a->bytes != b->bytes)
		return (int)b->bytes - (int)a->bytes;
	return memcmp(b->mask, a->mask, sizeof(a->mask));
}

int xfn_key_class_compare(const struct xfn_key_class *a, const struct xfn_key_class *b)
{
	if (a->reader != b->reader)
		return reader_rank(a->reader) - reader_rank(b->reader);
	if (a->reader == XFN_READER_DNS_SUFFIX)
		return (int)b->labels - (int)a->labels;
	return compare_bytes(a, b);
}

/* ---- a payload --------------------------------------------------------------------------------- */

static enum xfn_key_result read_bytes(const struct xfn_shape *shape, const __u8 *payload,
				      __u32 payload_bytes, __u64 ret[2])
{
	if ((__u32)shape->offset + shape->bytes > payload_bytes)
		return XFN_KEY_ODD;
	ret[0] = ret[1] = 0;
	memcpy(ret, payload + shape->offset, shape->bytes);
	ret[0] &= shape->payload_mask[0];
	ret[1] &= shape->payload_mask[1];
	return XFN_KEY_FOUND;
}

static enum xfn_key_result read_name(const struct xfn_shape *shape, __u64 seed, const __u8 *payload,
				     __u32 payload_bytes, __u64 ret[2])
{
	struct xfn_key_spans spans;
	__u32 labels;

	if (!xfn_key_read_name(payload, payload_bytes, &spans))
		return XFN_KEY_ODD;
	labels = shape->reader == XFN_READER_DNS_NAME ? spans.count : shape->labels;
	if (labels > spans.count)
		return XFN_KEY_ABSENT;
	digest_name(&spans, labels, seed, ret);
	return XFN_KEY_FOUND;
}

enum xfn_key_result xfn_key_read(const struct xfn_shape *shape, __u64 seed, const void *payload,
				 __u32 payload_bytes, __u64 ret[2])
{
	struct xfn_key_spans spans;

	switch (shape->reader) {
	case XFN_READER_COAP_PATH:
		if (!xfn_key_read_path(payload, payload_bytes, &spans))
			return XFN_KEY_ODD;
		digest_path(&spans, seed, ret);
		return XFN_KEY_FOUND;
	case XFN_READER_DNS_NAME:
	case XFN_READER_DNS_SUFFIX:
		return read_name(shape, seed, payload, payload_bytes, ret);
	}
	return read_bytes(shape, payload, payload_bytes, ret);
}
