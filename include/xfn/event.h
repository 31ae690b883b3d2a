/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_EVENT_H
#define XFN_EVENT_H
/*
 * An event and its payload, and the frame turned into a reply: what the handler SDK and the data plane's
 * own replies have in common. Authors include xfn/handler.h, which brings this.
 *
 * Whoever includes it has declared the map xfn_sums.
 */
#include <linux/errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <xfn/abi.h>

/*
 * One event. Addresses are the packet's bytes, an IPv4 address in the first 4 of them. Read it;
 * of its members only redirect_ifindex is the author's to write.
 */
struct xfn_event {
	struct xdp_md *ctx;
	__u64 dst[2];
	__u64 src[2];
	__be16 src_port;
	__be16 dst_port;
	__u16 payload_offset; /* of the payload in the frame, in bytes */
	__u16 payload_bytes;  /* moved by xfn_resize() */
	__u16 l3_offset;
	__u8 ip_version; /* 4 or 6 */
	__u8 l4_proto;   /* IPPROTO_UDP or IPPROTO_TCP */
	__u32 redirect_ifindex;
	__u32 flags; /* the SDK's own */
	__u32 reserved;
	__u64 seen_ns;
	__u64 given_ns;
};

/* ---- bounds, and what the functions below say to each other ------------------------------------ */

#define XFN_INLINE            static inline __attribute__((always_inline, unused))
#define XFN_PAYLOAD_BYTES_MAX 9000   /* largest reply, by jumbo frames */
#define XFN_FRAME_BYTES_MIN   60     /* Ethernet's 64 less the frame check sequence */
#define XFN_OFFSET_MAX        0x3fff /* bound on packet offsets that the verifier follows */
#define XFN_SUM_CHUNKS_MAX    18     /* 18 * 512 >= XFN_PAYLOAD_BYTES_MAX */
#define XFN_SUM_FAILED        (~0ULL)
#define XFN_HEADROOM_MAX      256 /* XDP_PACKET_HEADROOM */
#define XFN_REPLY_TTL         64

#define XFN_FLAG_ANSWER (1U << 8) /* the payload was a response when the event came */

/* ---- reading and writing the payload ------------------------------------------------------------- */

/*
 * Copies payload bytes [offset, offset + bytes) to @to. @bytes may be a variable with a bound that
 * the verifier can see. Returns 0, or -ERANGE where the payload is shorter; *to is then undefined.
 */
XFN_INLINE int xfn_read(const struct xfn_event *event, __u32 offset, void *to, __u32 bytes)
{
	if (bytes > event->payload_bytes || offset > event->payload_bytes - bytes)
		return -ERANGE;
	return bpf_xdp_load_bytes(event->ctx, event->payload_offset + offset, to, bytes) ? -ERANGE
											 : 0;
}

/* The same in the other direction. The payload does not grow: see xfn_resize(). */
XFN_INLINE int xfn_write(struct xfn_event *event, __u32 offset, const void *from, __u32 bytes)
{
	if (bytes > event->payload_bytes || offset > event->payload_bytes - bytes)
		return -ERANGE;
	return bpf_xdp_store_bytes(event->ctx, event->payload_offset + offset, (void *)from, bytes)
		       ? -ERANGE
		       : 0;
}

/* Copies frame bytes [from, from + bytes) to @to by way of *buffer; bytes 1 to XFN_SUM_CHUNK. */
XFN_INLINE int xfn_frame_copy(struct xdp_md *ctx, struct xfn_sum_buffer *buffer, __u32 from,
			      __u32 to, __u32 bytes)
{
	return bpf_xdp_load_bytes(ctx, from, buffer->bytes, bytes) ||
	       bpf_xdp_store_bytes(ctx, to, buffer->bytes, bytes);
}

/* 1 to XFN_SUM_CHUNK as it is, with bounds that 6.1's verifier sees; it learns nothing from != 0. */
XFN_INLINE __u32 xfn_chunk_bound(__u32 bytes)
{
	bytes--;
	barrier_var(bytes);
	return (bytes & (XFN_SUM_CHUNK - 1)) + 1;
}

/* Moves the frame's bytes [from, from + bytes) to its beginning. */
XFN_INLINE int xfn_frame_move(struct xdp_md *ctx, struct xfn_sum_buffer *buffer, __u32 from,
			      __u32 bytes)
{
	__u32 at = 0, i;

	for (i = 0; i < XFN_SUM_CHUNKS_MAX && bytes >= XFN_SUM_CHUNK; i++) {
		if (xfn_frame_copy(ctx, buffer, from + at, at, XFN_SUM_CHUNK))
			return -ENOSPC;
		at += XFN_SUM_CHUNK;
		bytes -= XFN_SUM_CHUNK;
	}
	if (bytes > XFN_SUM_CHUNK - 1)
		return -ENOSPC;
	if (!bytes)
		return 0;
	return xfn_frame_copy(ctx, buffer, from + at, at, xfn_chunk_bound(bytes)) ? -ENOSPC : 0;
}

/*
 * Makes a frame of @frame bytes longer where the driver has no room behind it: takes the room in front
 * and moves the frame there. Since 6.6 veth gives a packet no more than its own length, rounded up.
 */
XFN_INLINE int xfn_frame_grow_front(struct xdp_md *ctx, __u32 frame, __u32 bytes)
{
	__u32 zero = 0, chunk = bytes - 1;
	struct xfn_sum_buffer *buffer = bpf_map_lookup_elem(&xfn_sums, &zero);

	if (!buffer || chunk > XFN_HEADROOM_MAX - 1 || bpf_xdp_adjust_head(ctx, -(int)bytes))
		return -ENOSPC;
	if (xfn_frame_move(ctx, buffer, bytes, frame))
		return -ENOSPC;
	__builtin_memset(buffer->bytes, 0, XFN_HEADROOM_MAX);
	barrier_var(chunk);
	chunk = (chunk & (XFN_HEADROOM_MAX - 1)) + 1;
	return bpf_xdp_store_bytes(ctx, frame, buffer->bytes, chunk) ? -ENOSPC : 0;
}

/*
 * Cuts the frame off behind @kept bytes, then makes it @wanted long, at least as much; what it grows by
 * is zero. Returns 0 or -ENOSPC. A global function, which the verifier walks once.
 */
__attribute__((noinline)) int xfn_frame_resize(struct xdp_md *ctx, __u32 kept, __u32 wanted)
{
	__u32 frame = ctx->data_end - ctx->data;

	if (kept != frame && bpf_xdp_adjust_tail(ctx, (int)(kept - frame)))
		return -ENOSPC;
	if (wanted == kept || !bpf_xdp_adjust_tail(ctx, (int)(wanted - kept)))
		return 0;
	return xfn_frame_grow_front(ctx, kept, wanted - kept);
}

/* xfn_resize() where the event's own context has lost its type. */
XFN_INLINE int xfn_event_resize(struct xdp_md *ctx, struct xfn_event *event, __u32 bytes)
{
	__u32 wanted = event->payload_offset + bytes;
	__u32 kept = bytes < event->payload_bytes ? wanted
						  : event->payload_offset + event->payload_bytes;

	if (bytes > XFN_PAYLOAD_BYTES_MAX)
		return -ENOSPC;
	if (wanted < XFN_FRAME_BYTES_MIN)
		wanted = XFN_FRAME_BYTES_MIN;
	if (xfn_frame_resize(ctx, kept, wanted))
		return -ENOSPC;
	event->payload_bytes = bytes;
	return 0;
}

/*
 * Makes the payload @bytes long (0 to 9,000), at its end; new bytes are zero. Pointers from
 * xfn_payload() are invalid afterwards. Returns 0 or -ENOSPC where the driver has no room: on a 4 KiB
 * page with 256 bytes of headroom there are about 3,400 bytes in all; on veth since 6.6 a payload grows
 * by about 200.
 */
XFN_INLINE int xfn_resize(struct xfn_event *event, __u32 bytes)
{
	return xfn_event_resize(event->ctx, event, bytes);
}

/*
 * The payload in place, if it has at least @bytes (a constant, up to 4,096), else NULL. Good until
 * the next xfn_resize() or the handler's return.
 */
XFN_INLINE void *xfn_payload(const struct xfn_event *event, __u32 bytes)
{
	void *data = (void *)(long)event->ctx->data;
	void *end = (void *)(long)event->ctx->data_end;
	__u32 offset = event->payload_offset & XFN_OFFSET_MAX;

	if (event->payload_bytes < bytes || data + offset + bytes > end)
		return (void *)0;
	return data + offset;
}

/* The one's complement sum in 16 bits of a 32- or 64-bit running sum (RFC 1071). */
XFN_INLINE __u16 xfn_sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* Adds @bytes, 1 to XFN_SUM_CHUNK, at frame offset @offset to *sum. */
XFN_INLINE int xfn_sum_chunk(struct xdp_md *ctx, struct xfn_sum_buffer *buffer, __u32 offset,
			     __u32 bytes, __u32 *sum)
{
	*(__u32 *)(buffer->bytes + (bytes & ~3U)) = 0;
	if (bpf_xdp_load_bytes(ctx, offset, buffer->bytes, bytes))
		return -ERANGE;
	*sum = bpf_csum_diff((void *)0, 0, (void *)buffer->bytes, (bytes + 3) & ~3U, *sum);
	return 0;
}

/*
 * Adds frame bytes [offset, offset + bytes) to the one's complement sum @sum; bytes up to 9,000.
 * Returns the new sum, or XFN_SUM_FAILED where the frame is shorter. A global function, which the
 * verifier walks once.
 */
__attribute__((noinline)) __u64 xfn_sum(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 sum)
{
	__u32 zero = 0, i;
	struct xfn_sum_buffer *buffer = bpf_map_lookup_elem(&xfn_sums, &zero);

	if (!buffer)
		return XFN_SUM_FAILED;
	for (i = 0; i < XFN_SUM_CHUNKS_MAX && bytes >= XFN_SUM_CHUNK; i++) {
		if (xfn_sum_chunk(ctx, buffer, offset, XFN_SUM_CHUNK, &sum))
			return XFN_SUM_FAILED;
		offset += XFN_SUM_CHUNK;
		bytes -= XFN_SUM_CHUNK;
	}
	if (bytes > XFN_SUM_CHUNK - 1)
		return XFN_SUM_FAILED;
	if (bytes && xfn_sum_chunk(ctx, buffer, offset, xfn_chunk_bound(bytes), &sum))
		return XFN_SUM_FAILED;
	return sum;
}

/* ---- the reply ------------------------------------------------------------------------------------ */

/* Ethernet and VLAN tags of the request, with the addresses exchanged. */
struct xfn_l2 {
	__u8 bytes[ETH_HLEN + 4 * XFN_VLAN_TAGS_MAX];
};

XFN_INLINE int xfn_l2_copy(struct xdp_md *ctx, __u32 l2_bytes, struct xfn_l2 *to, const void *from)
{
	/* Constant sizes, one for each number of tags. */
	switch (l2_bytes) {
	case ETH_HLEN:
		return from ? bpf_xdp_store_bytes(ctx, 0, (void *)from, ETH_HLEN)
			    : bpf_xdp_load_bytes(ctx, 0, to, ETH_HLEN);
	case ETH_HLEN + 4:
		return from ? bpf_xdp_store_bytes(ctx, 0, (void *)from, ETH_HLEN + 4)
			    : bpf_xdp_load_bytes(ctx, 0, to, ETH_HLEN + 4);
	case ETH_HLEN + 8:
		return from ? bpf_xdp_store_bytes(ctx, 0, (void *)from, ETH_HLEN + 8)
			    : bpf_xdp_load_bytes(ctx, 0, to, ETH_HLEN + 8);
	}
	return -EINVAL;
}

XFN_INLINE void xfn_l2_turn(struct xfn_l2 *l2)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, l2->bytes, ETH_ALEN);
	__builtin_memcpy(l2->bytes, l2->bytes + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(l2->bytes + ETH_ALEN, mac, ETH_ALEN);
}

XFN_INLINE __u16 xfn_ipv4_sum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u64 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += words[i];
	return ~xfn_sum_fold(sum);
}

/* Source and destination exchanged, IPv4: no options, no UDP checksum (RFC 768: 0 = none). */
XFN_INLINE int xfn_reply_ipv4(struct xdp_md *ctx, const struct xfn_event *event, __u32 l3_offset)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} header = {};
	__u32 udp_bytes = sizeof(struct udphdr) + event->payload_bytes;

	header.ip.version = 4;
	header.ip.ihl = sizeof(struct iphdr) / 4;
	header.ip.tot_len = bpf_htons(sizeof(struct iphdr) + udp_bytes);
	header.ip.frag_off =
		bpf_htons(0x4000); /* don't fragment; so an id of 0 is fine, RFC 6864 */
	header.ip.ttl = XFN_REPLY_TTL;
	header.ip.protocol = IPPROTO_UDP;
	header.ip.saddr = (__be32)event->dst[0];
	header.ip.daddr = (__be32)event->src[0];
	header.ip.check = xfn_ipv4_sum(&header.ip);
	header.udp.source = event->dst_port;
	header.udp.dest = event->src_port;
	header.udp.len = bpf_htons(udp_bytes);
	return bpf_xdp_store_bytes(ctx, l3_offset, &header, sizeof(header));
}

/* The same for IPv6, where the UDP checksum is compulsory (RFC 8200 s. 8.1): a fresh one. */
XFN_INLINE int xfn_reply_ipv6(struct xdp_md *ctx, const struct xfn_event *event, __u32 l3_offset)
{
	struct {
		struct ipv6hdr ip;
		struct udphdr udp;
	} header = {};
	__u32 udp_bytes = sizeof(struct udphdr) + event->payload_bytes;
	__u32 l4_offset = l3_offset + sizeof(struct ipv6hdr);
	__u64 sum;
	__u16 check;

	header.ip.version = 6;
	header.ip.payload_len = bpf_htons(udp_bytes);
	header.ip.nexthdr = IPPROTO_UDP;
	header.ip.hop_limit = XFN_REPLY_TTL;
	__builtin_memcpy(&header.ip.saddr, event->dst, 16);
	__builtin_memcpy(&header.ip.daddr, event->src, 16);
	header.udp.source = event->dst_port;
	header.udp.dest = event->src_port;
	header.udp.len = bpf_htons(udp_bytes);
	/* The pseudo-header's addresses, length and protocol; then header and payload. */
	sum = bpf_csum_diff((void *)0, 0, (void *)&header.ip.saddr, 32, 0);
	sum = bpf_csum_diff((void *)0, 0, (void *)&header.udp, sizeof(header.udp), sum);
	sum = xfn_sum(ctx, l4_offset + sizeof(header.udp), event->payload_bytes, sum);
	if (sum == XFN_SUM_FAILED)
		return -ERANGE;
	check = ~xfn_sum_fold(sum + bpf_htons(udp_bytes) + bpf_htons(IPPROTO_UDP));
	header.udp.check = check ? check : 0xffff;
	return bpf_xdp_store_bytes(ctx, l3_offset, &header, sizeof(header));
}

/*
 * Turns the frame into the reply. All headers are written anew, so no option, extension header or
 * unfinished checksum of the request survives. Returns an outcome; where it is not `replied` the
 * frame is unfit to be sent.
 */
XFN_INLINE enum xfn_outcome xfn_reply_make(struct xdp_md *ctx, struct xfn_event *event)
{
	__u32 l2_bytes = event->l3_offset;
	__u32 headers = l2_bytes + sizeof(struct udphdr) +
			(event->ip_version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	struct xfn_l2 l2 = {};

	if (event->flags & (XFN_EVENT_BAD_SOURCE | XFN_FLAG_ANSWER))
		return XFN_OUTCOME_BAD_SOURCE;
	if (event->l4_proto != IPPROTO_UDP || event->flags & XFN_EVENT_GROUP)
		return XFN_OUTCOME_ABORTED;
	/* Ethernet padding and bytes behind the datagram stay behind. */
	if (xfn_event_resize(ctx, event, event->payload_bytes))
		return XFN_OUTCOME_ABORTED;
	if (xfn_l2_copy(ctx, l2_bytes, &l2, (void *)0))
		return XFN_OUTCOME_ABORTED;
	if (event->payload_offset != headers) {
		if (bpf_xdp_adjust_head(ctx, (int)event->payload_offset - (int)headers))
			return XFN_OUTCOME_ABORTED;
		event->payload_offset = headers;
		/* Shorter headers may need padding again. */
		if (xfn_event_resize(ctx, event, event->payload_bytes))
			return XFN_OUTCOME_ABORTED;
	}
	xfn_l2_turn(&l2);
	if (xfn_l2_copy(ctx, l2_bytes, (void *)0, &l2))
		return XFN_OUTCOME_ABORTED;
	if (event->ip_version == 4 ? xfn_reply_ipv4(ctx, event, l2_bytes)
				   : xfn_reply_ipv6(ctx, event, l2_bytes))
		return XFN_OUTCOME_ABORTED;
	return XFN_OUTCOME_REPLIED;
}

#endif
