/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that are there, and whose they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine_listen_private.h"
#include "fnv.h"
#include "loop.h"

int xfn_listen_open(struct xfn_engine *engine)
{
	engine->listening = calloc(1, sizeof(*engine->listening));
	return engine->listening ? 0 : -ENOMEM;
}

/* ---- one socket ---------------------------------------------------------------------------------------- */

static __u64 key_of(const struct xfn_listen_place *place)
{
	return xfn_fnv(XFN_FNV_START, place, sizeof(*place)) ?: 1;
}

static struct xfn_listener *find(const struct xfn_listening *listening,
				 const struct xfn_listen_place *place)
{
	struct xfn_listener *listener;

	for (listener = listening->first; listener; listener = listener->next)
		if (!memcmp(&listener->place, place, sizeof(*place)))
			return listener;
	return NULL;
}

static void tell_store(struct xfn_listening *listening, const struct xfn_listener *listener,
		       bool keep)
{
	const struct xfn_listen_store *store = &listening->store;
	__u64 key = key_of(&listener->place);

	if (keep && store->keep)
		store->keep(store->context, key, &listener->place, listener->fd);
	else if (!keep && store->drop)
		store->drop(store->context, key);
}

static struct xfn_listener *add(struct xfn_listening *listening,
				const struct xfn_listen_place *place, int fd)
{
	struct xfn_listener *listener = calloc(1, sizeof(*listener));

	if (!listener) {
		close(fd);
		return NULL;
	}
	listener->place = *place;
	listener->fd = fd;
	listener->next = listening->first;
	listening->first = listener;
	return listener;
}

static void drop(struct xfn_listening *listening, struct xfn_listener *listener)
{
	struct xfn_listener **at = &listening->first;

	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
	xfn_source_free(listener->source);
	close(listener->fd);
	free(listener);
}

void xfn_listen_close(struct xfn_engine *engine)
{
	struct xfn_listening *listening = engine->listening;

	if (!listening)
		return;
	while (listening->first)
		drop(listening, listening->first);
	free(listening->plans);
	free(listening);
	engine->listening = NULL;
}

/* 0, also where it is there already, or -errno. */
static int make(struct xfn_listening *listening, const struct xfn_listen_place *place,
		__u64 identity)
{
	struct xfn_listener *listener = find(listening, place);
	int fd, err;

	if (listener)
		return 0;
	err = xfn_launcher_listen(place, &fd);
	if (err)
		return err;
	listener = add(listening, place, fd);
	if (!listener)
		return -ENOMEM;
	listener->identity = identity;
	tell_store(listening, listener, true);
	return 0;
}

void xfn_listen_set_store(struct xfn_engine *engine, const struct xfn_listen_store *store)
{
	static const struct xfn_listen_store nobody;
	struct xfn_listening *listening = engine->listening;
	struct xfn_listener *listener;

	listening->store = store ? *store : nobody;
	for (listener = listening->first; listener; listener = listener->next)
		tell_store(listening, listener, true);
}

int xfn_listen_take(struct xfn_engine *engine, const struct xfn_listen_place *place, int fd)
{
	return add(engine->listening, place, fd) ? 0 : -ENOMEM;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

struct xfn_listen_plan *xfn_listen_plan_of(const struct xfn_engine *engine, __u64 identity)
{
	struct xfn_listening *listening = engine->listening;
	size_t i;

	for (i = 0; i < listening->plan_count; i++)
		if (listening->plans[i].identity == identity)
			return &listening->plans[i];
	return NULL;
}

static void hand_on(struct xfn_listening *listening)
{
	struct xfn_listener *listener;
	size_t i;
	__u32 j;

	for (listener = listening->first; listener; listener = listener->next)
		listener->identity = 0;
	for (i = 0; i < listening->plan_count; i++)
		for (j = 0; j < listening->plans[i].count; j++) {
			listener = find(listening, &listening->plans[i].place[j]);
			if (listener)
				listener->identity = listening->plans[i].identity;
		}
}

static void close_others(struct xfn_listening *listening)
{
	struct xfn_listener *listener = listening->first, *next;

	for (; listener; listener = next) {
		next = listener->next;
		if (listener->identity)
			continue;
		tell_store(listening, listener, false);
		drop(listening, listener);
	}
}

/*
 * An address of the host's that cannot be bound is not quite there yet, or not any more: the kernel says when that
 * changes, and the plan is made anew.
 */
static void make_planned(struct xfn_listening *listening, struct xfn_listen_plan *plan)
{
	__u32 i, kept = 0;

	for (i = 0; i < plan->count; i++) {
		if (make(listening, &plan->place[i], plan->identity) == -EADDRNOTAVAIL &&
		    plan->own[i])
			continue;
		plan->place[kept] = plan->place[i];
		plan->own[kept++] = plan->own[i];
	}
	plan->count = kept;
}

void xfn_listen_sync(struct xfn_engine *engine, void (*wake)(struct xfn_engine *, __u64))
{
	struct xfn_listening *listening = engine->listening;
	size_t i;

	listening->wake = wake;
	if (xfn_listen_make_plans(engine))
		return; /* no memory: what there is stays */
	hand_on(listening);
	close_others(listening);
	for (i = 0; i < listening->plan_count; i++)
		make_planned(listening, &listening->plans[i]);
}

__u64 xfn_listen_hash(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_listen_plan *plan = xfn_listen_plan_of(engine, identity);

	return plan ? xfn_fnv(XFN_FNV_START, plan->place, plan->count * sizeof(plan->place[0])) : 0;
}

/* ---- for one function ------------------------------------------------------------------------------------ */

static void name_place(const struct xfn_listen_place *place, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s-%u", place->protocol == IPPROTO_TCP ? "tcp" : "udp", place->port);
}

static void print_place(const struct xfn_listen_place *place, char text[96])
{
	char address[64] = "";
	bool six = place->family == AF_INET6;

	inet_ntop(place->family, place->address, address, sizeof(address));
	snprintf(text, 96, six ? "[%s]:%u" : "%s:%u", address, place->port);
}

int xfn_listen_prepare(struct xfn_engine *engine, __u64 identity, struct xfn_launch *launch,
		       struct xfn_fault *fault)
{
	struct xfn_listening *listening = engine->listening;
	struct xfn_listen_plan *plan = xfn_listen_plan_of(engine, identity);
	char text[96];
	size_t used = 0;
	__u32 i;
	int err = 0;

	if (!plan || !plan->count) {
		xfn_fault_set(fault, "there is no address to listen at yet");
		return -ENOENT;
	}
	for (i = 0; i < plan->count && !err; i++) {
		err = make(listening, &plan->place[i], identity);
		if (err)
			break;
		plan->fds[i] = find(listening, &plan->place[i])->fd;
		name_place(&plan->place[i], text, sizeof(text));
		used += (size_t)snprintf(plan->names + used, sizeof(plan->names) - used, "%s%s",
					 i ? ":" : "", text);
	}
	if (err) {
		print_place(&plan->place[i], text);
		xfn_fault_set(fault, "cannot listen at %s %s: %s",
			      plan->place[i].protocol == IPPROTO_TCP ? "tcp" : "udp", text,
			      xfn_launcher_reason(err) ?: strerror(-err));
		return err;
	}
	launch->socket_fds = plan->fds;
	launch->socket_count = plan->count;
	launch->socket_names = plan->names;
	return 0;
}

static void on_readable(void *context, int fd, __u32 events)
{
	struct xfn_listener *listener = context;
	struct xfn_engine *engine = listener->engine;

	(void)fd;
	(void)events;
	if (engine->listening->wake)
		engine->listening->wake(engine, listener->identity);
}

static int watch_one(struct xfn_engine *engine, struct xfn_listener *listener)
{
	if (listener->source)
		return 0;
	listener->engine = engine;
	return xfn_loop_add_io(engine->options.loop, listener->fd, EPOLLIN, on_readable, listener,
			       &listener->source);
}

static void unwatch(struct xfn_listener *listener)
{
	xfn_source_free(listener->source);
	listener->source = NULL;
}

int xfn_listen_watch(struct xfn_engine *engine, __u64 identity, bool on)
{
	const struct xfn_listen_plan *plan = xfn_listen_plan_of(engine, identity);
	struct xfn_listener *listener;
	__u32 there = 0;
	int err = 0;

	for (listener = engine->listening->first; listener; listener = listener->next) {
		if (listener->identity != identity)
			continue;
		there++;
		if (on)
			err = watch_one(engine, listener) ?: err;
		else
			unwatch(listener);
	}
	if (!err && on && (!plan || !there || there < plan->count))
		err = -ENOENT;
	return err;
}

json_t *xfn_listen_json(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_listen_plan *plan = xfn_listen_plan_of(engine, identity);
	json_t *list = json_array();
	char name[16], address[96];
	__u32 i;

	for (i = 0; plan && i < plan->count && list; i++) {
		name_place(&plan->place[i], name, sizeof(name));
		print_place(&plan->place[i], address);
		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", name, "address",
						      address, "open",
						      !!find(engine->listening, &plan->place[i])));
	}
	return list;
}
