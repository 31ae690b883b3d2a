/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <sys/socket.h>

#include "ruleset_build.h"

enum {
	IPV4_BITS = 32,
	IPV6_BITS = 128,
	/* A prefix at least this long that covers a group address covers nothing else. */
	IPV4_GROUP_BITS = 4, /* 224.0.0.0/4, RFC 5771 */
	IPV6_GROUP_BITS = 8, /* ff00::/8, RFC 4291 s. 2.7 */
	RANK_ANY = 255,
};

_Static_assert(XFN_SHAPE_CODES <= 1 << 16, "a shape code fits into 16 bits");

__u32 xfn_shape_class(const struct xfn_prefix *prefix)
{
	return (prefix->family == AF_INET ? XFN_CLASS_IPV4 : XFN_CLASS_IPV6) + prefix->plen;
}

static __u32 class_bits(__u32 class)
{
	if (class >= XFN_CLASS_IPV6)
		return class - XFN_CLASS_IPV6;
	return class >= XFN_CLASS_IPV4 ? class - XFN_CLASS_IPV4 : 0;
}

/*
 * Exact addresses first, then own ones, then prefixes, longest first. Prefixes of different families
 * never meet in one packet, so what counts is how many bits are missing.
 */
static __u32 class_rank(__u32 class)
{
	__u32 missing;

	if (class == XFN_CLASS_ANY)
		return RANK_ANY;
	if (class == XFN_CLASS_OWN)
		return 1;
	missing = (class >= XFN_CLASS_IPV6 ? IPV6_BITS : IPV4_BITS) - class_bits(class);
	return missing ? missing + 1 : 0;
}

static __u32 code_dst(__u16 code)
{
	return code / 2 / XFN_CLASS_COUNT;
}

static __u32 code_src(__u16 code)
{
	return code / 2 % XFN_CLASS_COUNT;
}

static bool code_interface(__u16 code)
{
	return code & 1;
}

__u32 xfn_shape_rank(__u16 code)
{
	return class_rank(code_dst(code)) << 9 | class_rank(code_src(code)) << 1 |
	       !code_interface(code);
}

/* The mask as it stands in packets: network order, IPv4 in the first 4 bytes. */
static void mask_fill(__u32 bits, __u64 mask[2])
{
	__u8 bytes[16] = {0};
	__u32 whole = bits / 8;

	memset(bytes, 0xff, whole);
	if (bits % 8)
		bytes[whole] = (__u8)(0xff00 >> bits % 8);
	memcpy(mask, bytes, sizeof(bytes));
}

static __u32 groups_allowed(__u32 dst_class)
{
	__u32 groups = 1U << XFN_GROUP_NONE, bits = class_bits(dst_class);
	bool ipv6 = dst_class >= XFN_CLASS_IPV6;

	if (bits >= (ipv6 ? IPV6_GROUP_BITS : IPV4_GROUP_BITS))
		groups |= 1U << XFN_GROUP_MULTICAST;
	if (bits == (ipv6 ? IPV6_BITS : IPV4_BITS))
		groups |= 1U << XFN_GROUP_BROADCAST;
	return groups;
}

static void fill_key(const struct xfn_key_class *class, struct xfn_shape *shape)
{
	if (!class->reader)
		return;
	shape->flags |= XFN_SHAPE_KEY;
	shape->reader = class->reader;
	shape->labels = class->labels;
	shape->bytes = class->bytes;
	shape->offset = class->offset;
	memcpy(shape->payload_mask, class->mask, sizeof(shape->payload_mask));
}

void xfn_shape_fill(__u16 code, const struct xfn_key_class *class, __u32 number,
		    struct xfn_shape *shape)
{
	__u32 dst = code_dst(code), src = code_src(code);

	memset(shape, 0, sizeof(*shape));
	mask_fill(class_bits(dst), shape->dst_mask);
	mask_fill(class_bits(src), shape->src_mask);
	shape->meta_mask = XFN_META_ALWAYS | (__u64)number << XFN_META_SHAPE_SHIFT;
	if (dst >= XFN_CLASS_IPV4 || src >= XFN_CLASS_IPV4)
		shape->meta_mask |= XFN_META_FAMILY_MASK;
	if (code_interface(code))
		shape->meta_mask |= XFN_META_IFACE_MASK;
	if (dst == XFN_CLASS_OWN) {
		shape->meta_mask |= XFN_META_OWN;
		shape->flags |= XFN_SHAPE_OWN;
	}
	if (class_bits(dst) || class_bits(src))
		shape->flags |= XFN_SHAPE_ADDRESSES;
	shape->group_ok = (__u8)groups_allowed(dst);
	fill_key(class, shape);
}
