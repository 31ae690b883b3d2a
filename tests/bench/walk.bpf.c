/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A bare random walk over as many cache lines as an event touches, in the data plane's own maps: a
 * displacement word, an entry, a function, its counters; each address depends on what was read
 * before, as in a look-up. Nothing is parsed, hashed or compared.
 */
#include "../../bpf/maps.bpf.h"
#include "drive.h"

const volatile __u32 walk_entries = 1;
const volatile __u32 walk_functions = 1;
const volatile __u32 walk_displaces = 1;

/* Zero, but not before @value is there. */
static __always_inline __u32 after(__u64 value)
{
	asm volatile("%0 &= 0" : "+r"(value));
	return (__u32)value;
}

static __always_inline __u32 scatter(__u32 from, __u32 by, __u32 count)
{
	return (__u64)(from * by) * count >> 32;
}

SEC("xdp")
int walk(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct xfn_function_counts *counts;
	struct xfn_displace_chunk *chunk;
	struct xfn_function *function;
	struct xfn_entry *entry;
	__u32 seed, index;

	if (data + DRIVE_FRAME_BYTES > end)
		return XDP_ABORTED;
	seed = *(__u32 *)(data + DRIVE_DST_OFFSET);
	index = scatter(seed, 0x9e3779b1U, walk_displaces);
	chunk = bpf_map_lookup_elem(&xfn_displace, &index);
	if (!chunk)
		return XDP_ABORTED;
	index = scatter(seed, 0x85ebca6bU, walk_entries) + after(chunk->word[0]);
	entry = bpf_map_lookup_elem(&xfn_entries, &index);
	if (!entry)
		return XDP_ABORTED;
	index = scatter(seed, 0xc2b2ae35U, walk_functions) + after(entry->function);
	function = bpf_map_lookup_elem(&xfn_functions, &index);
	if (!function)
		return XDP_ABORTED;
	index += after(function->config[0].limit);
	counts = bpf_map_lookup_elem(&xfn_counts, &index);
	if (!counts)
		return XDP_ABORTED;
	counts->verdicts[XFN_VERDICT_STEERED]++;
	return XDP_PASS;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
