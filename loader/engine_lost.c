/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "engine_deliver.h"
#include "engine_far_ends.h"
#include "engine_lost.h"
#include "losses.h"
#include "socket_drops.h"
#include "targets.h"

#define ROOM_FIRST 16

/* What a socket had dropped before the function was there; sockets that are in none had dropped nothing. */
struct xfn_lost_base {
	__u64 identity; /* of the function */
	__u64 cookie;   /* of the socket */
	__u32 drops;
};

static void read_sockets(struct xfn_lost_view *view)
{
	if (view->is_read)
		return;
	view->is_read = true;
	if (xfn_socket_drops_read(&view->sockets, &view->socket_count))
		view->socket_count = 0;
}

void xfn_lost_view_fini(struct xfn_lost_view *view)
{
	xfn_free(view->sockets);
	*view = (struct xfn_lost_view){};
}

/* ---- sockets --------------------------------------------------------------------------------------------- */

static __u32 drops_before(const struct xfn_engine *engine, __u64 identity, __u64 cookie)
{
	const struct xfn_lost_base *base;
	size_t i;

	for (i = 0; i < engine->lost_base_count; i++) {
		base = &engine->lost_bases[i];
		if (base->identity == identity && base->cookie == cookie)
			return base->drops;
	}
	return 0;
}

static void add_sockets(struct xfn_lost_view *view, const struct xfn_model_function *function,
			__u64 *lost)
{
	const struct xfn_socket_drops *socket;
	size_t i;

	read_sockets(view);
	for (i = 0; i < view->socket_count; i++) {
		socket = &view->sockets[i];
		if (!xfn_socket_is_of(socket, function->set->manifest, function->spec))
			continue;
		/* The kernel's figure wraps, and so does what it is from there on. */
		lost[socket->protocol == IPPROTO_UDP ? XFN_LOSS_SOCKET_DROPS
						     : XFN_LOSS_LISTEN_DROPS] +=
			(__u32)(socket->drops -
				drops_before(view->engine, function->identity, socket->cookie));
	}
}

static bool was_there(struct xfn_model *before, const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_model_function *old =
		before ? xfn_model_function(before, spec->tenant, spec->name) : NULL;

	return old && old->identity == function->identity &&
	       old->spec->delivery == XFN_DELIVER_SOCKET;
}

static void drop_bases(struct xfn_engine *engine)
{
	struct xfn_lost_base *bases = engine->lost_bases;
	const struct xfn_model *model = engine->model;
	size_t i, kept = 0, f;

	for (i = 0; i < engine->lost_base_count; i++) {
		for (f = 0; f < model->function_count; f++)
			if (model->functions[f].identity == bases[i].identity)
				break;
		if (f < model->function_count)
			bases[kept++] = bases[i];
	}
	engine->lost_base_count = kept;
}

/* Without memory a socket seems to have lost what it lost before: said of more, never of less. */
static void note(struct xfn_engine *engine, __u64 identity, const struct xfn_socket_drops *socket)
{
	struct xfn_lost_base *bases = xfn_array_grow(engine->lost_bases, engine->lost_base_count,
						     sizeof(*bases), ROOM_FIRST);

	if (!bases)
		return;
	engine->lost_bases = bases;
	bases[engine->lost_base_count++] =
		(struct xfn_lost_base){identity, socket->cookie, socket->drops};
}

void xfn_lost_begin(struct xfn_engine *engine, struct xfn_model *before)
{
	struct xfn_lost_view view = {.engine = engine};
	const struct xfn_model_function *function;
	size_t i, s;

	drop_bases(engine);
	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		if (function->spec->delivery != XFN_DELIVER_SOCKET || was_there(before, function))
			continue;
		read_sockets(&view);
		for (s = 0; s < view.socket_count; s++)
			if (xfn_socket_is_of(&view.sockets[s], function->set->manifest,
					     function->spec))
				note(engine, function->identity, &view.sockets[s]);
	}
	xfn_lost_view_fini(&view);
}

/* ---- redirects --------------------------------------------------------------------------------------------- */

static void add_handed(const struct xfn_dataplane *dataplane, __u32 index, __u64 *lost)
{
	struct xfn_handed_counts counts;
	int cause;

	xfn_losses_read(dataplane, index, &counts);
	for (cause = 0; cause < XFN_KERNEL_LOSS_COUNT; cause++)
		lost[cause] += counts.lost[cause];
}

static void add_port(const struct xfn_engine *engine, const struct xfn_model_function *function,
		     __u64 *lost)
{
	int port = xfn_port_of(engine->dataplane, function->identity);

	if (port >= 0)
		xfn_port_losses_add(engine, (__u32)port, lost);
}

void xfn_lost_of(struct xfn_lost_view *view, const struct xfn_model_function *function, __u64 *lost)
{
	const struct xfn_dataplane *dataplane = view->engine->dataplane;
	const struct xfn_target *target = xfn_targets_of(dataplane, function->slot);
	__u16 i;

	memset(lost, 0, XFN_LOSS_COUNT * sizeof(*lost));
	if (function->spec->delivery == XFN_DELIVER_SOCKET)
		add_sockets(view, function, lost);
	if (function->spec->delivery == XFN_DELIVER_XSK)
		add_port(view->engine, function, lost);
	if (!target)
		return;
	if (!target->cpu_count)
		add_handed(dataplane, XFN_HANDED_DEVICE(target->device), lost);
	for (i = 0; i < target->cpu_count; i++)
		add_handed(dataplane, XFN_HANDED_CPU(target->cpu[i]), lost);
}
