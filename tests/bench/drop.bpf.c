/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A handler that does nothing: what the way to a handler costs by itself. */
#include <xfn/handler.h>

XFN_HANDLER(drop, XFN_MESSAGE_ANY)
{
	return XFN_DROP;
}
