/* SPDX-License-Identifier: BSD-2-Clause */
/* From a manifest to the next model: its functions with their handlers, its interfaces, its room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_load.h"
#include "engine_apply.h"

/* ---- functions --------------------------------------------------------------------------------------- */

const struct xfn_upload *xfn_apply_file(const struct xfn_apply *apply, const char *name)
{
	size_t i;

	for (i = 0; i < apply->request->object_count; i++)
		if (!strcmp(apply->request->objects[i].name, name))
			return &apply->request->objects[i];
	return NULL;
}

int xfn_apply_need(struct xfn_apply *apply, const char *name)
{
	if (xfn_apply_file(apply, name))
		return 0;
	return json_object_set_new(apply->missing, name, json_null()) ? -ENOMEM : 0;
}

bool xfn_version_is(const struct xfn_version *version, const struct xfn_upload *object,
		    const char *program)
{
	return version && version->object_bytes == object->size &&
	       !memcmp(version->object, object->data, object->size) &&
	       !strcmp(version->program ?: "", program ?: "");
}

/*
 * A fault of several lines is the verifier's: the first line says what, the last one why. These make
 * the mistake; all lines go into the reply beside it, of the first such fault.
 */
static void keep_log(struct xfn_apply *apply)
{
	char *text = apply->change.fault.text, *log = strchr(text, '\n'), *reason;

	if (!log)
		return;
	*log++ = '\0';
	if (!apply->log)
		apply->log = strdup(log);
	while ((reason = strrchr(log, '\n')) && !reason[1])
		*reason = '\0';
	reason = reason ? reason + 1 : log;
	memmove(log - 1, " ", 1);
	memmove(log, reason, strlen(reason) + 1);
}

static int load_object(struct xfn_apply *apply, struct xfn_model_function *function,
		       const struct xfn_upload *object)
{
	const struct xfn_function_spec *spec = function->spec;
	int err = xfn_change_load(&apply->change, function, object, spec->kernel.program);

	if (err == -ENOMEM || !apply->change.fault.text[0])
		return err;
	keep_log(apply);
	xfn_apply_diagnose(apply, spec, object->name, NULL, apply->change.fault.text);
	apply->change.fault.text[0] = '\0';
	apply->change.code = "handler_refused";
	return 0; /* go on: there may be more mistakes to tell */
}

static int settle_handler(struct xfn_apply *apply, struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_upload *object = xfn_apply_file(apply, spec->kernel.object);

	if (!object)
		return xfn_apply_need(apply, spec->kernel.object);
	if (xfn_version_is(function->version, object, spec->kernel.program)) {
		function->by_hand = false;
		return 0;
	}
	if (xfn_apply_keeps_version(apply, function))
		return 0;
	function->by_hand = false;
	return load_object(apply, function, object);
}

static int settle_function(struct xfn_apply *apply, const struct xfn_function_spec *spec)
{
	struct xfn_change *change = &apply->change;
	struct xfn_model_function *function;
	const char *set;
	char text[256];
	int err;

	function = xfn_model_function(change->engine->model, spec->tenant, spec->name);
	set = function ? function->set->manifest->set : NULL;
	if (set && strcmp(set, apply->set->manifest->set)) {
		snprintf(text, sizeof(text), "function '%s' is in set '%s' already", spec->name,
			 set);
		xfn_apply_diagnose(apply, spec, spec->name, "a name of no other set", text);
		return 0;
	}
	err = function ? xfn_change_keep_function(change, function, apply->set, spec)
		       : xfn_change_add_function(change, apply->set, spec);
	if (err)
		return err;
	function = &change->next->functions[change->next->function_count - 1];
	if (spec->delivery == XFN_DELIVER_KERNEL)
		return settle_handler(apply, function);
	xfn_version_put(function->version);
	function->version = NULL;
	function->by_hand = false;
	return xfn_apply_ready(apply, function);
}

int xfn_apply_functions(struct xfn_apply *apply)
{
	const struct xfn_manifest *manifest = apply->set->manifest;
	size_t i;
	int err = 0;

	for (i = 0; i < manifest->function_count && !err; i++)
		err = settle_function(apply, &manifest->functions[i]);
	if (!err && apply->change.diags.count)
		err = -EINVAL;
	return err;
}

/* ---- interfaces --------------------------------------------------------------------------------------- */

static const char *coexist_label(bool coexist)
{
	return coexist ? "beside others (coexist)" : "alone";
}

static int settle_attachment(struct xfn_apply *apply, const struct xfn_attach_spec *spec)
{
	struct xfn_attachment attachment = {.generic = spec->mode == XFN_ATTACH_GENERIC,
					    .coexist = spec->coexist};
	const struct xfn_attachment *old;
	int err;

	snprintf(attachment.name, sizeof(attachment.name), "%s", spec->interface);
	snprintf(attachment.set, sizeof(attachment.set), "%s", apply->set->manifest->set);
	old = xfn_model_attachment(apply->change.engine->model, attachment.name);
	if (old && old->generic != attachment.generic)
		return xfn_change_refuse(&apply->change, -EBUSY, 409, "attached",
					 "interface '%s' is attached in %s mode, expected %s: "
					 "xfn detach %s first",
					 old->name, old->generic ? "generic" : "native",
					 xfn_attach_mode_label(spec->mode), old->name);
	if (old && old->coexist != attachment.coexist)
		return xfn_change_refuse(&apply->change, -EBUSY, 409, "attached",
					 "interface '%s' is attached %s, expected %s: xfn detach "
					 "%s first",
					 old->name, coexist_label(old->coexist),
					 coexist_label(attachment.coexist), old->name);
	if (xfn_model_attachment(apply->change.next, attachment.name))
		return 0; /* by command, or another set's: it stays theirs */
	snprintf(attachment.next, sizeof(attachment.next), "%s", spec->next ?: "");
	if (old && !strcmp(old->next, attachment.next)) { /* the one that runs, or is waited for */
		attachment.next_id = old->next_id;
		memcpy(attachment.next_tag, old->next_tag, sizeof(attachment.next_tag));
	} else {
		err = xfn_change_next(&apply->change, &attachment);
		if (err)
			return err;
	}
	return xfn_model_add_attachment(apply->change.next, &attachment);
}

/* An interface that this set lets go, and another set wants too, becomes the other's. */
static int hand_over(struct xfn_apply *apply, const struct xfn_manifest *other)
{
	const struct xfn_change *change = &apply->change;
	const struct xfn_attachment *old;
	struct xfn_attachment attachment;
	size_t i;
	int err = 0;

	for (i = 0; i < other->attach_count && !err; i++) {
		old = xfn_model_attachment(change->engine->model, other->attach[i].interface);
		if (!old || strcmp(old->set, apply->set->manifest->set) ||
		    xfn_model_attachment(change->next, old->name))
			continue;
		attachment = *old;
		snprintf(attachment.set, sizeof(attachment.set), "%s", other->set);
		err = xfn_model_add_attachment(change->next, &attachment);
	}
	return err;
}

int xfn_apply_attachments(struct xfn_apply *apply)
{
	const struct xfn_manifest *manifest = apply->set->manifest;
	const struct xfn_model *next = apply->change.next;
	size_t i;
	int err = xfn_change_keep_attachments(&apply->change,
					      manifest->has_attach ? manifest->set : NULL);

	for (i = 0; i < manifest->attach_count && !err; i++)
		err = settle_attachment(apply, &manifest->attach[i]);
	for (i = 0; i < next->set_count && !err; i++)
		if (next->sets[i] != apply->set)
			err = hand_over(apply, next->sets[i]->manifest);
	return err;
}

/* ---- capacity ------------------------------------------------------------------------------------------ */

/* The first interface that is particular about it decides; others are checked against that. */
static __u32 wanted_attach_type(const struct xfn_apply *apply)
{
	const struct xfn_manifest *manifest = apply->written->manifest;
	const struct xfn_engine *engine = apply->change.engine;
	__u32 have = engine->dataplane->capacity.attach_type, wanted;
	size_t i;

	for (i = 0; i < manifest->attach_count; i++) {
		wanted = xfn_engine_attach_type(engine, manifest->attach[i].coexist,
						manifest->attach[i].next);
		if (wanted != have)
			return wanted;
	}
	return have;
}

int xfn_apply_capacity(struct xfn_apply *apply, struct xfn_capacity *capacity)
{
	const struct xfn_capacity_spec *spec = &apply->written->manifest->capacity;

	*capacity = xfn_capacity_with(&apply->change.engine->dataplane->capacity, spec->triggers,
				      spec->functions, wanted_attach_type(apply));
	return xfn_change_make_room(&apply->change, capacity, apply->request->dry);
}
