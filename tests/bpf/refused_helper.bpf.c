/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: calls a helper that handlers may not. */
#include <xfn/handler.h>

XFN_HANDLER(chatty, XFN_MESSAGE_ANY)
{
	bpf_printk("hello");
	return XFN_REPLY;
}
