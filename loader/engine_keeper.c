/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: started, told what the live model wants kept, asked for it, replaced when it dies. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "engine_instances.h"
#include "engine_keeper_private.h"
#include "exec.h"
#include "fd.h"
#include "journal.h"
#include "launcher.h"
#include "port.h"

#define RETRY_FIRST_NS 1000000ULL
#define RETRY_STUCK_NS 1000000000ULL
enum { READ_TRIES = 10, STUCK_PATIENCE_MS = 20 };

void xfn_keeping_say(struct xfn_engine *engine, const char *interface, const char *text,
		     const char *reason)
{
	xfn_journal_add(engine->options.journal,
			&(struct xfn_journal_event){.type = "error", .interface = interface},
			"%s%s%s", text, reason ? ": " : "", reason ?: "");
}

/* ---- what the model wants ----------------------------------------------------------------------------- */

static bool is_needed(const struct xfn_engine *engine)
{
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (xfn_has_process(engine->model->functions[i].spec))
			return true;
	return false;
}

struct xfn_keeping_function *xfn_keeping_find(struct xfn_keeping *keeping, __u64 identity)
{
	size_t i;

	for (i = 0; i < keeping->function_count; i++)
		if (keeping->functions[i].words.identity == identity)
			return &keeping->functions[i];
	return NULL;
}

static bool is_wanted(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_model_function *function = xfn_member_function(engine, identity);

	return function && xfn_keeping_parks(function->spec);
}

/* Events that ingress has given to the keeper, ever. */
static __u64 parked_of(struct xfn_engine *engine, __u64 identity)
{
	struct xfn_port_totals totals;
	int port = xfn_port_of(engine->dataplane, identity);

	if (port < 0 ||
	    xfn_port_read(engine->dataplane, (__u32)port, xfn_clock_ns(CLOCK_MONOTONIC), &totals))
		return 0;
	return totals.parked;
}

static void set_flag(struct xfn_engine *engine, const struct xfn_keeping_function *kept)
{
	int port = xfn_port_of(engine->dataplane, kept->words.identity);

	if (port >= 0)
		xfn_port_set_parks(engine->dataplane, (__u32)port,
				   engine->keeping->keeper && kept->words.events_max &&
					   !kept->holds_back);
}

static void name(const struct xfn_engine *engine, struct xfn_keeping_function *kept, __u64 identity)
{
	const struct xfn_model_function *function = xfn_member_function(engine, identity);
	char label[XFN_LABEL_BYTES];

	if (function)
		snprintf(kept->label, sizeof(kept->label), "%s",
			 xfn_function_label(function->spec, label));
}

/* ---- functions ------------------------------------------------------------------------------------------ */

static void say_forgotten(struct xfn_engine *engine, const struct xfn_keeping_function *kept,
			  __u64 events, const char *why)
{
	if (events)
		xfn_journal_add(
			engine->options.journal,
			&(struct xfn_journal_event){.type = "error", .function = kept->label},
			"%llu event%s that waited for it %s gone: %s", events,
			events == 1 ? "" : "s", events == 1 ? "is" : "are", why);
}

static void forget(struct xfn_engine *engine, struct xfn_keeping_function *kept)
{
	struct xfn_keeping *keeping = engine->keeping;
	int port = xfn_port_of(engine->dataplane, kept->words.identity);
	struct xfn_keeper_counts counts;

	if (port >= 0)
		xfn_port_set_parks(engine->dataplane, (__u32)port, false);
	if (keeping->keeper) {
		if (!xfn_keeper_counts(keeping->keeper, kept->words.identity, &counts))
			say_forgotten(engine, kept, counts.waiting, "it is no more");
		xfn_keeper_forget(keeping->keeper, kept->words.identity);
	}
	*kept = keeping->functions[--keeping->function_count];
}

static void forget_unwanted(struct xfn_engine *engine)
{
	size_t i = 0;

	while (i < engine->keeping->function_count)
		if (is_wanted(engine, engine->keeping->functions[i].words.identity))
			i++;
		else
			forget(engine, &engine->keeping->functions[i]);
}

/* What there was no room for any more behind a change of bounds. */
static void tell_beyond(struct xfn_engine *engine, struct xfn_keeping_function *kept)
{
	struct xfn_keeper_counts counts;
	__u64 had = kept->now.forgotten;

	if (xfn_keeper_counts(engine->keeping->keeper, kept->words.identity, &counts))
		return;
	kept->now = xfn_kept_sums_of(&counts);
	say_forgotten(engine, kept, kept->now.forgotten - had,
		      "park.events is lower than that now");
}

/* Tells the keeper of it, where that is new or another. */
static void enter(struct xfn_engine *engine, const struct xfn_model_function *function)
{
	struct xfn_keeping *keeping = engine->keeping;
	const struct xfn_keeper_function words = {
		.identity = function->identity,
		.age_ns = function->spec->xsk.park_age_ns,
		.slot = function->slot,
		.events_max = function->spec->xsk.park_events,
	};
	struct xfn_keeping_function *kept = xfn_keeping_find(keeping, words.identity);
	int err;

	if (!kept && keeping->function_count < XFN_KEEPER_FUNCTIONS_MAX) {
		kept = &keeping->functions[keeping->function_count++];
		*kept = (struct xfn_keeping_function){.words.identity = words.identity};
		name(engine, kept, words.identity);
		kept->since = kept->settled = parked_of(engine, words.identity);
	}
	if (!kept)
		return;
	if (memcmp(&kept->words, &words, sizeof(words))) {
		err = xfn_keeper_park_function(keeping->keeper, &words);
		if (err)
			xfn_keeping_say(engine, NULL, "the keeper does not take a function",
					strerror(-err));
		else
			kept->words = words;
		if (!err)
			tell_beyond(engine, kept);
	}
	set_flag(engine, kept);
}

static void follow_functions(struct xfn_engine *engine)
{
	size_t i;

	forget_unwanted(engine);
	for (i = 0; i < engine->model->function_count && engine->keeping->keeper; i++)
		if (xfn_keeping_parks(engine->model->functions[i].spec))
			enter(engine, &engine->model->functions[i]);
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

/*
 * What ingress says that it has parked, and what the keeper says of it: at one moment, if there is one in which nothing
 * comes. Else they are apart by what came meanwhile, and stay so.
 */
static int read_both(struct xfn_engine *engine, __u64 identity, __u64 *ret_parked,
		     struct xfn_keeper_counts *ret)
{
	int tries, err = 0;
	__u64 before;

	for (tries = 0; tries < READ_TRIES && !err; tries++) {
		before = parked_of(engine, identity);
		xfn_dataplane_pass(engine->dataplane); /* it has all of them now */
		err = xfn_keeper_counts(engine->keeping->keeper, identity, ret);
		*ret_parked = parked_of(engine, identity);
		if (*ret_parked == before)
			break;
	}
	return err;
}

static void adopt_functions(struct xfn_engine *engine)
{
	__u64 parked;
	struct xfn_keeping *keeping = engine->keeping;
	struct xfn_keeper_message message;
	struct xfn_keeper_counts counts;
	struct xfn_keeping_function *kept;
	__u32 index;
	int fd;

	for (index = 0;
	     !xfn_keeper_list(keeping->keeper, XFN_KEEPER_FUNCTIONS, index, &message, &fd);
	     index++) {
		kept = xfn_keeping_find(keeping, message.function.identity);
		if (!kept && keeping->function_count == XFN_KEEPER_FUNCTIONS_MAX)
			continue;
		if (!kept) {
			kept = &keeping->functions[keeping->function_count++];
			*kept = (struct xfn_keeping_function){};
			name(engine, kept, message.function.identity);
		}
		kept->words = message.function;
		kept->words.waiting = 0;
		if (read_both(engine, kept->words.identity, &parked, &counts))
			continue;
		kept->since = parked - counts.count[XFN_KEEPER_PARKED] -
			      counts.count[XFN_KEEPER_PARKED_FULL];
		kept->settled = parked - counts.waiting;
		kept->now = xfn_kept_sums_of(&counts);
	}
}

static void on_wanted(void *context)
{
	struct xfn_engine *engine = context;
	struct xfn_keeping_function *kept;
	__u64 identity;

	while (engine->keeping->keeper && !xfn_keeper_wanted(engine->keeping->keeper, &identity)) {
		kept = xfn_keeping_find(engine->keeping, identity);
		if (kept)
			kept->wanted = true;
		xfn_instances_wake(engine, identity);
	}
}

static void on_gone(void *context);

/* The one that was there before, after all: nothing is lost with it; or its successor. */
static void meet(struct xfn_keeping *keeping, __u32 pid)
{
	struct xfn_keeping_function *kept;
	size_t i;

	for (i = 0; i < keeping->function_count; i++) {
		kept = &keeping->functions[i];
		if (keeping->pid == pid) {
			kept->lost = kept->lost_then;
			continue;
		}
		kept->before = xfn_kept_sums_add(kept->before, kept->now);
		kept->now = (struct xfn_kept_sums){};
	}
	if (keeping->pid != pid) {
		for (i = 0; i < XFN_KEEPER_COUNTER_COUNT; i++)
			keeping->before.count[i] += keeping->now.count[i];
		keeping->now = (struct xfn_keeper_counts){};
	}
	keeping->pid = pid;
}

static int connect_to(struct xfn_engine *engine)
{
	const struct xfn_keeper_options options = {
		.run_dir = engine->options.run_dir,
		.loop = engine->options.loop,
		.on_wanted = on_wanted,
		.on_gone = on_gone,
		.context = engine,
		/* One that is known not to answer is asked now and then, without waiting for it. */
		.patience_ms = engine->keeping->err == -ETIMEDOUT ? STUCK_PATIENCE_MS : 0,
	};
	struct xfn_keeper_hello hello;
	int err = xfn_keeper_open(&options, &engine->keeping->keeper, &hello);

	if (err)
		return err;
	engine->keeping->connected_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	if (engine->keeping->err == -ETIMEDOUT)
		xfn_journal_add(
			engine->options.journal, &(struct xfn_journal_event){.type = "keeper"},
			"process %u, which keeps events and sockets, answers again", hello.pid);
	meet(engine->keeping, hello.pid);
	xfn_keeping_adopt_parks(engine);
	adopt_functions(engine);
	return 0;
}

static int start(struct xfn_engine *engine)
{
	pid_t pid;
	int err = connect_to(engine);

	if (err == -EPROTO)
		err = xfn_keeper_end_other(engine->options.run_dir) ?: -ENOENT;
	if (err != -ENOENT && err != -ECONNREFUSED)
		return err;
	err = xfn_keeper_start(engine->options.run_dir, xfn_uid_draw(), &pid) ?: connect_to(engine);
	if (!err)
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = "keeper"},
				"process %d keeps events and sockets", pid);
	return err;
}

/* ---- its end --------------------------------------------------------------------------------------------- */

/* What waited is lost; and what did not fit, which nobody can tell from it any more. Returns how many in all. */
static __u64 settle_losses(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = engine->keeping;
	struct xfn_keeping_function *kept;
	__u64 lost = 0, parked;
	size_t i;

	for (i = 0; i < keeping->function_count; i++) {
		kept = &keeping->functions[i];
		set_flag(engine, kept);
		parked = parked_of(engine, kept->words.identity);
		kept->lost_then = kept->lost;
		kept->lost += parked - kept->settled;
		lost += parked - kept->settled;
		kept->settled = kept->since = parked;
		kept->wanted = false;
		kept->words = (struct xfn_keeper_function){.identity = kept->words.identity};
	}
	return lost;
}

static void say_gone(struct xfn_engine *engine, __u64 lost)
{
	const struct xfn_keeping *keeping = engine->keeping;
	const struct xfn_journal_event event = {.type = "error"};

	if (keeping->err != -ETIMEDOUT)
		xfn_journal_add(engine->options.journal, &event,
				"the keeper is gone, and with it %llu events that waited; another "
				"one takes its place",
				lost);
	else
		xfn_journal_add(engine->options.journal, &event,
				"the keeper, process %u, does not answer: stopped, or stuck; %llu "
				"events that wait are out of reach, and others pass to the stack, "
				"until it answers or is killed",
				keeping->pid, lost);
}

static void on_gone(void *context)
{
	struct xfn_engine *engine = context;
	struct xfn_keeping *keeping = engine->keeping;
	bool stuck = xfn_keeper_is_stuck(keeping->keeper);

	xfn_keeper_close(keeping->keeper);
	keeping->keeper = NULL;
	keeping->err = stuck ? -ETIMEDOUT : -EPIPE;
	xfn_keeping_unpark_all(engine);
	say_gone(engine, settle_losses(engine));
	if (stuck) {
		xfn_timer_set(keeping->retry, RETRY_STUCK_NS);
		return;
	}
	if (xfn_clock_ns(CLOCK_MONOTONIC) - keeping->connected_ns > RETRY_MAX_NS)
		keeping->retry_ns = RETRY_FIRST_NS;
	xfn_timer_set(keeping->retry, keeping->retry_ns);
	keeping->retry_ns =
		2 * keeping->retry_ns < RETRY_MAX_NS ? 2 * keeping->retry_ns : RETRY_MAX_NS;
}

static void on_retry(void *context)
{
	struct xfn_engine *engine = context;

	engine->keeping->tries_again = true;
	xfn_keeping_follow(engine);
	engine->keeping->tries_again = false;
}

static void end(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = engine->keeping;

	xfn_keeping_unpark_all(engine);
	xfn_keeper_end(keeping->keeper);
	xfn_keeper_close(keeping->keeper);
	keeping->keeper = NULL;
	keeping->function_count = 0;
}

/* ---- as the model wants it -------------------------------------------------------------------------------- */

/* One that is of an earlier xfnd. */
static void say_silent(struct xfn_engine *engine)
{
	xfn_keeping_say(
		engine, NULL,
		"the keeper that runs does not answer: stopped, or stuck; events pass to the "
		"stack where they would wait, until it answers or is killed",
		NULL);
}

void xfn_keeping_follow(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = engine->keeping;
	bool needed = is_needed(engine), is_new = !keeping->keeper;
	int err = 0;

	if (needed && is_new)
		err = start(engine);
	if (err == -ETIMEDOUT && err != keeping->err)
		say_silent(engine);
	else if (err && err != keeping->err && !xfn_launcher_reason(err))
		xfn_keeping_say(engine, NULL, "the keeper cannot be started", strerror(-err));
	keeping->err = err;
	if (err) {
		xfn_timer_set(keeping->retry, xfn_launcher_reason(err) ? XFN_TIMER_OFF
					      : err == -ETIMEDOUT      ? RETRY_STUCK_NS
								       : RETRY_MAX_NS);
		return;
	}
	if (!keeping->keeper)
		return;
	if (!needed) {
		forget_unwanted(engine);
		end(engine);
		return;
	}
	follow_functions(engine);
	xfn_keeping_follow_interfaces(engine);
	if (is_new)
		xfn_instances_store(engine);
	on_wanted(engine);
}

int xfn_keeping_open(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = calloc(1, sizeof(*keeping));

	if (!keeping)
		return -ENOMEM;
	engine->keeping = keeping;
	keeping->retry_ns = RETRY_FIRST_NS;
	/* Where there is none, one is started when it is needed. */
	if (connect_to(engine) == -ETIMEDOUT) {
		keeping->err = -ETIMEDOUT;
		say_silent(engine);
	}
	return xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_retry, engine,
				  &keeping->retry);
}

void xfn_keeping_close(struct xfn_engine *engine)
{
	if (!engine->keeping)
		return;
	xfn_keeper_close(engine->keeping->keeper);
	xfn_source_free(engine->keeping->retry);
	free(engine->keeping);
	engine->keeping = NULL;
}

void xfn_keeping_reset(const char *run_dir)
{
	xfn_keeper_end_other(run_dir);
}

void xfn_keeping_let_wait(struct xfn_engine *engine, __u64 identity, bool wait)
{
	struct xfn_keeping_function *kept = xfn_keeping_find(engine->keeping, identity);

	if (!kept)
		return;
	kept->holds_back = !wait;
	set_flag(engine, kept);
}

int xfn_keeping_take(struct xfn_engine *engine, __u64 identity)
{
	struct xfn_keeping_function *kept = xfn_keeping_find(engine->keeping, identity);
	struct xfn_keeper_taken taken;
	int fd = -1, err;

	if (!kept || !engine->keeping->keeper)
		return -1;
	err = xfn_keeper_take(engine->keeping->keeper, identity, &fd, &taken);
	if (err && err != -EPIPE) /* one that is gone says so itself */
		xfn_keeping_say(engine, NULL, "what waited for a function cannot be taken",
				strerror(-err));
	if (err)
		return -1;
	/* It asks no more here: with the next question the keeper lets go of them. */
	kept->settled = parked_of(engine, identity);
	kept->wanted = false;
	kept->now.expired += taken.expired;
	return fd;
}

bool xfn_keeping_is_wanted(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_keeping_function *kept = xfn_keeping_find(engine->keeping, identity);

	return kept && kept->wanted;
}

/* ---- descriptors ------------------------------------------------------------------------------------------- */

void xfn_keeping_store(struct xfn_engine *engine, enum xfn_keeper_kind kind, __u64 key, int fd,
		       const void *note, size_t note_bytes)
{
	struct xfn_keeper_stored stored = {.kind = kind, .key = key};
	int err;

	if (!engine->keeping->keeper || note_bytes > sizeof(stored.note))
		return;
	if (note_bytes)
		memcpy(stored.note, note, note_bytes);
	err = xfn_keeper_store(engine->keeping->keeper, &stored, fd);
	if (err && err != -EPIPE && !engine->keeping->store_failed)
		xfn_keeping_say(engine, NULL,
				"a socket or channel is not kept, and would be lost with xfnd",
				err == -ENOSPC ? "1024 of a kind are kept, at most"
					       : strerror(-err));
	engine->keeping->store_failed = err && err != -EPIPE;
}

void xfn_keeping_drop(struct xfn_engine *engine, enum xfn_keeper_kind kind, __u64 key)
{
	if (engine->keeping->keeper)
		xfn_keeper_drop(engine->keeping->keeper, kind, key);
}

void xfn_keeping_each(struct xfn_engine *engine, enum xfn_keeper_kind kind,
		      bool (*take)(void *context, const struct xfn_keeper_stored *stored, int fd),
		      void *context)
{
	struct xfn_keeper *keeper = engine->keeping->keeper;
	struct xfn_keeper_message message;
	__u32 index = 0;
	int fd;

	while (keeper && !xfn_keeper_list(keeper, kind, index, &message, &fd)) {
		if (take(context, &message.stored, fd)) {
			index++;
			continue;
		}
		xfn_fd_close(&fd);
		if (xfn_keeper_drop(keeper, kind, message.stored.key))
			return;
	}
}
