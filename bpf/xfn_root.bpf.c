/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that is attached to an interface: it counts the packet and tail-calls the live ingress
 * program. Small, so that it never has to change while attached.
 */
#include "maps.bpf.h"

/* Interface slot, given by the loader: each interface has a root of its own. */
const volatile __u32 xfn_interface_slot;

SEC("xdp")
int xfn_root(struct xdp_md *ctx)
{
	__u32 slot = xfn_interface_slot;
	__u64 *packets;

	packets = bpf_map_lookup_elem(&xfn_packets, &slot);
	if (packets)
		(*packets)++; /* per CPU, and NAPI does not nest: no race */
	bpf_tail_call(ctx, &xfn_entry_progs, slot);
	return XDP_PASS; /* no data plane loaded: the packet has no verdict, and audit says so */
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
