/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_DNS_H
#define XFN_DNS_H
/*
 * For handlers that read DNS messages (RFC 1035; EDNS: RFC 6891). All of it works with 6.1's verifier:
 * what repeats runs in bpf_loop(), and what the loop finds out stays in the author's map, not on the
 * stack, where verifiers before 6.7 believe that a callback runs once.
 *
 * Offsets are in the event's payload, in bytes. Numbers in wire structs are in network order.
 */
#include <xfn/handler.h>

#define XFN_DNS_NAME_BYTES_MAX  255 /* RFC 1035 s. 3.1, length bytes and the root's included */
#define XFN_DNS_LABEL_BYTES_MAX 63  /* above: compression and other label types */
#define XFN_DNS_LABELS_MAX      127
#define XFN_DNS_KEY_WORDS       32 /* a name as a map's key: 256 bytes */

/* Flags of the header's second word, in host order (RFC 1035 s. 4.1.1, RFC 4035 s. 3). */
#define XFN_DNS_QR     0x8000
#define XFN_DNS_OPCODE 0x7800
#define XFN_DNS_AA     0x0400
#define XFN_DNS_TC     0x0200
#define XFN_DNS_RD     0x0100
#define XFN_DNS_RCODE  0x000f

enum xfn_dns_rcode {
	XFN_DNS_NOERROR = 0,
	XFN_DNS_FORMERR = 1,
	XFN_DNS_SERVFAIL = 2,
	XFN_DNS_NXDOMAIN = 3,
	XFN_DNS_REFUSED = 5,
	XFN_DNS_BADVERS = 16, /* its upper 8 bits go into the OPT record */
};

enum xfn_dns_rtype {
	XFN_DNS_A = 1,
	XFN_DNS_CNAME = 5,
	XFN_DNS_SOA = 6,
	XFN_DNS_TXT = 16,
	XFN_DNS_AAAA = 28,
	XFN_DNS_OPT = 41,
};

#define XFN_DNS_CLASS_IN 1

struct xfn_dns_header {
	__be16 id;
	__be16 flags;
	__be16 question_count;
	__be16 answer_count;
	__be16 authority_count;
	__be16 additional_count;
};

/* What follows the name in the question section. */
struct xfn_dns_question {
	__be16 rtype;
	__be16 rclass;
};

/* An OPT record up to its options, with the root's name in front (RFC 6891 s. 6.1.2). */
struct xfn_dns_opt {
	__u8 root; /* 0 */
	__be16 rtype;
	__be16 udp_bytes; /* largest UDP payload that the sender takes */
	__u8 rcode_high;  /* upper 8 bits of the rcode */
	__u8 version;
	__be16 flags;
	__be16 option_bytes;
} __attribute__((packed));

#define XFN_DNS_OPT_DO     0x8000 /* RFC 3225; host order */
#define XFN_DNS_UDP_BYTES  512    /* without EDNS, RFC 1035 s. 4.2.1 */
#define XFN_DNS_EDNS_BYTES 1232   /* what crosses the Internet unfragmented: 1280 less headers */

/*
 * A name that was read, and room to read it in. Too large for the stack: keep it in a per-CPU array of
 * one element. Written by xfn_dns_name_read() alone.
 */
struct xfn_dns_name {
	__u64 wire[XFN_DNS_KEY_WORDS + 1];     /* as it came; zeros in the 8 bytes behind its end */
	__u8 label_at[XFN_DNS_LABELS_MAX + 1]; /* where each label starts, the root's too */
	__u32 bytes;                           /* 1 to 255; 0: not a good name */
	__u32 labels;                          /* 0 to 127, without the root's */
	__u32 seen_at;                         /* of the loop: next label, or byte */
	__u32 room;                            /* of the loop: bytes that could be read */
};

struct xfn_dns_loop {
	struct xfn_dns_name *name;
	const __u64 *from;
	__u64 *to;
};

/* One label. */
static long __attribute__((unused)) xfn_dns_label_step(__u32 index, struct xfn_dns_loop *loop)
{
	struct xfn_dns_name *name = loop->name;
	__u32 at = name->seen_at;
	__u8 label_bytes;

	if (at >= name->room)
		return 1;
	label_bytes = ((__u8 *)name->wire)[at & 0xff];
	if (label_bytes > XFN_DNS_LABEL_BYTES_MAX)
		return 1;
	name->label_at[index & XFN_DNS_LABELS_MAX] = at;
	if (!label_bytes) {
		name->labels = index;
		name->bytes = at + 1;
		return 1;
	}
	name->seen_at = at + 1 + label_bytes;
	return 0;
}

/*
 * ASCII capitals of 8 bytes at once made small (RFC 4343). Length bytes are below 'A', so a whole name
 * may go through.
 */
XFN_INLINE __u64 xfn_dns_lower(__u64 word)
{
	const __u64 each = 0x0101010101010101ULL;
	__u64 low = word & each * 0x7f;
	__u64 from_a = low + each * (0x80 - 'A');
	__u64 behind_z = low + each * (0x7f - 'Z');

	return word | ((from_a & ~behind_z & ~word & each * 0x80) >> 2);
}

static long __attribute__((unused)) xfn_dns_lower_step(__u32 index, struct xfn_dns_loop *loop)
{
	if (index < XFN_DNS_KEY_WORDS)
		loop->to[index] = xfn_dns_lower(loop->from[index]);
	return 0;
}

/*
 * Reads the uncompressed name at payload offset @offset into *name, and makes a map's key of it:
 * XFN_DNS_KEY_WORDS words at @key, the wire form in small letters with zeros behind. Both must be in a
 * map. Returns 0, or -EBADMSG where there is no such name: it runs out of the payload, is longer than
 * 255 bytes, or has a label that is compressed or of a type that does not exist. On failure *name and
 * @key are undefined.
 */
XFN_INLINE int xfn_dns_name_read(const struct xfn_event *event, __u32 offset,
				 struct xfn_dns_name *name, __u64 *key)
{
	struct xfn_dns_loop loop = {.name = name, .from = name->wire, .to = key};
	__u32 room, bytes, i;

	if (offset >= event->payload_bytes)
		return -EBADMSG;
	room = event->payload_bytes - offset - 1;
	if (room > XFN_DNS_NAME_BYTES_MAX - 1)
		room = XFN_DNS_NAME_BYTES_MAX - 1;
	barrier_var(room);
	room = (room & 0xff) + 1;
	if (bpf_xdp_load_bytes(event->ctx, event->payload_offset + offset, name->wire, room))
		return -EBADMSG;
	name->room = room;
	name->seen_at = 0;
	name->bytes = 0;
	name->labels = 0;
	bpf_loop(XFN_DNS_LABELS_MAX + 1, xfn_dns_label_step, &loop, 0);
	bytes = name->bytes;
	if (bytes - 1 > XFN_DNS_NAME_BYTES_MAX - 1)
		return -EBADMSG;
	barrier_var(bytes); /* or the compiler sees the mask below in the test above */
	bytes &= 0xff;
	__builtin_memset((__u8 *)name->wire + bytes, 0, 8);
#pragma unroll
	for (i = 0; i < XFN_DNS_KEY_WORDS; i++)
		key[i] = 0;
	bpf_loop((bytes + 7) / 8, xfn_dns_lower_step, &loop, 0);
	return 0;
}

static long __attribute__((unused)) xfn_dns_equal_step(__u32 index, struct xfn_dns_loop *loop)
{
	struct xfn_dns_name *name = loop->name;
	const __u8 *suffix = (const __u8 *)loop->from, *key = (const __u8 *)loop->to;

	if (suffix[index & 0xff] == key[(name->seen_at + index) & 0xff])
		return 0;
	name->seen_at = 0;
	name->room = 0;
	return 1;
}

/*
 * 1 if the name that was read lies at or below another one, else 0. @key: as xfn_dns_name_read() made
 * it. @suffix: the other one, XFN_DNS_KEY_WORDS words in a map, in small letters; its length and number
 * of labels beside it.
 */
XFN_INLINE int xfn_dns_name_is_below(struct xfn_dns_name *name, __u64 *key, const __u64 *suffix,
				     __u32 suffix_bytes, __u32 suffix_labels)
{
	struct xfn_dns_loop loop = {.name = name, .from = suffix, .to = key};
	__u32 at;

	if (name->labels < suffix_labels)
		return 0;
	at = name->label_at[(name->labels - suffix_labels) & XFN_DNS_LABELS_MAX];
	if (name->bytes - at != suffix_bytes)
		return 0;
	name->seen_at = at;
	name->room = 1;
	bpf_loop(suffix_bytes & 0xff, xfn_dns_equal_step, &loop, 0);
	return name->room != 0;
}

/*
 * Reads the OPT record at payload offset @offset into *opt. Returns its whole length with options,
 * 0 if what stands there is another record, or -EBADMSG where it runs out of the payload.
 */
XFN_INLINE int xfn_dns_opt_read(const struct xfn_event *event, __u32 offset,
				struct xfn_dns_opt *opt)
{
	__u32 bytes;

	if (xfn_read(event, offset, opt, sizeof(*opt)))
		return -EBADMSG;
	if (opt->root || opt->rtype != bpf_htons(XFN_DNS_OPT))
		return 0;
	bytes = sizeof(*opt) + bpf_ntohs(opt->option_bytes);
	if (offset + bytes > event->payload_bytes)
		return -EBADMSG;
	return (int)bytes;
}

#endif
