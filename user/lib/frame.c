/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets as Ethernet frames, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "packet.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	EXTENSIONS_MAX = 8,
	FRAME_MIN = 60, /* 64 less the frame check sequence */
	HOP_LIMIT = 64,
};

/* A locally administered address that stands for whoever sends. */
static const __u8 sender_mac[6] = {0x02, 'x', 'f', 'n', 0, 1};

/* ---- making -------------------------------------------------------------------------------------- */

static __u8 *put_bytes(__u8 *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

static __u8 *put_be16(__u8 *at, __u16 value)
{
	value = htons(value);
	return put_bytes(at, &value, sizeof(value));
}

/* RFC 1112 s. 6.4, RFC 2464 s. 7. */
static __u8 *put_destination(__u8 *at, const struct xfn_packet *packet, const __u8 mac[6])
{
	const __u8 *dst = packet->dst;

	if (packet->family == AF_INET6 && dst[0] == 0xff)
		return put_bytes(at, (const __u8[]){0x33, 0x33, dst[12], dst[13], dst[14], dst[15]},
				 6);
	if (packet->family == AF_INET && dst[0] >> 4 == 0xe)
		return put_bytes(at, (const __u8[]){1, 0, 0x5e, dst[1] & 0x7f, dst[2], dst[3]}, 6);
	if (packet->family == AF_INET && !memcmp(dst, "\xff\xff\xff\xff", 4))
		return put_bytes(at, "\xff\xff\xff\xff\xff\xff", 6);
	return put_bytes(at, mac, 6);
}

static __u8 *put_ethernet(__u8 *at, const struct xfn_packet *packet, const __u8 mac[6])
{
	at = put_destination(at, packet, mac);
	at = put_bytes(at, sender_mac, sizeof(sender_mac));
	for (unsigned i = 0; i < packet->vlan_tags; i++) {
		at = put_be16(at, packet->vlan_tags == 2 && !i ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
		at = put_be16(at, packet->vlan[i]);
	}
	return put_be16(at, packet->family == AF_INET ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* The one's complement sum of RFC 1071, not folded. */
static __u32 sum_of(const void *bytes, size_t size, __u32 sum)
{
	const __u8 *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? at[i] : at[i] << 8;
	return sum;
}

static __u16 sum_end(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

static __u8 *put_ip(__u8 *at, const struct xfn_packet *packet, size_t l4_bytes)
{
	if (packet->family == AF_INET) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(ip) + l4_bytes),
			.frag_off = htons(IP_DF),
			.ttl = HOP_LIMIT,
			.protocol = packet->protocol,
		};

		memcpy(&ip.saddr, packet->src, 4);
		memcpy(&ip.daddr, packet->dst, 4);
		ip.check = sum_end(sum_of(&ip, sizeof(ip), 0));
		return put_bytes(at, &ip, sizeof(ip));
	}
	struct ip6_hdr ip6 = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(l4_bytes),
		.ip6_nxt = packet->protocol,
		.ip6_hlim = HOP_LIMIT,
	};

	memcpy(&ip6.ip6_src, packet->src, 16);
	memcpy(&ip6.ip6_dst, packet->dst, 16);
	return put_bytes(at, &ip6, sizeof(ip6));
}

static __u16 l4_sum(const struct xfn_packet *packet, const __u8 *l4, size_t l4_bytes)
{
	size_t address = packet->family == AF_INET ? 4 : 16;
	__u32 sum = sum_of(packet->src, address, packet->protocol + l4_bytes);

	return sum_end(sum_of(l4, l4_bytes, sum_of(packet->dst, address, sum)));
}

static void put_udp(__u8 *at, const struct xfn_packet *packet, size_t l4_bytes)
{
	struct udphdr udp = {
		.source = htons(packet->src_port),
		.dest = htons(packet->dst_port),
		.len = htons(l4_bytes),
	};

	memcpy(at, &udp, sizeof(udp));
	udp.check = l4_sum(packet, at, l4_bytes) ?: 0xffff;
	memcpy(at, &udp, sizeof(udp));
}

static void put_tcp(__u8 *at, const struct xfn_packet *packet, size_t l4_bytes)
{
	struct tcphdr tcp = {
		.source = htons(packet->src_port),
		.dest = htons(packet->dst_port),
		.seq = htonl(1),
		.doff = 5,
		.window = htons(65535),
	};

	memcpy(at, &tcp, sizeof(tcp));
	at[13] = packet->tcp_flags;
	memcpy(&tcp, at, sizeof(tcp));
	tcp.check = l4_sum(packet, at, l4_bytes);
	memcpy(at, &tcp, sizeof(tcp));
}

size_t xfn_packet_frame(const struct xfn_packet *packet, const __u8 mac[6], __u8 *buf)
{
	bool tcp = packet->protocol == IPPROTO_TCP;
	size_t header = tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr), size;
	size_t l4_bytes = header + packet->payload_bytes;
	__u8 *l4 = put_ip(put_ethernet(buf, packet, mac), packet, l4_bytes);

	memcpy(l4 + header, packet->payload, packet->payload_bytes);
	if (tcp)
		put_tcp(l4, packet, l4_bytes);
	else
		put_udp(l4, packet, l4_bytes);
	size = l4 + l4_bytes - buf;
	if (size >= FRAME_MIN)
		return size;
	memset(buf + size, 0, FRAME_MIN - size);
	return FRAME_MIN;
}

/* ---- reading ------------------------------------------------------------------------------------- */

struct cursor {
	const __u8 *at;
	size_t left;
};

/* The next bytes, or NULL. */
static const __u8 *take(struct cursor *cursor, size_t bytes)
{
	const __u8 *at = cursor->at;

	if (cursor->left < bytes)
		return NULL;
	cursor->at += bytes;
	cursor->left -= bytes;
	return at;
}

static __u16 be16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static int read_ethernet(struct cursor *cursor, struct xfn_packet *packet, __u16 *proto)
{
	const __u8 *eth = take(cursor, 14), *tag;

	if (!eth)
		return -EPROTO;
	*proto = be16(eth + 12);
	while ((*proto == ETHERTYPE_VLAN || *proto == ETHERTYPE_QINQ) && packet->vlan_tags < 2) {
		tag = take(cursor, 4);
		if (!tag)
			return -EPROTO;
		/* Id 0 is a priority alone, no VLAN. */
		packet->vlan[packet->vlan_tags] = be16(tag) & 0xfff;
		packet->vlan_tags += packet->vlan[packet->vlan_tags] != 0;
		*proto = be16(tag + 2);
	}
	return 0;
}

static int read_ipv4(struct cursor *cursor, struct xfn_packet *packet)
{
	const __u8 *ip = take(cursor, 20);
	size_t header = ip ? (ip[0] & 15) * 4u : 0;

	if (!ip || ip[0] >> 4 != 4 || header < 20 || be16(ip + 2) < header ||
	    be16(ip + 6) & 0x3fff || !take(cursor, header - 20))
		return -EPROTO;
	if (cursor->left > be16(ip + 2) - header)
		cursor->left = be16(ip + 2) - header;
	packet->family = AF_INET;
	packet->protocol = ip[9];
	memcpy(packet->src, ip + 12, 4);
	memcpy(packet->dst, ip + 16, 4);
	return 0;
}

static bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;
}

static int read_ipv6(struct cursor *cursor, struct xfn_packet *packet)
{
	const __u8 *ip = take(cursor, 40), *extension;
	__u8 next;

	if (!ip || ip[0] >> 4 != 6)
		return -EPROTO;
	if (cursor->left > be16(ip + 4))
		cursor->left = be16(ip + 4);
	packet->family = AF_INET6;
	memcpy(packet->src, ip + 8, 16);
	memcpy(packet->dst, ip + 24, 16);
	next = ip[6];
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(next); i++) {
		extension = take(cursor, 8);
		if (!extension || !take(cursor, extension[1] * 8u))
			return -EPROTO;
		next = extension[0];
	}
	packet->protocol = next;
	return 0;
}

static int read_l4(struct cursor *cursor, struct xfn_packet *packet)
{
	bool tcp = packet->protocol == IPPROTO_TCP;
	const __u8 *l4;
	size_t header;

	if (!tcp && packet->protocol != IPPROTO_UDP)
		return -EPROTO;
	l4 = take(cursor, tcp ? 20 : 8);
	if (!l4)
		return -EPROTO;
	packet->src_port = be16(l4);
	packet->dst_port = be16(l4 + 2);
	if (tcp) {
		header = (l4[12] >> 4) * 4u;
		packet->tcp_flags = l4[13] & 0x3f;
		if (header < 20 || !take(cursor, header - 20))
			return -EPROTO;
	} else if (be16(l4 + 4) < 8) {
		return -EPROTO;
	} else if (cursor->left > be16(l4 + 4) - 8u) {
		cursor->left = be16(l4 + 4) - 8u;
	}
	return 0;
}

int xfn_packet_decode(const __u8 *frame, size_t size, struct xfn_packet *ret)
{
	struct cursor cursor = {frame, size};
	__u16 proto;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = read_ethernet(&cursor, ret, &proto);
	if (!err && proto == ETHERTYPE_IPV4)
		err = read_ipv4(&cursor, ret);
	else if (!err && proto == ETHERTYPE_IPV6)
		err = read_ipv6(&cursor, ret);
	else
		err = -EPROTO;
	if (!err)
		err = read_l4(&cursor, ret);
	if (err)
		return err;
	ret->payload_bytes =
		cursor.left < XFN_PACKET_PAYLOAD_MAX ? cursor.left : XFN_PACKET_PAYLOAD_MAX;
	memcpy(ret->payload, cursor.at, ret->payload_bytes);
	return 0;
}
