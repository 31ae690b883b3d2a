/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Somebody else's XDP program: counts what it gets, by IP version and fragment, drops datagrams to port
 * 9999, and lets everything else pass.
 */
#include "next_count.h"

SEC("xdp")
int next_count(struct xdp_md *ctx)
{
	return next_count_packet(ctx);
}

char next_count_license[] SEC("license") = "Dual BSD/GPL";
