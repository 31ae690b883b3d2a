/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOADER_RUN_H
#define XFN_LOADER_RUN_H

/*
 * The socket of `xfn run` (xfn/run.h): who connects asks for a function, and is answered at once. It waits for
 * nobody: a question has a second to come, few who have not asked yet are kept, and of one user fewer.
 */

#include <sys/types.h>

#include "xfn/run.h"

struct xfn_engine;
struct xfn_instance_guest;
struct xfn_loop;
struct xfn_reply;
struct xfn_run;

/* What a process gets. */
struct xfn_run_grant {
	int fds[XFN_RUN_FDS]; /* the receiver's; -1: refused */
	__u32 ifindex, mtu, version;
	char function[XFN_RUN_NAME_BYTES];
};

/*
 * Makes @guest the instance of function @name; takes over its pidfd in any case. Refused, and why, is in @reply, as of
 * the API: 403 "not_allowed", 404, 409 "not_awaited", 503. Returns 0 or -ENOMEM. (engine_run.c)
 */
int xfn_engine_run(struct xfn_engine *engine, const char *name,
		   const struct xfn_instance_guest *guest, struct xfn_run_grant *ret,
		   struct xfn_reply *reply);

/* As xfn_listen_bind(). */
int xfn_run_bind(const char *path);
/* @listen_fd is the server's on success, and @path removed at the end. 0 or -errno. */
int xfn_run_open(struct xfn_loop *loop, struct xfn_engine *engine, int listen_fd, const char *path,
		 struct xfn_run **ret);
/* Takes NULL. */
void xfn_run_close(struct xfn_run *run);

#endif
