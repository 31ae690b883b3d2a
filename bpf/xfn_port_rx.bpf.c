/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * At the far end of a port, alone in its network namespace with the function's socket: hands each packet
 * to it. Each port has one of its own, with a map of one element. What finds no socket is dropped: it was
 * on its way when the socket went.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} xfn_port_sock SEC(".maps");

/* Packets that found no socket. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} xfn_port_lost SEC(".maps");

SEC("xdp")
int xfn_port_rx(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *lost;

	if (bpf_redirect_map(&xfn_port_sock, 0, XDP_DROP) == XDP_REDIRECT)
		return XDP_REDIRECT;
	lost = bpf_map_lookup_elem(&xfn_port_lost, &zero);
	if (lost)
		(*lost)++; /* per CPU, and NAPI does not nest: no race */
	return XDP_DROP;
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
