/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_REPLY_DNS_H
#define XFN_BPF_REPLY_DNS_H
/*
 * What a DNS client is told that sends too much (RFC 1035 s. 4.1.1): REFUSED where the function as a
 * whole has no room, so that it asks another server; an empty answer with TC where the source alone is
 * over its limit, so that a client that is where it says comes back over TCP, and a spoofed one does not.
 * Header, question, and the OPT record without its options (RFC 6891 s. 6.1.1) are kept, all in place.
 */
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <xfn/event.h>

#define DNS_QR            0x8000
#define DNS_TC            0x0200
#define DNS_REFUSED       5
#define DNS_KEPT          0x7910 /* opcode, RD; CD by RFC 4035 s. 3.2.2 */
#define DNS_LABELS_MAX    127
#define DNS_LABEL_MAX     63 /* above: compression, which a question has no use for */
#define DNS_OPT           41
#define DNS_OPT_DO        0x8000
#define DNS_OPT_UDP_BYTES 1232 /* 1280 less headers: what crosses the Internet unfragmented */

struct dns_message {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

/* An OPT record up to its options, the root's name in front. */
struct dns_opt {
	__u8 root;
	__be16 rtype;
	__be16 udp_bytes;
	__u8 rcode_high;
	__u8 version;
	__be16 flags;
	__be16 option_bytes;
} __attribute__((packed));

/*
 * Where the question at frame offset @start ends in a message of @bytes from there on, counted from
 * @start; 0 where there is no whole one. A global function, which the verifier walks once.
 */
__noinline __u32 xfn_dns_question(struct xdp_md *ctx, __u32 start, __u32 bytes)
{
	__u32 at = 0, i;
	__u8 label;

	for (i = 0; i <= DNS_LABELS_MAX; i++) {
		if (at >= bytes || bpf_xdp_load_bytes(ctx, start + at, &label, 1))
			return 0;
		at += 1 + label;
		if (!label)
			return at + 4 <= bytes ? at + 4 : 0; /* type and class */
		if (label > DNS_LABEL_MAX)
			return 0;
	}
	return 0;
}

/* Empties an OPT record at payload offset @at. Returns its bytes; 0 where there is none. */
static __always_inline __u32 dns_keep_opt(struct xfn_event *event, __u32 at)
{
	struct dns_opt opt = {};

	if (xfn_read(event, at, &opt, sizeof(opt)) || opt.root || opt.rtype != bpf_htons(DNS_OPT))
		return 0;
	opt.udp_bytes = bpf_htons(DNS_OPT_UDP_BYTES);
	opt.rcode_high = 0;
	opt.version = 0;
	opt.flags &= bpf_htons(DNS_OPT_DO);
	opt.option_bytes = 0;
	return xfn_write(event, at, &opt, sizeof(opt)) ? 0 : sizeof(opt);
}

/* Makes the payload a refusal, or a truncated answer. Returns 0, or -1 where it is no query. */
static __always_inline int dns_refuse(struct xfn_event *event, int truncated)
{
	struct dns_message message = {};
	__u32 question, opt = 0, end;
	__u16 flags;

	if (xfn_read(event, 0, &message, sizeof(message)))
		return -1;
	flags = bpf_ntohs(message.flags);
	if (flags & DNS_QR || message.questions != bpf_htons(1))
		return -1;
	question = xfn_dns_question(event->ctx, event->payload_offset + sizeof(message),
				    event->payload_bytes - sizeof(message));
	if (!question)
		return -1;
	end = sizeof(message) + question;
	if (!message.answers && !message.authorities && message.additionals)
		opt = dns_keep_opt(event, end);
	flags = (flags & DNS_KEPT) | DNS_QR | (truncated ? DNS_TC : DNS_REFUSED);
	message.flags = bpf_htons(flags);
	message.answers = message.authorities = 0;
	message.additionals = opt ? bpf_htons(1) : 0;
	if (xfn_write(event, 0, &message, sizeof(message)))
		return -1;
	event->payload_bytes = end + opt;
	return 0;
}

#endif
