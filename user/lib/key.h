/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys in the payload as people write them: a CoAP path, a DNS name, bytes in hex. Readers are as in
 * units.h: 0 or -EINVAL, nothing written on failure, @err filled.
 */
#ifndef XFN_KEY_H
#define XFN_KEY_H

#include <stddef.h>
#include <linux/types.h>

#include "units.h"

#define XFN_KEY_PARTS_BYTES_MAX 254 /* a DNS name of 255 bytes without the root's zero */
#define XFN_KEY_SEGMENTS_MAX    16  /* of a path; a message may have 32 options up to its end */
#define XFN_KEY_LABELS_MAX      127
#define XFN_KEY_BYTES_MAX       16

/*
 * A path's segments or a name's labels, in the order written, as they stand in a message: of each its
 * length in one byte, then its bytes. Names are in small letters and without the root.
 */
struct xfn_key_parts {
	__u8 bytes[XFN_KEY_PARTS_BYTES_MAX + 1];
	__u32 size;
	__u32 count;
};

/*
 * `/a/b` as in a URI: each segment is one Uri-Path option once `%2F` and its like are decoded (RFC 7252
 * s. 6.4); `/` has none. Letters beyond ASCII may stand as they are, in UTF-8. Refused: what is no
 * path (a query, blanks), `.` and `..`, a segment of more than 253 bytes.
 */
int xfn_key_path_parse(const char *text, size_t len, struct xfn_key_parts *ret,
		       struct xfn_unit_error *err);

/*
 * `x.example` or `x.example.`, `.` for the root; \. and \DDD as in zone files (RFC 1035 s. 5.1).
 * Capitals are made small. Refused: letters beyond ASCII, and a label `*`, which is no wildcard here.
 */
int xfn_key_name_parse(const char *text, size_t len, struct xfn_key_parts *ret,
		       struct xfn_unit_error *err);

/* The same, of at most XFN_KEY_SUFFIX_LABELS_MAX labels (xfn/abi.h). */
int xfn_key_suffix_parse(const char *text, size_t len, struct xfn_key_parts *ret,
			 struct xfn_unit_error *err);

/* 1 to XFN_KEY_BYTES_MAX bytes in hex, two digits each, either case. */
int xfn_key_hex_parse(const char *text, size_t len, __u8 ret[XFN_KEY_BYTES_MAX], __u8 *ret_bytes,
		      struct xfn_unit_error *err);

/* @buf: 2 * XFN_KEY_BYTES_MAX + 1 bytes. Returns @buf. */
char *xfn_key_hex_print(const __u8 *bytes, __u8 count, char *buf);

#endif /* XFN_KEY_H */
