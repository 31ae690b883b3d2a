/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers with more than it got. */
#include <xfn/handler.h>

XFN_HANDLER(answer_long, XFN_MESSAGE_ANY)
{
	return xfn_resize(event, event->payload_bytes + 100) ? XFN_DROP : XFN_REPLY;
}
