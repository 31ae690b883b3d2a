/* SPDX-License-Identifier: BSD-2-Clause */
/* plan and apply: from a manifest to the next model. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_load.h"
#include "engine_private.h"
#include "journal.h"
#include "units.h"

#define DEFAULTS_SHOWN 40

struct apply {
	struct xfn_change change;
	const struct xfn_apply_request *request;
	struct xfn_set *set; /* the one being applied */
	json_t *missing;     /* objects that the request lacks: {PATH:null}, each once */
	char *log;           /* what the verifier said of the first object it refused, or NULL */
	json_t *warnings;
};

/* ---- the manifest --------------------------------------------------------------------------------- */

static bool is_parsed(const struct xfn_set *set, const struct xfn_upload *upload)
{
	return set && set->text_bytes == upload->size &&
	       !strcmp(set->manifest->file, upload->name) &&
	       !memcmp(set->text, upload->data, upload->size);
}

/* A client sends a manifest twice where objects are needed: it is parsed once. */
static int parse(struct apply *apply)
{
	struct xfn_engine *engine = apply->change.engine;
	const struct xfn_upload *upload = &apply->request->manifest;
	struct xfn_manifest *manifest = NULL;
	struct xfn_set *set;
	char *text;
	int err;

	if (!is_parsed(engine->parsed, upload)) {
		err = xfn_manifest_parse(upload->name, upload->data, upload->size,
					 &apply->change.diags, &manifest);
		if (err) {
			apply->change.code = "invalid_manifest";
			return err;
		}
		text = strndup(upload->data, upload->size);
		set = text ? xfn_set_new(text, upload->size, manifest) : NULL;
		if (!set) {
			free(text);
			xfn_manifest_free(manifest);
			return -ENOMEM;
		}
		xfn_set_put(engine->parsed);
		engine->parsed = set;
	}
	apply->set = xfn_set_get(engine->parsed);
	return 0;
}

static void diagnose(struct apply *apply, const struct xfn_function_spec *spec, const char *value,
		     const char *expected, const char *text)
{
	struct xfn_diag_info info = {
		.file = apply->set->manifest->file,
		.line = spec->line,
		.column = spec->column,
		.value = value,
		.expected = expected,
	};

	xfn_diag_add(&apply->change.diags, &info, "%s", text);
}

/* ---- functions --------------------------------------------------------------------------------------- */

static const struct xfn_upload *find_object(const struct apply *apply, const char *name)
{
	size_t i;

	for (i = 0; i < apply->request->object_count; i++)
		if (!strcmp(apply->request->objects[i].name, name))
			return &apply->request->objects[i];
	return NULL;
}

static bool version_is(const struct xfn_version *version, const struct xfn_upload *object,
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
static void keep_log(struct apply *apply)
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

static int load_object(struct apply *apply, struct xfn_model_function *function,
		       const struct xfn_upload *object)
{
	const struct xfn_function_spec *spec = function->spec;
	int err = xfn_change_load(&apply->change, function, object, spec->kernel.program);

	if (err == -ENOMEM || !apply->change.fault.text[0])
		return err;
	keep_log(apply);
	diagnose(apply, spec, object->name, NULL, apply->change.fault.text);
	apply->change.fault.text[0] = '\0';
	apply->change.code = "handler_refused";
	return 0; /* go on: there may be more mistakes to tell */
}

static void warn(struct apply *apply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(struct apply *apply, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(apply->warnings, json_string(text));
}

/* A version that came by command stays, goes, or asks; a plan says which. */
static int decide_by_hand(struct apply *apply, const struct xfn_model_function *function,
			  bool *keep)
{
	const struct xfn_apply_request *request = apply->request;
	char label[XFN_LABEL_BYTES];
	const char *name = xfn_function_label(function->spec, label);

	*keep = request->keep;
	if (request->dry && !request->keep && !request->overwrite)
		warn(apply,
		     "function '%s' runs v%u, which came by command: apply wants --keep or "
		     "--overwrite",
		     name, function->version->number);
	if (request->keep || request->overwrite || request->dry)
		return 0;
	return xfn_change_refuse(&apply->change, -EEXIST, 409, "changed_by_hand",
				 "function '%s' runs v%u, which came by command: apply --keep "
				 "leaves it, --overwrite loads the manifest's object",
				 name, function->version->number);
}

static int settle_handler(struct apply *apply, struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_upload *object = find_object(apply, spec->kernel.object);
	bool keep = false;
	int err;

	if (!object)
		return json_object_set_new(apply->missing, spec->kernel.object, json_null())
			       ? -ENOMEM
			       : 0;
	if (version_is(function->version, object, spec->kernel.program)) {
		function->by_hand = false;
		return 0;
	}
	if (function->by_hand) {
		err = decide_by_hand(apply, function, &keep);
		if (err || keep)
			return err;
	}
	function->by_hand = false;
	return load_object(apply, function, object);
}

static int settle_function(struct apply *apply, const struct xfn_function_spec *spec)
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
		diagnose(apply, spec, spec->name, "a name of no other set", text);
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
	return 0;
}

static int settle_functions(struct apply *apply)
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

static int settle_attachment(struct apply *apply, const struct xfn_attach_spec *spec)
{
	struct xfn_attachment attachment = {.generic = spec->mode == XFN_ATTACH_GENERIC};
	const struct xfn_attachment *old;

	snprintf(attachment.name, sizeof(attachment.name), "%s", spec->interface);
	snprintf(attachment.set, sizeof(attachment.set), "%s", apply->set->manifest->set);
	old = xfn_model_attachment(apply->change.engine->model, attachment.name);
	if (old && old->generic != attachment.generic)
		return xfn_change_refuse(&apply->change, -EBUSY, 409, "attached",
					 "interface '%s' is attached in %s mode, expected %s: "
					 "xfn detach %s first",
					 old->name, old->generic ? "generic" : "native",
					 xfn_attach_mode_label(spec->mode), old->name);
	if (xfn_model_attachment(apply->change.next, attachment.name))
		return 0; /* by command, or another set's: it stays theirs */
	return xfn_model_add_attachment(apply->change.next, &attachment);
}

/* An interface that this set lets go, and another set wants too, becomes the other's. */
static int hand_over(struct apply *apply, const struct xfn_manifest *other)
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

static int settle_attachments(struct apply *apply)
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

static struct xfn_capacity wanted_capacity(const struct apply *apply)
{
	const struct xfn_capacity_spec *spec = &apply->set->manifest->capacity;
	const struct xfn_capacity *have = &apply->change.engine->dataplane->capacity;

	return xfn_capacity_of(spec->triggers > have->triggers ? spec->triggers : have->triggers,
			       spec->functions > have->functions ? spec->functions
								 : have->functions);
}

/*
 * An empty data plane is made anew with more room, which a plan only reckons with; one in use is not,
 * and says so.
 */
static int settle_capacity(struct apply *apply, struct xfn_capacity *capacity)
{
	const struct xfn_capacity_spec *spec = &apply->set->manifest->capacity;
	const struct xfn_capacity *have = &apply->change.engine->dataplane->capacity;
	struct xfn_capacity wanted;

	*capacity = *have;
	if (spec->triggers <= have->triggers && spec->functions <= have->functions)
		return 0;
	wanted = wanted_capacity(apply);
	if (xfn_engine_is_empty(apply->change.engine)) {
		*capacity = wanted;
		return apply->request->dry ? 0
					   : xfn_engine_grow(apply->change.engine, capacity,
							     &apply->change.fault);
	}
	return xfn_change_refuse(
		&apply->change, -ENOSPC, 422, "over_capacity",
		"with the manifest there has to be room for %u triggers and %u functions, "
		"the data plane in use has room for %u and %u: detach all interfaces "
		"and apply an empty manifest first, or xfnd --reset",
		wanted.triggers, wanted.functions, have->triggers, have->functions);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static void add_default(json_t *defaults, const struct xfn_function_spec *spec, const char *key,
			const char *value)
{
	char label[XFN_LABEL_BYTES];

	if (json_array_size(defaults) < DEFAULTS_SHOWN)
		json_array_append_new(defaults, json_pack("{s:s, s:s, s:s}", "function",
							  xfn_function_label(spec, label), "key",
							  key, "value", value));
}

/* Defaults that took effect, of what the manifest's functions left out. */
static json_t *defaults_json(const struct xfn_manifest *manifest)
{
	json_t *defaults = json_array();
	const struct xfn_function_spec *spec;
	char text[32];
	size_t i;

	for (i = 0; i < manifest->function_count; i++) {
		spec = &manifest->functions[i];
		if (spec->given & XFN_GIVEN_LIMIT && !(spec->given & XFN_GIVEN_BURST) &&
		    spec->limit.rate.count)
			add_default(defaults, spec, "limit.burst",
				    xfn_count_print(spec->limit.burst, text, sizeof(text)));
		if (spec->given & XFN_GIVEN_LIMIT && !(spec->given & XFN_GIVEN_EXCESS))
			add_default(defaults, spec, "limit.excess",
				    xfn_excess_label(spec->limit.excess));
		if (spec->delivery == XFN_DELIVER_KERNEL && !(spec->given & XFN_GIVEN_SAMPLE))
			add_default(defaults, spec, "latency.sample",
				    xfn_count_print(spec->latency.sample, text, sizeof(text)));
	}
	return defaults;
}

static void add_warnings(struct apply *apply, const struct xfn_ruleset *ruleset)
{
	const struct xfn_model *next = apply->change.next;
	size_t i;

	if (ruleset && ruleset->waiting_count)
		warn(apply, "%u trigger%s for an interface that is not attached",
		     ruleset->waiting_count, ruleset->waiting_count == 1 ? " waits" : "s wait");
	for (i = 0; i < next->attachment_count; i++)
		if (!next->attachments[i].set[0])
			warn(apply,
			     "interface '%s' was attached by command and is not in the manifest: "
			     "it stays",
			     next->attachments[i].name);
}

static int reply_needed(struct apply *apply, struct xfn_reply *reply)
{
	size_t count = json_object_size(apply->missing);
	json_t *paths = json_array(), *value;
	const char *path;
	int err = xfn_reply_error(reply, 428, "objects_needed", NULL,
				  "the manifest names %zu object%s: send %s along", count,
				  count == 1 ? "" : "s", count == 1 ? "it" : "them");

	json_object_foreach (apply->missing, path, value)
		if (json_array_append_new(paths, json_string(path)))
			err = -ENOMEM;
	if (!err)
		return xfn_reply_error_set(reply, "objects", paths);
	json_decref(paths);
	return err;
}

static json_t *answer(struct apply *apply, json_t *changes)
{
	const struct xfn_manifest *manifest = apply->set->manifest;

	return json_pack("{s:s, s:I, s:O, s:O, s:o, s:b}", "set", manifest->set, "revision",
			 (json_int_t)(apply->change.engine->model->revision), "changes", changes,
			 "warnings", apply->warnings, "defaults", defaults_json(manifest), "valid",
			 1);
}

/* ---- plan and apply ------------------------------------------------------------------------------------ */

static int build(struct apply *apply)
{
	int err = xfn_change_keep_sets(&apply->change, apply->set->manifest->set);

	if (!err)
		err = xfn_model_add_set(apply->change.next, apply->set);
	if (!err)
		err = settle_attachments(apply);
	return err ?: settle_functions(apply);
}

static int plan(struct apply *apply)
{
	struct xfn_ruleset *ruleset = NULL;
	int err = xfn_change_compile(&apply->change, &ruleset);

	add_warnings(apply, ruleset);
	xfn_ruleset_free(ruleset);
	return err;
}

static void say_applied(struct apply *apply, size_t changes)
{
	struct xfn_engine *engine = apply->change.engine;

	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "apply"},
			"set '%s' is live as revision %llu: %zu change%s",
			apply->set->manifest->set, engine->model->revision, changes,
			changes == 1 ? "" : "s");
}

static int commit(struct apply *apply, json_t *changes)
{
	struct xfn_engine *engine = apply->change.engine;
	int err;

	add_warnings(apply, NULL);
	if (!json_array_size(changes) && xfn_model_set(engine->model, apply->set->manifest->set))
		return 0;
	err = xfn_change_commit(&apply->change);
	if (!err)
		say_applied(apply, json_array_size(changes));
	return err;
}

static int run(struct apply *apply, struct xfn_reply *reply)
{
	bool dry = apply->request->dry;
	json_t *changes = NULL, *body, *log;
	struct xfn_capacity capacity;
	int err = parse(apply);

	if (!err)
		err = settle_capacity(apply, &capacity);
	if (!err)
		err = xfn_change_init(&apply->change, apply->change.engine, apply->change.actor,
				      &capacity);
	if (!err)
		err = build(apply);
	if (json_object_size(apply->missing))
		return reply_needed(apply, reply);
	if (!err) {
		changes = xfn_model_diff(apply->change.engine->model, apply->change.next,
					 apply->set->manifest->set);
		err = changes ? 0 : -ENOMEM;
	}
	if (!err)
		err = dry ? plan(apply) : commit(apply, changes);
	if (err) {
		json_decref(changes);
		err = xfn_change_reply(&apply->change, err, dry ? "plan" : "apply", reply);
		log = apply->log ? json_string(apply->log) : NULL; /* NULL, too, if it is no text */
		return !err && log ? xfn_reply_error_set(reply, "log", log) : err;
	}
	body = answer(apply, changes);
	if (!dry && body)
		json_object_set_new(body, "applied", json_true());
	json_decref(changes);
	return xfn_reply_json(reply, body);
}

static int plan_or_apply(struct xfn_engine *engine, const struct xfn_apply_request *request,
			 const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct apply apply = {.request = request, .change = {.engine = engine, .actor = actor}};
	int err = -ENOMEM;

	apply.missing = json_object();
	apply.warnings = json_array();
	if (apply.missing && apply.warnings)
		err = run(&apply, reply);
	json_decref(apply.missing);
	json_decref(apply.warnings);
	free(apply.log);
	xfn_change_fini(&apply.change);
	xfn_set_put(apply.set);
	return err;
}

int xfn_engine_plan(struct xfn_engine *engine, const struct xfn_apply_request *request,
		    const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_apply_request dry = *request;

	dry.dry = true;
	return plan_or_apply(engine, &dry, actor, reply);
}

int xfn_engine_apply(struct xfn_engine *engine, const struct xfn_apply_request *request,
		     const struct xfn_actor *actor, struct xfn_reply *reply)
{
	return plan_or_apply(engine, request, actor, reply);
}
