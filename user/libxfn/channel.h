/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LIBXFN_CHANNEL_H
#define XFN_LIBXFN_CHANNEL_H

/* What the starter says (xfn/channel.h), from this end. */

#include <stdbool.h>
#include <linux/types.h>

struct channel {
	int fd;       /* -1: there is none, or the starter is gone */
	bool waits;   /* nothing is served before its GO */
	bool is_gone; /* it was closed at the other end: nothing is waited for */
	bool is_stopped;
};

/*
 * Reads what has been said; does not wait. Returns the inbox's descriptor, the caller's, where a GO came with
 * one, or -1: there may be more to read behind it.
 */
int xfn_channel_listen(struct channel *channel);

#endif
