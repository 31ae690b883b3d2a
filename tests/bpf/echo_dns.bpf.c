/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An echo of DNS messages: responses are never answered. */
#include <xfn/handler.h>

XFN_HANDLER(echo_dns, XFN_MESSAGE_DNS)
{
	return XFN_REPLY;
}
