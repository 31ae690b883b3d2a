/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parks each packet as ingress does, with the words that the test gives. */
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "xfn/park.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XFN_PARK_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} test_parking SEC(".maps");

/* With magic 0 there is no metadata. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_park_meta);
} test_meta SEC(".maps");

SEC("xdp")
int park(struct xdp_md *ctx)
{
	__u32 zero = 0;
	const struct xfn_park_meta *words = bpf_map_lookup_elem(&test_meta, &zero);
	struct xfn_park_meta *meta;

	if (!words)
		return XDP_ABORTED;
	if (words->magic) {
		if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
			return XDP_ABORTED;
		meta = (void *)(long)ctx->data_meta;
		if ((void *)(meta + 1) > (void *)(long)ctx->data)
			return XDP_ABORTED;
		*meta = *words;
	}
	return (int)bpf_redirect_map(&test_parking, ctx->rx_queue_index, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
