/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_CLASSIFY_H
#define XFN_BPF_CLASSIFY_H
/*
 * Stage 2: which trigger matches, hence which function. One array look-up says that nobody's
 * trigger uses the port; else a list of probes, most specific first, each one exact-match look-up
 * in the perfect hash. All of it lives in the generation that `live` names. A probe may ask for a key
 * in the payload (key.h); where the payload has another one, or none, the walk goes on.
 */
#include <bpf/bpf_endian.h>
#include "key.h"
#include "maps.bpf.h"
#include "observe.h"
#include "packet.h"

/* Capacity, given by the loader: each generation has 2^slot_bits entries. */
const volatile __u32 xfn_slot_bits = 4;

/*
 * The generation a packet lives in. The index of every look-up below is computed from it, never
 * chosen by a branch: arm64 does not order loads behind a branch, it does behind an address.
 */
struct generation {
	const struct xfn_control *control;
	__u32 number;
};

/* Of the generation that a packet was found to live in. */
static __always_inline int generation_of(__u32 number, struct generation *generation)
{
	__u32 zero = 0;

	generation->number = number & 1;
	generation->control = bpf_map_lookup_elem(&xfn_control, &zero);
	return generation->control ? 0 : -1;
}

/* Reads the one word, once per packet: whatever follows takes the generation from here. */
static __always_inline int generation_read(struct generation *generation)
{
	__u32 zero = 0;
	struct xfn_control *control = bpf_map_lookup_elem(&xfn_control, &zero);
	__u32 number;

	if (!control)
		return -1;
	number = XFN_LIVE_GENERATION(*(volatile __u64 *)&control->live);
	barrier_var(number);
	generation->control = control;
	generation->number = number;
	return 0;
}

static __always_inline __u64 seed_of(const struct generation *generation)
{
	return generation->control->seed[generation->number];
}

static __always_inline __u32 list_of_port(const struct generation *generation,
					  const struct packet *packet)
{
	__u32 port = bpf_ntohs(packet->dst_port);
	__u32 chunk = generation->number * XFN_PORT_CHUNKS + port / XFN_PORTS_PER_CHUNK;
	struct xfn_port_chunk *ports;

	if (packet->meta & XFN_META_TCP)
		chunk += XFN_PORT_CHUNKS / 2;
	ports = bpf_map_lookup_elem(&xfn_ports, &chunk);
	return ports ? ports->list[port % XFN_PORTS_PER_CHUNK] : 0;
}

static __always_inline union xfn_probe_word *probe_word(const struct generation *generation,
							__u32 word)
{
	__u32 index = generation->number * XFN_PROBE_WORDS + (word & (XFN_PROBE_WORDS - 1));

	return bpf_map_lookup_elem(&xfn_probes, &index);
}

/*
 * Index of the entry with this key and hash, or -1: displacement, entry, one compare. What a key says
 * of the payload is compared by xfn_probe_keyed(): without one it is zero in all entries of a shape.
 */
static __always_inline int entry_find(const struct generation *generation, __u64 hash,
				      const struct xfn_key *key)
{
	__u32 bits = xfn_slot_bits & 31;
	__u32 bucket = xfn_hash_bucket(hash, bits);
	__u32 index = (generation->number << (bits - XFN_BUCKET_BITS_LESS) | bucket) /
		      XFN_DISPLACE_PER_CHUNK;
	struct xfn_displace_chunk *chunk = bpf_map_lookup_elem(&xfn_displace, &index);
	struct xfn_entry *entry;
	__u64 difference;

	if (!chunk)
		return -1;
	index = generation->number << bits |
		xfn_hash_slot(hash, chunk->word[bucket % XFN_DISPLACE_PER_CHUNK], bits);
	entry = bpf_map_lookup_elem(&xfn_entries, &index);
	if (!entry)
		return -1;
	difference = (entry->key.meta ^ key->meta) | (entry->key.dst[0] ^ key->dst[0]) |
		     (entry->key.dst[1] ^ key->dst[1]) | (entry->key.src[0] ^ key->src[0]) |
		     (entry->key.src[1] ^ key->src[1]);
	return difference ? -1 : (int)index;
}

/* What this address is to the host: enum xfn_address_kind, or 0. Others' are sorted out by a mask. */
static __always_inline __u32 address_kind(const struct generation *generation,
					  const struct packet *packet, const __u64 address[2])
{
	struct xfn_key key = {.dst = {address[0], address[1]}};
	struct xfn_entry *entry;
	int found;

	if (!(generation->control->address_mask[generation->number & 1] & xfn_address_bit(address)))
		return 0;
	key.meta = XFN_META_VALID | XFN_META_ADDRESS | (packet->meta & XFN_META_FAMILY_MASK);
	found = entry_find(generation, xfn_hash_header(seed_of(generation), &key), &key);
	entry = bpf_map_lookup_elem(&xfn_entries, &found);
	return entry ? entry->function : 0;
}

/* What a probe adds to the meta word: the packet's port, or the number of a range. */
static __always_inline __u64 label_of(const struct packet *packet, const struct xfn_probe *probe)
{
	__u64 range = XFN_META_RANGE | probe->label;
	__u64 by_port = -(__u64)(probe->flags & XFN_PROBE_PORT);

	barrier_var(by_port);
	return (bpf_ntohs(packet->dst_port) & by_port) | (range & ~by_port);
}

/* What every rule of the shape has set: XFN_META_OWN, where the shape is for own addresses. */
static __always_inline __u64 meta_of(const struct xfn_shape *shape)
{
	_Static_assert((__u64)XFN_SHAPE_OWN << 20 == XFN_META_OWN, "the shift below");
	return (__u64)(shape->flags & XFN_SHAPE_OWN) << 20;
}

/* 1 if the shape may match a packet to such a destination, else 0; without a branch. */
static __always_inline __u64 is_open(const struct xfn_shape *shape, const struct packet *packet,
				     __u64 own)
{
	__u64 open = shape->group_ok >> (packet->group & 3) & 1;

	return open & (own | !(shape->flags & XFN_SHAPE_OWN));
}

/* The packet under the shape's masks, and what the probe adds. */
static __always_inline __u64 probe_meta(const struct packet *packet, const struct xfn_shape *shape,
					const struct xfn_probe *probe, __u64 own)
{
	__u64 closed = is_open(shape, packet, own) - 1; /* no bit or all */

	barrier_var(closed);
	/* A closed shape looks for all bits set, which no entry has: not for 0, as in an empty one. */
	return (packet->meta & shape->meta_mask) | meta_of(shape) | label_of(packet, probe) |
	       closed;
}

static __always_inline void probe_addresses(const struct packet *packet,
					    const struct xfn_shape *shape, struct xfn_key *key)
{
	key->dst[0] = packet->dst[0] & shape->dst_mask[0];
	key->dst[1] = packet->dst[1] & shape->dst_mask[1];
	key->src[0] = packet->src[0] & shape->src_mask[0];
	key->src[1] = packet->src[1] & shape->src_mask[1];
}

static __always_inline struct xfn_shape *probe_shape(const struct generation *generation,
						     const struct xfn_probe *probe, __u32 *index)
{
	*index = generation->number * XFN_SHAPES_MAX + probe->shape;
	return bpf_map_lookup_elem(&xfn_shapes, index);
}

/* How a probe or a walk ends without an entry; no index. */
#define FOUND_NOTHING   (-1)
#define FOUND_KEYED     (-2) /* a probe: it asks for a key, xfn_probe_keyed() says more */
#define FOUND_KEY_ERROR (-3) /* a walk: keys were wanted, and the payload is odd for all of them */

/* One probe: the packet under the shape's masks, looked up. Returns the entry's index or FOUND_*. */
static __always_inline int probe_find(const struct generation *generation,
				      const struct packet *packet, __u64 own,
				      const struct xfn_probe *probe)
{
	struct xfn_key key = {};
	struct xfn_shape *shape;
	__u32 index;
	__u64 hash;

	shape = probe_shape(generation, probe, &index);
	if (!shape)
		return FOUND_NOTHING;
	key.meta = probe_meta(packet, shape, probe, own);
	if (!(shape->flags & (XFN_SHAPE_ADDRESSES | XFN_SHAPE_KEY)))
		return entry_find(generation, xfn_hash_meta(seed_of(generation), key.meta), &key);
	if (shape->flags & XFN_SHAPE_KEY)
		return FOUND_KEYED;
	probe_addresses(packet, shape, &key);
	hash = xfn_hash_header(seed_of(generation), &key);
	return entry_find(generation, hash, &key);
}

#define PROBE_OWN   1 /* the destination is an own address */
#define PROBE_FIRST 2 /* of the packet's that ask for a key */

/*
 * One probe that asks for a key, by its word. The key is made where the shape is closed, too: whether
 * a packet is key_error or unmatched does not depend on its addresses. Returns the entry's index or
 * FOUND_NOTHING. A global function for the reason that xfn_probe_walk() is one, and so that it takes
 * no register from probes without a key.
 */
__noinline int xfn_probe_keyed(struct xdp_md *ctx, struct packet *packet, __u32 number, __u32 at,
			       __u32 flags)
{
	struct generation generation;
	union xfn_probe_word *word;
	struct xfn_key_scratch *scratch = key_scratch();
	struct xfn_key key = {};
	struct xfn_shape *shape;
	struct xfn_entry *entry;
	__u32 index;
	__u64 hash;
	int found;

	if (!packet || !scratch || generation_of(number, &generation))
		return FOUND_NOTHING;
	if (flags & PROBE_FIRST)
		scratch->known = 0;
	word = probe_word(&generation, at);
	shape = word ? probe_shape(&generation, &word->probe, &index) : 0;
	if (!shape || !key_make(ctx, packet, shape, scratch))
		return FOUND_NOTHING;
	key.meta = probe_meta(packet, shape, &word->probe, flags & PROBE_OWN);
	probe_addresses(packet, shape, &key);
	hash = xfn_hash_header(seed_of(&generation), &key);
	found = entry_find(&generation, xfn_hash_payload(hash, scratch->payload), &key);
	entry = bpf_map_lookup_elem(&xfn_entries, &found);
	if (!entry || ((entry->key.payload[0] ^ scratch->payload[0]) |
		       (entry->key.payload[1] ^ scratch->payload[1])))
		return FOUND_NOTHING;
	return found;
}

/* How a walk ends that found nothing. */
static __always_inline int nothing_found(__u32 keyed)
{
	struct xfn_key_scratch *scratch = keyed ? key_scratch() : 0;

	return scratch && !(scratch->known & KEY_READABLE) ? FOUND_KEY_ERROR : FOUND_NOTHING;
}

/* A random number for the sampler: per-CPU xorshift64, a fifth of bpf_get_prandom_u32's cost. */
static __always_inline __u32 random_u32(void)
{
	__u32 zero = 0;
	__u64 *state = bpf_map_lookup_elem(&xfn_random, &zero);
	__u64 x;

	if (!state)
		return 0;
	x = *state;
	if (!x)
		x = (__u64)bpf_get_prandom_u32() << 32 | 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x >> 32;
}

static __always_inline int match_function(const struct generation *generation,
					  const struct xfn_entry *entry, __u32 draw,
					  struct match *match)
{
	__u32 slot = entry->function;
	const struct xfn_function_config *config;

	match->slot = slot;
	match->rule = entry->rule;
	match->function = bpf_map_lookup_elem(&xfn_functions, &slot);
	if (!match->function)
		return XFN_VERDICT_UNMATCHED; /* a rule names only slots that exist */
	config = &match->function->config[generation->number & 1];
	match->config.limit = config->limit;
	match->config.burst = config->burst;
	match->config.target = config->target;
	match->sampled = match->seen_ns && XFN_TARGET_SAMPLE(match->config.target) &&
			 draw <= XFN_TARGET_SAMPLE(match->config.target);
	return XFN_GO_ON;
}

/*
 * Walks a list of probes. Returns the index of the matching entry, or FOUND_*. Notes in packet->group
 * a destination that is the directed broadcast of one of our subnets.
 * A global function, which the verifier walks once by itself: inlined behind parse, whose every path
 * leaves another state, it would be walked a million times.
 */
__noinline int xfn_probe_walk(struct xdp_md *ctx, struct packet *packet, __u32 number, __u32 list,
			      __u32 count)
{
	struct generation generation;
	union xfn_probe_word *word;
	__u32 i, kind, keyed = 0;
	__u64 own;
	int found;

	if (!packet || generation_of(number, &generation))
		return FOUND_NOTHING;
	kind = address_kind(&generation, packet, packet->dst);
	own = kind == XFN_ADDRESS_OWN;
	if (kind == XFN_ADDRESS_BROADCAST)
		packet->group = XFN_GROUP_BROADCAST; /* whatever frame it came in */
	for (i = 1; i <= XFN_PROBES_PER_PORT_MAX; i++) {
		if (i > count)
			break;
		word = probe_word(&generation, list + i);
		if (!word)
			break;
		found = probe_find(&generation, packet, own, &word->probe);
		if (found == FOUND_KEYED) {
			found = xfn_probe_keyed(ctx, packet, number, list + i,
						own | (keyed ? 0 : PROBE_FIRST));
			keyed = 1;
		}
		if (found >= 0)
			return found;
	}
	return nothing_found(keyed);
}

/*
 * Returns XFN_GO_ON with *match filled in, or XFN_VERDICT_{UNMATCHED,KEY_ERROR}.
 * An event that may be sampled is stamped before its probes; limiter and histograms share the stamp.
 */
static __always_inline int classify(struct xdp_md *ctx, const struct generation *generation,
				    struct packet *packet, struct match *match)
{
	__u32 list = list_of_port(generation, packet);
	union xfn_probe_word *word;
	struct xfn_entry *entry;
	__u32 sample, draw = 0;
	int found;

	if (!list)
		return XFN_VERDICT_UNMATCHED;
	word = probe_word(generation, list);
	if (!word)
		return XFN_VERDICT_UNMATCHED;
	sample = word->head.sample;
	if (sample && !XFN_DRY) {
		draw = random_u32();
		if (draw <= sample)
			match->seen_ns = bpf_ktime_get_ns();
	}
	found = xfn_probe_walk(ctx, packet, generation->number, list, word->head.count);
	entry = bpf_map_lookup_elem(&xfn_entries, &found);
	if (!entry)
		return found == FOUND_KEY_ERROR ? XFN_VERDICT_KEY_ERROR : XFN_VERDICT_UNMATCHED;
	return match_function(generation, entry, draw, match);
}

#endif
