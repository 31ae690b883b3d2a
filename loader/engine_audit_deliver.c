/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include "clock.h"
#include "engine_audit.h"
#include "engine_far_ends.h"
#include "engine_keeper.h"
#include "engine_lost.h"
#include "losses.h"
#include "port.h"
#include "targets.h"

/* Under way between ingress and the kernel's count: a poll of NAPI's for each CPU. */
#define POLL_SLACK 64
/* And in the ring of a port's far end: VETH_RING_SIZE. */
#define VETH_SLACK 256
/* And between a CPU's queue and its thread's count. */
#define QUEUE_SLACK 4096

enum { PORT_TRIES = 3 };

/* ---- which ---------------------------------------------------------------------------------------------- */

static bool is_generic_somewhere(const struct xfn_dataplane *dataplane)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (dataplane->interface[slot].used && dataplane->interface[slot].generic)
			return true;
	return false;
}

static bool has_index(const struct xfn_hand_overs *overs, __u32 index)
{
	size_t i;

	for (i = 0; i < overs->count; i++)
		if (overs->list[i].index == index)
			return true;
	return false;
}

static void add_device(struct xfn_hand_overs *overs, const struct xfn_target *target)
{
	struct xfn_hand_over *over = &overs->list[overs->count];
	char name[IF_NAMESIZE];

	if (has_index(overs, XFN_HANDED_DEVICE(target->device)))
		return;
	over->index = XFN_HANDED_DEVICE(target->device);
	snprintf(over->what, sizeof(over->what), "interface '%s'",
		 if_indextoname(target->ifindex, name) ?: "(gone)");
	overs->count++;
}

static void add_cpu(struct xfn_hand_overs *overs, __u32 cpu)
{
	struct xfn_hand_over *over = &overs->list[overs->count];

	if (has_index(overs, XFN_HANDED_CPU(cpu)))
		return;
	over->index = XFN_HANDED_CPU(cpu);
	over->is_cpu = true;
	snprintf(over->what, sizeof(over->what), "CPU %u", cpu);
	overs->count++;
}

int xfn_hand_overs_find(const struct xfn_engine *engine, struct xfn_hand_overs *ret)
{
	const struct xfn_dataplane *dataplane = engine->dataplane;
	bool silent = is_generic_somewhere(dataplane);
	bool listens = xfn_losses_are_attached(dataplane, XFN_LOSSES_OF_ALL);
	const struct xfn_target *target;
	__u32 i, cpu;

	ret->engine = engine;
	ret->list = calloc(XFN_HANDED_CPU(dataplane->cpus), sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (i = 0; i < XFN_TARGETS_MAX && listens; i++) {
		target = &dataplane->targets[i];
		if (!engine->targets->live[i])
			continue;
		if (!target->cpu_count && !silent)
			add_device(ret, target);
		for (cpu = 0; cpu < target->cpu_count; cpu++)
			add_cpu(ret, target->cpu[cpu]);
	}
	return 0;
}

void xfn_hand_overs_fini(struct xfn_hand_overs *overs)
{
	free(overs->list);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

int xfn_hand_overs_handed(const struct xfn_hand_overs *overs, __u64 **ret)
{
	__u64 *handed = calloc(overs->count + 1, sizeof(*handed));
	size_t i;
	int err = handed ? 0 : -ENOMEM;

	for (i = 0; i < overs->count && !err; i++)
		err = xfn_targets_handed(overs->engine->dataplane, overs->list[i].index,
					 &handed[i]);
	if (err)
		free(handed);
	else
		*ret = handed;
	return err;
}

int xfn_hand_overs_taken(const struct xfn_hand_overs *overs, struct xfn_handed_counts **ret)
{
	struct xfn_handed_counts *counts = calloc(overs->count + 1, sizeof(*counts));
	size_t i;

	if (!counts)
		return -ENOMEM;
	for (i = 0; i < overs->count; i++)
		xfn_losses_read(overs->engine->dataplane, overs->list[i].index, &counts[i]);
	*ret = counts;
	return 0;
}

/* ---- comparing -------------------------------------------------------------------------------------------- */

void xfn_hand_overs_compare(struct xfn_hand_overs *overs,
			    const struct xfn_hand_overs_reading *reading)
{
	unsigned cpus = overs->engine->dataplane->cpus;
	struct xfn_hand_over *over;
	size_t i;

	for (i = 0; i < overs->count; i++) {
		over = &overs->list[i];
		xfn_book_compare(&over->taken, &(struct xfn_book_reading){
						       .a = reading->handed[i],
						       .low = reading->before[i].taken,
						       .high = reading->after[i].taken,
						       .again = reading->handed_again[i],
						       .slack = POLL_SLACK * cpus,
						       .waited = reading->waited,
					       });
		/* A thread is not waited for by a grace period: no reading of it is exact. */
		if (over->is_cpu)
			xfn_book_compare(&over->worked, &(struct xfn_book_reading){
								.a = reading->before[i].taken,
								.low = reading->before[i].worked,
								.high = reading->after[i].worked,
								.slack = QUEUE_SLACK,
							});
	}
}

bool xfn_hand_overs_are_open(const struct xfn_hand_overs *overs)
{
	const struct xfn_hand_over *over;
	size_t i;

	for (i = 0; i < overs->count; i++) {
		over = &overs->list[i];
		if (xfn_book_is_open(&over->taken) ||
		    (over->is_cpu && xfn_book_is_open(&over->worked)))
			return true;
	}
	return false;
}

int xfn_hand_overs_add(const struct xfn_hand_overs *overs, json_t *books, bool *all_ok)
{
	const struct xfn_hand_over *over;
	char what[128];
	size_t i;
	int err = 0;

	for (i = 0; i < overs->count && !err; i++) {
		over = &overs->list[i];
		snprintf(what, sizeof(what), "%s: handed over by ingress, taken by %s", over->what,
			 over->is_cpu ? "its queue" : "its driver");
		err = xfn_audit_add_book(books, what, &over->taken, all_ok);
		if (err || !over->is_cpu)
			continue;
		snprintf(what, sizeof(what), "%s: taken by its queue, given to the stack",
			 over->what);
		err = xfn_audit_add_book(books, what, &over->worked, all_ok);
	}
	return err;
}

/* ---- ports ------------------------------------------------------------------------------------------------ */

/* What became of all that was given to a port, whoever has answered, or not. */
static int read_port(struct xfn_engine *engine, __u32 port, __u64 *ret)
{
	struct xfn_port_totals totals;
	int err = xfn_port_read(engine->dataplane, port, xfn_clock_ns(CLOCK_MONOTONIC), &totals);

	*ret = totals.outcomes[XFN_PORT_REPLIED] + totals.outcomes[XFN_PORT_TIMEOUT] +
	       totals.in_flight;
	return err;
}

/* Since it has its port. */
static int read_steered(struct xfn_engine *engine, const struct xfn_model_function *function,
			__u32 port, __u64 *ret)
{
	const struct xfn_selection one = {.functions = (struct xfn_model_function *)function,
					  .count = 1};
	struct xfn_function_counts *counts;
	int err = xfn_selection_counts(engine->dataplane, &one, &counts);

	if (err)
		return err;
	*ret = counts[0].verdicts[XFN_VERDICT_STEERED] - engine->dataplane->port_losses[port].since;
	free(counts);
	return 0;
}

/* The port counts an event before it is steered. @waits: for what is under way. */
static int compare_port(struct xfn_engine *engine, const struct xfn_model_function *function,
			__u32 port, bool waits, struct xfn_book *book)
{
	struct xfn_book_reading reading = {.slack = POLL_SLACK * engine->dataplane->cpus};
	int err = read_steered(engine, function, port, &reading.low)
			  ?: read_port(engine, port, &reading.a);

	if (!err && waits)
		reading.waited = !xfn_dataplane_barrier(engine->dataplane);
	err = err ?: read_steered(engine, function, port, &reading.high) ?:
		     read_port(engine, port, &reading.again);
	if (!err)
		xfn_book_compare(book, &reading);
	return err;
}

static int read_parked(struct xfn_engine *engine, __u32 port, __u64 *ret)
{
	struct xfn_port_totals totals;
	int err = xfn_port_read(engine->dataplane, port, xfn_clock_ns(CLOCK_MONOTONIC), &totals);

	*ret = totals.parked;
	return err;
}

/* What ingress has given to the port, and what was sent there once more. */
static int read_given(struct xfn_engine *engine, const struct xfn_model_function *function,
		      __u32 port, __u64 *ret)
{
	const struct xfn_port_losses *losses = &engine->dataplane->port_losses[port];
	__u64 steered = 0, parked = 0;
	int err = read_steered(engine, function, port, &steered)
			  ?: read_parked(engine, port, &parked);

	*ret = steered - parked + losses->injected;
	return err;
}

/* The number nearest to @given that has these low 32 bits. */
static __u64 widen(__u64 given, __u64 low)
{
	return given + (__u64)(__s64)(__s32)((__u32)low - (__u32)given);
}

/* Ingress counts before it is anywhere. */
static int compare_arrived(struct xfn_engine *engine, const struct xfn_model_function *function,
			   __u32 port, bool waits, struct xfn_book *book)
{
	struct xfn_book_reading reading = {.slack = POLL_SLACK * engine->dataplane->cpus +
						    VETH_SLACK};
	__u64 before = xfn_port_arrived(engine, port), after;
	int err = read_given(engine, function, port, &reading.a);

	if (!err && waits)
		reading.waited = !xfn_dataplane_barrier(engine->dataplane);
	after = xfn_port_arrived(engine, port);
	err = err ?: read_given(engine, function, port, &reading.again);
	if (err)
		return err;
	reading.low = widen(reading.a, before);
	reading.high = widen(reading.a, after);
	xfn_book_compare(book, &reading);
	return 0;
}

static int add_arrived(struct xfn_engine *engine, const struct xfn_model_function *function,
		       json_t *books, bool *all_ok)
{
	int port = xfn_port_of(engine->dataplane, function->identity), tries, err = 0;
	char what[XFN_LABEL_BYTES + 80], label[XFN_LABEL_BYTES];
	struct xfn_book book = {};

	if (port < 0 || !xfn_losses_are_attached(engine->dataplane, XFN_LOSSES_OF_PORTS))
		return 0;
	for (tries = 0; tries < PORT_TRIES && xfn_book_is_open(&book) && !err; tries++)
		err = compare_arrived(engine, function, (__u32)port, tries > 0, &book);
	if (err)
		return err;
	snprintf(what, sizeof(what), "function '%s': given to its port, got by sockets or lost",
		 xfn_function_label(function->spec, label));
	return xfn_audit_add_book(books, what, &book, all_ok);
}

/* What the keeper says of all that ingress has given it, since it began to count. */
static int read_kept(struct xfn_engine *engine, const struct xfn_model_function *function,
		     __u64 *ret, __u64 *ret_adrift)
{
	struct xfn_kept kept;
	int err = xfn_keeping_read(engine, function->identity, &kept);

	if (err)
		return err;
	*ret_adrift = kept.adrift;
	*ret = kept.since + kept.counts.count[XFN_KEEPER_PARKED] +
	       kept.counts.count[XFN_KEEPER_PARKED_FULL];
	return 0;
}

/* Ingress counts before the keeper has it. */
static int compare_kept(struct xfn_engine *engine, const struct xfn_model_function *function,
			__u32 port, bool waits, struct xfn_book *book)
{
	struct xfn_book_reading reading = {};
	__u64 adrift = 0;
	int err = read_kept(engine, function, &reading.low, &adrift)
			  ?: read_parked(engine, port, &reading.a);

	if (!err && waits)
		reading.waited = !xfn_dataplane_barrier(engine->dataplane);
	err = err ?: read_kept(engine, function, &reading.high, &adrift) ?:
		     read_parked(engine, port, &reading.again);
	reading.slack = POLL_SLACK * engine->dataplane->cpus;
	/* It may be this function's; it is told of as the keeper's: add_keeper(). */
	reading.high += adrift;
	if (!err)
		xfn_book_compare(book, &reading);
	return err;
}

static int add_kept(struct xfn_engine *engine, const struct xfn_model_function *function,
		    json_t *books, bool *all_ok)
{
	int port = xfn_port_of(engine->dataplane, function->identity), tries, err = 0;
	char what[XFN_LABEL_BYTES + 80], label[XFN_LABEL_BYTES];
	struct xfn_book book = {};

	for (tries = 0; tries < PORT_TRIES && port >= 0 && xfn_book_is_open(&book) && !err; tries++)
		err = compare_kept(engine, function, (__u32)port, tries > 0, &book);
	if (port < 0 || err)
		return err == -ENOENT ? 0 : err; /* its events do not wait */
	snprintf(what, sizeof(what), "function '%s': parked by ingress, seen by the keeper",
		 xfn_function_label(function->spec, label));
	return xfn_audit_add_book(books, what, &book, all_ok);
}

/*
 * What came to the keeper's sockets, and what it has put aside or refused by itself. The rest belongs to no function:
 * the kernel had no room for it, or whose it was could not be read.
 */
static int add_keeper(struct xfn_engine *engine, json_t *books, bool *all_ok)
{
	struct xfn_keeper_counts all;
	__u64 known;

	if (xfn_keeping_read_all(engine, &all))
		return 0; /* there is none, or it does not answer, which doctor says */
	known = all.count[XFN_KEEPER_PARKED] + all.count[XFN_KEEPER_PARKED_FULL] +
		all.count[XFN_KEEPER_UNKNOWN];
	return xfn_audit_add(
		books, "keeper: came to its sockets, put aside or refused by it",
		known + all.count[XFN_KEEPER_UNREADABLE] + all.count[XFN_KEEPER_LOST], known,
		!all.count[XFN_KEEPER_UNREADABLE] && !all.count[XFN_KEEPER_LOST], all_ok);
}

static int add_port(struct xfn_engine *engine, const struct xfn_model_function *function,
		    json_t *books, bool *all_ok)
{
	int port = xfn_port_of(engine->dataplane, function->identity), tries, err = 0;
	char what[XFN_LABEL_BYTES + 80], label[XFN_LABEL_BYTES];
	struct xfn_book book = {};

	if (port < 0)
		return 0;
	for (tries = 0; tries < PORT_TRIES && xfn_book_is_open(&book) && !err; tries++)
		err = compare_port(engine, function, (__u32)port, tries > 0, &book);
	if (err)
		return err;
	snprintf(what, sizeof(what),
		 "function '%s': answered, timed out or in flight, given to its port",
		 xfn_function_label(function->spec, label));
	return xfn_audit_add_book(books, what, &book, all_ok);
}

int xfn_audit_add_ports(struct xfn_engine *engine, const struct xfn_selection *selection,
			json_t *books, bool *all_ok)
{
	const struct xfn_function_spec *spec;
	size_t i;
	int err = 0;

	for (i = 0; i < selection->count && !err; i++) {
		spec = selection->functions[i].spec;
		if (spec->delivery == XFN_DELIVER_XSK && !spec->xsk.one_way)
			err = add_port(engine, &selection->functions[i], books, all_ok);
		if (!err && spec->delivery == XFN_DELIVER_XSK)
			err = add_arrived(engine, &selection->functions[i], books, all_ok);
		if (!err && spec->delivery == XFN_DELIVER_XSK)
			err = add_kept(engine, &selection->functions[i], books, all_ok);
	}
	return err ?: add_keeper(engine, books, all_ok);
}

/* ---- sockets ---------------------------------------------------------------------------------------------- */

int xfn_audit_add_sockets(struct xfn_engine *engine, const struct xfn_selection *selection,
			  json_t *books, bool *all_ok)
{
	struct xfn_lost_view view = {.engine = engine};
	char what[XFN_LABEL_BYTES + 80], label[XFN_LABEL_BYTES];
	struct xfn_function_counts *counts = NULL;
	__u64 lost[XFN_LOSS_COUNT], steered, dropped;
	size_t i;
	int err = xfn_selection_counts(engine->dataplane, selection, &counts);

	for (i = 0; i < selection->count && !err; i++) {
		if (selection->functions[i].spec->delivery != XFN_DELIVER_SOCKET)
			continue;
		xfn_lost_of(&view, &selection->functions[i], lost);
		steered = counts[i].verdicts[XFN_VERDICT_STEERED];
		dropped = lost[XFN_LOSS_SOCKET_DROPS] + lost[XFN_LOSS_LISTEN_DROPS];
		snprintf(what, sizeof(what), "function '%s': steered, not dropped by its sockets",
			 xfn_function_label(selection->functions[i].spec, label));
		err = xfn_audit_add(books, what, steered, steered > dropped ? steered - dropped : 0,
				    !dropped, all_ok);
	}
	xfn_lost_view_fini(&view);
	free(counts);
	return err;
}
