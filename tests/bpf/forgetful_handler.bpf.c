/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A handler that counts no outcome for a payload that begins with 'f': the audit must find it. */
#include <xfn/handler.h>

SEC("xdp")
int forgetful(struct xdp_md *ctx)
{
	struct xfn_event event = {};
	__u8 first = 0;

	if (xfn_event_open(ctx, XFN_MESSAGE_ANY, &event))
		return xfn_event_close(&event, XFN_ABORT);
	if (!xfn_read(&event, 0, &first, 1) && first == 'f')
		return XDP_DROP;
	return xfn_event_close(&event, XFN_DROP);
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
