/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data plane with one thing changed, for comparison: rules are in a hash map of the kernel's
 * instead of the perfect hash. Parse, probe lists, shapes, limiter, books, steering are the same.
 */
#include "../../bpf/maps.bpf.h"
#include "../../bpf/packet.h"
#include "../../bpf/parse.h"
#include "../../bpf/classify.h"
#include "../../bpf/police.h"
#include "../../bpf/account.h"
#include "../../bpf/steer.h"

/* A key without what it says of the payload, as it begins in an entry. */
struct bench_key {
	__u64 meta;
	__u64 dst[2];
	__u64 src[2];
};

/* What is left of an entry beside its key. */
struct bench_rule {
	__u32 function;
	__u32 rule;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct bench_key);
	__type(value, struct bench_rule);
} bench_rules SEC(".maps");

/* The first probe of the port's list: the bench's rules have one shape. */
static __always_inline int find(const struct generation *generation, const struct packet *packet,
				struct match *match)
{
	__u32 list = list_of_port(generation, packet);
	union xfn_probe_word *word = probe_word(generation, list + 1);
	struct bench_key key = {};
	struct xfn_shape *shape;
	struct xfn_entry entry = {};
	struct bench_rule *found;
	__u32 index;

	if (!list || !word)
		return XFN_VERDICT_UNMATCHED;
	index = generation->number * XFN_SHAPES_MAX + word->probe.shape;
	shape = bpf_map_lookup_elem(&xfn_shapes, &index);
	if (!shape)
		return XFN_VERDICT_UNMATCHED;
	key.meta = (packet->meta & shape->meta_mask) | label_of(packet, &word->probe);
	key.dst[0] = packet->dst[0] & shape->dst_mask[0];
	key.dst[1] = packet->dst[1] & shape->dst_mask[1];
	key.src[0] = packet->src[0] & shape->src_mask[0];
	key.src[1] = packet->src[1] & shape->src_mask[1];
	found = bpf_map_lookup_elem(&bench_rules, &key);
	if (!found)
		return XFN_VERDICT_UNMATCHED;
	entry.function = found->function;
	entry.rule = found->rule;
	return match_function(generation, &entry, 0, match);
}

SEC("xdp")
int hashmap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 slot = xfn_interface_slot;
	struct xfn_interface *interface = bpf_map_lookup_elem(&xfn_interfaces, &slot);
	__u64 *packets = bpf_map_lookup_elem(&xfn_packets, &slot);
	struct generation generation;
	struct packet packet = {};
	struct match match = {};
	int verdict;

	if (!interface || !packets || generation_read(&generation))
		return XDP_PASS;
	(*packets)++;
	verdict = parse(data, data_end, interface->mac, slot, &packet);
	if (verdict == XFN_GO_ON)
		verdict = find(&generation, &packet, &match);
	if (verdict == XFN_GO_ON)
		verdict = police_function(&generation, &packet, &match);
	if (verdict == XFN_GO_ON)
		verdict = steer(ctx, &generation, &packet, &match);
	return account(ctx, &generation, &packet, &match, verdict);
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
