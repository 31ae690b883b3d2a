/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_LOST_H
#define XFN_ENGINE_LOST_H

/*
 * What was lost behind the hand-over, by cause: what the kernel's tracepoints counted of redirects, what became
 * of it at a port (engine_far_ends.h), and what the function's sockets dropped since it delivers to them, or since
 * this xfnd has run if that is shorter. A device or CPU counts once for each function that delivers to it: whose packet was lost
 * there, nobody can tell.
 */

#include "engine_read.h"

struct xfn_lost_base;
struct xfn_socket_drops;

/* One look at all sockets, for any number of functions. Starts as zeros. */
struct xfn_lost_view {
	struct xfn_engine *engine;
	struct xfn_socket_drops *sockets;
	size_t socket_count;
	bool is_read;
};

void xfn_lost_view_fini(struct xfn_lost_view *view);

/* Fills @lost, XFN_LOSS_COUNT of them; what cannot be asked is 0. */
void xfn_lost_of(struct xfn_lost_view *view, const struct xfn_model_function *function,
		 __u64 *lost);

/*
 * Notes where the sockets stand of functions that deliver to sockets now and did not in @before, which
 * may be NULL; forgets those of functions that are gone.
 */
void xfn_lost_begin(struct xfn_engine *engine, struct xfn_model *before);

#endif
