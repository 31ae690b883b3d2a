/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: compiled against another version of the shared header. */
#include <xfn/abi.h>
#undef XFN_ABI_VERSION
#define XFN_ABI_VERSION 99
#include <xfn/handler.h>

XFN_HANDLER(stranger, XFN_MESSAGE_ANY)
{
	return XFN_REPLY;
}
