/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: by the verifier: reads the packet without a look at its end. */
#include <xfn/handler.h>

XFN_HANDLER(careless, XFN_MESSAGE_ANY)
{
	const __u8 *data = (void *)(long)event->ctx->data;

	return data[42] ? XFN_REPLY : XFN_DROP;
}
