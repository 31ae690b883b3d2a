/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "frame.h"

enum {
	DEFAULT_SRC_PORT = 4000,
	DEFAULT_DST_PORT = 7,
	FRAME_BYTES_LEAST = 60,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
};

static void put(struct frame *frame, const void *bytes, __u32 size)
{
	if (size)
		memcpy(frame->bytes + frame->size, bytes, size);
	frame->size += size;
}

static void put_fill(struct frame *frame, __u8 byte, __u32 size)
{
	memset(frame->bytes + frame->size, byte, size);
	frame->size += size;
}

static void store(__u8 *at, __u32 value, __u32 bytes)
{
	while (bytes--) {
		at[bytes] = (__u8)value;
		value >>= 8;
	}
}

static void put_number(struct frame *frame, __u32 value, __u32 bytes)
{
	store(frame->bytes + frame->size, value, bytes);
	frame->size += bytes;
}

static bool is_ipv6(const struct frame_spec *spec)
{
	return spec->dst && strchr(spec->dst, ':');
}

static const char *source_of(const struct frame_spec *spec)
{
	return spec->src ? spec->src : is_ipv6(spec) ? "2001:db8::9" : "192.0.2.9";
}

static void put_address(struct frame *frame, const char *text)
{
	__u8 bytes[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	memset(bytes, 0, sizeof(bytes));
	inet_pton(family, text, bytes);
	put(frame, bytes, family == AF_INET6 ? 16 : 4);
}

__u32 frame_sum(const void *bytes, __u32 size, __u32 sum)
{
	const __u8 *at = bytes;
	__u32 i;

	for (i = 0; i < size; i++)
		sum += i & 1 ? at[i] : (__u32)at[i] << 8;
	return sum;
}

__u16 frame_sum_end(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* ---- layers ------------------------------------------------------------------------------------ */

static void put_ethernet(struct frame *frame, const struct frame_spec *spec)
{
	__u16 eth_proto = spec->eth_proto ? spec->eth_proto : is_ipv6(spec) ? 0x86dd : 0x0800;
	int i;

	put(frame, spec->eth_dst ? spec->eth_dst : FRAME_MAC, 6);
	put(frame, spec->eth_src ? spec->eth_src : FRAME_PEER_MAC, 6);
	for (i = 0; i < 3 && spec->vlan[i]; i++) {
		put_number(frame, i == 0 && spec->vlan[1] ? 0x88a8 : 0x8100, 2);
		put_number(frame, spec->vlan[i], 2);
	}
	put_number(frame, eth_proto, 2);
	frame->l3 = frame->size;
}

static void put_ipv4(struct frame *frame, const struct frame_spec *spec, __u32 payload_bytes)
{
	__u32 header_bytes = 20 + (spec->reply ? 0 : spec->ip_options), start = frame->size;

	put_number(frame, 0x40 | header_bytes / 4, 1);
	put_number(frame, spec->reply ? 0 : 0x10, 1);
	put_number(frame, header_bytes + payload_bytes, 2);
	put_number(frame, spec->reply ? 0 : 0x1234, 2);
	put_number(frame, spec->reply ? 0x4000 : 0, 2);
	put_number(frame, spec->reply ? 64 : 55, 1);
	put_number(frame, spec->l4_proto, 1);
	put_number(frame, 0, 2);
	put_address(frame, source_of(spec));
	put_address(frame, spec->dst ? spec->dst : "192.0.2.1");
	put_fill(frame, 1, header_bytes - 20); /* no-operation options */
	store(frame->bytes + start + 10,
	      frame_sum_end(frame_sum(frame->bytes + start, header_bytes, 0)), 2);
}

/* The protocol number that a letter of frame_spec.extensions means. */
static __u8 extension_number(char letter)
{
	switch (letter) {
	case 'h':
		return 0;
	case 'd':
	case 'D':
		return 60;
	case 'r':
	case 'R':
		return 43;
	case 'e':
		return 50;
	case 'A':
		return 51;
	}
	return 44;
}

static void put_extension(struct frame *frame, char letter, __u8 next)
{
	__u32 offset_and_more = letter == 'f' ? 1 : letter == 'F' ? 8 << 3 : 0;

	put_number(frame, next, 1);
	put_number(frame, letter == 'D', 1);
	if (extension_number(letter) == 44)
		put_number(frame, offset_and_more, 2);
	else if (extension_number(letter) == 43)
		put_number(frame, letter == 'R', 2); /* type 0, segments left */
	else
		put_number(frame, 0x0104, 2); /* PadN of 4 */
	put_fill(frame, 0, letter == 'D' ? 12 : 4);
}

static void put_ipv6(struct frame *frame, const struct frame_spec *spec, __u32 payload_bytes)
{
	const char *letters = spec->extensions && !spec->reply ? spec->extensions : "", *at;
	__u32 extension_bytes = 0;

	for (at = letters; *at; at++)
		extension_bytes += *at == 'D' ? 16 : 8;
	put_number(frame, spec->reply ? 0x60000000 : 0x61212345, 4);
	put_number(frame, extension_bytes + payload_bytes, 2);
	put_number(frame, *letters ? extension_number(*letters) : spec->l4_proto, 1);
	put_number(frame, spec->reply ? 64 : 55, 1);
	put_address(frame, source_of(spec));
	put_address(frame, spec->dst);
	for (at = letters; *at; at++)
		put_extension(frame, *at, at[1] ? extension_number(at[1]) : spec->l4_proto);
}

static void put_ports(struct frame *frame, const struct frame_spec *spec)
{
	put_number(frame, spec->src_port ? spec->src_port : DEFAULT_SRC_PORT, 2);
	put_number(frame, spec->dst_port ? spec->dst_port : DEFAULT_DST_PORT, 2);
}

static __u16 udp_sum(const struct frame *frame)
{
	__u32 udp_bytes = frame->size - frame->l4, sum = PROTO_UDP + udp_bytes;

	sum = frame_sum(frame->bytes + frame->l3 + 8, 32, sum);
	sum = frame_sum_end(frame_sum(frame->bytes + frame->l4, udp_bytes, sum));
	return sum ? (__u16)sum : 0xffff;
}

/* A request carries a wrong sum, as a peer that leaves sums to its hardware sends it. */
static void put_udp(struct frame *frame, const struct frame_spec *spec)
{
	put_ports(frame, spec);
	put_number(frame, 8 + spec->payload_bytes, 2);
	put_number(frame, spec->reply ? 0 : 0xbeef, 2);
	frame->payload = frame->size;
	put(frame, spec->payload, spec->payload_bytes);
	if (spec->reply && is_ipv6(spec))
		store(frame->bytes + frame->l4 + 6, udp_sum(frame), 2);
}

static void put_tcp(struct frame *frame, const struct frame_spec *spec)
{
	put_ports(frame, spec);
	put_number(frame, 0x01020304, 4);
	put_number(frame, 0, 4);
	put_number(frame, (20 + spec->tcp_options) / 4 << 4, 1);
	put_number(frame, spec->tcp_flags ? spec->tcp_flags : 2, 1);
	put_number(frame, 0xffff0000, 4);
	put_number(frame, 0, 2);
	put_fill(frame, 1, spec->tcp_options);
	frame->payload = frame->size;
	put(frame, spec->payload, spec->payload_bytes);
}

static __u32 l4_bytes(const struct frame_spec *spec)
{
	if (spec->l4_proto == PROTO_UDP)
		return 8 + spec->payload_bytes;
	if (spec->l4_proto == PROTO_TCP)
		return 20 + spec->tcp_options + spec->payload_bytes;
	return spec->payload_bytes;
}

static void apply_patches(struct frame *frame, const struct frame_spec *spec)
{
	__u32 i, from;

	for (i = 0; i < 3 && spec->patch[i].layer != FRAME_NO_PATCH; i++) {
		from = spec->patch[i].layer == FRAME_L2   ? 0
		       : spec->patch[i].layer == FRAME_L3 ? frame->l3
							  : frame->l4;
		store(frame->bytes + from + spec->patch[i].offset, spec->patch[i].value,
		      spec->patch[i].bytes);
	}
}

void frame_build(const struct frame_spec *given, struct frame *ret)
{
	struct frame_spec spec = *given;

	memset(ret, 0, sizeof(*ret));
	if (!spec.l4_proto)
		spec.l4_proto = PROTO_UDP;
	put_ethernet(ret, &spec);
	if (is_ipv6(&spec))
		put_ipv6(ret, &spec, l4_bytes(&spec));
	else
		put_ipv4(ret, &spec, l4_bytes(&spec));
	ret->l4 = ret->size;
	ret->payload = ret->size;
	if (spec.l4_proto == PROTO_UDP)
		put_udp(ret, &spec);
	else if (spec.l4_proto == PROTO_TCP)
		put_tcp(ret, &spec);
	else
		put(ret, spec.payload, spec.payload_bytes);
	put_fill(ret, 0xee, spec.trailer_bytes);
	if (spec.reply && ret->size < FRAME_BYTES_LEAST)
		put_fill(ret, 0, FRAME_BYTES_LEAST - ret->size);
	apply_patches(ret, &spec);
}

void frame_build_reply(const struct frame_spec *request, const void *payload, __u32 payload_bytes,
		       struct frame *ret)
{
	struct frame_spec reply = {
		.eth_dst = request->eth_src ? request->eth_src : FRAME_PEER_MAC,
		.eth_src = request->eth_dst ? request->eth_dst : FRAME_MAC,
		.vlan = {request->vlan[0], request->vlan[1], request->vlan[2]},
		.src = request->dst ? request->dst : "192.0.2.1",
		.dst = source_of(request),
		.src_port = request->dst_port ? request->dst_port : DEFAULT_DST_PORT,
		.dst_port = request->src_port ? request->src_port : DEFAULT_SRC_PORT,
		.payload = payload,
		.payload_bytes = payload_bytes,
		.reply = true,
	};

	frame_build(&reply, ret);
}

bool frame_sums_are_right(const struct frame *frame)
{
	__u32 l3 = 12, l4, udp_bytes, sum;
	const __u8 *at = frame->bytes;

	while (at[l3] == 0x81 || at[l3] == 0x88)
		l3 += 4;
	l3 += 2;
	if (at[l3] >> 4 == 4) {
		l4 = l3 + (at[l3] & 15) * 4;
		if (frame_sum_end(frame_sum(at + l3, l4 - l3, 0)))
			return false;
		sum = frame_sum(at + l3 + 12, 8, PROTO_UDP);
	} else {
		l4 = l3 + 40;
		sum = frame_sum(at + l3 + 8, 32, PROTO_UDP);
	}
	udp_bytes = (__u32)at[l4 + 4] << 8 | at[l4 + 5];
	if (!at[l4 + 6] && !at[l4 + 7])
		return at[l3] >> 4 == 4; /* RFC 768: none; not for IPv6 */
	return !frame_sum_end(frame_sum(at + l4, udp_bytes, sum + udp_bytes));
}

/* ---- random ------------------------------------------------------------------------------------ */

__u64 frame_random(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Header bytes are hit more often than the payload, and often get values that lie at an edge. */
void frame_mutate(struct frame *frame, __u64 *state)
{
	static const __u8 edges[] = {0,    1,    4,    5,    7,    8,    0x11,
				     0x2c, 0x2f, 0x3c, 0x45, 0x46, 0x60, 0xff};
	__u32 count = 1 + frame_random(state) % 3, reach, at;

	while (count-- && frame->size) {
		reach = frame->size < 80 ? frame->size : 80;
		at = frame_random(state) % reach;
		switch (frame_random(state) % 8) {
		case 0:
			frame->size = frame_random(state) % (frame->size + 1);
			break;
		case 1:
		case 2:
			frame->bytes[at] ^= 1 << frame_random(state) % 8;
			break;
		case 3:
		case 4:
		case 5:
			frame->bytes[at] = edges[frame_random(state) % sizeof(edges)];
			break;
		case 6:
			frame->bytes[at] = (__u8)frame_random(state);
			break;
		default:
			frame->bytes[at] += frame_random(state) & 1 ? 1 : -1;
			break;
		}
	}
}
