/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: an XDP program that is no handler. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char refused_license[] SEC("license") = "Dual BSD/GPL";
