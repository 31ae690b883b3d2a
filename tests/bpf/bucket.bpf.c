/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The histogram's bucket of the duration in the packet's first 8 bytes. */
#include <xfn/handler.h>

SEC("xdp")
int bucket(struct xdp_md *ctx)
{
	__u64 ns;

	if (bpf_xdp_load_bytes(ctx, 0, &ns, sizeof(ns)))
		return XFN_HISTOGRAM_BUCKETS;
	return xfn_histogram_bucket(ns);
}

char bucket_license[] SEC("license") = "Dual BSD/GPL";
