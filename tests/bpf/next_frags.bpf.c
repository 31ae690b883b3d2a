/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The same as next_count, with support for fragments: of a kind that shares no array with xfn's. */
#include "next_count.h"

SEC("xdp.frags")
int next_count(struct xdp_md *ctx)
{
	return next_count_packet(ctx);
}

char next_count_license[] SEC("license") = "Dual BSD/GPL";
