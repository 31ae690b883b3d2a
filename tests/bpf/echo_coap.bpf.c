/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An echo of CoAP messages: responses are never answered. */
#include <xfn/handler.h>

XFN_HANDLER(echo_coap, XFN_MESSAGE_COAP)
{
	return XFN_REPLY;
}
