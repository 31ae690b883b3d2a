/* SPDX-License-Identifier: BSD-2-Clause */
/* A change: the next model, made from the live one. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "dataplane_load.h"
#include "engine_guard.h"
#include "errnum.h"
#include "exec.h"
#include "handler.h"

#define XFN_SLOT_NONE XFN_HISTOGRAM_NONE

/* ---- slots ---------------------------------------------------------------------------------------- */

static int slots_init(struct xfn_slots *slots, __u32 count)
{
	slots->used = calloc(count, sizeof(*slots->used));
	slots->count = count;
	return slots->used ? 0 : -ENOMEM;
}

static void slots_mark_version(struct xfn_change *change, const struct xfn_version *version)
{
	if (!version)
		return;
	change->versions.used[version->slot] = true;
	if (version->histogram != XFN_HISTOGRAM_NONE)
		change->histograms.used[version->histogram] = true;
}

/* What is pending may be taken back: the slots that it would need again are not free. */
static void slots_mark_model(struct xfn_change *change, const struct xfn_model *model)
{
	size_t i;

	for (i = 0; model && i < model->function_count; i++) {
		change->functions.used[model->functions[i].slot] = true;
		slots_mark_version(change, model->functions[i].version);
		slots_mark_version(change, model->functions[i].draining);
		if (model->functions[i].histogram != XFN_HISTOGRAM_NONE)
			change->histograms.used[model->functions[i].histogram] = true;
	}
}

static int init_slots(struct xfn_change *change)
{
	const struct xfn_capacity *capacity = &change->capacity;
	int err;

	err = slots_init(&change->functions, capacity->functions) ?:
	      slots_init(&change->versions, capacity->versions) ?:
	      slots_init(&change->histograms, capacity->histograms);
	if (err)
		return err;
	slots_mark_model(change, change->engine->model);
	slots_mark_model(change, change->engine->pending.before);
	return 0;
}

/* Takes a free slot; XFN_SLOT_NONE where all are taken. */
static __u32 take_slot(struct xfn_slots *slots)
{
	__u32 tried, slot;

	for (tried = 0; tried < slots->count; tried++) {
		slot = (slots->last + tried) % slots->count;
		if (slots->used[slot])
			continue;
		slots->used[slot] = true;
		slots->last = slot;
		return slot;
	}
	return XFN_SLOT_NONE;
}

/* ---- beginning and ending ------------------------------------------------------------------------- */

int xfn_change_init(struct xfn_change *change, struct xfn_engine *engine,
		    const struct xfn_actor *actor, const struct xfn_capacity *capacity)
{
	int err;

	memset(change, 0, sizeof(*change));
	xfn_diag_list_init(&change->diags);
	change->engine = engine;
	change->actor = actor;
	change->capacity = capacity ? *capacity : engine->dataplane->capacity;
	/* From here on nobody uses the slots that the live model does not name. */
	err = xfn_dataplane_idle(engine->dataplane);
	if (err < 0)
		return err;
	change->next = xfn_model_new();
	if (!change->next)
		return -ENOMEM;
	change->next->revision = engine->model->revision;
	change->next->next_identity = engine->model->next_identity;
	xfn_model_set_off(change->next, engine->model->off);
	return init_slots(change) ?: xfn_pending_parse(change);
}

void xfn_change_fini(struct xfn_change *change)
{
	xfn_diag_list_fini(&change->diags);
	xfn_model_free(change->next);
	change->next = NULL;
	free(change->functions.used);
	free(change->versions.used);
	free(change->histograms.used);
	json_decref(change->sessions);
	change->sessions = NULL;
}

/* ---- keeping ------------------------------------------------------------------------------------ */

int xfn_change_keep_sets(struct xfn_change *change, const char *except)
{
	const struct xfn_model *live = change->engine->model;
	const struct xfn_model_function *function;
	size_t i;
	int err = 0;

	for (i = 0; i < live->set_count && !err; i++)
		if (!except || strcmp(live->sets[i]->manifest->set, except))
			err = xfn_model_add_set(change->next, live->sets[i]);
	for (i = 0; i < live->function_count && !err; i++) {
		function = &live->functions[i];
		if (!except || strcmp(function->set->manifest->set, except))
			err = xfn_change_keep_function(change, function, NULL, NULL);
	}
	return err;
}

int xfn_change_add_set(struct xfn_change *change, const struct xfn_set *old, struct xfn_set *next)
{
	const struct xfn_model *live = change->engine->model;
	const struct xfn_model_function *function;
	const struct xfn_function_spec *spec;
	size_t i;
	int err = xfn_model_add_set(change->next, next);

	for (i = 0; i < live->function_count && !err; i++) {
		function = &live->functions[i];
		if (function->set != old)
			continue;
		spec = &next->manifest->functions[function->spec - old->manifest->functions];
		err = xfn_change_keep_function(change, function, next, spec);
	}
	return err;
}

int xfn_change_replace_set(struct xfn_change *change, const struct xfn_set *old,
			   struct xfn_set *next)
{
	const struct xfn_model *live = change->engine->model;
	size_t i;
	int err = 0;

	for (i = 0; i < live->set_count && !err; i++)
		err = xfn_change_add_set(change, live->sets[i],
					 live->sets[i] == old ? next : live->sets[i]);
	return err;
}

int xfn_change_keep_attachments(struct xfn_change *change, const char *except)
{
	const struct xfn_model *live = change->engine->model;
	size_t i;
	int err = 0;

	for (i = 0; i < live->attachment_count && !err; i++)
		if (!except || strcmp(live->attachments[i].set, except))
			err = xfn_model_add_attachment(change->next, &live->attachments[i]);
	return err;
}

/* Adds to @retired what a quiet version slot has counted. */
static int fold(const struct xfn_dataplane *dataplane, __u32 slot, struct xfn_retired *retired)
{
	struct xfn_version_counts *counts = calloc(dataplane->cpus, sizeof(*counts));
	unsigned cpu, outcome;
	int err = 0;

	if (!counts)
		return -ENOMEM;
	if (bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_OUTCOMES], &slot, counts))
		err = xfn_errno();
	for (cpu = 0; cpu < dataplane->cpus && !err; cpu++) {
		retired->invocations += counts[cpu].invocations;
		retired->reply_bytes += counts[cpu].reply_bytes;
		for (outcome = 0; outcome < XFN_OUTCOME_COUNT; outcome++)
			retired->outcomes[outcome] += counts[cpu].outcomes[outcome];
	}
	free(counts);
	return err;
}

/* Without a free one it is not measured. */
static void settle_histogram(struct xfn_change *change, struct xfn_model_function *function)
{
	if (function->spec->delivery != XFN_DELIVER_XSK)
		function->histogram = XFN_HISTOGRAM_NONE;
	else if (function->histogram == XFN_HISTOGRAM_NONE)
		function->histogram = take_slot(&change->histograms);
}

/* Another program is another version; numbers are given once, whatever has them. */
static void settle_program(struct xfn_model_function *function)
{
	function->program_version = xfn_has_process(function->spec) ? function->next_version++ : 0;
}

int xfn_change_keep_function(struct xfn_change *change, const struct xfn_model_function *function,
			     struct xfn_set *set, const struct xfn_function_spec *spec)
{
	struct xfn_model_function kept = *function;
	int err;

	if (set)
		kept.set = set;
	if (spec)
		kept.spec = spec;
	/* Whoever changes what runs is whom it runs as. */
	if (spec && xfn_exec_hash(kept.set->manifest, spec) !=
			    xfn_exec_hash(function->set->manifest, function->spec)) {
		kept.owner = change->actor ? change->actor->uid : 0;
		settle_program(&kept);
	}
	settle_histogram(change, &kept);
	if (kept.draining && !change->beside) {
		err = fold(change->engine->dataplane, kept.draining->slot, &kept.retired);
		if (err)
			return err;
		kept.draining = NULL;
	}
	return xfn_model_add_function(change->next, &kept);
}

/* ---- adding ----------------------------------------------------------------------------------------- */

int xfn_change_add_function(struct xfn_change *change, struct xfn_set *set,
			    const struct xfn_function_spec *spec)
{
	struct xfn_model_function function = {
		.set = set, .spec = spec, .next_version = 1, .histogram = XFN_HISTOGRAM_NONE};

	function.slot = take_slot(&change->functions);
	if (function.slot == XFN_SLOT_NONE)
		return xfn_change_refuse(change, -EINVAL, 422, "over_capacity",
					 "function '%s': there is room for %u functions, expected "
					 "capacity: {functions: N} to ask for more",
					 spec->name, change->capacity.functions);
	function.identity = ++change->next->next_identity;
	function.owner = change->actor ? change->actor->uid : 0;
	settle_histogram(change, &function);
	settle_program(&function);
	return xfn_model_add_function(change->next, &function);
}

/* ---- versions ------------------------------------------------------------------------------------- */

static struct xfn_version *new_version(struct xfn_change *change,
				       const struct xfn_model_function *function,
				       const struct xfn_upload *object, const char *program)
{
	struct xfn_version *version = xfn_version_new(object->data, object->size, program);

	if (!version)
		return NULL;
	version->number = function->next_version;
	version->slot = take_slot(&change->versions);
	version->histogram = take_slot(&change->histograms);
	version->loaded_ns = xfn_clock_ns(CLOCK_REALTIME);
	return version;
}

int xfn_change_load(struct xfn_change *change, struct xfn_model_function *function,
		    const struct xfn_upload *object, const char *program)
{
	struct xfn_version *version = new_version(change, function, object, program);
	struct xfn_handler_request request = {
		.tenant = function->spec->tenant,
		.name = function->spec->name,
		.path = object->name,
		.object = object->data,
		.object_bytes = object->size,
		.program = program,
		.inherited = &change->inherited,
	};

	if (!version)
		return -ENOMEM;
	if (version->slot == XFN_SLOT_NONE) {
		xfn_version_put(version);
		return xfn_change_refuse(change, -EINVAL, 422, "over_capacity",
					 "no slot is free for a version of '%s'",
					 function->spec->name);
	}
	change->inherited.count = 0;
	request.version_slot = version->slot;
	request.histogram_slot = version->histogram;
	version->program_fd = xfn_handler_load(change->engine->dataplane, &request, &change->fault);
	if (version->program_fd < 0) {
		int err = version->program_fd;

		version->program_fd = -1;
		xfn_version_put(version);
		return err;
	}
	xfn_version_put(function->draining);
	function->draining = function->version;
	function->version = version;
	function->next_version++;
	return 0;
}

/* ---- refusing ------------------------------------------------------------------------------------- */

int xfn_change_refuse(struct xfn_change *change, int err, int status, const char *code,
		      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(change->fault.text, sizeof(change->fault.text), format, args);
	va_end(args);
	change->status = status;
	change->code = code;
	return err;
}

#define COMMAND_CUT 1023 /* so long, it may be cut, and is none to type again */

/* The command line again, with the option that lets it pass: nothing to say where none does. */
static int suggest(const struct xfn_change *change, struct xfn_reply *reply)
{
	const char *command = change->actor ? change->actor->command : NULL;
	char text[1200];

	if (!change->consent || !command || !*command || strlen(command) >= COMMAND_CUT)
		return 0;
	snprintf(text, sizeof(text), "%s %s", command, change->consent);
	return xfn_reply_error_set(reply, "hint", json_string(text));
}

static int reply_fault(struct xfn_change *change, const char *what, struct xfn_reply *reply)
{
	int err = xfn_reply_error(reply, change->status ?: 422, change->code ?: "refused", NULL,
				  "cannot %s: %s", what, change->fault.text);

	if (!err && change->session_count)
		err = xfn_reply_error_set(reply, "sessions", json_incref(change->sessions));
	return err ?: suggest(change, reply);
}

int xfn_change_reply(struct xfn_change *change, int err, const char *what, struct xfn_reply *reply)
{
	const struct xfn_diag_list *diags = &change->diags;

	if (diags->count)
		return xfn_reply_error(reply, change->status ?: 422, change->code ?: "refused",
				       diags, "cannot %s: %u mistake%s", what,
				       diags->count + diags->more,
				       diags->count + diags->more == 1 ? "" : "s");
	if (change->fault.text[0])
		return reply_fault(change, what, reply);
	if (err == -ENOMEM)
		return err;
	return xfn_reply_error(reply, 500, "failed", NULL, "cannot %s: %s", what, strerror(-err));
}
