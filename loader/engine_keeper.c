/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper: started, told what the live model wants kept, asked for it, replaced when it dies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "engine_instances.h"
#include "engine_keeper.h"
#include "exec.h"
#include "fd.h"
#include "interface.h"
#include "journal.h"
#include "launcher.h"
#include "park.h"
#include "port.h"
#include "xfn/park.h"

#define RETRY_FIRST_NS 1000000ULL
#define RETRY_MAX_NS   10000000000ULL
enum { READ_TRIES = 10 };

/* A function whose events it keeps. */
struct kept {
	struct xfn_keeper_function words; /* as the keeper has them */
	__u64 since;                      /* xfn_kept.since */
	__u64 settled; /* of the port's `parked`: what has been taken, or is lost */
	__u64 lost;
	/* With keepers before this one; and with this one, as of the last time that it was asked. */
	__u64 expired_before, full_before, expired, full;
	bool holds_back; /* xfn_keeping_let_wait() */
	bool wanted;     /* something waits, as far as the keeper has said */
};

struct park {
	__u32 ifindex, queues; /* queues of ifindex that have a socket; 0: none */
	bool failed;           /* and that was said */
};

struct xfn_keeping {
	struct xfn_keeper *keeper; /* NULL: it is not there */
	int err;                   /* why, where it is needed */
	struct xfn_source *retry;
	__u64 retry_ns, connected_ns;
	bool tries_again; /* what has failed before, too */
	struct park parks[XFN_INTERFACES_MAX];
	struct kept functions[XFN_KEEPER_FUNCTIONS_MAX];
	size_t function_count;
};

static void say(struct xfn_engine *engine, const char *interface, const char *text,
		const char *reason)
{
	xfn_journal_add(engine->options.journal,
			&(struct xfn_journal_event){.type = "error", .interface = interface},
			"%s%s%s", text, reason ? ": " : "", reason ?: "");
}

/* ---- what the model wants ----------------------------------------------------------------------------- */

static bool parks(const struct xfn_model_function *function)
{
	return function->spec->delivery == XFN_DELIVER_XSK && function->spec->xsk.park_events;
}

static bool is_needed(const struct xfn_engine *engine)
{
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (xfn_has_process(engine->model->functions[i].spec))
			return true;
	return false;
}

static struct kept *find_kept(struct xfn_keeping *keeping, __u64 identity)
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

	return function && parks(function);
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

static void set_flag(struct xfn_engine *engine, const struct kept *kept)
{
	int port = xfn_port_of(engine->dataplane, kept->words.identity);

	if (port >= 0)
		xfn_port_set_parks(engine->dataplane, (__u32)port,
				   engine->keeping->keeper && kept->words.events_max &&
					   !kept->holds_back);
}

/* ---- functions ------------------------------------------------------------------------------------------ */

static void forget(struct xfn_engine *engine, struct kept *kept)
{
	struct xfn_keeping *keeping = engine->keeping;
	int port = xfn_port_of(engine->dataplane, kept->words.identity);

	if (port >= 0)
		xfn_port_set_parks(engine->dataplane, (__u32)port, false);
	if (keeping->keeper)
		xfn_keeper_forget(keeping->keeper, kept->words.identity);
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
	struct kept *kept = find_kept(keeping, words.identity);
	int err;

	if (!kept && keeping->function_count < XFN_KEEPER_FUNCTIONS_MAX) {
		kept = &keeping->functions[keeping->function_count++];
		*kept = (struct kept){.words.identity = words.identity};
		kept->since = kept->settled = parked_of(engine, words.identity);
	}
	if (!kept)
		return;
	if (memcmp(&kept->words, &words, sizeof(words))) {
		err = xfn_keeper_park_function(keeping->keeper, &words);
		if (err)
			say(engine, NULL, "the keeper does not take a function", strerror(-err));
		else
			kept->words = words;
	}
	set_flag(engine, kept);
}

static void follow_functions(struct xfn_engine *engine)
{
	size_t i;

	forget_unwanted(engine);
	for (i = 0; i < engine->model->function_count && engine->keeping->keeper; i++)
		if (parks(&engine->model->functions[i]))
			enter(engine, &engine->model->functions[i]);
}

/* ---- interfaces ----------------------------------------------------------------------------------------- */

static void unpark(struct xfn_engine *engine, __u32 slot, __u32 queues)
{
	struct xfn_keeping *keeping = engine->keeping;
	__u32 queue;

	for (queue = 0; queue < queues; queue++) {
		xfn_park_leave(engine->dataplane, slot, queue);
		if (keeping->keeper)
			xfn_keeper_park_close(keeping->keeper, slot, queue);
	}
	keeping->parks[slot] = (struct park){};
}

static int park_queue(struct xfn_engine *engine, __u32 slot, __u32 queue, __u32 ifindex)
{
	const struct xfn_keeper_park words = {.slot = slot, .queue = queue, .ifindex = ifindex};
	__u32 frames;
	int fd, err = xfn_launcher_make_socket(&fd);

	if (err)
		return err;
	err = xfn_keeper_park_open(engine->keeping->keeper, &words, fd, &frames);
	if (!err) {
		err = xfn_park_enter(engine->dataplane, slot, queue, fd);
		if (err)
			xfn_keeper_park_close(engine->keeping->keeper, slot, queue);
	}
	close(fd);
	return err;
}

/* A queue behind one that cannot be parked from is not tried; all that is tried again after a while. */
static void park_interface(struct xfn_engine *engine, __u32 slot,
			   const struct xfn_dataplane_interface *interface)
{
	struct park *park = &engine->keeping->parks[slot];
	struct xfn_interface_facts facts;
	__u32 queues = 1;
	int err = 0;

	if (park->failed && !engine->keeping->tries_again)
		return;
	if (!xfn_interface_read(interface->name, &facts) && facts.rx_queues)
		queues = facts.rx_queues < XFN_PARK_QUEUES ? facts.rx_queues : XFN_PARK_QUEUES;
	park->ifindex = interface->ifindex;
	while (park->queues < queues && !err) {
		err = park_queue(engine, slot, park->queues, interface->ifindex);
		park->queues += !err;
	}
	if (err && !park->failed)
		say(engine, interface->name,
		    "events of functions that take none cannot wait: no parking socket on a queue; "
		    "tried again",
		    strerror(-err));
	park->failed = err;
	if (err)
		xfn_timer_set(engine->keeping->retry, RETRY_MAX_NS);
}

static void follow_interfaces(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	struct park *park;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		park = &engine->keeping->parks[slot];
		if (park->ifindex && (!interface->used || park->ifindex != interface->ifindex))
			unpark(engine, slot, park->queues);
	}
	/* One that is at another place now is free to be bound. */
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (interface->used && engine->keeping->keeper && engine->keeping->function_count)
			park_interface(engine, slot, interface);
	}
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

/* Sockets that an earlier xfnd had it make: their elements in the map are there as long as they are. */
static void adopt_parks(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	struct xfn_keeper_message message;
	struct park *park;
	__u32 index = 0, slot, queue;
	int fd, err;

	while (!xfn_keeper_list(engine->keeping->keeper, XFN_KEEPER_PARKS, index, &message, &fd)) {
		slot = message.park.slot % XFN_INTERFACES_MAX;
		queue = message.park.queue;
		interface = &engine->dataplane->interface[slot];
		park = &engine->keeping->parks[slot];
		err = interface->used && interface->ifindex == message.park.ifindex &&
				      queue == park->queues
			      ? xfn_park_enter(engine->dataplane, slot, queue, fd)
			      : -ENODEV;
		xfn_fd_close(&fd);
		if (!err) {
			park->ifindex = message.park.ifindex;
			park->queues = queue + 1;
			index++;
		} else if (xfn_keeper_park_close(engine->keeping->keeper, message.park.slot,
						 queue)) {
			return;
		}
	}
}

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
	struct kept *kept;
	__u32 index;
	int fd;

	for (index = 0;
	     !xfn_keeper_list(keeping->keeper, XFN_KEEPER_FUNCTIONS, index, &message, &fd);
	     index++) {
		kept = find_kept(keeping, message.function.identity);
		if (!kept && keeping->function_count == XFN_KEEPER_FUNCTIONS_MAX)
			continue;
		if (!kept) {
			kept = &keeping->functions[keeping->function_count++];
			*kept = (struct kept){};
		}
		kept->words = message.function;
		kept->words.waiting = 0;
		if (read_both(engine, kept->words.identity, &parked, &counts))
			continue;
		kept->since = parked - counts.count[XFN_KEEPER_PARKED] -
			      counts.count[XFN_KEEPER_PARKED_FULL];
		kept->settled = parked - counts.waiting;
		/* Of one that is there again after all: they are not lost. */
		kept->lost -= kept->lost < counts.waiting ? kept->lost : counts.waiting;
		kept->expired = counts.count[XFN_KEEPER_EXPIRED];
		kept->full = counts.count[XFN_KEEPER_PARKED_FULL];
	}
}

static void on_wanted(void *context)
{
	struct xfn_engine *engine = context;
	struct kept *kept;
	__u64 identity;

	while (engine->keeping->keeper && !xfn_keeper_wanted(engine->keeping->keeper, &identity)) {
		kept = find_kept(engine->keeping, identity);
		if (kept)
			kept->wanted = true;
		xfn_instances_wake(engine, identity);
	}
}

static void on_gone(void *context);

static int connect_to(struct xfn_engine *engine)
{
	const struct xfn_keeper_options options = {
		.run_dir = engine->options.run_dir,
		.loop = engine->options.loop,
		.on_wanted = on_wanted,
		.on_gone = on_gone,
		.context = engine,
	};
	struct xfn_keeper_hello hello;
	int err = xfn_keeper_open(&options, &engine->keeping->keeper, &hello);

	if (err)
		return err;
	engine->keeping->connected_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	adopt_parks(engine);
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

/* What waited is lost; and what did not fit, which nobody can tell from it any more. */
static void settle_losses(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = engine->keeping;
	__u64 lost = 0, parked;
	struct kept *kept;
	size_t i;

	for (i = 0; i < keeping->function_count; i++) {
		kept = &keeping->functions[i];
		set_flag(engine, kept);
		parked = parked_of(engine, kept->words.identity);
		kept->lost += parked - kept->settled;
		lost += parked - kept->settled;
		kept->settled = kept->since = parked;
		kept->expired_before += kept->expired;
		kept->full_before += kept->full;
		kept->expired = kept->full = 0;
		kept->wanted = false;
		kept->words = (struct xfn_keeper_function){.identity = kept->words.identity};
	}
	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "error"},
			"the keeper is gone, and with it %llu events that waited; another one "
			"takes its place",
			lost);
}

static void on_gone(void *context)
{
	struct xfn_engine *engine = context;
	struct xfn_keeping *keeping = engine->keeping;
	__u32 slot;

	xfn_keeper_close(keeping->keeper);
	keeping->keeper = NULL;
	keeping->err = -EPIPE;
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		unpark(engine, slot, keeping->parks[slot].queues);
	settle_losses(engine);
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
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		unpark(engine, slot, keeping->parks[slot].queues);
	xfn_keeper_end(keeping->keeper);
	xfn_keeper_close(keeping->keeper);
	keeping->keeper = NULL;
	keeping->function_count = 0;
}

/* ---- as the model wants it -------------------------------------------------------------------------------- */

void xfn_keeping_follow(struct xfn_engine *engine)
{
	struct xfn_keeping *keeping = engine->keeping;
	bool needed = is_needed(engine), is_new = !keeping->keeper;
	int err = 0;

	if (needed && is_new)
		err = start(engine);
	if (err && err != keeping->err && !xfn_launcher_reason(err))
		say(engine, NULL, "the keeper cannot be started", strerror(-err));
	keeping->err = err;
	if (err) {
		xfn_timer_set(keeping->retry,
			      xfn_launcher_reason(err) ? XFN_TIMER_OFF : RETRY_MAX_NS);
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
	follow_interfaces(engine);
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
	connect_to(engine); /* where there is none, one is started when it is needed */
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
	struct kept *kept = find_kept(engine->keeping, identity);

	if (!kept)
		return;
	kept->holds_back = !wait;
	set_flag(engine, kept);
}

int xfn_keeping_take(struct xfn_engine *engine, __u64 identity)
{
	struct kept *kept = find_kept(engine->keeping, identity);
	struct xfn_keeper_taken taken;
	int fd = -1, err;

	if (!kept || !engine->keeping->keeper)
		return -1;
	err = xfn_keeper_take(engine->keeping->keeper, identity, &fd, &taken);
	if (err && err != -EPIPE) /* one that is gone says so itself */
		say(engine, NULL, "what waited for a function cannot be taken", strerror(-err));
	if (err)
		return -1;
	/* It asks no more here: with the next question the keeper lets go of them. */
	kept->settled = parked_of(engine, identity);
	kept->wanted = false;
	kept->expired += taken.expired;
	return fd;
}

bool xfn_keeping_is_wanted(const struct xfn_engine *engine, __u64 identity)
{
	const struct kept *kept = find_kept(engine->keeping, identity);

	return kept && kept->wanted;
}

/* ---- descriptors ------------------------------------------------------------------------------------------- */

void xfn_keeping_store(struct xfn_engine *engine, enum xfn_keeper_kind kind, __u64 key, int fd,
		       const void *note, size_t note_bytes)
{
	struct xfn_keeper_stored stored = {.kind = kind, .key = key};

	if (!engine->keeping->keeper || note_bytes > sizeof(stored.note))
		return;
	if (note_bytes)
		memcpy(stored.note, note, note_bytes);
	xfn_keeper_store(engine->keeping->keeper, &stored, fd);
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

/* ---- what there is to tell ----------------------------------------------------------------------------------- */

int xfn_keeping_check(const struct xfn_engine *engine)
{
	if (engine->keeping->keeper)
		return 0;
	return engine->keeping->err ?: -ENOENT;
}

/* Packets that no function can be told to have lost. */
static __u64 adrift(struct xfn_keeper *keeper)
{
	struct xfn_keeper_counts all;

	if (xfn_keeper_counts(keeper, 0, &all))
		return 0;
	return all.count[XFN_KEEPER_UNKNOWN] + all.count[XFN_KEEPER_UNREADABLE] +
	       all.count[XFN_KEEPER_LOST];
}

int xfn_keeping_read(struct xfn_engine *engine, __u64 identity, struct xfn_kept *ret)
{
	struct kept *kept = find_kept(engine->keeping, identity);

	if (!kept)
		return -ENOENT;
	*ret = (struct xfn_kept){.since = kept->since, .lost = kept->lost};
	if (engine->keeping->keeper &&
	    !xfn_keeper_counts(engine->keeping->keeper, identity, &ret->counts)) {
		kept->expired = ret->counts.count[XFN_KEEPER_EXPIRED];
		kept->full = ret->counts.count[XFN_KEEPER_PARKED_FULL];
		ret->adrift = adrift(engine->keeping->keeper);
	}
	ret->expired = kept->expired_before + kept->expired;
	ret->full = kept->full_before + kept->full;
	return 0;
}
