/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* On an interface: each packet to the AF_XDP socket of its queue, with nothing else in the way. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_sockets SEC(".maps");

SEC("xdp")
int bench_queue(struct xdp_md *ctx)
{
	return bpf_redirect_map(&bench_sockets, ctx->rx_queue_index, XDP_PASS);
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
