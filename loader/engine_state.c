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
	char **made; /* texts that were made to be written */
	size_t count, made_count;
};

static void files_fini(struct files *files)
{
	while (files->made_count)
		free(files->made[--files->made_count]);
	free(files->made);
	free(files->list);
	free(files->names);
}

static int files_init(struct files *files, const struct xfn_model *model)
{
	size_t most = 2 * model->set_count + 2 * model->function_count + 2, i, j;

	for (i = 0; i < model->set_count; i++) {
		most += model->sets[i]->written->csv_count;
		for (j = 0; j < model->sets[i]->edit_count; j++)
			most += !!model->sets[i]->edits[j]->spec.csv;
	}

	files->list = calloc(most, sizeof(*files->list));
	files->names = calloc(most, sizeof(*files->names));
	files->made = calloc(model->set_count + 1, sizeof(*files->made));
	return files->list && files->names && files->made ? 0 : -ENOMEM;
}

/* @sum: of the bytes; 0 where it is not known. */
static void add_file(struct files *files, const char *name, const void *data, size_t size,
		     __u64 sum)
{
	snprintf(files->names[files->count], FILE_NAME_BYTES, "%s", name);
	files->list[files->count] = (struct xfn_revision_file){
		.name = files->names[files->count], .data = data, .size = size, .sum = sum};
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
	add_file(files, name, version->object, version->object_bytes, version->sum);
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

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o}",
			 "tenant", spec->tenant, "name", spec->name, "set",
			 function->set->manifest->set, "slot", (json_int_t)function->slot,
			 "identity", (json_int_t)function->identity, "owner",
			 (json_int_t)function->owner, "histogram", (json_int_t)function->histogram,
			 "next_version", (json_int_t)function->next_version, "program_version",
			 (json_int_t)function->program_version, "by_hand", function->by_hand,
			 "version", version_json(function->version, spec, files), "draining",
			 version_json(function->draining, spec, files), "retired",
			 retired_json(&function->retired));
}

/* The files that the manifest names: [{"path","file"}]. */
static json_t *csvs_json(const struct xfn_set *set, struct files *files)
{
	const struct xfn_written *written = set->written;
	json_t *list = json_array();
	char name[FILE_NAME_BYTES];
	size_t i;

	for (i = 0; i < written->csv_count; i++) {
		snprintf(name, sizeof(name), "sets/%s.%zu.csv", set->manifest->set, i);
		add_file(files, name, written->csvs[i].data, written->csvs[i].size,
			 written->csvs[i].sum);
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "path", written->csvs[i].path, "file", name));
	}
	return list;
}

static void edit_csv_name(char *name, const struct xfn_edit *edit, const char *set)
{
	snprintf(name, FILE_NAME_BYTES, "sets/%s.edit-%llu.csv", set, edit->spec.time_ns);
}

/* The edits, a line each, and their CSVs in files of their own. 0 or -ENOMEM. */
static int add_edits(const struct xfn_set *set, struct files *files)
{
	char name[FILE_NAME_BYTES], *text = NULL;
	const struct xfn_edit *edit;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	for (i = 0; i < set->edit_count; i++) {
		edit = set->edits[i];
		fprintf(out, "%s\n", edit->line);
		edit_csv_name(name, edit, set->manifest->set);
		if (edit->spec.csv)
			add_file(files, name, edit->spec.csv, edit->spec.csv_bytes, edit->csv_sum);
	}
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	files->made[files->made_count++] = text;
	snprintf(name, sizeof(name), "sets/%s.edits", set->manifest->set);
	add_file(files, name, text, size, 0);
	return 0;
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
		add_file(files, name, set->written->text.data, set->written->text.size,
			 set->written->text.sum);
		if ((set->edit_count && add_edits(set, files)) ||
		    json_array_append_new(sets,
					  json_pack("{s:s, s:s, s:s*, s:s, s:o, s:I}", "name",
						    set->manifest->set, "path", set->manifest->file,
						    "folder", set->written->folder, "file", name,
						    "csvs", csvs_json(set, files), "edits",
						    (json_int_t)set->edit_count))) {
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
	if (!json_object_set_new(json, "next",
				 json_pack("{s:s, s:I, s:s}", "path", attachment->next, "id",
					   (json_int_t)attachment->next_id, "tag",
					   xfn_tag_print(attachment->next_tag, tag))))
		return json;
	json_decref(json);
	return NULL;
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
	const char *attach_type = change->engine->dataplane->capacity.attach_type ? "xdp" : "none";
	char now[32];

	format_time(now, sizeof(now));
	return json_pack("{s:I, s:s, s:I, s:s, s:I, s:s, s:o, s:o, s:o}", "revision",
			 (json_int_t)model->revision, "time", now, "uid",
			 (json_int_t)(actor ? actor->uid : 0), "command",
			 actor && actor->command ? actor->command : "", "next_identity",
			 (json_int_t)model->next_identity, "attach_type", attach_type,
			 "attachments", attachments_json(model), "sets", sets_json(model, files),
			 "functions", functions_json(model, files));
}

/* A revision without its switch would start everything again. 0 or -ENOMEM. */
static int add_off(json_t *meta, const struct xfn_edit *off)
{
	if (!off)
		return 0;
	return json_object_set_new(meta, "off", json_loads(off->line, 0, NULL)) ? -ENOMEM : 0;
}

int xfn_state_write(const struct xfn_change *change, const json_t *record)
{
	struct files files = {};
	json_t *meta = NULL;
	char *text = json_dumps(record, JSON_INDENT(2));
	int err = text ? files_init(&files, change->next) : -ENOMEM;

	if (!err) {
		add_file(&files, XFN_RECORD_FILE, text, strlen(text), 0);
		meta = meta_json(change, &files);
		err = meta ? add_off(meta, change->next->off) : -ENOMEM;
	}
	if (!err)
		err = xfn_revision_write(change->engine->options.state_dir, change->next->revision,
					 meta, files.list, files.count,
					 change->engine->model->revision);
	json_decref(meta);
	free(text);
	files_fini(&files);
	return err;
}
