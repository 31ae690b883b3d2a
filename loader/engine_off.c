/* SPDX-License-Identifier: BSD-2-Clause */
/* off and on of everything; and what was switched in the kernel while xfnd was dead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_guard.h"
#include "engine_read.h"
#include "journal.h"

enum xfn_off xfn_off_of(const struct xfn_edit *off)
{
	if (!off)
		return XFN_OFF_NONE;
	return off->spec.drop ? XFN_OFF_DROP : XFN_OFF_PASS;
}

const char *xfn_off_label(const struct xfn_edit *off)
{
	if (!off)
		return NULL;
	return off->spec.drop ? "drop" : "pass";
}

/* ---- everything --------------------------------------------------------------------------------------- */

/* Switches all in the next model. */
static int set_all(struct xfn_change *change, enum xfn_off off)
{
	struct xfn_edit_spec spec = {
		.kind = XFN_EDIT_OFF,
		.drop = off == XFN_OFF_DROP,
		.uid = change->actor->uid,
		.command = change->actor->command,
	};
	struct xfn_edit *edit = off == XFN_OFF_NONE ? NULL : xfn_edit_new(&spec);

	if (off != XFN_OFF_NONE && !edit)
		return -ENOMEM;
	xfn_model_set_off(change->next, edit);
	xfn_edit_put(edit);
	return 0;
}

static void say_switched(struct xfn_engine *engine, const char *how)
{
	const struct xfn_edit *off = engine->model->off;

	xfn_journal_add(
		engine->options.journal, &(struct xfn_journal_event){.type = off ? "off" : "on"},
		"every function is switched %s%s%s: revision %llu", off ? "off" : "on",
		off && off->spec.drop ? ", packets are dropped" : "", how, engine->model->revision);
}

/* @change: what was made live; NULL: it was so already. */
static int answer(struct xfn_engine *engine, const struct xfn_change *change,
		  struct xfn_reply *reply)
{
	json_t *warnings = json_array();

	if (warnings && change)
		xfn_sessions_warn(change, warnings);
	return xfn_reply_json(reply,
			      json_pack("{s:n, s:s?, s:I, s:b, s:b, s:o}", "function", "off",
					xfn_off_label(engine->model->off), "revision",
					(json_int_t)engine->model->revision, "changed", !!change,
					"all_off", !!engine->model->off, "warnings", warnings));
}

int xfn_engine_switch_all(struct xfn_engine *engine, bool on, bool drop,
			  const struct xfn_actor *actor, struct xfn_reply *reply)
{
	enum xfn_off off = on ? XFN_OFF_NONE : drop ? XFN_OFF_DROP : XFN_OFF_PASS;
	struct xfn_change change;
	int err;

	if (xfn_off_of(engine->model->off) == off)
		return answer(engine, NULL, reply);
	err = xfn_change_init(&change, engine, actor, NULL);
	change.yields = off == XFN_OFF_PASS;
	change.beside = xfn_change_goes_beside(&change);
	if (!err)
		err = set_all(&change, off);
	if (!err)
		err = xfn_change_keep_sets(&change, NULL)
			      ?: xfn_change_keep_attachments(&change, NULL);
	if (!err)
		err = xfn_change_commit_switch(&change, &(struct xfn_edit_spec){});
	if (err) {
		err = xfn_change_reply(&change, err, on ? "switch on" : "switch off", reply);
	} else {
		say_switched(engine, "");
		err = answer(engine, &change, reply);
	}
	xfn_change_fini(&change);
	return err;
}

/* ---- switched with xfnd dead -------------------------------------------------------------------------- */

#define SWITCHES (XFN_FUNCTION_DISABLED | XFN_FUNCTION_OFF_DROP)

/* The edit that makes @function what the kernel says; false: it is. */
static bool find_switch(const struct xfn_engine *engine, const struct xfn_model_function *function,
			struct xfn_edit_spec *ret)
{
	const struct xfn_function *line = &engine->dataplane->functions[function->slot];
	unsigned generation = XFN_LIVE_GENERATION(
		__atomic_load_n(&engine->dataplane->rules.control->live, __ATOMIC_RELAXED));
	__u64 is = line->config[generation].limit;
	__u64 was = xfn_function_config_of(function).limit;

	if (line->identity != function->identity || !((is ^ was) & SWITCHES))
		return false;
	*ret = (struct xfn_edit_spec){
		.kind = is & XFN_FUNCTION_DISABLED ? XFN_EDIT_OFF : XFN_EDIT_ON,
		.tenant = function->spec->tenant,
		.function = function->spec->name,
		.drop = is & XFN_FUNCTION_OFF_DROP,
	};
	return true;
}

/* The set with the switches of its functions; NULL where none was turned. */
static int adopt_set(const struct xfn_engine *engine, struct xfn_set *set,
		     const struct xfn_actor *actor, struct xfn_set **ret)
{
	const struct xfn_model *live = engine->model;
	struct xfn_set *now = xfn_set_get(set), *next;
	struct xfn_diag_list diags = {};
	struct xfn_edit_spec spec;
	struct xfn_edit *edit;
	size_t i;
	int err = 0;

	for (i = 0; i < live->function_count && !err; i++) {
		if (live->functions[i].set != set ||
		    !find_switch(engine, &live->functions[i], &spec))
			continue;
		spec.uid = actor->uid;
		spec.command = actor->command;
		edit = xfn_edit_new(&spec);
		err = edit ? xfn_set_edit(now, edit, &diags, &next) : -ENOMEM;
		xfn_edit_put(edit);
		if (err) {
			err = err == -EALREADY ? 0 : err;
			continue;
		}
		xfn_set_put(now);
		now = next;
		xfn_journal_add(engine->options.journal,
				&(struct xfn_journal_event){.type = xfn_edit_label(spec.kind),
							    .function = spec.function},
				"was switched %s while xfnd was not running",
				spec.kind == XFN_EDIT_OFF ? "off" : "on");
	}
	xfn_diag_list_fini(&diags);
	*ret = now;
	return err;
}

static bool is_switched(const struct xfn_engine *engine)
{
	struct xfn_edit_spec spec;
	size_t i;

	if (xfn_dataplane_off(engine->dataplane) != xfn_off_of(engine->model->off))
		return true;
	for (i = 0; i < engine->model->function_count; i++)
		if (find_switch(engine, &engine->model->functions[i], &spec))
			return true;
	return false;
}

/* The next model: all sets with what was switched in them. */
static int adopt_sets(struct xfn_change *change)
{
	const struct xfn_engine *engine = change->engine;
	const struct xfn_model *live = engine->model;
	struct xfn_set *next;
	size_t i;
	int err = 0;

	for (i = 0; i < live->set_count && !err; i++) {
		err = adopt_set(engine, live->sets[i], change->actor, &next);
		if (!err)
			err = xfn_change_add_set(change, live->sets[i], next);
		xfn_set_put(next);
	}
	return err;
}

static void say_not_adopted(const struct xfn_change *change, const char *what, int err)
{
	xfn_journal_add(change->engine->options.journal,
			&(struct xfn_journal_event){.type = "error"},
			"cannot %s what was switched while xfnd was not running: %s", what,
			change->fault.text[0] ? change->fault.text : strerror(-err));
}

/* What was switched of single functions, in what is gone back to; engine->model is as it was yet. */
static void switch_before(struct xfn_engine *engine)
{
	struct xfn_edit_spec spec;
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (find_switch(engine, &engine->model->functions[i], &spec))
			xfn_pending_switch(engine, &spec);
}

/*
 * No revision could be written, be it that one is pending or that the disk is full: what the kernel says
 * holds all the same, and the next start finds it there again. Nor does going back from what is pending
 * undo it.
 */
static void take_over(struct xfn_change *change, int err)
{
	struct xfn_engine *engine = change->engine;
	struct xfn_edit *off = change->next->off;

	say_not_adopted(change, "write down", err);
	switch_before(engine);
	if (engine->pending.before && xfn_off_of(off) != xfn_off_of(engine->model->off))
		xfn_model_set_off(engine->pending.before, off);
	engine->pending.switched = engine->pending.revision;
	change->next->revision = engine->model->revision;
	xfn_model_free(engine->model);
	engine->model = change->next;
	change->next = NULL;
}

int xfn_engine_adopt_switches(struct xfn_engine *engine)
{
	/* It is so already: there is nothing to guard. */
	const struct xfn_actor actor = {
		.command = "xfn off or on --direct", .yes = true, .force = true};
	enum xfn_off off = xfn_dataplane_off(engine->dataplane);
	struct xfn_change change;
	int err;

	/* Maps that were just made say nothing yet: what is on disk is right. */
	if (xfn_dataplane_revision(engine->dataplane) != engine->model->revision ||
	    !is_switched(engine))
		return 0;
	err = xfn_change_init(&change, engine, &actor, NULL);
	change.beside = xfn_change_goes_beside(&change);
	if (!err && off != xfn_off_of(engine->model->off))
		err = set_all(&change, off);
	if (!err)
		err = adopt_sets(&change) ?: xfn_change_keep_attachments(&change, NULL);
	if (err) {
		say_not_adopted(&change, "take over", err);
		xfn_change_fini(&change);
		return err;
	}
	err = xfn_change_commit(&change);
	if (err)
		take_over(&change, err);
	else if (off != XFN_OFF_NONE)
		say_switched(engine, ", while xfnd was not running");
	xfn_change_fini(&change);
	return 0;
}
