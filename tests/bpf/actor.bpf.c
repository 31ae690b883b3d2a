/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does what the payload's first byte asks for: R reply, D drop, P pass, A abort, N nonsense,
 * X redirect to the interface index in the second byte, Z reply with as many bytes as the next two
 * say, S the same by way of 4 bytes, O read and write far out of the payload, which must fail.
 */
#include <xfn/handler.h>

#define NONSENSE     77
#define SHORT_BYTES  4
#define FAR_BEHIND   0xfffffff0U /* with 32 bytes it wraps round */
#define WRAPPED_READ 32

static __always_inline int resize(struct xfn_event *event, int by_way_of_short)
{
	__u8 head[3];

	if (xfn_read(event, 0, head, sizeof(head)))
		return XFN_ABORT;
	if (by_way_of_short && xfn_resize(event, SHORT_BYTES))
		return XFN_ABORT;
	return xfn_resize(event, head[1] << 8 | head[2]) ? XFN_ABORT : XFN_REPLY;
}

static __always_inline int reach_out(struct xfn_event *event)
{
	__u8 bytes[WRAPPED_READ] = {};

	if (!xfn_read(event, event->payload_bytes, bytes, 1) ||
	    !xfn_read(event, FAR_BEHIND, bytes, sizeof(bytes)) ||
	    !xfn_write(event, event->payload_bytes, bytes, 1) ||
	    !xfn_write(event, FAR_BEHIND, bytes, sizeof(bytes)))
		return XFN_ABORT;
	return XFN_REPLY;
}

XFN_HANDLER(actor, XFN_MESSAGE_ANY)
{
	__u8 head[2] = {};

	if (xfn_read(event, 0, head, 1))
		return XFN_REPLY; /* no payload */
	switch (head[0]) {
	case 'R':
		return XFN_REPLY;
	case 'D':
		return XFN_DROP;
	case 'P':
		return XFN_PASS;
	case 'N':
		return NONSENSE;
	case 'X':
		if (xfn_read(event, 1, head + 1, 1))
			return XFN_ABORT;
		event->redirect_ifindex = head[1];
		return XFN_REDIRECT;
	case 'Z':
		return resize(event, 0);
	case 'S':
		return resize(event, 1);
	case 'O':
		return reach_out(event);
	}
	return XFN_ABORT;
}
