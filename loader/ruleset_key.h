/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RULESET_KEY_H
#define XFN_RULESET_KEY_H

/*
 * Keys in the payload, for the compiler and for the look-up in user space: what a trigger's key is to
 * the data plane, and what a payload has. The reading here is made from the RFCs once more and shares
 * only the digest with bpf/key_*.h; tests hold the two against each other.
 */

#include <stdbool.h>
#include <linux/types.h>

#include "xfn/abi.h"

struct xfn_key_spec;

/* What the keys of one shape have in common: a reader, and what it is told. All zeros: no key. */
struct xfn_key_class {
	__u8 reader; /* enum xfn_key_reader */
	__u8 labels; /* XFN_READER_DNS_SUFFIX */
	__u8 bytes;  /* XFN_READER_BYTES: 1 to 16 */
	__u8 reserved;
	__u16 offset; /* XFN_READER_BYTES */
	__u16 reserved2;
	__u64 mask[2]; /* XFN_READER_BYTES */
};

/* The class of a key, or that of none for NULL, and what its entry has as payload. */
void xfn_key_compile(const struct xfn_key_spec *key, __u64 seed, struct xfn_key_class *ret,
		     __u64 payload[2]);

/* Below 0 if @a is more specific than @b, above 0 if less; 0 only for equal ones. */
int xfn_key_class_compare(const struct xfn_key_class *a, const struct xfn_key_class *b);

enum xfn_key_result {
	XFN_KEY_ODD,    /* too short, or not what the reader reads */
	XFN_KEY_ABSENT, /* well-formed, but with fewer labels than the suffix has */
	XFN_KEY_FOUND,  /* payload is filled in */
};

/* What a payload has for the reader of a shape. */
enum xfn_key_result xfn_key_read(const struct xfn_shape *shape, __u64 seed, const void *payload,
				 __u32 payload_bytes, __u64 ret[2]);

/* ---- ruleset_read.c ---------------------------------------------------------------------------- */

#define XFN_KEY_SPANS_MAX 128

/* Segments or labels of a message, where they lie in it. */
struct xfn_key_spans {
	const __u8 *at[XFN_KEY_SPANS_MAX];
	__u8 bytes[XFN_KEY_SPANS_MAX];
	__u32 count;
};

/* The segments of a request's path, or the labels of a query's name; false: there are none to read. */
bool xfn_key_read_path(const __u8 *message, __u32 size, struct xfn_key_spans *ret);
bool xfn_key_read_name(const __u8 *message, __u32 size, struct xfn_key_spans *ret);

#endif
