/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_SOURCES_H
#define XFN_BPF_SOURCES_H
/*
 * The limit for each source of a function: a fixed array of theoretical arrival times. A keyed hash
 * gives each source two of these cells, which it shares with others; an event is refused only if both
 * are over the limit, and charged to both. Nothing is ever evicted, and memory is constant.
 *
 * A cell is charged for each event of a source, so it is never behind the time that the source would
 * have for itself: sharing can only refuse too much, and does so where other sources have filled both
 * cells (docs/adr/0006-per-source.md: how often).
 */
#include "limiter.h"
#include "maps.bpf.h"
#include "packet.h"
#include "siphash.h"

/* The part of a source that is limited as one, masked. */
static __always_inline void source_of(const struct xfn_policy_config *policy,
				      const struct packet *packet, __u64 source[2])
{
	if (packet->ip_version == 4) {
		source[0] = packet->src[0] & policy->mask4;
		source[1] = 0;
	} else {
		source[0] = packet->src[0] & policy->mask6[0];
		source[1] = packet->src[1] & policy->mask6[1];
	}
}

/*
 * Admits or refuses one event that came at time @now (1/16 ns), in generation @number, for function
 * @slot. A global function, which the verifier walks once by itself.
 */
__noinline int xfn_source_admit(const struct packet *packet, __u32 slot, __u32 number, __u64 now)
{
	const struct xfn_policy *line = bpf_map_lookup_elem(&xfn_policies, &slot);
	const struct xfn_policy_config *policy;
	const struct xfn_secrets *secrets;
	struct limiter limiter = {.now = now};
	__u32 zero = 0, table, mask, first, second;
	__u64 source[2], hash, *one, *other;
	void *cells;

	secrets = bpf_map_lookup_elem(&xfn_secrets, &zero);
	if (!packet || !line || !secrets)
		return 0;
	policy = &line->config[number & 1];
	table = XFN_POLICY_TABLE_OF(policy->cells);
	mask = XFN_POLICY_CELL_MASK_OF(policy->cells);
	cells = bpf_map_lookup_elem(&xfn_sources, &table);
	if (!cells)
		return 0; /* a table is entered before a generation names it: never taken */
	source_of(policy, packet, source);
	hash = siphash13(secrets->source_key, source, packet->ip_version);
	first = (__u32)hash & mask;
	second = (__u32)(hash >> 32) & mask;
	second ^= second == first;
	one = bpf_map_lookup_elem(cells, &first);
	other = bpf_map_lookup_elem(cells, &second);
	if (!one || !other)
		return 0;
	limiter.interval = policy->interval;
	limiter.burst = policy->burst;
	return limiter_admit_pair(&limiter, one, other);
}

#endif
