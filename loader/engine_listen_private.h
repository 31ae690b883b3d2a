/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_LISTEN_PRIVATE_H
#define XFN_ENGINE_LISTEN_PRIVATE_H

/* What engine_listen.c and engine_listen_plan.c share. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "dataplane_load.h"
#include "engine_listen.h"
#include "sockets.h"

struct xfn_source;

struct xfn_listener {
	struct xfn_listener *next;
	struct xfn_engine *engine;
	struct xfn_listen_place place; /* of no other */
	__u64 identity;                /* whose it is; 0: nobody's yet */
	int fd;
	struct xfn_source *source; /* while it is watched */
};

/* What one function asks for, in the order in which its program gets it. */
struct xfn_listen_plan {
	__u64 identity;
	__u32 count;
	__u32 left_out; /* beyond XFN_SOCKETS_MAX */
	struct xfn_listen_place place[XFN_SOCKETS_MAX];
	bool own[XFN_SOCKETS_MAX]; /* it is at an address of an attached interface */
	/* Of the last start: */
	int fds[XFN_SOCKETS_MAX];
	char names[XFN_LAUNCH_SOCKET_NAMES_MAX];
};

struct xfn_listening {
	struct xfn_listener *first;
	struct xfn_listen_plan *plans;
	size_t plan_count;
	struct xfn_listen_store store;
	void (*wake)(struct xfn_engine *engine, __u64 identity);
};

_Static_assert(XFN_SOCKETS_MAX == XFN_LAUNCH_SOCKETS_MAX, "a program gets what it asks for");

/* NULL: it asks for none. */
struct xfn_listen_plan *xfn_listen_plan_of(const struct xfn_engine *engine, __u64 identity);

/* engine_listen_plan.c: plans for the live model and the addresses that there are. 0 or -errno: nothing changed. */
int xfn_listen_make_plans(struct xfn_engine *engine);

#endif
