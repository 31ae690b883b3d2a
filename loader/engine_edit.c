/* SPDX-License-Identifier: BSD-2-Clause */
/* trigger, limit, off and on of a function: one edit of its set, on the way that every change takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine_guard.h"
#include "engine_read.h"
#include "journal.h"
#include "units.h"

/* ---- an edit in a change ------------------------------------------------------------------------------ */

static int refuse_many(struct xfn_change *change, const char *set)
{
	return xfn_change_refuse(
		change, -EDQUOT, 409, "too_many_edits",
		"set '%s' has as many changes by command as are kept, %d or %lu "
		"bytes of triggers: write them down with 'xfn show --manifest --set "
		"%s' and apply that",
		set, XFN_EDITS_MAX, XFN_EDITS_BYTES_MAX, set);
}

static int refuse_long(struct xfn_change *change, size_t bytes)
{
	return xfn_change_refuse(change, -EINVAL, 422, "too_long",
				 "its text has %zu bytes, expected at most %d; many triggers come "
				 "from a file: --from FILE.csv",
				 bytes, XFN_EDIT_TEXT_MAX);
}

static int refuse_edit(struct xfn_change *change, const struct xfn_set *set, int err)
{
	if (err == -EDQUOT)
		return refuse_many(change, set->manifest->set);
	if (err == -E2BIG)
		return xfn_change_refuse(change, err, 422, "over_capacity",
					 "set '%s' would have more triggers or prefixes than a "
					 "manifest may have",
					 set->manifest->set);
	if (err == -EEXIST)
		change->code = "trigger_exists";
	else if (err == -ENOENT)
		change->code = "no_such_trigger";
	change->status = err == -EEXIST ? 409 : err == -ENOENT ? 404 : 422;
	return err;
}

/* Two edits of one set have two times: files are named by them. */
static __u64 time_of(const struct xfn_set *set)
{
	struct timespec now;
	__u64 time_ns, last;

	clock_gettime(CLOCK_REALTIME, &now);
	time_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	last = set->edit_count ? set->edits[set->edit_count - 1]->spec.time_ns : 0;
	return time_ns > last ? time_ns : last + 1;
}

int xfn_change_edit(struct xfn_change *change, const struct xfn_set *set,
		    struct xfn_edit_spec *spec)
{
	struct xfn_set *next = NULL;
	struct xfn_edit *edit;
	int err;

	if (spec->text && strlen(spec->text) > XFN_EDIT_TEXT_MAX)
		return refuse_long(change, strlen(spec->text));
	spec->uid = change->actor->uid;
	spec->command = change->actor->command;
	spec->time_ns = time_of(set);
	edit = xfn_edit_new(spec);
	if (!edit)
		return -ENOMEM;
	err = xfn_set_edit(set, edit, &change->diags, &next);
	xfn_edit_put(edit);
	if (err)
		return err == -EALREADY || err == -ENOMEM ? err : refuse_edit(change, set, err);
	err = xfn_change_replace_set(change, set, next);
	xfn_set_put(next);
	return err;
}

/* ---- a change that is an edit ------------------------------------------------------------------------- */

struct outcome {
	bool changed;     /* something was to be done */
	json_t *warnings; /* a reference of the caller's, on success */
};

static bool is_switch(const struct xfn_edit_spec *spec)
{
	return spec->kind == XFN_EDIT_ON || spec->kind == XFN_EDIT_OFF;
}

/*
 * Makes the edit live. Returns 0 and the outcome, or 1: refused, the reply is filled; or -errno.
 * @what: completes "cannot ...".
 */
static int make_live(struct xfn_engine *engine, const struct xfn_model_function *live,
		     struct xfn_edit_spec *spec, const char *what, const struct xfn_actor *actor,
		     struct xfn_reply *reply, struct outcome *outcome)
{
	char who[2 * XFN_NAME_MAX + 2], words[XFN_EDIT_WORDS_BYTES];
	struct xfn_edit said = {.spec = *spec};
	struct xfn_change change;
	int err;

	spec->tenant = live->spec->tenant;
	spec->function = live->spec->name;
	snprintf(who, sizeof(who), "%s/%s", spec->tenant, spec->function);
	err = xfn_change_init(&change, engine, actor, NULL);
	change.yields = spec->kind == XFN_EDIT_OFF && !spec->drop;
	change.beside = is_switch(spec) && xfn_change_goes_beside(&change);
	if (!err)
		err = xfn_change_edit(&change, live->set, spec);
	if (!err)
		err = xfn_change_keep_attachments(&change, NULL);
	if (!err)
		err = is_switch(spec) ? xfn_change_commit_switch(&change, spec)
				      : xfn_change_commit(&change);
	outcome->changed = !err;
	if (err == -EALREADY)
		err = 0;
	else if (err)
		err = xfn_change_reply(&change, err, what, reply) ?: 1;
	if (!err)
		outcome->warnings = xfn_sessions_warnings(&change);
	if (outcome->changed)
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = xfn_edit_label(spec->kind),
							    .function = who},
				"%s: revision %llu", xfn_edit_print(&said, words),
				engine->model->revision);
	xfn_change_fini(&change);
	return err;
}

/* ---- trigger ------------------------------------------------------------------------------------------ */

static __u32 count_triggers(struct xfn_engine *engine, const char *name)
{
	const struct xfn_model_function *function = xfn_model_function_named(engine->model, name);

	return function ? function->spec->trigger_count : 0;
}

int xfn_engine_trigger(struct xfn_engine *engine, const struct xfn_trigger_request *request,
		       const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_edit_spec spec = {
		.kind = request->remove ? XFN_EDIT_TRIGGER_RM : XFN_EDIT_TRIGGER_ADD,
		.text = request->text,
	};
	const char *what = request->remove ? "remove the trigger" : "add the trigger";
	struct xfn_selection selection;
	__u32 before, after;
	struct outcome outcome;
	int err = xfn_selection_find(engine, request->function, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	if (request->csv) {
		spec.path = request->csv->name;
		spec.csv = request->csv->data;
		spec.csv_bytes = request->csv->size;
		what = request->remove ? "remove the triggers" : "add the triggers";
	}
	before = selection.functions->spec->trigger_count;
	err = make_live(engine, selection.functions, &spec, what, actor, reply, &outcome);
	if (err)
		return err > 0 ? 0 : err;
	after = count_triggers(engine, request->function);
	return xfn_reply_json(
		reply, json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "function", request->function,
				 request->remove ? "removed" : "added",
				 (json_int_t)(request->remove ? before - after : after - before),
				 "triggers", (json_int_t)after, "revision",
				 (json_int_t)engine->model->revision, "changed", outcome.changed,
				 "warnings", outcome.warnings));
}

/* ---- limit -------------------------------------------------------------------------------------------- */

int xfn_engine_limit(struct xfn_engine *engine, const char *function, const char *limit,
		     const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_edit_spec spec = {.kind = XFN_EDIT_LIMIT, .text = limit};
	const struct xfn_model_function *live;
	struct xfn_selection selection;
	json_t *now;
	struct outcome outcome;
	int err = xfn_selection_find(engine, function, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	err = make_live(engine, selection.functions, &spec, "set the limit", actor, reply,
			&outcome);
	if (err)
		return err > 0 ? 0 : err;
	live = xfn_model_function_named(engine->model, function);
	now = live ? xfn_limit_json(live->spec) : NULL;
	return xfn_reply_json(reply,
			      json_pack("{s:s, s:o, s:I, s:b, s:o}", "function", function, "limit",
					now, "revision", (json_int_t)engine->model->revision,
					"changed", outcome.changed, "warnings", outcome.warnings));
}

/* ---- off and on of one function ----------------------------------------------------------------------- */

static int refuse_zero(const char *function, struct xfn_reply *reply)
{
	char hint[XFN_LABEL_BYTES + 32];
	int err = xfn_reply_error(reply, 409, "limit_is_zero", NULL,
				  "cannot switch '%s' on: it is on, and its limit is 0", function);

	snprintf(hint, sizeof(hint), "xfn limit %s none", function);
	return err ?: xfn_reply_error_set(reply, "hint", json_string(hint));
}

static const char *off_label(const struct xfn_function_spec *spec)
{
	if (spec->enabled)
		return NULL;
	return spec->disabled_drops ? "drop" : "pass";
}

static int switch_one(struct xfn_engine *engine, const char *function, bool on, bool drop,
		      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_edit_spec spec = {.kind = on ? XFN_EDIT_ON : XFN_EDIT_OFF, .drop = drop};
	const struct xfn_model_function *live;
	struct xfn_selection selection;
	struct outcome outcome;
	int err = xfn_selection_find(engine, function, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	live = selection.functions;
	if (on && live->spec->enabled && xfn_has_rate(live->spec) && !live->spec->limit.rate.count)
		return refuse_zero(function, reply);
	err = make_live(engine, live, &spec, on ? "switch it on" : "switch it off", actor, reply,
			&outcome);
	if (err)
		return err > 0 ? 0 : err;
	live = xfn_model_function_named(engine->model, function);
	return xfn_reply_json(reply, json_pack("{s:s, s:s?, s:I, s:b, s:b, s:o}", "function",
					       function, "off", live ? off_label(live->spec) : NULL,
					       "revision", (json_int_t)engine->model->revision,
					       "changed", outcome.changed, "all_off",
					       !!engine->model->off, "warnings", outcome.warnings));
}

int xfn_engine_switch(struct xfn_engine *engine, const char *function, bool on, bool drop,
		      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	if (function)
		return switch_one(engine, function, on, drop, actor, reply);
	return xfn_engine_switch_all(engine, on, drop, actor, reply);
}
