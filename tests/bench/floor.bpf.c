/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What everything is compared with: programs that do nothing, and one that reads the clock. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Packets that came to floor_count, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_arrived SEC(".maps");

SEC("xdp")
int floor_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("xdp")
int floor_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("xdp")
int floor_tx(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

SEC("xdp")
int floor_clock(struct xdp_md *ctx)
{
	(void)ctx;
	return bpf_ktime_get_ns() ? XDP_DROP : XDP_ABORTED;
}

/* At the client's end of a wire: replies are counted and end here. */
SEC("xdp")
int floor_count(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *arrived = bpf_map_lookup_elem(&bench_arrived, &zero);

	(void)ctx;
	if (arrived)
		(*arrived)++;
	return XDP_DROP;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
