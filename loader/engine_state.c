/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model as a revision on disk: meta.json says which function has which slots; sets/NAME.yaml are
 * the manifests, objects/TENANT.NAME.vN.o the handlers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane_load.h"
#include "engine_guard.h"
#include "next.h"
#include "revision.h"

#define FILE_NAME_BYTES 256

/* ---- writing ------------------------------------------------------------------------------------------ */

struct files {
	struct xfn_revision_file *list;
	char (*names)[FILE_NAME_BYTES];
	size_t count;
};

static void files_fini(struct files *files)
{
	free(files->list);
	free(files->names);
}

static int files_init(struct files *files, const struct xfn_model *model)
{
	size_t most = model->set_count + 2 * model->function_count + 2;

	files->list = calloc(most, sizeof(*files->list));
	files->names = calloc(most, sizeof(*files->names));
	return files->list && files->names ? 0 : -ENOMEM;
}

static void add_file(struct files *files, const char *name, const void *data, size_t size)
{
	snprintf(files->names[files->count], FILE_NAME_BYTES, "%s", name);
	files->list[files->count] = (struct xfn_revision_file){
		.name = files->names[files->count], .data = data, .size = size};
	files->count++;
}

static void object_name(char *name, const struct xfn_function_spec *spec, __u32 number)
{
	snprintf(name, FILE_NAME_BYTES, "objects/%s.%s.v%u.o", spec->tenant, spec->name, number);
}

/* NULL becomes JSON's null. */
static json_t *version_json(const struct xfn_version *version, const struct xfn_function_spec *spec,
			    struct files *files)
{
	char name[FILE_NAME_BYTES];

	if (!version)
		return json_null();
	object_name(name, spec, version->number);
	add_file(files, name, version->object, version->object_bytes);
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:s?, s:s}", "number", (json_int_t)version->number, "slot",
		(json_int_t)version->slot, "histogram", (json_int_t)version->histogram, "loaded_ns",
		(json_int_t)version->loaded_ns, "program", version->program, "object", name);
}

static json_t *retired_json(const struct xfn_retired *retired)
{
	json_t *outcomes = json_array();
	int i;

	for (i = 0; i < XFN_OUTCOME_COUNT; i++)
		json_array_append_new(outcomes, json_integer(retired->outcomes[i]));
	return json_pack("{s:I, s:I, s:o}", "invocations", (json_int_t)retired->invocations,
			 "reply_bytes", (json_int_t)retired->reply_bytes, "outcomes", outcomes);
}

static json_t *function_json(const struct xfn_model_function *function, struct files *files)
{
	const struct xfn_function_spec *spec = function->spec;

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "tenant",
			 spec->tenant, "name", spec->name, "set", function->set->manifest->set,
			 "slot", (json_int_t)function->slot, "identity",
			 (json_int_t)function->identity, "next_version",
			 (json_int_t)function->next_version, "by_hand", function->by_hand,
			 "version", version_json(function->version, spec, files), "draining",
			 version_json(function->draining, spec, files), "retired",
			 retired_json(&function->retired));
}

static json_t *sets_json(const struct xfn_model *model, struct files *files)
{
	json_t *sets = json_array();
	const struct xfn_set *set;
	char name[FILE_NAME_BYTES];
	size_t i;

	for (i = 0; i < model->set_count; i++) {
		set = model->sets[i];
		snprintf(name, sizeof(name), "sets/%s.yaml", set->manifest->set);
		add_file(files, name, set->text, set->text_bytes);
		if (json_array_append_new(sets,
					  json_pack("{s:s, s:s, s:s}", "name", set->manifest->set,
						    "path", set->manifest->file, "file", name))) {
			json_decref(sets);
			return NULL;
		}
	}
	return sets;
}

static json_t *functions_json(const struct xfn_model *model, struct files *files)
{
	json_t *functions = json_array();
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (json_array_append_new(functions, function_json(&model->functions[i], files))) {
			json_decref(functions);
			return NULL;
		}
	return functions;
}

static json_t *attachment_json(const struct xfn_attachment *attachment)
{
	json_t *json = json_pack("{s:s, s:b, s:b, s:s}", "interface", attachment->name, "generic",
				 attachment->generic, "coexist", attachment->coexist, "set",
				 attachment->set);
	char tag[XFN_TAG_TEXT];

	if (!json || !attachment->next[0])
		return json;
	json_object_set_new(json, "next",
			    json_pack("{s:s, s:I, s:s}", "path", attachment->next, "id",
				      (json_int_t)attachment->next_id, "tag",
				      xfn_tag_print(attachment->next_tag, tag)));
	return json;
}

static json_t *attachments_json(const struct xfn_model *model)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < model->attachment_count; i++) {
		if (json_array_append_new(list, attachment_json(&model->attachments[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void format_time(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;

	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

/* The model, as later starts and rollbacks read it. */
static json_t *meta_json(const struct xfn_change *change, struct files *files)
{
	const struct xfn_actor *actor = change->actor;
	const struct xfn_model *model = change->next;
	char now[32];

	format_time(now, sizeof(now));
	return json_pack(
		"{s:I, s:s, s:I, s:s, s:I, s:o, s:o, s:o}", "revision", (json_int_t)model->revision,
		"time", now, "uid", (json_int_t)(actor ? actor->uid : 0), "command",
		actor && actor->command ? actor->command : "", "next_identity",
		(json_int_t)model->next_identity, "attachments", attachments_json(model), "sets",
		sets_json(model, files), "functions", functions_json(model, files));
}

int xfn_state_write(const struct xfn_change *change, const json_t *record)
{
	struct files files = {};
	json_t *meta = NULL;
	char *text = json_dumps(record, JSON_INDENT(2));
	int err = text ? files_init(&files, change->next) : -ENOMEM;

	if (!err) {
		add_file(&files, XFN_RECORD_FILE, text, strlen(text));
		meta = meta_json(change, &files);
		err = meta ? xfn_revision_write(change->engine->options.state_dir,
						change->next->revision, meta, files.list,
						files.count, change->engine->model->revision)
			   : -ENOMEM;
	}
	json_decref(meta);
	free(text);
	files_fini(&files);
	return err;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

struct reader {
	const char *state_dir;
	__u64 revision;
	struct xfn_model *model;
	struct xfn_fault *fault;
};

static int read_set(const struct reader *reader, const json_t *json)
{
	const char *path = json_string_value(json_object_get(json, "path"));
	const char *file = json_string_value(json_object_get(json, "file"));
	struct xfn_manifest *manifest = NULL;
	struct xfn_diag_list diags = {};
	struct xfn_set *set;
	void *text = NULL;
	size_t size;
	int err;

	if (!path || !file)
		return -EBADMSG;
	err = xfn_revision_read_file(reader->state_dir, reader->revision, file, &text, &size);
	if (!err)
		err = xfn_manifest_parse(path, text, size, &diags, &manifest);
	if (diags.count)
		xfn_fault_set(reader->fault, "%s:%u: %s", file, diags.items[0].line,
			      diags.items[0].message);
	xfn_diag_list_fini(&diags);
	set = err ? NULL : xfn_set_new(text, size, manifest);
	if (!set) {
		xfn_manifest_free(manifest);
		free(text);
		return err ?: -ENOMEM;
	}
	err = xfn_model_add_set(reader->model, set);
	xfn_set_put(set);
	return err;
}

static json_int_t number_of(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

/* *ret stays NULL where the JSON says null. */
static int read_version(const struct reader *reader, const json_t *json, struct xfn_version **ret)
{
	const char *object = json_string_value(json_object_get(json, "object"));
	const char *program = json_string_value(json_object_get(json, "program"));
	struct xfn_version *version;
	void *data;
	size_t size;
	int err;

	if (json_is_null(json))
		return 0;
	if (!object)
		return -EBADMSG;
	err = xfn_revision_read_file(reader->state_dir, reader->revision, object, &data, &size);
	if (err)
		return err;
	version = xfn_version_new(data, size, program);
	free(data);
	if (!version)
		return -ENOMEM;
	version->number = number_of(json, "number");
	version->slot = number_of(json, "slot");
	version->histogram = number_of(json, "histogram");
	version->loaded_ns = number_of(json, "loaded_ns");
	*ret = version;
	return 0;
}

static const struct xfn_function_spec *find_spec(const struct xfn_set *set, const char *tenant,
						 const char *name)
{
	size_t i;

	for (i = 0; i < set->manifest->function_count; i++)
		if (!strcmp(set->manifest->functions[i].name, name) &&
		    !strcmp(set->manifest->functions[i].tenant, tenant))
			return &set->manifest->functions[i];
	return NULL;
}

static void read_retired(const json_t *json, struct xfn_retired *retired)
{
	const json_t *outcomes = json_object_get(json, "outcomes");
	size_t i;

	retired->invocations = number_of(json, "invocations");
	retired->reply_bytes = json_integer_value(json_object_get(json, "reply_bytes"));
	for (i = 0; i < XFN_OUTCOME_COUNT; i++)
		retired->outcomes[i] = json_integer_value(json_array_get(outcomes, i));
}

static int read_function(const struct reader *reader, const json_t *json)
{
	const char *tenant = json_string_value(json_object_get(json, "tenant"));
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *set = json_string_value(json_object_get(json, "set"));
	struct xfn_model_function function = {};
	int err;

	if (!tenant || !name || !set)
		return -EBADMSG;
	function.set = xfn_model_set(reader->model, set);
	function.spec = function.set ? find_spec(function.set, tenant, name) : NULL;
	if (!function.spec)
		return -EBADMSG;
	function.slot = number_of(json, "slot");
	function.identity = number_of(json, "identity");
	function.next_version = number_of(json, "next_version");
	function.by_hand = json_is_true(json_object_get(json, "by_hand"));
	read_retired(json_object_get(json, "retired"), &function.retired);
	err = read_version(reader, json_object_get(json, "version"), &function.version);
	if (!err)
		err = read_version(reader, json_object_get(json, "draining"), &function.draining);
	if (!err)
		err = xfn_model_add_function(reader->model, &function);
	xfn_version_put(function.version); /* the model has references of its own */
	xfn_version_put(function.draining);
	return err;
}

/* @json: NULL where there is none. */
static int read_next(const json_t *json, struct xfn_attachment *attachment)
{
	const char *path = json_string_value(json_object_get(json, "path"));
	const char *tag = json_string_value(json_object_get(json, "tag"));

	if (!json)
		return 0;
	if (!path || !tag || strlen(path) >= sizeof(attachment->next) ||
	    xfn_tag_parse(tag, attachment->next_tag))
		return -EBADMSG;
	strcpy(attachment->next, path);
	attachment->next_id = number_of(json, "id");
	return 0;
}

static int read_attachment(const struct reader *reader, const json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "interface"));
	const char *set = json_string_value(json_object_get(json, "set"));
	struct xfn_attachment attachment = {};
	int err;

	if (!name || !set || strlen(name) >= sizeof(attachment.name) ||
	    strlen(set) >= sizeof(attachment.set))
		return -EBADMSG;
	strcpy(attachment.name, name);
	strcpy(attachment.set, set);
	attachment.generic = json_is_true(json_object_get(json, "generic"));
	attachment.coexist = json_is_true(json_object_get(json, "coexist"));
	err = read_next(json_object_get(json, "next"), &attachment);
	return err ?: xfn_model_add_attachment(reader->model, &attachment);
}

static int read_each(const struct reader *reader, const json_t *meta, const char *key,
		     int (*read)(const struct reader *, const json_t *))
{
	const json_t *list = json_object_get(meta, key);
	size_t i;
	int err = json_is_array(list) ? 0 : -EBADMSG;

	for (i = 0; i < json_array_size(list) && !err; i++)
		err = read(reader, json_array_get(list, i));
	if (err && !reader->fault->text[0])
		xfn_fault_set(reader->fault, "meta.json: element %zu of '%s' is not as expected", i,
			      key);
	return err;
}

int xfn_state_read(const char *state_dir, __u64 revision, struct xfn_model **ret,
		   struct xfn_fault *fault)
{
	struct reader reader = {state_dir, revision, xfn_model_new(), fault};
	json_t *meta = NULL;
	int err;

	fault->text[0] = '\0';
	if (!reader.model)
		return -ENOMEM;
	err = xfn_revision_read(state_dir, revision, &meta);
	if (!err) {
		reader.model->revision = revision;
		reader.model->next_identity = number_of(meta, "next_identity");
		err = read_each(&reader, meta, "attachments", read_attachment) ?:
		      read_each(&reader, meta, "sets", read_set) ?:
		      read_each(&reader, meta, "functions", read_function);
	}
	json_decref(meta);
	if (err) {
		xfn_model_free(reader.model);
		return err;
	}
	*ret = reader.model;
	return 0;
}
