/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: calls such a helper in a subprogram. */
#include <xfn/handler.h>

__noinline int say(int what)
{
	bpf_printk("%d", what);
	return what + 1;
}

XFN_HANDLER(whisperer, XFN_MESSAGE_ANY)
{
	return say(event->payload_bytes) > 1 ? XFN_REPLY : XFN_DROP;
}
