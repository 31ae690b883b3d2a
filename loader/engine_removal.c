/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions that are in use do not go unasked: who handled an event in the last hour. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "activity.h"
#include "engine_guard.h"
#include "engine_read.h"
#include "loop.h"

#define LOOK_EVERY_NS (60 * 1000000000ULL)
#define IN_USE_NS     (3600 * 1000000000ULL)
#define NAMES_SAID    4

/* ---- looking ----------------------------------------------------------------------------------- */

static __u64 events_of(const struct xfn_function_counts *counts)
{
	return counts->verdicts[XFN_VERDICT_HANDLED] + counts->verdicts[XFN_VERDICT_STEERED];
}

static int look(struct xfn_engine *engine)
{
	struct xfn_selection all = {engine->model->functions, engine->model->function_count};
	struct xfn_function_counts *counts;
	__u64 now_ns = xfn_boottime_ns();
	size_t i;
	int err = xfn_selection_counts(engine->dataplane, &all, &counts);

	if (err)
		return err;
	for (i = 0; i < all.count && !err; i++)
		err = xfn_activity_note(engine->activity, all.functions[i].slot,
					all.functions[i].identity, events_of(&counts[i]), now_ns);
	free(counts);
	return err;
}

static void on_look(void *context)
{
	struct xfn_engine *engine = context;

	look(engine); /* what fails now is seen the next time */
	xfn_timer_set(engine->look, LOOK_EVERY_NS);
}

int xfn_removal_watch(struct xfn_engine *engine)
{
	int err;

	engine->activity = xfn_activity_new();
	if (!engine->activity)
		return -ENOMEM;
	err = look(engine);
	return err
		       ?: xfn_loop_add_timer(engine->options.loop, LOOK_EVERY_NS, on_look, engine,
					     &engine->look);
}

/* ---- refusing and warning ---------------------------------------------------------------------- */

static bool is_in_use(const struct xfn_engine *engine, const struct xfn_model_function *function)
{
	__u64 moved_ns = xfn_activity_moved(engine->activity, function->slot, function->identity);

	return moved_ns && xfn_boottime_ns() - moved_ns < IN_USE_NS;
}

static __u64 count_events(const struct xfn_engine *engine,
			  const struct xfn_model_function *function)
{
	struct xfn_selection one = {function, 1};
	struct xfn_function_counts *counts;
	__u64 events;

	if (xfn_selection_counts(engine->dataplane, &one, &counts))
		return 0;
	events = events_of(counts);
	free(counts);
	return events;
}

/* Names the functions in use that the change removes, the first of them, into @text. */
static size_t name_removed(struct xfn_change *change, char *text, size_t size)
{
	struct xfn_engine *engine = change->engine;
	const struct xfn_model_function *function;
	char label[XFN_LABEL_BYTES];
	size_t i, at = 0, count = 0;

	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		if (xfn_model_function(change->next, function->spec->tenant,
				       function->spec->name) ||
		    !is_in_use(engine, function))
			continue;
		if (count++ < NAMES_SAID)
			at += (size_t)snprintf(text + at, size - at, "%s'%s' (%llu)",
					       count > 1 ? ", " : "",
					       xfn_function_label(function->spec, label),
					       count_events(engine, function));
	}
	if (count > NAMES_SAID)
		snprintf(text + at, size - at, " and %zu more", count - NAMES_SAID);
	return count;
}

#define NAMES_BYTES ((NAMES_SAID + 1) * (XFN_LABEL_BYTES + 40))

int xfn_removal_guard(struct xfn_change *change)
{
	char names[NAMES_BYTES];
	int err;
	size_t count;

	if (!change->actor || change->actor->yes)
		return 0;
	err = look(change->engine);
	if (err)
		return err;
	count = name_removed(change, names, sizeof(names));
	if (!count)
		return 0;
	change->consent = "--yes";
	return xfn_change_refuse(change, -EBUSY, 409, "functions_in_use",
				 "%zu function%s that handled events within the last hour would be "
				 "removed: %s; --yes removes %s",
				 count, count == 1 ? "" : "s", names, count == 1 ? "it" : "them");
}

void xfn_removal_warn(struct xfn_change *change, json_t *warnings)
{
	char names[NAMES_BYTES], text[NAMES_BYTES + 160];
	size_t count;

	if (look(change->engine))
		return;
	count = name_removed(change, names, sizeof(names));
	if (!count)
		return;
	snprintf(text, sizeof(text),
		 "%zu function%s that handled events within the last hour would be removed: %s: "
		 "apply wants --yes",
		 count, count == 1 ? "" : "s", names);
	json_array_append_new(warnings, json_string(text));
}
