/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LIBXFN_SOCKET_H
#define XFN_LIBXFN_SOCKET_H

/* The inside of a struct xfn_socket, for the two files that it is in. */

#include <stdbool.h>

#include "channel.h"
#include "inbox.h"
#include "xfn/function.h"
#include "xsk.h"

struct xfn_socket {
	struct xsk xsk;
	struct channel channel;
	struct inbox inbox; /* served before the ring */
	int poll_fd;        /* epoll over socket and channel; -1: nobody asks for it */
	__u64 heard_ns;     /* CLOCK_MONOTONIC: when the channel was read last */
	size_t mtu_bytes;
	char *function;   /* TENANT/NAME */
	unsigned version; /* of it; 0: not known */
	bool busy_polls;  /* the kernel looks at the queue when it is asked for packets */
	/* Of xfn_serve(): */
	unsigned looks;
	__u64 dry_ns;       /* CLOCK_MONOTONIC: when there were no more events */
	__u64 usual_gap_ns; /* how long it takes from then until some come */
	struct xfn_socket_stats stats;
};

/* xfn_socket_open(); without @polled for one that waits for socket and channel by itself. */
int xfn_socket_make(struct xfn_socket **ret, bool polled);
/* Reads what the starter says, and does it. */
void xfn_socket_listen(struct xfn_socket *socket);

#endif
