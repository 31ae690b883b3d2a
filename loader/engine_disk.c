/* SPDX-License-Identifier: BSD-2-Clause */
/* A model from a revision on disk, as engine_state.c wrote it or a version of before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_load.h"
#include "engine_private.h"
#include "next.h"
#include "revision.h"

#define FILE_NAME_BYTES 256

struct reader {
	const char *state_dir;
	__u64 revision;
	struct xfn_model *model;
	struct xfn_fault *fault;
};

static json_int_t number_of(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

/* A file of the revision. 0, -ENOENT or -EBADMSG, -ENOMEM. */
static int read_file(const struct reader *reader, const char *name, void **data, size_t *size)
{
	return xfn_revision_read_file(reader->state_dir, reader->revision, name, data, size);
}

static int say_mistake(const struct reader *reader, const char *file, struct xfn_diag_list *diags,
		       int err)
{
	if (diags->count)
		xfn_fault_set(reader->fault, "%s:%u: %s", file, diags->items[0].line,
			      diags->items[0].message);
	xfn_diag_list_fini(diags);
	return err;
}

/* The files that a manifest names; none in revisions of before. */
static int read_csvs(const struct reader *reader, const json_t *json, struct xfn_written *written)
{
	const json_t *list = json_object_get(json, "csvs"), *csv;
	size_t count = json_array_size(list), i;
	struct xfn_written_source *sources = calloc(count + 1, sizeof(*sources));
	struct xfn_diag_list diags = {};
	const char *file;
	int err = sources ? 0 : -ENOMEM;

	for (i = 0; i < count && !err; i++) {
		csv = json_array_get(list, i);
		sources[i].path = json_string_value(json_object_get(csv, "path"));
		file = json_string_value(json_object_get(csv, "file"));
		err = sources[i].path && file
			      ? read_file(reader, file, (void **)&sources[i].data, &sources[i].size)
			      : -EBADMSG;
	}
	if (!err && !written->manifest)
		err = say_mistake(reader, written->text.path, &diags,
				  xfn_written_load(written, sources, count, &diags));
	for (i = 0; sources && i < count; i++)
		free((void *)sources[i].data);
	free(sources);
	return err;
}

static int read_written(const struct reader *reader, const json_t *json, struct xfn_written **ret)
{
	const char *path = json_string_value(json_object_get(json, "path"));
	const char *file = json_string_value(json_object_get(json, "file"));
	/* Not there in revisions of before, whose manifests had no paths that it is needed for. */
	const char *folder = json_string_value(json_object_get(json, "folder"));
	struct xfn_written_source source = {.path = path};
	struct xfn_diag_list diags = {};
	void *text = NULL;
	int err;

	if (!path || !file || (folder && *folder != '/'))
		return -EBADMSG;
	err = read_file(reader, file, &text, &source.size);
	if (err)
		return err;
	source.data = text;
	err = say_mistake(reader, file, &diags, xfn_written_new(&source, folder, &diags, ret));
	free(text);
	if (err)
		return err;
	err = read_csvs(reader, json, *ret);
	if (err)
		xfn_written_put(*ret);
	return err;
}

/* One line of a set's edits, whose CSV, if it has one, lies beside. */
static int read_edit(const struct reader *reader, const char *set, const char *line, size_t length,
		     struct xfn_edit **ret)
{
	json_t *json = json_loadb(line, length, 0, NULL);
	char name[FILE_NAME_BYTES];
	void *csv = NULL;
	size_t size = 0;
	int err = json ? 0 : -EBADMSG;

	if (!err && json_object_get(json, "path")) {
		snprintf(name, sizeof(name), "sets/%s.edit-%llu.csv", set,
			 (__u64)number_of(json, "time_ns"));
		err = read_file(reader, name, &csv, &size);
	}
	if (!err)
		err = xfn_edit_read(json, csv, size, ret);
	free(csv);
	json_decref(json);
	return err;
}

static int read_lines(const struct reader *reader, const char *set, const char *text,
		      struct xfn_edit **edits, size_t count)
{
	const char *end;
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++, text = end + 1) {
		end = strchr(text, '\n');
		err = end ? read_edit(reader, set, text, end - text, &edits[i]) : -EBADMSG;
	}
	return err;
}

/* The set as it was live: what was written, with its edits. */
static int read_edits(const struct reader *reader, const json_t *json, struct xfn_written *written,
		      struct xfn_set **ret)
{
	json_int_t count = number_of(json, "edits");
	struct xfn_edit **edits;
	char name[FILE_NAME_BYTES];
	void *text = NULL;
	size_t size;
	json_int_t i;
	int err = count < 0 || count > XFN_EDITS_KEPT_MAX ? -EBADMSG : 0;

	if (!count || err)
		return err ?: xfn_set_new(written, NULL, 0, NULL, ret);
	edits = calloc(count, sizeof(*edits));
	if (!edits)
		return -ENOMEM;
	snprintf(name, sizeof(name), "sets/%s.edits", written->manifest->set);
	err = read_file(reader, name, &text, &size);
	if (!err)
		err = read_lines(reader, written->manifest->set, text, edits, count);
	if (!err)
		err = xfn_set_new(written, edits, count, NULL, ret);
	for (i = 0; i < count; i++)
		xfn_edit_put(edits[i]);
	free(edits);
	free(text);
	return err;
}

static int read_set(const struct reader *reader, const json_t *json)
{
	struct xfn_written *written;
	struct xfn_set *set;
	int err = read_written(reader, json, &written);

	if (err)
		return err;
	err = read_edits(reader, json, written, &set);
	xfn_written_put(written);
	if (err)
		return err;
	err = xfn_model_add_set(reader->model, set);
	xfn_set_put(set);
	return err;
}

/* Everything was switched off. */
static int read_off(const struct reader *reader, const json_t *meta)
{
	const json_t *json = json_object_get(meta, "off");
	struct xfn_edit *off;
	int err = json ? xfn_edit_read(json, NULL, 0, &off) : 0;

	if (err)
		xfn_fault_set(reader->fault, "meta.json: 'off' is not as expected");
	if (!json || err)
		return err;
	xfn_model_set_off(reader->model, off);
	xfn_edit_put(off);
	return 0;
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
	retired->reply_bytes = number_of(json, "reply_bytes");
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
	function.owner = (uid_t)number_of(json, "owner");
	function.histogram =
		json_object_get(json, "histogram")
			? (__u32)number_of(json, "histogram")
			: XFN_HISTOGRAM_NONE; /* of a revision of before there were any */
	function.next_version = number_of(json, "next_version");
	function.program_version = number_of(json, "program_version");
	if (!function.program_version && xfn_has_process(function.spec))
		function.program_version =
			function.next_version++; /* of a revision of before there were any */
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

/* Whether a member is there and says that. */
static bool says(const json_t *json, const char *key, const char *text)
{
	const char *said = json_string_value(json_object_get(json, key));

	return said && !strcmp(said, text);
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
		reader.model->no_attach_type = says(meta, "attach_type", "none");
		err = read_each(&reader, meta, "attachments", read_attachment) ?:
		      read_each(&reader, meta, "sets", read_set) ?:
		      read_each(&reader, meta, "functions", read_function) ?:
		      read_off(&reader, meta);
	}
	json_decref(meta);
	if (err) {
		xfn_model_free(reader.model);
		return err;
	}
	*ret = reader.model;
	return 0;
}
