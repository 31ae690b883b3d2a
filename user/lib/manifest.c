/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"
#include "manifest.h"
#include "stringpool.h"

void xfn_manifest_free(struct xfn_manifest *manifest)
{
	if (!manifest)
		return;
	xfn_free(manifest->attach);
	xfn_free(manifest->functions);
	xfn_free(manifest->triggers);
	xfn_free(manifest->prefixes);
	xfn_free(manifest->keys);
	xfn_free(manifest->texts);
	xfn_free(manifest->files);
	xfn_stringpool_put(manifest->strings);
	xfn_free(manifest);
}

struct xfn_manifest *xfn_manifest_new(const char *file, struct xfn_stringpool *strings)
{
	struct xfn_manifest *manifest = xfn_alloc(sizeof(*manifest));

	if (!manifest)
		return NULL;
	manifest->set = "main";
	manifest->strings = strings ? xfn_stringpool_get(strings) : xfn_stringpool_new();
	if (manifest->strings)
		manifest->file = xfn_stringpool_add(manifest->strings, file, strlen(file));
	manifest->files = xfn_alloc(sizeof(*manifest->files));
	if (!manifest->file || !manifest->files) {
		xfn_manifest_free(manifest);
		return NULL;
	}
	manifest->files[0] = manifest->file;
	manifest->file_count = 1;
	return manifest;
}

int xfn_top_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	builder->manifest->has_set = xfn_frame_key(frame, "set").line;
	builder->manifest->has_attach = xfn_frame_key(frame, "attach").line;
	return xfn_builder_find_twins(builder);
}

static int build(struct xfn_manifest *manifest, const char *text, size_t len,
		 struct xfn_diag_list *diags)
{
	struct xfn_builder builder = {.manifest = manifest, .diags = diags};
	unsigned before = diags->count + diags->more;
	int err;

	err = xfn_yaml_reader_open(manifest->file, text, len, diags, &builder.reader);
	if (!err)
		err = xfn_builder_walk(&builder);
	xfn_yaml_reader_close(builder.reader);
	if (!err && diags->count + diags->more > before)
		err = -EINVAL;
	return err;
}

int xfn_manifest_parse(const char *file, const char *text, size_t len, struct xfn_diag_list *diags,
		       struct xfn_manifest **ret)
{
	struct xfn_manifest *manifest = xfn_manifest_new(file, NULL);
	int err;

	if (!manifest)
		return -ENOMEM;
	err = build(manifest, text, len, diags);
	if (err) {
		xfn_diag_list_sort(diags);
		xfn_manifest_free(manifest);
		return err;
	}
	*ret = manifest;
	return 0;
}
