/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_API_H
#define XFN_API_H

/* The routes of /v1: what a request says becomes a call of the engine, nothing more. */

#include <stdbool.h>

struct xfn_engine;
struct xfn_http;
struct xfn_journal;
struct xfn_loop;

/* What the routes work with; all borrowed. */
struct xfn_api {
	struct xfn_engine *engine;
	struct xfn_journal *journal;
	struct xfn_loop *loop;
	bool verbose; /* log each request on standard error */
};

enum xfn_api_access {
	XFN_API_FULL,      /* every route, for root and the group `xfn` */
	XFN_API_READ_ONLY, /* what dashboards and metrics ask, for the group `xfn-ro`, too */
};

/*
 * Binds the socket at @path, mode 0660 and of the group that the access is for, where there is one.
 * Returns a descriptor or -errno. Who connects waits until xfn_api_open() answers.
 */
int xfn_api_bind(const char *path, enum xfn_api_access access);

/*
 * Serves the API at @listen_fd, which it takes over also on failure, and removes @path in the end.
 * @api must outlive the server. Returns 0 or -errno.
 */
int xfn_api_open(struct xfn_api *api, enum xfn_api_access access, int listen_fd, const char *path,
		 struct xfn_http **ret);

#endif
