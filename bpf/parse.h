/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_PARSE_H
#define XFN_BPF_PARSE_H
/*
 * Stage 1: Ethernet, up to two VLAN tags, IPv4 with options, IPv6 with up to four extension headers,
 * UDP and TCP. Reads packet bytes through one cursor and changes none. Compiles for user space too,
 * where tests feed it what no interface would deliver.
 *
 * Returns XFN_GO_ON with *packet filled in, or XFN_VERDICT_{FOREIGN,FRAGMENT,MALFORMED}.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include "packet.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define IPV6_EXTENSIONS_MAX 4
#define IP_FRAGMENT_MASK    0x3fff /* more-fragments bit and offset, RFC 791 s. 3.1 */
#define IPV6_FRAGMENT_MASK  0xfff9 /* offset and M bit, RFC 8200 s. 4.5 */

struct cursor {
	void *start;
	void *at;
	void *end;
};

/* The kernel's is packed, so that BPF would read it byte by byte. */
struct ethernet_header {
	__u16 dst[ETH_ALEN / 2];
	__u16 src[ETH_ALEN / 2];
	__be16 eth_proto;
};

struct vlan_header {
	__be16 tci;
	__be16 eth_proto;
};

/* The common start of hop-by-hop, routing, destination options and fragment headers. */
struct extension_header {
	__u8 next;
	__u8 length; /* in 8 bytes, not counting the first 8; reserved in a fragment header */
	__u8 type;   /* of a routing header */
	__u8 segments_left;
};

/* The next `bytes` (a constant) at the cursor, which moves behind them, or NULL. */
#define TAKE(cursor, bytes)                             \
	({                                              \
		void *taken = (cursor)->at;             \
		if (taken + (bytes) > (cursor)->end)    \
			taken = (void *)0;              \
		else                                    \
			(cursor)->at = taken + (bytes); \
		taken;                                  \
	})

static __always_inline __u16 offset_of(const struct cursor *cursor)
{
	return (__u16)(cursor->at - cursor->start);
}

/* Up to 6.12 the verifier forgets the bounds of a 16-bit field when its bytes are swapped. */
static __always_inline __u32 length_of(__be16 field)
{
	__u32 length = bpf_ntohs(field);

	asm volatile("" : "+r"(length));
	return length & 0xffff;
}

static __always_inline int parse_ethernet(struct cursor *cursor, __u64 mac, struct packet *packet,
					  __be16 *eth_proto)
{
	struct ethernet_header *eth = TAKE(cursor, sizeof(*eth));
	__u64 dst = 0;

	if (!eth)
		return XFN_VERDICT_MALFORMED;
	__builtin_memcpy(&dst, eth->dst, ETH_ALEN);
	if (eth->dst[0] & bpf_htons(0x0100))
		packet->group = XFN_GROUP_BROADCAST;
	else if (dst != mac)
		return XFN_VERDICT_FOREIGN;
	*eth_proto = eth->eth_proto;
	return XFN_GO_ON;
}

static __always_inline int is_vlan(__be16 eth_proto)
{
	return eth_proto == bpf_htons(ETH_P_8021Q) || eth_proto == bpf_htons(ETH_P_8021AD);
}

/* What a tag adds to the meta word. Id 0 names no VLAN, only a priority (IEEE 802.1Q s. 9.6). */
static __always_inline __u64 vlan_of(const struct vlan_header *tag)
{
	__u64 id = bpf_ntohs(tag->tci) & 0xfff;

	return id ? id | XFN_VLAN_PRESENT : 0;
}

/* Tags that name no VLAN are passed over: what is behind a priority tag stands in its place. */
static __always_inline int parse_vlan(struct cursor *cursor, struct packet *packet,
				      __be16 *eth_proto)
{
	struct vlan_header *tag;
	__u64 outer = 0;
	int i;

#pragma unroll
	for (i = 0; i < XFN_VLAN_TAGS_MAX; i++) {
		if (!is_vlan(*eth_proto))
			break;
		tag = TAKE(cursor, sizeof(*tag));
		if (!tag)
			return XFN_VERDICT_MALFORMED;
		packet->meta |= vlan_of(tag)
				<< (outer ? XFN_META_INNER_SHIFT : XFN_META_OUTER_SHIFT);
		outer = packet->meta & XFN_META_VLAN_MASK;
		*eth_proto = tag->eth_proto;
	}
	return XFN_GO_ON;
}

/* On return payload_bytes ends where the datagram does: Ethernet padding is out of sight. */
static __always_inline int parse_ipv4(struct cursor *cursor, struct packet *packet)
{
	void *start = cursor->at;
	struct iphdr *ip = TAKE(cursor, sizeof(*ip));
	__u32 header_bytes, total_bytes;
	__be32 dst;

	if (!ip || ip->version != 4)
		return XFN_VERDICT_MALFORMED;
	header_bytes = ip->ihl * 4;
	total_bytes = length_of(ip->tot_len);
	if (header_bytes < sizeof(*ip) || total_bytes < header_bytes)
		return XFN_VERDICT_MALFORMED;
	if (start + header_bytes > cursor->end || start + total_bytes > cursor->end)
		return XFN_VERDICT_MALFORMED;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_MASK))
		return XFN_VERDICT_FRAGMENT;
	dst = ip->daddr;
	if ((dst & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000))
		packet->group = XFN_GROUP_MULTICAST;
	else if (dst == bpf_htonl(0xffffffff))
		packet->group = XFN_GROUP_BROADCAST;
	packet->dst[0] = dst;
	packet->src[0] = ip->saddr;
	packet->meta |= XFN_META_IPV4;
	packet->ip_version = 4;
	packet->l4_proto = ip->protocol;
	packet->payload_bytes =
		total_bytes - header_bytes; /* of IP, until the next header is read */
	cursor->at = start + header_bytes;
	return XFN_GO_ON;
}

/*
 * One extension header; *next becomes its successor. A fragment header is let through only if the
 * packet is not fragmented (atomic, RFC 6946). With segments left (RFC 8200 s. 4.4) the packet is
 * on its way to another node.
 */
static __always_inline int skip_extension(struct cursor *cursor, __u8 *next, __u32 *left_bytes)
{
	struct extension_header *header;
	void *start = cursor->at;
	__u32 bytes = 8;

	header = TAKE(cursor, 8);
	if (!header || *left_bytes < 8) /* what lies behind the datagram says nothing about it */
		return XFN_VERDICT_MALFORMED;
	if (*next == IPPROTO_FRAGMENT) {
		if (*(__be16 *)&header->type & bpf_htons(IPV6_FRAGMENT_MASK))
			return XFN_VERDICT_FRAGMENT;
	} else {
		bytes += header->length * 8;
	}
	if (bytes > *left_bytes || start + bytes > cursor->end)
		return XFN_VERDICT_MALFORMED;
	if (*next == IPPROTO_ROUTING && header->segments_left)
		return XFN_VERDICT_FOREIGN;
	*next = header->next;
	*left_bytes -= bytes;
	cursor->at = start + bytes;
	return XFN_GO_ON;
}

static __always_inline int is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS;
}

static __always_inline int parse_ipv6(struct cursor *cursor, struct packet *packet)
{
	struct ipv6hdr *ip = TAKE(cursor, sizeof(*ip));
	__u32 left_bytes;
	int i, verdict;
	__u8 next;

	if (!ip || ip->version != 6)
		return XFN_VERDICT_MALFORMED;
	left_bytes = length_of(ip->payload_len);
	if (cursor->at + left_bytes > cursor->end)
		return XFN_VERDICT_MALFORMED;
	__builtin_memcpy(packet->dst, &ip->daddr, sizeof(packet->dst));
	__builtin_memcpy(packet->src, &ip->saddr, sizeof(packet->src));
	if (ip->daddr.s6_addr[0] == 0xff)
		packet->group = XFN_GROUP_MULTICAST;
	packet->meta |= XFN_META_IPV6;
	packet->ip_version = 6;
	next = ip->nexthdr;
#pragma unroll
	for (i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		if (!is_extension(next))
			break;
		verdict = skip_extension(cursor, &next, &left_bytes);
		if (verdict != XFN_GO_ON)
			return verdict;
	}
	packet->l4_proto = next; /* a fifth extension header is foreign, as any other protocol is */
	packet->payload_bytes = left_bytes;
	return XFN_GO_ON;
}

static __always_inline int parse_udp(struct cursor *cursor, struct packet *packet)
{
	struct udphdr *udp = TAKE(cursor, sizeof(*udp));
	__u32 bytes;

	if (!udp || packet->payload_bytes < sizeof(*udp))
		return XFN_VERDICT_MALFORMED;
	bytes = length_of(udp->len);
	if (bytes < sizeof(*udp) || bytes > packet->payload_bytes)
		return XFN_VERDICT_MALFORMED;
	packet->src_port = udp->source;
	packet->dst_port = udp->dest;
	packet->payload_offset = packet->l4_offset + sizeof(*udp);
	packet->payload_bytes = bytes - sizeof(*udp);
	return XFN_GO_ON;
}

static __always_inline int parse_tcp(struct cursor *cursor, struct packet *packet)
{
	struct tcphdr *tcp = TAKE(cursor, sizeof(*tcp));
	__u32 header_bytes;

	if (!tcp)
		return XFN_VERDICT_MALFORMED;
	header_bytes = tcp->doff * 4;
	if (header_bytes < sizeof(*tcp) || header_bytes > packet->payload_bytes)
		return XFN_VERDICT_MALFORMED;
	packet->src_port = tcp->source;
	packet->dst_port = tcp->dest;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	packet->meta |= XFN_META_TCP;
	packet->payload_offset = packet->l4_offset + header_bytes;
	packet->payload_bytes -= header_bytes;
	return XFN_GO_ON;
}

/*
 * @mac: the interface's own address, 6 bytes as they stand in memory, then two zeros.
 * @iface_slot: goes into the meta word.
 */
static __always_inline int parse(void *data, void *data_end, __u64 mac, __u32 iface_slot,
				 struct packet *packet)
{
	struct cursor cursor = {.start = data, .at = data, .end = data_end};
	__be16 eth_proto = 0;
	int verdict;

	packet->bytes = data_end - data;
	packet->meta = XFN_META_PACKET | (__u64)(iface_slot + 1) << XFN_META_IFACE_SHIFT;
	verdict = parse_ethernet(&cursor, mac, packet, &eth_proto);
	if (verdict == XFN_GO_ON)
		verdict = parse_vlan(&cursor, packet, &eth_proto);
	if (verdict != XFN_GO_ON)
		return verdict;
	packet->l3_offset = offset_of(&cursor);
	if (eth_proto == bpf_htons(ETH_P_IP))
		verdict = parse_ipv4(&cursor, packet);
	else if (eth_proto == bpf_htons(ETH_P_IPV6))
		verdict = parse_ipv6(&cursor, packet);
	else
		return XFN_VERDICT_FOREIGN;
	if (verdict != XFN_GO_ON)
		return verdict;
	packet->l4_offset = offset_of(&cursor);
	if (packet->l4_proto == IPPROTO_UDP)
		return parse_udp(&cursor, packet);
	if (packet->l4_proto == IPPROTO_TCP)
		return parse_tcp(&cursor, packet);
	return XFN_VERDICT_FOREIGN;
}

#endif
