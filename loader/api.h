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

/* Serves the API at @socket_path. @api must outlive the server. Returns 0 or -errno. */
int xfn_api_open(struct xfn_api *api, const char *socket_path, struct xfn_http **ret);

#endif
