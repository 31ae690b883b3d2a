/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_KEY_DNS_H
#define XFN_BPF_KEY_DNS_H
/*
 * The name that a DNS query asks for (RFC 1035 s. 4.1), without regard to case (RFC 4343). Taken in
 * label by label from the root, so that each suffix is known on the way to the name. A message with
 * another number of questions than one, a response, and a name that is compressed have no key.
 */
#include "key_part.h"

#define KEY_DNS_HEADER_BYTES   12
#define KEY_DNS_QR             0x80 /* of byte 2: a response */
#define KEY_DNS_LABEL_MAX      63   /* above: compression, and types that do not exist */
#define KEY_DNS_NAME_MAX       255  /* with the root's zero */
#define KEY_DNS_QUESTION_BYTES 4    /* behind the name: type and class */
#define KEY_DNS_LABELS_MAX     127

/* ASCII capitals of eight bytes at once made small. Length bytes are below 'A'. */
static __always_inline __u64 dns_lower(__u64 word)
{
	const __u64 each = 0x0101010101010101ULL;
	__u64 low = word & each * 0x7f;
	__u64 from_a = low + each * (0x80 - 'A');
	__u64 behind_z = low + each * (0x7f - 'Z');

	return word | ((from_a & ~behind_z & ~word & each * 0x80) >> 2);
}

/* One label on the way to the root: notes where it starts. */
static long dns_label_step(__u32 index, struct key_loop *loop)
{
	struct xfn_key_scratch *scratch = loop->scratch;
	__u32 at = scratch->at, bytes;

	if (at >= scratch->size || at - KEY_DNS_HEADER_BYTES >= KEY_DNS_NAME_MAX)
		return 1;
	bytes = key_byte(scratch, at);
	if (bytes > KEY_DNS_LABEL_MAX)
		return 1;
	scratch->label_at[index & KEY_DNS_LABELS_MAX] = at - KEY_DNS_HEADER_BYTES;
	if (!bytes) {
		scratch->labels = index;
		scratch->done = at + 1 + KEY_DNS_QUESTION_BYTES <= scratch->payload_bytes;
		return 1;
	}
	scratch->at = at + 1 + bytes;
	return 0;
}

/* One word on the way back. */
static long dns_word_step(__u32 index, struct key_loop *loop)
{
	struct xfn_key_scratch *scratch = loop->scratch;
	__u32 parts = scratch->parts, label;

	if (!scratch->left) {
		if (parts >= scratch->labels)
			return 1;
		label = scratch->labels - 1 - parts;
		scratch->at = KEY_DNS_HEADER_BYTES + scratch->label_at[label & KEY_DNS_LABELS_MAX];
		scratch->left = key_byte(scratch, scratch->at) + 1;
	}
	xfn_digest_word(&scratch->name, dns_lower(key_part_word(scratch)));
	if (scratch->left)
		return 0;
	parts++;
	scratch->parts = parts;
	if (parts <= XFN_KEY_SUFFIX_LABELS_MAX)
		scratch->suffix[parts] = scratch->name;
	return 0;
}

static __always_inline int dns_header(const struct xfn_key_scratch *scratch)
{
	if (scratch->size < KEY_DNS_HEADER_BYTES || key_byte(scratch, 2) & KEY_DNS_QR)
		return -1;
	return key_byte(scratch, 4) || key_byte(scratch, 5) != 1 ? -1 : 0;
}

/*
 * Reads the name of the payload in @scratch. Returns 0 with `name`, `labels` and the suffixes of up to
 * that many labels filled in, or -1 where there is no name to read.
 */
static __always_inline int key_dns_read(struct xfn_key_scratch *scratch, __u64 seed)
{
	struct key_loop loop = {.scratch = scratch};

	if (dns_header(scratch))
		return -1;
	scratch->at = KEY_DNS_HEADER_BYTES;
	scratch->labels = 0;
	scratch->done = 0;
	bpf_loop(KEY_DNS_LABELS_MAX + 1, dns_label_step, &loop, 0);
	if (!scratch->done)
		return -1;
	scratch->left = 0;
	scratch->parts = 0;
	xfn_digest_start(&scratch->name, seed);
	scratch->suffix[0] = scratch->name;
	/* The words of a name are no more than the labels it may have: a label has at least two bytes. */
	bpf_loop(KEY_DNS_LABELS_MAX + 1, dns_word_step, &loop, 0);
	return 0;
}

#endif
