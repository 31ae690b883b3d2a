/* SPDX-License-Identifier: BSD-2-Clause */
/* The data plane's classify stage, step for step, on a compiled ruleset in memory. */
#include <netinet/in.h>
#include <string.h>

#include "ruleset.h"
#include "ruleset_key.h"

static __u64 packet_meta(const struct xfn_packet_view *packet)
{
	__u64 meta = XFN_META_PACKET | (__u64)(packet->interface + 1) << XFN_META_IFACE_SHIFT;

	if (packet->protocol == IPPROTO_TCP)
		meta |= XFN_META_TCP;
	meta |= packet->family == AF_INET ? XFN_META_IPV4 : XFN_META_IPV6;
	meta |= (__u64)packet->vlan[0] << XFN_META_OUTER_SHIFT;
	meta |= (__u64)packet->vlan[1] << XFN_META_INNER_SHIFT;
	return meta;
}

static enum xfn_group packet_group(const struct xfn_packet_view *packet)
{
	__u8 dst[16];

	memcpy(dst, packet->dst, sizeof(dst));
	if (packet->family == AF_INET6 ? dst[0] == 0xff : dst[0] >> 4 == 0xe)
		return XFN_GROUP_MULTICAST;
	if (packet->family == AF_INET && (__u32)packet->dst[0] == INADDR_BROADCAST)
		return XFN_GROUP_BROADCAST;
	return packet->group_frame ? XFN_GROUP_BROADCAST : XFN_GROUP_NONE;
}

static const struct xfn_entry *entry_find(const struct xfn_ruleset *ruleset,
					  const struct xfn_key *key)
{
	__u64 h = xfn_hash_key(ruleset->seed, key);
	__u32 displacement = ruleset->displace[xfn_hash_bucket(h, ruleset->slot_bits)];
	const struct xfn_entry *entry =
		&ruleset->entries[xfn_hash_slot(h, displacement, ruleset->slot_bits)];

	return memcmp(&entry->key, key, sizeof(*key)) == 0 ? entry : NULL;
}

static __u32 address_kind(const struct xfn_ruleset *ruleset, __u64 meta, const __u64 address[2])
{
	struct xfn_key key = {.dst = {address[0], address[1]}};
	const struct xfn_entry *entry;

	if (!(ruleset->address_mask & xfn_address_bit(address)))
		return 0;
	key.meta = XFN_META_VALID | XFN_META_ADDRESS | (meta & XFN_META_FAMILY_MASK);
	entry = entry_find(ruleset, &key);
	return entry ? entry->function : 0;
}

/* What the payload has for the shape; false where that is nothing. */
static bool fill_payload(const struct xfn_ruleset *ruleset, const struct xfn_packet_view *packet,
			 const struct xfn_shape *shape, struct xfn_key *key)
{
	if (!(shape->flags & XFN_SHAPE_KEY))
		return true;
	return xfn_key_read(shape, ruleset->key_seed, packet->payload, packet->payload_bytes,
			    key->payload) == XFN_KEY_FOUND;
}

static const struct xfn_entry *probe_find(const struct xfn_ruleset *ruleset,
					  const struct xfn_packet_view *packet, __u32 kind,
					  const struct xfn_probe *probe)
{
	const struct xfn_shape *shape = &ruleset->shapes[probe->shape];
	enum xfn_group group =
		kind == XFN_ADDRESS_BROADCAST ? XFN_GROUP_BROADCAST : packet_group(packet);
	struct xfn_key key = {0};

	if (!(shape->group_ok >> group & 1))
		return NULL;
	if (shape->flags & XFN_SHAPE_OWN && kind != XFN_ADDRESS_OWN)
		return NULL;
	key.meta = (packet_meta(packet) | XFN_META_OWN) & shape->meta_mask;
	key.meta |=
		probe->flags & XFN_PROBE_PORT ? packet->dst_port : XFN_META_RANGE | probe->label;
	key.dst[0] = packet->dst[0] & shape->dst_mask[0];
	key.dst[1] = packet->dst[1] & shape->dst_mask[1];
	key.src[0] = packet->src[0] & shape->src_mask[0];
	key.src[1] = packet->src[1] & shape->src_mask[1];
	return fill_payload(ruleset, packet, shape, &key) ? entry_find(ruleset, &key) : NULL;
}

static __u32 list_of_port(const struct xfn_ruleset *ruleset, const struct xfn_packet_view *packet)
{
	__u32 at = (packet->protocol == IPPROTO_TCP ? XFN_PORT_COUNT : 0) + packet->dst_port;

	return ruleset->ports[at / XFN_PORTS_PER_CHUNK].list[at % XFN_PORTS_PER_CHUNK];
}

bool xfn_ruleset_key_error(const struct xfn_ruleset *ruleset, const struct xfn_packet_view *packet)
{
	__u32 list = list_of_port(ruleset, packet), i;
	const struct xfn_shape *shape;
	__u64 payload[2];
	bool wanted = false;

	for (i = 1; list && i <= ruleset->probes[list].head.count; i++) {
		shape = &ruleset->shapes[ruleset->probes[list + i].probe.shape];
		if (!(shape->flags & XFN_SHAPE_KEY))
			continue;
		wanted = true;
		if (xfn_key_read(shape, ruleset->key_seed, packet->payload, packet->payload_bytes,
				 payload) != XFN_KEY_ODD)
			return false;
	}
	return wanted;
}

const struct xfn_entry *xfn_ruleset_find(const struct xfn_ruleset *ruleset,
					 const struct xfn_packet_view *packet)
{
	__u32 list = list_of_port(ruleset, packet), i;
	const struct xfn_entry *entry;
	__u32 kind;

	if (!list)
		return NULL;
	kind = address_kind(ruleset, packet_meta(packet), packet->dst);
	for (i = 1; i <= ruleset->probes[list].head.count; i++) {
		entry = probe_find(ruleset, packet, kind, &ruleset->probes[list + i].probe);
		if (entry)
			return entry;
	}
	return NULL;
}
