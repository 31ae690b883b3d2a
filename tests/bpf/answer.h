/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_ANSWER_H
#define XFN_TESTS_ANSWER_H
/* Handlers that answer alike but for the first byte, which says who answered. */
#include <xfn/handler.h>

#define ANSWER_WITH(letter)                                                            \
	XFN_HANDLER(answer, XFN_MESSAGE_ANY)                                           \
	{                                                                              \
		__u8 who = (letter);                                                   \
                                                                                       \
		return xfn_write(event, 0, &who, sizeof(who)) ? XFN_ABORT : XFN_REPLY; \
	}

#endif
