/* SPDX-License-Identifier: BSD-2-Clause */
/* Books kept by different hands, side by side: GET /v1/audit. books.h says how they are compared. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "engine_audit.h"
#include "engine_read.h"
#include "received.h"

/* The first reading is quick, and all there is where it agrees; the others wait. */
#define READINGS_MAX 5

/* A function has two books, both about what was handled. */
enum { BOOK_INVOCATIONS, BOOK_OUTCOMES, FUNCTION_BOOKS };

static const char *const function_books[FUNCTION_BOOKS] = {
	[BOOK_INVOCATIONS] = "handled by ingress, invocations of its handler",
	[BOOK_OUTCOMES] = "handled by ingress, outcomes of its handler",
};

/* What moves second: read before and after what moves first. */
struct second {
	__u64 verdicts[XFN_INTERFACES_MAX];
	__u64 received[XFN_INTERFACES_MAX]; /* since the attach, give or take what came meanwhile */
	xfn_version_pair *versions;
	struct xfn_handed_counts *taken; /* one for each hand-over */
};

struct first {
	__u64 packets[XFN_INTERFACES_MAX];
	struct xfn_function_counts *counts;
	__u64 *handed;
};

struct audit {
	struct xfn_engine *engine;
	struct xfn_dataplane *dataplane;
	struct xfn_selection functions;
	bool is_received[XFN_INTERFACES_MAX]; /* the driver counts, and there is a baseline */
	struct xfn_book verdicts[XFN_INTERFACES_MAX];
	struct xfn_book received[XFN_INTERFACES_MAX];
	struct xfn_book (*handled)[FUNCTION_BOOKS];
	struct xfn_hand_overs hand_overs;
};

/* ---- reading ------------------------------------------------------------------------------------- */

/* @baseline: 0 for the reading of the driver's counter before the attach, 1 for the one after. */
static void read_received(struct audit *audit, __u32 slot, int baseline, struct second *second)
{
	const struct xfn_dataplane *dataplane = audit->dataplane;
	__u64 start = dataplane->interfaces[slot].received[baseline], now;

	/* An interface that was made anew under the old name has begun to count anew. */
	if (!start || !xfn_dataplane_link_is_live(dataplane, slot) ||
	    xfn_interface_received(dataplane->interface[slot].name, &now))
		audit->is_received[slot] = false;
	else
		second->received[slot] = now - (start - 1);
}

static int read_second(struct audit *audit, int baseline, struct second *second)
{
	struct xfn_interface_verdicts verdicts;
	int err = 0;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++) {
		if (!audit->dataplane->interface[slot].used)
			continue;
		read_received(audit, slot, baseline, second);
		err = xfn_interface_counts(audit->dataplane, slot, NULL, &verdicts);
		second->verdicts[slot] =
			err ? 0 : xfn_counts_sum(verdicts.count, XFN_VERDICT_COUNT);
	}
	err = err ?: xfn_hand_overs_taken(&audit->hand_overs, &second->taken);
	return err
		       ?: xfn_selection_versions(audit->dataplane, &audit->functions,
						 &second->versions);
}

static int read_first(const struct audit *audit, struct first *first)
{
	__u32 slot;
	int err = 0;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++)
		if (audit->dataplane->interface[slot].used)
			err = xfn_interface_counts(audit->dataplane, slot, &first->packets[slot],
						   NULL);
	err = err ?: xfn_hand_overs_handed(&audit->hand_overs, &first->handed);
	return err ?: xfn_selection_counts(audit->dataplane, &audit->functions, &first->counts);
}

/* All that one comparison needs, in the order in which it was read. */
struct reading {
	struct second before;
	struct first first;
	struct second after;
	struct first again;
	bool waited;
};

static void reading_fini(struct reading *reading)
{
	free(reading->before.versions);
	free(reading->first.counts);
	free(reading->after.versions);
	free(reading->again.counts);
	free(reading->before.taken);
	free(reading->first.handed);
	free(reading->after.taken);
	free(reading->again.handed);
}

static int take_reading(struct audit *audit, struct reading *reading)
{
	/* The least that can have come since the attach, then the most. */
	int err = read_second(audit, 1, &reading->before);

	if (!err)
		err = read_first(audit, &reading->first);
	if (!err && reading->waited)
		err = xfn_dataplane_barrier(audit->dataplane);
	if (!err)
		err = read_second(audit, 0, &reading->after);
	return err ?: read_first(audit, &reading->again);
}

/* ---- comparing ----------------------------------------------------------------------------------- */

static void compare_interface(struct audit *audit, __u32 slot, const struct reading *reading)
{
	struct xfn_book_reading book = {
		.a = reading->first.packets[slot],
		.low = reading->before.verdicts[slot],
		.high = reading->after.verdicts[slot],
		.again = reading->again.packets[slot],
		.slack = audit->dataplane->cpus,
		.waited = reading->waited,
	};

	xfn_book_compare(&audit->verdicts[slot], &book);
	if (!audit->is_received[slot])
		return;
	book.low = reading->before.received[slot];
	book.high = reading->after.received[slot];
	book.slack *= XFN_RECEIVED_SLACK;
	xfn_book_compare(&audit->received[slot], &book);
}

static void compare_function(struct audit *audit, size_t i, const struct reading *reading)
{
	const struct xfn_model_function *function = &audit->functions.functions[i];
	struct xfn_book_reading book = {
		.a = reading->first.counts[i].verdicts[XFN_VERDICT_HANDLED],
		.again = reading->again.counts[i].verdicts[XFN_VERDICT_HANDLED],
		.slack = audit->dataplane->cpus,
		.waited = reading->waited,
	};
	struct xfn_retired low, high;

	xfn_versions_sum(function, reading->before.versions[i], &low);
	xfn_versions_sum(function, reading->after.versions[i], &high);
	book.low = low.invocations;
	book.high = high.invocations;
	xfn_book_compare(&audit->handled[i][BOOK_INVOCATIONS], &book);
	book.low = xfn_counts_sum(low.outcomes, XFN_OUTCOME_COUNT);
	book.high = xfn_counts_sum(high.outcomes, XFN_OUTCOME_COUNT);
	xfn_book_compare(&audit->handled[i][BOOK_OUTCOMES], &book);
}

static void compare_all(struct audit *audit, const struct reading *reading)
{
	__u32 slot;
	size_t i;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (audit->dataplane->interface[slot].used)
			compare_interface(audit, slot, reading);
	for (i = 0; i < audit->functions.count; i++)
		compare_function(audit, i, reading);
	xfn_hand_overs_compare(&audit->hand_overs, &(struct xfn_hand_overs_reading){
							   .handed = reading->first.handed,
							   .handed_again = reading->again.handed,
							   .before = reading->before.taken,
							   .after = reading->after.taken,
							   .waited = reading->waited,
						   });
}

static bool is_open(const struct audit *audit)
{
	__u32 slot;
	size_t i;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		if (!audit->dataplane->interface[slot].used)
			continue;
		if (xfn_book_is_open(&audit->verdicts[slot]) ||
		    (audit->is_received[slot] && xfn_book_is_open(&audit->received[slot])))
			return true;
	}
	for (i = 0; i < audit->functions.count; i++)
		if (xfn_book_is_open(&audit->handled[i][BOOK_INVOCATIONS]) ||
		    xfn_book_is_open(&audit->handled[i][BOOK_OUTCOMES]))
			return true;
	return xfn_hand_overs_are_open(&audit->hand_overs);
}

static int take_readings(struct audit *audit)
{
	int i, err = 0;

	memset(audit->is_received, true, sizeof(audit->is_received));
	for (i = 0; i < READINGS_MAX && !err && (!i || is_open(audit)); i++) {
		struct reading reading = {.waited = i > 0};

		err = take_reading(audit, &reading);
		if (!err)
			compare_all(audit, &reading);
		reading_fini(&reading);
	}
	return err;
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static int add(json_t *list, json_t *item)
{
	return json_array_append_new(list, item) ? -ENOMEM : 0;
}

int xfn_audit_add(json_t *books, const char *what, __u64 left, __u64 right, bool ok, bool *all_ok)
{
	*all_ok = *all_ok && ok;
	return add(books, json_pack("{s:s, s:I, s:I, s:b}", "what", what, "left", (json_int_t)left,
				    "right", (json_int_t)right, "ok", ok));
}

int xfn_audit_add_book(json_t *books, const char *what, const struct xfn_book *book, bool *all_ok)
{
	return xfn_audit_add(books, what, book->a, xfn_book_nearest(book), xfn_book_is_ok(book),
			     all_ok);
}

static int add_interface(const struct audit *audit, __u32 slot, json_t *interfaces, json_t *books,
			 bool *all_ok)
{
	const char *name = audit->dataplane->interface[slot].name;
	const struct xfn_book *book = &audit->verdicts[slot];
	bool ok = xfn_book_is_ok(book);
	char what[80];
	int err;

	*all_ok = *all_ok && ok;
	err = add(interfaces,
		  json_pack("{s:s, s:I, s:I, s:b, s:b}", "name", name, "packets",
			    (json_int_t)book->a, "verdict_sum", (json_int_t)xfn_book_nearest(book),
			    "ok", ok, "driver_counts", audit->is_received[slot]));
	if (err || !audit->is_received[slot])
		return err;
	snprintf(what, sizeof(what), "interface '%s': packets, received as the driver counts",
		 name);
	return xfn_audit_add_book(books, what, &audit->received[slot], all_ok);
}

static int add_function(const struct audit *audit, size_t i, json_t *books, bool *all_ok)
{
	const struct xfn_function_spec *spec = audit->functions.functions[i].spec;
	char what[XFN_LABEL_BYTES + 80], label[XFN_LABEL_BYTES];
	int book, err = 0;

	if (spec->delivery != XFN_DELIVER_KERNEL)
		return 0;
	for (book = 0; book < FUNCTION_BOOKS && !err; book++) {
		snprintf(what, sizeof(what), "function '%s': %s", xfn_function_label(spec, label),
			 function_books[book]);
		err = xfn_audit_add_book(books, what, &audit->handled[i][book], all_ok);
	}
	return err;
}

static int answer(const struct audit *audit, struct xfn_reply *reply)
{
	json_t *interfaces = json_array(), *books = json_array();
	int err = interfaces && books ? 0 : -ENOMEM;
	bool all_ok = true;
	__u32 slot;
	size_t i;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++)
		if (audit->dataplane->interface[slot].used)
			err = add_interface(audit, slot, interfaces, books, &all_ok);
	for (i = 0; i < audit->functions.count && !err; i++)
		err = add_function(audit, i, books, &all_ok);
	err = err ?: xfn_hand_overs_add(&audit->hand_overs, books, &all_ok);
	err = err ?: xfn_audit_add_ports(audit->engine, &audit->functions, books, &all_ok);
	err = err ?: xfn_audit_add_sockets(audit->engine, &audit->functions, books, &all_ok);
	if (!err)
		err = xfn_reply_json(reply, json_pack("{s:O, s:O, s:b}", "interfaces", interfaces,
						      "books", books, "ok", all_ok));
	json_decref(interfaces);
	json_decref(books);
	return err;
}

int xfn_engine_audit(struct xfn_engine *engine, struct xfn_reply *reply)
{
	struct audit audit = {.engine = engine, .dataplane = engine->dataplane};
	int err = xfn_selection_find(engine, NULL, reply, &audit.functions);

	if (err)
		return err;
	audit.handled = calloc(audit.functions.count + 1, sizeof(*audit.handled));
	if (!audit.handled)
		return -ENOMEM;
	err = xfn_hand_overs_find(engine, &audit.hand_overs);
	if (!err)
		err = take_readings(&audit);
	if (!err)
		err = answer(&audit, reply);
	xfn_hand_overs_fini(&audit.hand_overs);
	free(audit.handled);
	return err;
}
