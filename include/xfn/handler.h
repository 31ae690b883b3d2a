/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_HANDLER_H
#define XFN_HANDLER_H
/*
 * For authors of in-kernel handlers: functions that xfn runs inside XDP, for each event that one of
 * their triggers matches. A whole handler:
 *
 *	#include <xfn/handler.h>
 *
 *	XFN_HANDLER(echo, XFN_MESSAGE_ANY)
 *	{
 *		return XFN_REPLY;
 *	}
 *
 * Compile with `clang -O2 -g -target bpf -mcpu=v3 -c echo.bpf.c`, name the object in a manifest
 * (`kernel: echo.bpf.o`), and apply it. xfn-handler(7) is the manual page.
 *
 * The macro makes the program. It calls the author's function with the event, and on return does
 * what was asked for: makes the reply's headers and checksums, counts the outcome, measures the
 * time. An event is one UDP datagram or TCP segment; replies are for UDP. Everything here works on
 * Linux 6.1 and later; nothing calls a helper that the loader does not allow (xfn-handler(7) lists
 * them).
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

/* ---- what a handler returns -------------------------------------------------------------------- */

enum xfn_action {
	XFN_ABORT = 0,    /* something failed: dropped, outcome `aborted` */
	XFN_REPLY = 1,    /* send the payload, as it is now, back to the source */
	XFN_DROP = 2,     /* consumed, no reply */
	XFN_PASS = 3,     /* to the network stack; leave the payload as it was */
	XFN_REDIRECT = 4, /* out of interface event->redirect_ifindex, headers as they are */
};

/*
 * What kind of message the payload is. Events that are responses of their protocol are never
 * answered (outcome `bad_source`), so that two functions can't feed each other.
 */
enum xfn_message {
	XFN_MESSAGE_ANY = 0,
	XFN_MESSAGE_DNS = 1,  /* RFC 1035 s. 4.1.1: QR = 1 is a response */
	XFN_MESSAGE_COAP = 2, /* RFC 7252 s. 3: code class other than 0 is a response */
};

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

/* ---- for the macro's own use ------------------------------------------------------------------- */

#define XFN_INLINE            static inline __attribute__((always_inline, unused))
#define XFN_PAYLOAD_BYTES_MAX 9000   /* largest reply, by jumbo frames */
#define XFN_FRAME_BYTES_MIN   60     /* Ethernet's 64 less the frame check sequence */
#define XFN_OFFSET_MAX        0x3fff /* bound on packet offsets that the verifier follows */
#define XFN_SUM_CHUNKS_MAX    18     /* 18 * 512 >= XFN_PAYLOAD_BYTES_MAX */
#define XFN_SUM_FAILED        (~0ULL)
#define XFN_HEADROOM_MAX      256 /* XDP_PACKET_HEADROOM */
#define XFN_REPLY_TTL         64

#define XFN_FLAG_ANSWER (1U << 8) /* the payload was a response when the event came */

/* Maps of the data plane: the loader puts the real ones, and their real sizes, in their place. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_event_state);
} xfn_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_version_counts);
} xfn_outcomes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_histogram);
} xfn_histograms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_sum_buffer);
} xfn_sums SEC(".maps");

/* Filled in by the loader; abi stands here as compiled, so that the loader can compare. */
const volatile struct xfn_handler_self xfn_self = {.abi = XFN_ABI_VERSION};

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

/* ---- before and after the author's function ------------------------------------------------------- */

/* 1 if the payload is a response of its protocol. */
XFN_INLINE int xfn_message_is_answer(const struct xfn_event *event, enum xfn_message message)
{
	const __u8 *payload;

	switch (message) {
	case XFN_MESSAGE_DNS:
		payload = xfn_payload(event, 3);
		return payload && payload[2] & 0x80;
	case XFN_MESSAGE_COAP:
		payload = xfn_payload(event, 2);
		return payload && payload[1] >> 5;
	case XFN_MESSAGE_ANY:
		break;
	}
	return 0;
}

/*
 * Fills in *event from what ingress left for this CPU. Returns -EAGAIN where that is another
 * packet's: under BPF_PROG_TEST_RUN on 6.1 a softirq may come between.
 */
XFN_INLINE int xfn_event_open(struct xdp_md *ctx, enum xfn_message message, struct xfn_event *event)
{
	__u32 zero = 0;
	const struct xfn_event_state *state = bpf_map_lookup_elem(&xfn_events, &zero);
	__u64 data = (__u64)(long)ctx->data;

	/* What was found equal must not be used for a packet pointer: to the verifier it is none. */
	barrier_var(data);
	event->ctx = ctx;
	if (!state || state->data != data)
		return -EAGAIN;
	event->dst[0] = state->dst[0];
	event->dst[1] = state->dst[1];
	event->src[0] = state->src[0];
	event->src[1] = state->src[1];
	event->src_port = state->src_port;
	event->dst_port = state->dst_port;
	event->payload_offset = state->payload_offset;
	event->payload_bytes = state->payload_bytes;
	event->l3_offset = state->l3_offset;
	event->ip_version = state->ip_version;
	event->l4_proto = state->l4_proto;
	event->seen_ns = state->seen_ns;
	event->given_ns = state->given_ns;
	event->flags = state->flags;
	if (xfn_message_is_answer(event, message))
		event->flags |= XFN_FLAG_ANSWER;
	return 0;
}

/* Number of the bucket of a duration: exact below 32, then 16 buckets for each power of two. */
XFN_INLINE __u32 xfn_histogram_bucket(__u64 ns)
{
	__u32 high, magnitude = 0, bucket;

	if (ns < 32)
		return (__u32)ns;
	if (ns >> XFN_HISTOGRAM_MAGNITUDE_MAX)
		return XFN_HISTOGRAM_BUCKETS - 1;
	/* Index of the highest set bit, in five steps: BPF has no instruction for it. */
	high = (__u32)(ns >> 32);
	magnitude = high ? 32 : 0;
	bucket = high ? high : (__u32)ns;
	if (bucket >> 16) {
		magnitude += 16;
		bucket >>= 16;
	}
	if (bucket >> 8) {
		magnitude += 8;
		bucket >>= 8;
	}
	if (bucket >> 4) {
		magnitude += 4;
		bucket >>= 4;
	}
	if (bucket >> 2) {
		magnitude += 2;
		bucket >>= 2;
	}
	magnitude += bucket >> 1;
	return (magnitude - 4) * 16 + (__u32)(ns >> (magnitude - 4));
}

/*
 * Per CPU, and NAPI does not nest: plain additions lose nothing. A global function, which the verifier
 * walks once; the value returned means nothing.
 */
__attribute__((noinline)) int xfn_histogram_add(enum xfn_stage stage, __u64 ns)
{
	__u32 index = xfn_self.histogram * XFN_STAGE_COUNT + stage;
	struct xfn_histogram *histogram = bpf_map_lookup_elem(&xfn_histograms, &index);
	__u32 bucket = xfn_histogram_bucket(ns);

	if (!histogram || bucket >= XFN_HISTOGRAM_BUCKETS)
		return 0;
	histogram->sum_ns += ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->bucket[bucket]++;
	return 0;
}

XFN_INLINE void xfn_latency_add(const struct xfn_event *event)
{
	__u64 now;

	if (!event->seen_ns || xfn_self.histogram == XFN_HISTOGRAM_NONE)
		return;
	now = bpf_ktime_get_ns();
	xfn_histogram_add(XFN_STAGE_STEER, event->given_ns - event->seen_ns);
	xfn_histogram_add(XFN_STAGE_RUN, now - event->given_ns);
	xfn_histogram_add(XFN_STAGE_TOTAL, now - event->seen_ns);
}

XFN_INLINE void xfn_outcome_count(enum xfn_outcome outcome)
{
	__u32 slot = xfn_self.version;
	struct xfn_version_counts *counts = bpf_map_lookup_elem(&xfn_outcomes, &slot);

	if (!counts)
		return;
	counts->invocations++;
	counts->outcomes[outcome]++;
}

/*
 * xfn_event_close() as a global function, which the verifier walks once: behind an author's code it
 * would be walked again for each way out of that. The event's own context has lost its type here.
 */
__attribute__((noinline)) int xfn_event_finish(struct xdp_md *ctx, struct xfn_event *event,
					       int action)
{
	enum xfn_outcome outcome = XFN_OUTCOME_ABORTED;
	int xdp_action = XDP_DROP;

	if (!event)
		return XDP_ABORTED;
	switch (action) {
	case XFN_REPLY:
		outcome = xfn_reply_make(ctx, event);
		if (outcome == XFN_OUTCOME_REPLIED)
			xdp_action = XDP_TX;
		break;
	case XFN_DROP:
		outcome = XFN_OUTCOME_DROPPED;
		break;
	case XFN_PASS:
		outcome = XFN_OUTCOME_PASSED;
		xdp_action = XDP_PASS;
		break;
	case XFN_REDIRECT:
		xdp_action = bpf_redirect(event->redirect_ifindex, 0);
		if (event->redirect_ifindex && xdp_action == XDP_REDIRECT)
			outcome = XFN_OUTCOME_REDIRECTED;
		else
			xdp_action = XDP_DROP;
		break;
	}
	xfn_latency_add(event);
	xfn_outcome_count(outcome);
	return xdp_action;
}

/* Does what the author's function asked for; returns the XDP action. */
XFN_INLINE int xfn_event_close(struct xfn_event *event, int action)
{
	return xfn_event_finish(event->ctx, event, action);
}

/*
 * Begins a handler: XFN_HANDLER(name, XFN_MESSAGE_...) { body that returns an enum xfn_action }.
 * @name is the program's name, 15 characters at most; in the body `event` is the event.
 */
#define XFN_HANDLER(name, message)                                                             \
	static inline __attribute__((always_inline)) int name##_body(struct xfn_event *event); \
	SEC("xdp")                                                                             \
	int name(struct xdp_md *ctx)                                                           \
	{                                                                                      \
		struct xfn_event event = {};                                                   \
		int action = XFN_ABORT;                                                        \
                                                                                               \
		if (!xfn_event_open(ctx, message, &event))                                     \
			action = name##_body(&event);                                          \
		return xfn_event_close(&event, action);                                        \
	}                                                                                      \
	char xfn_license[] SEC("license") = "Dual BSD/GPL";                                    \
	static inline __attribute__((always_inline)) int name##_body(struct xfn_event *event   \
								     __attribute__((unused)))

#endif
