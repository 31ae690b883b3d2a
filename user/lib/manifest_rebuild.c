/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fragment.h"
#include "manifest_rebuild.h"

#define NONE 0xffffffffU

struct rebuild {
	const struct xfn_manifest *from;
	struct xfn_manifest *to;
	size_t trigger_room, prefix_room, key_room;
	__u32 *renamed;        /* a file of from: its number in to, or NONE */
	const char *last_file; /* that was looked up by name */
	__u32 last_number;
};

/* ---- room --------------------------------------------------------------------------------------- */

static void count_trigger(struct rebuild *rebuild, const struct xfn_trigger_spec *trigger)
{
	rebuild->trigger_room++;
	rebuild->key_room += !!trigger->key;
	rebuild->prefix_room += (size_t)trigger->destinations.count + trigger->sources.count;
}

static void count_function(struct rebuild *rebuild, const struct xfn_function_spec *function,
			   const struct xfn_retrigger *change)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(rebuild->from, function);
	__u32 i;

	if (!change)
		for (i = 0; i < function->trigger_count; i++)
			count_trigger(rebuild, &triggers[i]);
	for (i = 0; change && i < change->triggers.count; i++)
		if (change->triggers.refs[i].trigger)
			count_trigger(rebuild, change->triggers.refs[i].trigger);
}

static int make_room(struct rebuild *rebuild)
{
	const struct xfn_manifest *from = rebuild->from;
	struct xfn_manifest *to = rebuild->to;

	if (rebuild->trigger_room > XFN_CAPACITY_TRIGGERS_MAX ||
	    rebuild->prefix_room > XFN_MANIFEST_PREFIXES_MAX)
		return -E2BIG;
	to->attach = xfn_realloc(NULL, from->attach_count + 1, sizeof(*to->attach));
	to->functions = xfn_realloc(NULL, from->function_count + 1, sizeof(*to->functions));
	to->triggers = xfn_realloc(NULL, rebuild->trigger_room + 1, sizeof(*to->triggers));
	to->prefixes = xfn_realloc(NULL, rebuild->prefix_room + 1, sizeof(*to->prefixes));
	to->keys = xfn_realloc(NULL, rebuild->key_room + 1, sizeof(*to->keys));
	to->texts = xfn_realloc(NULL, from->text_count + 1, sizeof(*to->texts));
	rebuild->renamed = xfn_realloc(NULL, from->file_count, sizeof(*rebuild->renamed));
	if (!to->attach || !to->functions || !to->triggers || !to->prefixes || !to->keys ||
	    !to->texts || !rebuild->renamed)
		return -ENOMEM;
	memset(rebuild->renamed, 0xff, from->file_count * sizeof(*rebuild->renamed));
	return 0;
}

/* ---- files -------------------------------------------------------------------------------------- */

static int add_file(struct rebuild *rebuild, const char *file, __u32 *ret)
{
	struct xfn_manifest *to = rebuild->to;
	const char **files = xfn_array_grow(to->files, to->file_count, sizeof(*files), 1);

	if (!files)
		return -ENOMEM;
	to->files = files;
	files[to->file_count] = file;
	*ret = to->file_count++;
	return 0;
}

/* Of from's files those that a trigger still names. */
static int rename_file(struct rebuild *rebuild, __u32 file, __u32 *ret)
{
	int err = 0;

	if (rebuild->renamed[file] == NONE)
		err = add_file(rebuild, rebuild->from->files[file], &rebuild->renamed[file]);
	*ret = rebuild->renamed[file];
	return err;
}

/* Triggers of one file come one after the other. */
static int name_file(struct rebuild *rebuild, const struct xfn_trigger_ref *ref, __u32 *ret)
{
	int err = 0;

	if (ref->manifest == rebuild->from)
		return rename_file(rebuild, ref->trigger->file, ret);
	if (rebuild->last_file != ref->file) {
		err = add_file(rebuild, ref->file, &rebuild->last_number);
		rebuild->last_file = ref->file;
	}
	*ret = rebuild->last_number;
	return err;
}

/* ---- triggers ----------------------------------------------------------------------------------- */

static struct xfn_prefix_span copy_span(struct xfn_manifest *to, const struct xfn_manifest *from,
					struct xfn_prefix_span span)
{
	struct xfn_prefix_span copy = {.count = span.count};

	if (!span.count)
		return copy;
	copy.first = to->prefix_count;
	memcpy(to->prefixes + to->prefix_count, xfn_manifest_prefixes(from, span),
	       span.count * sizeof(*to->prefixes));
	to->prefix_count += span.count;
	return copy;
}

static void copy_trigger(struct rebuild *rebuild, const struct xfn_manifest *from,
			 const struct xfn_trigger_spec *trigger, __u32 file)
{
	struct xfn_manifest *to = rebuild->to;
	struct xfn_trigger_spec *copy = &to->triggers[to->trigger_count++];

	*copy = *trigger;
	copy->file = file;
	copy->destinations = copy_span(to, from, trigger->destinations);
	copy->sources = copy_span(to, from, trigger->sources);
	if (!trigger->key)
		return;
	to->keys[to->key_count++] = *xfn_manifest_key(from, trigger);
	copy->key = to->key_count;
}

static int copy_own(struct rebuild *rebuild, const struct xfn_function_spec *function)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(rebuild->from, function);
	__u32 file;
	int err = 0;

	for (__u32 i = 0; i < function->trigger_count && !err; i++) {
		err = rename_file(rebuild, triggers[i].file, &file);
		copy_trigger(rebuild, rebuild->from, &triggers[i], file);
	}
	return err;
}

static int copy_changed(struct rebuild *rebuild, const struct xfn_trigger_set *set)
{
	__u32 file;
	int err = 0;

	for (__u32 i = 0; i < set->count && !err; i++) {
		if (!set->refs[i].trigger)
			continue;
		err = name_file(rebuild, &set->refs[i], &file);
		copy_trigger(rebuild, set->refs[i].manifest, set->refs[i].trigger, file);
	}
	return err;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* The change of function @i; *changes moves behind it. */
static const struct xfn_retrigger *take_change(const struct xfn_retrigger **changes,
					       const struct xfn_retrigger *end, size_t i)
{
	return *changes < end && (*changes)->function == i ? (*changes)++ : NULL;
}

static int fill(struct rebuild *rebuild, const struct xfn_retrigger *changes, size_t count)
{
	const struct xfn_retrigger *at = changes, *end = changes + count, *change;
	const struct xfn_manifest *from = rebuild->from;
	struct xfn_manifest *to = rebuild->to;
	struct xfn_function_spec *function;
	__u32 file;
	int err;

	for (size_t i = 0; i < from->function_count; i++)
		count_function(rebuild, &from->functions[i], take_change(&at, end, i));
	err = make_room(rebuild) ?: rename_file(rebuild, 0, &file);
	for (at = changes; to->function_count < from->function_count && !err;) {
		change = take_change(&at, end, to->function_count);
		function = &to->functions[to->function_count];
		*function = from->functions[to->function_count++];
		function->trigger_first = to->trigger_count;
		err = change ? copy_changed(rebuild, &change->triggers)
			     : copy_own(rebuild, &from->functions[to->function_count - 1]);
		function->trigger_count = to->trigger_count - function->trigger_first;
	}
	if (err)
		return err;
	if (from->attach_count)
		memcpy(to->attach, from->attach, from->attach_count * sizeof(*to->attach));
	to->attach_count = from->attach_count;
	if (from->text_count)
		memcpy(to->texts, from->texts, from->text_count * sizeof(*to->texts));
	to->text_count = from->text_count;
	return 0;
}

int xfn_manifest_rebuild(const struct xfn_manifest *manifest, const struct xfn_retrigger *changes,
			 size_t count, struct xfn_manifest **ret)
{
	struct rebuild rebuild = {.from = manifest};
	int err;

	rebuild.to = xfn_alloc(sizeof(*rebuild.to));
	if (!rebuild.to)
		return -ENOMEM;
	rebuild.to->file = manifest->file;
	rebuild.to->set = manifest->set;
	rebuild.to->has_set = manifest->has_set;
	rebuild.to->has_attach = manifest->has_attach;
	rebuild.to->capacity = manifest->capacity;
	err = fill(&rebuild, changes, count);
	xfn_free(rebuild.renamed);
	if (err) {
		xfn_manifest_free(rebuild.to);
		return err;
	}
	*ret = rebuild.to;
	return 0;
}

/* ---- triggers_from ------------------------------------------------------------------------------ */

static const struct xfn_manifest_csv *find_csv(const struct xfn_manifest_csv *files, size_t count,
					       const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(files[i].path, path))
			return &files[i];
	return NULL;
}

static void refuse_missing(const struct xfn_manifest *manifest,
			   const struct xfn_function_spec *function, struct xfn_diag_list *diags)
{
	struct xfn_diag_info info = {
		.file = manifest->file,
		.line = function->line,
		.column = function->column,
		.value = function->triggers_from,
	};

	xfn_diag_add(diags, &info, "the triggers of '%s' are not there", function->name);
}

/* A function's own triggers and, behind them, those of @fragment. */
static int join(const struct xfn_manifest *manifest, const struct xfn_function_spec *function,
		const struct xfn_manifest *fragment, struct xfn_trigger_set *set)
{
	struct xfn_trigger_ref ref = {.manifest = fragment, .file = fragment->file};
	int err = xfn_trigger_set_init(set, manifest, function);

	for (size_t i = 0; i < fragment->trigger_count && !err; i++) {
		ref.trigger = &fragment->triggers[i];
		err = xfn_trigger_set_push(set, &ref); /* twins are for the compiler to refuse */
	}
	return err;
}

struct load {
	struct xfn_retrigger *changes;
	struct xfn_manifest **fragments;
	size_t count;
};

static void load_fini(struct load *load)
{
	for (size_t i = 0; i < load->count; i++) {
		xfn_trigger_set_fini(&load->changes[i].triggers);
		xfn_manifest_free(load->fragments[i]);
	}
	xfn_free(load->changes);
	xfn_free(load->fragments);
}

static int load_one(struct load *load, const struct xfn_manifest *manifest, size_t function,
		    const struct xfn_manifest_csv *csv, struct xfn_stringpool *strings,
		    struct xfn_diag_list *diags)
{
	struct xfn_manifest *fragment;
	int err = xfn_fragment_csv(csv->path, csv->data, csv->size, strings, diags, &fragment);

	if (err)
		return err == -EINVAL ? 0 : err; /* go on: there may be more mistakes to tell */
	load->fragments[load->count] = fragment;
	load->changes[load->count].function = function;
	return join(manifest, &manifest->functions[function], fragment,
		    &load->changes[load->count++].triggers);
}

int xfn_manifest_load(const struct xfn_manifest *manifest, const struct xfn_manifest_csv *files,
		      size_t count, struct xfn_stringpool *strings, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret)
{
	unsigned before = diags->count + diags->more;
	const struct xfn_function_spec *function;
	const struct xfn_manifest_csv *csv;
	struct load load = {};
	int err = 0;

	load.changes = xfn_alloc((manifest->function_count + 1) * sizeof(*load.changes));
	load.fragments = xfn_alloc((manifest->function_count + 1) * sizeof(*load.fragments));
	if (!load.changes || !load.fragments)
		err = -ENOMEM;
	for (size_t i = 0; i < manifest->function_count && !err; i++) {
		function = &manifest->functions[i];
		if (!function->triggers_from)
			continue;
		csv = find_csv(files, count, function->triggers_from);
		if (csv)
			err = load_one(&load, manifest, i, csv, strings, diags);
		else
			refuse_missing(manifest, function, diags);
	}
	if (!err && diags->count + diags->more > before)
		err = -EINVAL;
	if (!err)
		err = xfn_manifest_rebuild(manifest, load.changes, load.count, ret);
	for (size_t i = 0; i < manifest->function_count && !err; i++)
		(*ret)->functions[i].triggers_from = NULL;
	load_fini(&load);
	return err;
}
