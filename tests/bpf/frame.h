/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_FRAME_H
#define XFN_TESTS_FRAME_H

/*
 * Ethernet frames from a few words, for tests: what is not given has a sensible value, so that a
 * case names only what it is about.
 *
 *	{.dst = "192.0.2.1", .dst_port = 53, .vlan = {7}, .payload = "x", .payload_bytes = 1}
 */

#include <stdbool.h>
#include <linux/types.h>

#define FRAME_BYTES_MAX 4096
#define FRAME_MAC       "\x02\x00\x00\x00\x00\x01" /* of the interface under test */
#define FRAME_PEER_MAC  "\x02\x00\x00\x00\x00\x02"

struct frame {
	__u8 bytes[FRAME_BYTES_MAX];
	__u32 size;
	__u32 l3; /* offsets */
	__u32 l4;
	__u32 payload;
};

/* Where a patch counts from. */
enum frame_layer { FRAME_NO_PATCH, FRAME_L2, FRAME_L3, FRAME_L4 };

/* Overwrites `bytes` (1, 2 or 4) bytes of a layer, in network order. */
struct frame_patch {
	enum frame_layer layer;
	__u32 offset;
	__u32 bytes;
	__u32 value;
};

/*
 * extensions: one letter for each IPv6 extension header: h hop-by-hop options, d destination
 * options, D the same with 16 bytes, r routing with no segment left, R with one, a atomic
 * fragment, f first fragment, F later one; e ESP, A authentication (and what is behind is theirs).
 */
struct frame_spec {
	const char *eth_dst; /* 6 bytes; NULL: FRAME_MAC */
	const char *eth_src; /* NULL: FRAME_PEER_MAC */
	__u16 vlan[3];       /* outer first; the first 0 ends the list */
	__u16 eth_proto;     /* 0: as the addresses say */
	const char *src;     /* NULL: 192.0.2.9 */
	const char *dst;     /* NULL: 192.0.2.1 */
	__u8 l4_proto;       /* 0: UDP */
	__u16 src_port;      /* 0: 4000 */
	__u16 dst_port;      /* 0: 7 */
	const char *extensions;
	__u8 ip_options;  /* bytes, 0 to 40 */
	__u8 tcp_options; /* bytes, 0 to 40 */
	__u8 tcp_flags;   /* 0: SYN */
	const void *payload;
	__u32 payload_bytes;
	__u32 trailer_bytes; /* behind the datagram: 0xee */
	bool reply; /* headers as the handler SDK makes them: no options, fresh checksums */
	struct frame_patch patch[3];
};

void frame_build(const struct frame_spec *spec, struct frame *ret);

/* What the handler SDK must make of a request with this payload: the frame to compare with. */
void frame_build_reply(const struct frame_spec *request, const void *payload, __u32 payload_bytes,
		       struct frame *ret);

/* The Internet checksum of RFC 1071, word by word; continues @sum. Not folded. */
__u32 frame_sum(const void *bytes, __u32 size, __u32 sum);

/* Folded and inverted. */
__u16 frame_sum_end(__u32 sum);

/*
 * Says whether the checksums of an untagged or tagged UDP frame are right: IPv4 header, and UDP
 * where there is one.
 */
bool frame_sums_are_right(const struct frame *frame);

/* A small generator for repeatable random tests (splitmix64). */
__u64 frame_random(__u64 *state);

/* Changes a few bytes, or the size, at random. */
void frame_mutate(struct frame *frame, __u64 *state);

#endif
