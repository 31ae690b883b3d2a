/* SPDX-License-Identifier: BSD-2-Clause */
/* plan and apply: from a manifest to the next model. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_apply.h"
#include "engine_bounds.h"
#include "engine_guard.h"
#include "engine_keeper.h"
#include "journal.h"
#include "netlink.h"
#include "units.h"

#define DEFAULTS_SHOWN 40

/* ---- the manifest --------------------------------------------------------------------------------- */

static struct xfn_written_source source_of(const struct xfn_upload *upload)
{
	return (struct xfn_written_source){upload->name, upload->data, upload->size};
}

static int read_text(struct xfn_apply *apply, const struct xfn_written_source *text)
{
	struct xfn_engine *engine = apply->change.engine;
	struct xfn_written *written;
	int err = xfn_written_new(text, apply->request->folder, &apply->change.diags, &written);

	if (err)
		return err;
	xfn_written_put(engine->parsed);
	engine->parsed = written;
	return 0;
}

/* What the request lacks is asked for at once, before anything is decided. */
static int need_files(struct xfn_apply *apply, const struct xfn_manifest *parsed)
{
	const struct xfn_function_spec *function;
	size_t i;
	int err = 0;

	for (i = 0; i < parsed->function_count && !err; i++) {
		function = &parsed->functions[i];
		if (function->triggers_from)
			err = xfn_apply_need(apply, function->triggers_from);
		if (!err && function->delivery == XFN_DELIVER_KERNEL)
			err = xfn_apply_need(apply, function->kernel.object);
	}
	return err;
}

/* A client sends a manifest twice where objects are needed: it is parsed once. */
static int parse(struct xfn_apply *apply)
{
	struct xfn_engine *engine = apply->change.engine;
	const struct xfn_apply_request *request = apply->request;
	const struct xfn_written_source text = source_of(&request->manifest);
	struct xfn_written_source *files = calloc(request->object_count + 1, sizeof(*files));
	size_t i;
	int err = 0;

	if (!files)
		return -ENOMEM;
	for (i = 0; i < request->object_count; i++)
		files[i] = source_of(&request->objects[i]);
	if (!engine->parsed || !xfn_written_is(engine->parsed, &text, request->folder) ||
	    !xfn_written_has(engine->parsed, files, request->object_count))
		err = read_text(apply, &text);
	if (!err)
		err = need_files(apply, engine->parsed->parsed);
	if (!err && !engine->parsed->manifest && !json_object_size(apply->missing))
		err = xfn_written_load(engine->parsed, files, request->object_count,
				       &apply->change.diags);
	free(files);
	if (err == -EINVAL)
		apply->change.code = "invalid_manifest";
	if (err)
		return err;
	apply->written = xfn_written_get(engine->parsed);
	return 0;
}

void xfn_apply_diagnose(struct xfn_apply *apply, const struct xfn_function_spec *spec,
			const char *value, const char *expected, const char *text)
{
	struct xfn_diag_info info = {
		.file = apply->written->text.path,
		.line = spec->line,
		.column = spec->column,
		.value = value,
		.expected = expected,
	};

	xfn_diag_add(&apply->change.diags, &info, "%s", text);
}

void xfn_apply_warn(struct xfn_apply *apply, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(apply->warnings, json_string(text));
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

/* The same for a number that no key gave. */
static void add_count(json_t *defaults, const struct xfn_function_spec *spec, __u32 given,
		      const char *key, __u64 count)
{
	char text[32];

	if (!(spec->given & given))
		add_default(defaults, spec, key, xfn_count_print(count, text, sizeof(text)));
}

static void add_limit_defaults(json_t *defaults, const struct xfn_function_spec *spec)
{
	const struct xfn_source_limit_spec *source = &spec->limit.per_source;

	if (spec->limit.rate.count)
		add_count(defaults, spec, XFN_GIVEN_BURST, "limit.burst", spec->limit.burst);
	if (spec->given & XFN_GIVEN_LIMIT && !(spec->given & XFN_GIVEN_EXCESS))
		add_default(defaults, spec, "limit.excess", xfn_excess_label(spec->limit.excess));
	if (!(spec->given & XFN_GIVEN_PER_SOURCE))
		return;
	add_count(defaults, spec, XFN_GIVEN_SOURCE_BURST, "limit.per_source.burst", source->burst);
	add_count(defaults, spec, XFN_GIVEN_PREFIX4, "limit.per_source.prefix4", source->prefix4);
	add_count(defaults, spec, XFN_GIVEN_PREFIX6, "limit.per_source.prefix6", source->prefix6);
	add_count(defaults, spec, XFN_GIVEN_ENTRIES, "limit.per_source.entries", source->entries);
}

/* What a program gets whose manifest does not say. */
static void add_program_defaults(json_t *defaults, const struct xfn_function_spec *spec)
{
	char text[32];

	if (xfn_has_program(spec) && !spec->exec.directory)
		add_default(defaults, spec,
			    spec->delivery == XFN_DELIVER_XSK ? "xsk.directory"
							      : "socket.directory",
			    "/");
	if (xfn_has_program(spec) && !(spec->given & XFN_GIVEN_SCALE))
		add_default(defaults, spec, "scale.min", "1");
	if (spec->delivery == XFN_DELIVER_XSK && !spec->xsk.one_way &&
	    !(spec->given & XFN_GIVEN_DEADLINE))
		add_default(defaults, spec, "latency.deadline",
			    xfn_duration_print(spec->latency.deadline_ns, text, sizeof(text)));
}

/* Defaults that took effect, of what the manifest's functions left out. */
static json_t *defaults_json(const struct xfn_manifest *manifest)
{
	json_t *defaults = json_array();
	const struct xfn_function_spec *spec;
	size_t i;

	for (i = 0; i < manifest->function_count; i++) {
		spec = &manifest->functions[i];
		add_limit_defaults(defaults, spec);
		if (spec->delivery == XFN_DELIVER_KERNEL)
			add_count(defaults, spec, XFN_GIVEN_SAMPLE, "latency.sample",
				  spec->latency.sample);
		if (xfn_has_process(spec))
			add_program_defaults(defaults, spec);
	}
	return defaults;
}

static void add_warnings(struct xfn_apply *apply, const struct xfn_ruleset *ruleset)
{
	const struct xfn_model *next = apply->change.next;
	struct xfn_link link;
	size_t i;

	xfn_change_forecast(&apply->change, apply->warnings);
	xfn_change_warn_uplinks(&apply->change, apply->warnings);
	xfn_apply_warn_ports(apply);
	xfn_bounds_warn(&apply->change, apply->warnings);
	if (ruleset && ruleset->waiting_count)
		xfn_apply_warn(apply, "%u trigger%s for an interface that is not attached",
			       ruleset->waiting_count,
			       ruleset->waiting_count == 1 ? " waits" : "s wait");
	if (next->off)
		xfn_apply_warn(apply, "every function is switched off, and stays so: xfn on");
	xfn_model_warn_vlans(next, apply->warnings);
	for (i = 0; i < next->attachment_count; i++)
		if (xfn_link_find(next->attachments[i].name, &link) == -ENODEV)
			xfn_apply_warn(
				apply,
				"interface '%s' is not there: it is attached when it appears",
				next->attachments[i].name);
	for (i = 0; i < next->attachment_count; i++)
		if (!next->attachments[i].set[0])
			xfn_apply_warn(apply,
				       "interface '%s' was attached by command and is not in the "
				       "manifest: "
				       "it stays",
				       next->attachments[i].name);
	xfn_apply_warn_amplifiers(apply);
}

static int reply_needed(struct xfn_apply *apply, struct xfn_reply *reply)
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

static json_t *answer(struct xfn_apply *apply, json_t *changes)
{
	const struct xfn_manifest *manifest = apply->set->manifest;

	return json_pack("{s:s, s:I, s:O, s:O, s:O, s:o, s:b}", "set", manifest->set, "revision",
			 (json_int_t)(apply->change.engine->model->revision), "changes", changes,
			 "by_hand", apply->by_hand, "warnings", apply->warnings, "defaults",
			 defaults_json(manifest), "valid", 1);
}

/* ---- plan and apply ------------------------------------------------------------------------------------ */

static int build(struct xfn_apply *apply)
{
	int err = xfn_change_keep_sets(&apply->change, apply->set->manifest->set);

	if (!err)
		err = xfn_model_add_set(apply->change.next, apply->set);
	if (!err)
		err = xfn_apply_attachments(apply);
	err = err ?: xfn_apply_functions(apply);
	return err ?: xfn_keeping_check_model(apply->change.next, &apply->change.diags);
}

static int plan(struct xfn_apply *apply)
{
	struct xfn_ruleset *ruleset = NULL;
	int err = xfn_change_compile(&apply->change, &ruleset);

	add_warnings(apply, ruleset);
	if (!err)
		err = xfn_sessions_look(&apply->change, ruleset) == -ENOMEM ? -ENOMEM : 0;
	xfn_sessions_warn(&apply->change, apply->warnings);
	xfn_removal_warn(&apply->change, apply->warnings);
	xfn_pending_warn(&apply->change, apply->warnings);
	xfn_ruleset_free(ruleset);
	return err;
}

static void say_applied(struct xfn_apply *apply, size_t changes)
{
	struct xfn_engine *engine = apply->change.engine;

	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "apply"},
			"set '%s' is live as revision %llu: %zu change%s",
			apply->set->manifest->set, engine->model->revision, changes,
			changes == 1 ? "" : "s");
}

static int commit(struct xfn_apply *apply, json_t *changes)
{
	int err;

	add_warnings(apply, NULL);
	if (!json_array_size(changes) && xfn_apply_is_live(apply))
		return 0;
	err = xfn_change_commit(&apply->change);
	if (err)
		return err;
	xfn_sessions_warn(&apply->change, apply->warnings);
	say_applied(apply, json_array_size(changes));
	return 0;
}

static int run(struct xfn_apply *apply, struct xfn_reply *reply)
{
	bool dry = apply->request->dry;
	json_t *changes = NULL, *body, *log;
	struct xfn_capacity capacity;
	int err = parse(apply);

	if (!err && json_object_size(apply->missing))
		return reply_needed(apply, reply);
	if (!err)
		err = xfn_apply_capacity(apply, &capacity);
	if (!err)
		err = xfn_change_init(&apply->change, apply->change.engine, apply->change.actor,
				      &capacity);
	apply->change.dry = dry;
	if (!err)
		err = xfn_apply_decide(apply);
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
	json_decref(changes);
	if (!dry && body && json_object_set_new(body, "applied", json_true())) {
		json_decref(body);
		return -ENOMEM; /* it is live all the same: whoever asked is told where to look */
	}
	return xfn_reply_json(reply, body);
}

static int plan_or_apply(struct xfn_engine *engine, const struct xfn_apply_request *request,
			 const struct xfn_actor *actor, struct xfn_reply *reply)
{
	struct xfn_apply apply = {.request = request, .change = {.engine = engine, .actor = actor}};
	__u32 attach_type = engine->dataplane->capacity.attach_type;
	int err = -ENOMEM;

	apply.missing = json_object();
	apply.warnings = json_array();
	apply.by_hand = json_array();
	if (apply.missing && apply.warnings && apply.by_hand)
		err = run(&apply, reply);
	json_decref(apply.missing);
	json_decref(apply.warnings);
	json_decref(apply.by_hand);
	free(apply.log);
	xfn_change_fini(&apply.change);
	xfn_set_put(apply.set);
	xfn_written_put(apply.written);
	if (err || reply->http_status != 200)
		xfn_engine_restore_attach_type(engine, attach_type);
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
