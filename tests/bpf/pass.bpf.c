/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Passes everything. A veth takes frames that its peer sends by XDP_TX only while it has an XDP
 * program of its own: this is the one for a client's end of a wire (`ip link set DEV xdp obj ...`).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
