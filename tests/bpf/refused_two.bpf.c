/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: two programs, unless the manifest names one. */
#include <xfn/handler.h>

XFN_HANDLER(first, XFN_MESSAGE_ANY)
{
	return XFN_REPLY;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return XDP_DROP;
}
