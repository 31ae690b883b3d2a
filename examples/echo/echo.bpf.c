/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Echo (RFC 862): every datagram goes back as it came. */
#include <xfn/handler.h>

XFN_HANDLER(echo, XFN_MESSAGE_ANY)
{
	return XFN_REPLY;
}
