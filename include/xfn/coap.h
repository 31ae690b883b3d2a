/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_COAP_H
#define XFN_COAP_H
/*
 * For handlers that read CoAP messages (RFC 7252). As in xfn/dns.h, what a loop finds out stays in the
 * author's map: verifiers before 6.7 believe that a callback of bpf_loop() runs once.
 *
 *	err = xfn_coap_read(event, coap);
 *	...
 *	bpf_loop(XFN_COAP_OPTIONS_MAX, option_step, &loop, 0);	// xfn_coap_option_next() in each step
 */
#include <xfn/handler.h>

#define XFN_COAP_HEAD_BYTES_MAX  256 /* header, token and options: what is read of a message */
#define XFN_COAP_TOKEN_BYTES_MAX 8
#define XFN_COAP_OPTIONS_MAX     32 /* a fair number of steps */

enum xfn_coap_type {
	XFN_COAP_CON = 0, /* confirmable: to be acknowledged */
	XFN_COAP_NON = 1,
	XFN_COAP_ACK = 2,
	XFN_COAP_RST = 3,
};

/* Class and detail as they are written: XFN_COAP_CODE(4, 4) is 4.04. */
#define XFN_COAP_CODE(class, detail) ((class) << 5 | (detail))

#define XFN_COAP_EMPTY XFN_COAP_CODE(0, 0)
#define XFN_COAP_GET   XFN_COAP_CODE(0, 1)
#define XFN_COAP_POST  XFN_COAP_CODE(0, 2)

/* Option numbers, RFC 7252 s. 5.10; odd ones are critical. */
enum xfn_coap_option {
	XFN_COAP_URI_HOST = 3,
	XFN_COAP_URI_PORT = 7,
	XFN_COAP_URI_PATH = 11,
	XFN_COAP_CONTENT_FORMAT = 12,
	XFN_COAP_URI_QUERY = 15,
	XFN_COAP_ACCEPT = 17,
	XFN_COAP_PROXY_URI = 35,
	XFN_COAP_PROXY_SCHEME = 39,
};

#define XFN_COAP_PAYLOAD_MARKER 0xff

/* The first bytes of a message (RFC 7252 s. 3). */
struct xfn_coap_header {
	__u8 form; /* version:2, type:2, length of the token:4 */
	__u8 code;
	__be16 mid;
};

#define XFN_COAP_FORM(type, token_bytes) (1 << 6 | (type) << 4 | (token_bytes))

/*
 * A message that was read, with a cursor on its options. Too large for the stack: keep it in a per-CPU
 * array of one element. Written by the functions below alone. Offsets are in the event's payload.
 */
struct xfn_coap {
	__u8 head[XFN_COAP_HEAD_BYTES_MAX + 8]; /* as it came; behind head_bytes: nothing */
	__u32 bytes;                            /* whole message */
	__u32 head_bytes;                       /* of it in head */
	__u32 next_at;                          /* next option, payload marker or end */
	__u32 option;                           /* number of the current option */
	__u32 option_at;                        /* its value, all of it in head */
	__u32 option_bytes;
	__u32 payload_at; /* known once the last option was read */
	__u32 payload_bytes;
	__u8 type;
	__u8 code;
	__u8 token_bytes; /* 0 to 8; the token is at offset 4 */
	__u8 reserved;
	__be16 mid;
	__u16 reserved2;
};

/*
 * Reads header and token length, and puts the cursor before the first option. Returns 0; -ENOMSG where
 * it is no CoAP message of version 1, to be ignored (RFC 7252 s. 3); -EPROTO for a message format error
 * (s. 4.2: reject it), with type, code and mid filled in.
 */
XFN_INLINE int xfn_coap_read(const struct xfn_event *event, struct xfn_coap *coap)
{
	__u32 bytes = event->payload_bytes, head_bytes = bytes - 1;
	__u8 form;

	if (bytes < sizeof(struct xfn_coap_header))
		return -ENOMSG;
	if (head_bytes > XFN_COAP_HEAD_BYTES_MAX - 1)
		head_bytes = XFN_COAP_HEAD_BYTES_MAX - 1;
	barrier_var(head_bytes);
	head_bytes = (head_bytes & (XFN_COAP_HEAD_BYTES_MAX - 1)) + 1;
	if (bpf_xdp_load_bytes(event->ctx, event->payload_offset, coap->head, head_bytes))
		return -ENOMSG;
	form = coap->head[0];
	if (form >> 6 != 1)
		return -ENOMSG;
	coap->bytes = bytes;
	coap->head_bytes = head_bytes;
	coap->type = form >> 4 & 3;
	coap->code = coap->head[1];
	coap->mid = *(__be16 *)(coap->head + 2);
	coap->token_bytes = form & 15;
	coap->next_at = sizeof(struct xfn_coap_header) + coap->token_bytes;
	coap->option = 0;
	coap->payload_at = bytes;
	coap->payload_bytes = 0;
	if (coap->token_bytes > XFN_COAP_TOKEN_BYTES_MAX || coap->next_at > bytes)
		return -EPROTO;
	/* An empty message is four bytes (s. 4.1). */
	return coap->code == XFN_COAP_EMPTY && bytes != 4 ? -EPROTO : 0;
}

/* Delta or length of an option, from its four bits and what follows at *at (RFC 7252 s. 3.1). */
XFN_INLINE __u32 xfn_coap_extended(const struct xfn_coap *coap, __u32 *at, __u32 nibble)
{
	const __u8 *bytes = coap->head + (*at & (XFN_COAP_HEAD_BYTES_MAX - 1));

	if (nibble < 13)
		return nibble;
	if (nibble == 13) {
		*at += 1;
		return 13 + bytes[0];
	}
	*at += 2;
	return 269 + (bytes[0] << 8 | bytes[1]);
}

/*
 * Moves on to the next option: its number, and where its value is. Returns 1; 0 behind the last one,
 * with the payload's place and length filled in; -EPROTO for a message format error; -EMSGSIZE where the
 * options are longer than what is read of a message.
 */
XFN_INLINE int xfn_coap_option_next(struct xfn_coap *coap)
{
	__u32 at = coap->next_at, number, bytes;
	__u8 first;

	if (at >= coap->bytes)
		return 0;
	if (at > XFN_COAP_HEAD_BYTES_MAX - 5) /* an option's head has up to five bytes */
		return -EMSGSIZE;
	first = coap->head[at & (XFN_COAP_HEAD_BYTES_MAX - 1)];
	at++;
	if (first == XFN_COAP_PAYLOAD_MARKER) {
		coap->payload_at = at;
		coap->payload_bytes = coap->bytes - at;
		return coap->payload_bytes ? 0 : -EPROTO;
	}
	if (first >> 4 == 15 || (first & 15) == 15)
		return -EPROTO;
	number = coap->option + xfn_coap_extended(coap, &at, first >> 4);
	bytes = xfn_coap_extended(coap, &at, first & 15);
	if (number > 65535 || at + bytes > coap->bytes)
		return -EPROTO;
	if (at + bytes > XFN_COAP_HEAD_BYTES_MAX)
		return -EMSGSIZE;
	coap->option = number;
	coap->option_at = at;
	coap->option_bytes = bytes;
	coap->next_at = at + bytes;
	return 1;
}

/* Value of an option of unsigned integer format, up to 32 bits (RFC 7252 s. 3.2); more reads as ~0. */
XFN_INLINE __u32 xfn_coap_option_uint(const struct xfn_coap *coap)
{
	__u32 at = coap->option_at, value = 0, i;

	if (coap->option_bytes > 4)
		return ~0U;
#pragma unroll
	for (i = 0; i < 4; i++)
		if (i < coap->option_bytes)
			value = value << 8 | coap->head[(at + i) & (XFN_COAP_HEAD_BYTES_MAX - 1)];
	return value;
}

/* 1 if the option's value is these bytes, @bytes a constant of up to 32. */
XFN_INLINE int xfn_coap_option_is(const struct xfn_coap *coap, const char *text, __u32 bytes)
{
	__u32 at = coap->option_at, i;
	__u8 difference = 0;

	if (coap->option_bytes != bytes)
		return 0;
#pragma unroll
	for (i = 0; i < bytes; i++)
		difference |= coap->head[(at + i) & (XFN_COAP_HEAD_BYTES_MAX - 1)] ^ text[i];
	return !difference;
}

#endif
