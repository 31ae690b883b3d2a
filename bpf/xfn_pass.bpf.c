/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Passes everything. For the far end of a veth pair: a veth takes frames that its peer sends by XDP_TX
 * only while it has an XDP program of its own. xfn doctor says where it is needed; to load it:
 * ip link set dev PEER xdpdrv object xfn_pass.bpf.o section xdp
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xfn_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
