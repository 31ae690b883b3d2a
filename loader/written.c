/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_rebuild.h"
#include "revision.h"
#include "stringpool.h"
#include "written.h"

static int copy_file(const struct xfn_written_source *source, struct xfn_written_file *ret)
{
	ret->path = strdup(source->path);
	ret->data = malloc(source->size + 1);
	if (!ret->path || !ret->data)
		return -ENOMEM;
	memcpy(ret->data, source->data, source->size);
	ret->data[source->size] = '\0';
	ret->size = source->size;
	ret->sum = xfn_revision_sum(ret->data, ret->size);
	return 0;
}

static void free_file(struct xfn_written_file *file)
{
	free(file->path);
	free(file->data);
}

static bool names_csv(const struct xfn_manifest *manifest)
{
	size_t i;

	for (i = 0; i < manifest->function_count; i++)
		if (manifest->functions[i].triggers_from)
			return true;
	return false;
}

static int copy_folder(const char *folder, char **ret)
{
	if (!folder)
		return 0;
	*ret = strdup(folder);
	return *ret ? 0 : -ENOMEM;
}

int xfn_written_new(const struct xfn_written_source *text, const char *folder,
		    struct xfn_diag_list *diags, struct xfn_written **ret)
{
	struct xfn_written *written = calloc(1, sizeof(*written));
	int err = written ? copy_file(text, &written->text) : -ENOMEM;

	if (!err)
		err = copy_folder(folder, &written->folder);
	if (!err)
		err = xfn_manifest_parse(text->path, text->data, text->size, diags,
					 &written->parsed);
	if (!err)
		err = xfn_manifest_anchor(written->parsed, folder, diags);
	if (err) {
		if (written)
			written->references = 1;
		xfn_written_put(written);
		return err;
	}
	written->references = 1;
	if (!names_csv(written->parsed))
		written->manifest = written->parsed;
	*ret = written;
	return 0;
}

/* ---- CSV files ------------------------------------------------------------------------------------ */

static const struct xfn_written_source *find_source(const struct xfn_written_source *files,
						    size_t count, const char *path)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(files[i].path, path))
			return &files[i];
	return NULL;
}

static bool has_csv(const struct xfn_written *written, const char *path)
{
	size_t i;

	for (i = 0; i < written->csv_count; i++)
		if (!strcmp(written->csvs[i].path, path))
			return true;
	return false;
}

/* Keeps the bytes of each file that the manifest names, once. */
static int keep_csvs(struct xfn_written *written, const struct xfn_written_source *files,
		     size_t count)
{
	const struct xfn_manifest *parsed = written->parsed;
	const struct xfn_written_source *source;
	const char *path;
	size_t i;
	int err = 0;

	written->csvs = calloc(parsed->function_count + 1, sizeof(*written->csvs));
	if (!written->csvs)
		return -ENOMEM;
	for (i = 0; i < parsed->function_count && !err; i++) {
		path = parsed->functions[i].triggers_from;
		source = path && !has_csv(written, path) ? find_source(files, count, path) : NULL;
		if (source)
			err = copy_file(source, &written->csvs[written->csv_count++]);
	}
	return err;
}

static void drop_csvs(struct xfn_written *written)
{
	size_t i;

	for (i = 0; i < written->csv_count; i++)
		free_file(&written->csvs[i]);
	free(written->csvs);
	written->csvs = NULL;
	written->csv_count = 0;
	xfn_stringpool_put(written->strings);
	written->strings = NULL;
}

int xfn_written_load(struct xfn_written *written, const struct xfn_written_source *files,
		     size_t count, struct xfn_diag_list *diags)
{
	struct xfn_manifest_csv *csvs = NULL;
	size_t i;
	int err = keep_csvs(written, files, count);

	written->strings = xfn_stringpool_new();
	if (!err) {
		csvs = calloc(written->csv_count + 1, sizeof(*csvs));
		err = csvs && written->strings ? 0 : -ENOMEM;
	}
	for (i = 0; i < written->csv_count && !err; i++)
		csvs[i] = (struct xfn_manifest_csv){written->csvs[i].path, written->csvs[i].data,
						    written->csvs[i].size};
	if (!err)
		err = xfn_manifest_load(written->parsed, csvs, written->csv_count, written->strings,
					diags, &written->manifest);
	free(csvs);
	if (err)
		drop_csvs(written);
	return err;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static bool file_is(const struct xfn_written_file *file, const struct xfn_written_source *source)
{
	return file->size == source->size && !strcmp(file->path, source->path) &&
	       !memcmp(file->data, source->data, source->size);
}

static bool is_same_folder(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool xfn_written_is(const struct xfn_written *written, const struct xfn_written_source *text,
		    const char *folder)
{
	return file_is(&written->text, text) && is_same_folder(written->folder, folder);
}

bool xfn_written_has(const struct xfn_written *written, const struct xfn_written_source *files,
		     size_t count)
{
	const struct xfn_written_source *source;
	size_t i;

	for (i = 0; i < written->csv_count; i++) {
		source = find_source(files, count, written->csvs[i].path);
		if (!source || !file_is(&written->csvs[i], source))
			return false;
	}
	return true;
}

/* ---- life ----------------------------------------------------------------------------------------- */

struct xfn_written *xfn_written_get(struct xfn_written *written)
{
	written->references++;
	return written;
}

void xfn_written_put(struct xfn_written *written)
{
	if (!written || --written->references)
		return;
	if (written->manifest != written->parsed)
		xfn_manifest_free(written->manifest);
	xfn_manifest_free(written->parsed);
	drop_csvs(written);
	free_file(&written->text);
	free(written->folder);
	free(written);
}
