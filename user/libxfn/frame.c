/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "frame.h"
#include "xfn/port.h"

enum { VLAN_TAGS_MAX = 2, VLAN_BYTES = 4, TTL = 64, EXTENSIONS_MAX = 4 };

/* The part of a packet that is still to be read. */
struct rest {
	__u8 *at;
	const __u8 *end;
};

static void *take(struct rest *rest, size_t bytes)
{
	void *taken = rest->at;

	if ((size_t)(rest->end - rest->at) < bytes)
		return NULL;
	rest->at += bytes;
	return taken;
}

/* Headers stand at any address: they are copied, not looked at in place. */
static bool take_copy(struct rest *rest, void *to, size_t bytes)
{
	const void *taken = take(rest, bytes);

	if (taken)
		memcpy(to, taken, bytes);
	return taken;
}

static __u16 read_u16(const __u8 *at)
{
	return (__u16)(at[0] << 8 | at[1]);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Returns the EtherType behind the tags, or 0. */
static __u16 read_ethernet(struct rest *rest, struct xfn_event *event)
{
	const __u8 *header = take(rest, ETH_HLEN), *tag;
	__u16 type = header ? read_u16(header + 12) : 0;
	int i;

	for (i = 0; i < VLAN_TAGS_MAX && (type == ETH_P_8021Q || type == ETH_P_8021AD); i++) {
		tag = take(rest, VLAN_BYTES);
		type = tag ? read_u16(tag + 2) : 0;
	}
	event->l2_bytes = (__u16)(rest->at - event->frame);
	return type;
}

static bool read_ipv4(struct rest *rest, struct xfn_event *event)
{
	const __u8 *start = rest->at;
	struct iphdr ip;
	size_t total;

	if (!take_copy(rest, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    !take(rest, (ip.ihl - 5U) * 4U))
		return false;
	total = ntohs(ip.tot_len);
	if (total < ip.ihl * 4U || total > (size_t)(rest->end - start))
		return false;
	rest->end = start + total;
	event->l4_proto = ip.protocol;
	memcpy(event->source.address, &ip.saddr, 4);
	memcpy(event->destination.address, &ip.daddr, 4);
	return true;
}

static bool read_ipv6(struct rest *rest, struct xfn_event *event)
{
	struct ip6_hdr ip;
	const __u8 *extension;
	size_t length;
	int i;

	if (!take_copy(rest, &ip, sizeof(ip)) || ip.ip6_vfc >> 4 != 6)
		return false;
	length = ntohs(ip.ip6_plen);
	if (length > (size_t)(rest->end - rest->at))
		return false;
	rest->end = rest->at + length;
	event->l4_proto = ip.ip6_nxt;
	memcpy(event->source.address, &ip.ip6_src, 16);
	memcpy(event->destination.address, &ip.ip6_dst, 16);
	for (i = 0;
	     i < EXTENSIONS_MAX && event->l4_proto != IPPROTO_UDP && event->l4_proto != IPPROTO_TCP;
	     i++) {
		extension = take(rest, 8);
		if (!extension)
			return false;
		length = event->l4_proto == IPPROTO_FRAGMENT ? 0 : extension[1] * 8U;
		event->l4_proto = extension[0];
		if (!take(rest, length))
			return false;
	}
	return true;
}

static bool read_l4(struct rest *rest, struct xfn_event *event)
{
	struct udphdr udp;
	struct tcphdr tcp;
	size_t length;

	if (event->l4_proto == IPPROTO_UDP) {
		length = take_copy(rest, &udp, sizeof(udp)) ? ntohs(udp.len) : 0;
		if (length < sizeof(udp) || length - sizeof(udp) > (size_t)(rest->end - rest->at))
			return false;
		rest->end = rest->at + length - sizeof(udp);
		event->source.port = ntohs(udp.source);
		event->destination.port = ntohs(udp.dest);
		return true;
	}
	if (event->l4_proto != IPPROTO_TCP || !take_copy(rest, &tcp, sizeof(tcp)) || tcp.doff < 5 ||
	    !take(rest, (tcp.doff - 5U) * 4U))
		return false;
	event->source.port = ntohs(tcp.source);
	event->destination.port = ntohs(tcp.dest);
	return true;
}

bool xfn_frame_read(__u8 *frame, __u32 frame_bytes, const __u8 *end, struct xfn_event *event)
{
	struct rest rest = {frame, frame + frame_bytes};
	__u16 type;
	bool read;

	memset(event, 0, sizeof(*event));
	event->frame = frame;
	event->frame_bytes = frame_bytes;
	type = read_ethernet(&rest, event);
	event->ip_version = type == ETH_P_IP ? 4 : type == ETH_P_IPV6 ? 6 : 0;
	read = event->ip_version == 4   ? read_ipv4(&rest, event)
	       : event->ip_version == 6 ? read_ipv6(&rest, event)
					: false;
	if (!read || !read_l4(&rest, event))
		return false;
	event->payload = rest.at;
	event->payload_bytes = (size_t)(rest.end - rest.at);
	event->room_bytes = (size_t)(end - rest.at);
	return true;
}

/* ---- making -------------------------------------------------------------------------------------------- */

/* The Internet checksum (RFC 1071), continued from @sum; not folded. */
static __u32 add_up(const void *data, size_t bytes, __u32 sum)
{
	const __u8 *at = data;

	for (; bytes > 1; bytes -= 2, at += 2)
		sum += read_u16(at);
	return bytes ? sum + ((__u32)*at << 8) : sum;
}

static __be16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

static void write_ipv4(const struct frame_way *way, __u8 *at, size_t l4_bytes)
{
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tot_len = htons((__u16)(sizeof(ip) + l4_bytes)),
			   .frag_off = htons(IP_DF),
			   .ttl = TTL,
			   .protocol = IPPROTO_UDP};

	memcpy(&ip.saddr, way->source->address, 4);
	memcpy(&ip.daddr, way->destination->address, 4);
	ip.check = fold(add_up(&ip, sizeof(ip), 0));
	memcpy(at, &ip, sizeof(ip));
}

static void write_ipv6(const struct frame_way *way, __u8 *at, size_t l4_bytes)
{
	struct ip6_hdr ip = {0};

	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons((__u16)l4_bytes);
	ip.ip6_nxt = IPPROTO_UDP;
	ip.ip6_hlim = TTL;
	memcpy(&ip.ip6_src, way->source->address, 16);
	memcpy(&ip.ip6_dst, way->destination->address, 16);
	memcpy(at, &ip, sizeof(ip));
}

/* 0 is written as ones (RFC 768, RFC 8200 s. 8.1): it stands for none. */
static __be16 udp_sum(const struct frame_way *way, __u8 ip_version, const __u8 *udp,
		      size_t l4_bytes)
{
	size_t address_bytes = ip_version == 4 ? 4 : 16;
	__u32 sum = add_up(way->source->address, address_bytes, 0);
	__be16 folded;

	sum = add_up(way->destination->address, address_bytes, sum);
	sum = add_up(udp, l4_bytes, sum + (__u32)l4_bytes + IPPROTO_UDP);
	folded = fold(sum);
	return folded ?: 0xffff;
}

static void write_udp(const struct frame_way *way, __u8 ip_version, __u8 *at, size_t l4_bytes)
{
	struct udphdr udp = {.source = htons(way->source->port),
			     .dest = htons(way->destination->port),
			     .len = htons((__u16)l4_bytes)};

	memcpy(at, &udp, sizeof(udp));
	if (ip_version == 4 && !way->sums_ipv4)
		return;
	udp.check = udp_sum(way, ip_version, at, l4_bytes);
	memcpy(at, &udp, sizeof(udp));
}

/* May move forward over itself, and the next hop may lie there. */
static void write_ethernet(const struct xfn_event *event, const __u8 *next_hop, __u8 *at)
{
	__u8 addresses[2 * ETH_ALEN];

	memcpy(addresses, next_hop, ETH_ALEN);
	memcpy(addresses + ETH_ALEN, event->frame, ETH_ALEN);
	memmove(at + sizeof(addresses), event->frame + sizeof(addresses),
		event->l2_bytes - sizeof(addresses));
	memcpy(at, addresses, sizeof(addresses));
}

__u8 *xfn_frame_make(const struct xfn_event *event, const struct frame_way *way, size_t bytes,
		     __u32 *ret_bytes)
{
	size_t ip_bytes = event->ip_version == 4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t l4_bytes = sizeof(struct udphdr) + bytes;
	__u8 *l4 = event->payload - sizeof(struct udphdr), *ip = l4 - ip_bytes;
	__u8 *start = ip - event->l2_bytes;

	write_ethernet(event, way->next_hop, start);
	write_udp(way, event->ip_version, l4, l4_bytes);
	if (event->ip_version == 4)
		write_ipv4(way, ip, l4_bytes);
	else
		write_ipv6(way, ip, l4_bytes);
	*ret_bytes = (__u32)(event->l2_bytes + ip_bytes + l4_bytes);
	return start;
}

/* Over IPv4 without a checksum (RFC 768): the reply goes where the event came from, by the same link. */
__u8 *xfn_frame_answer(const struct xfn_event *event, size_t bytes, __u32 *ret_bytes)
{
	const struct frame_way back = {.source = &event->destination,
				       .destination = &event->source,
				       .next_hop = event->frame + ETH_ALEN};

	return xfn_frame_make(event, &back, bytes, ret_bytes);
}
