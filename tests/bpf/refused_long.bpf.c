/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: more instructions than a handler may have. */
#include <xfn/handler.h>

XFN_HANDLER(talker, XFN_MESSAGE_ANY)
{
	__u64 value = event->payload_bytes;

	asm volatile(".rept 33000\n%0 += 1\n.endr" : "+r"(value));
	return value ? XFN_REPLY : XFN_DROP;
}
