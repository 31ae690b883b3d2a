/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a manifest that come by themselves, in YAML. */
#include <errno.h>
#include <string.h>

#include "builder.h"
#include "fragment.h"

/* One function that is open, for what is read. */
static int begin(const char *file, struct xfn_stringpool *strings, struct xfn_builder *builder)
{
	static const struct xfn_yaml_event start = {.line = 1, .column = 1};
	int err;

	builder->manifest = xfn_manifest_new(file, strings);
	if (!builder->manifest)
		return -ENOMEM;
	err = xfn_function_open(builder, &start);
	if (err)
		xfn_manifest_free(builder->manifest);
	return err;
}

/* Reads @text as the value of the function's @key. */
static int read_value(const char *file, const char *text, size_t len, const char *key,
		      struct xfn_stringpool *strings, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret)
{
	const struct xfn_schema_row *row = xfn_schema_row(XFN_SECTION_FUNCTION, key, strlen(key));
	struct xfn_builder builder = {.diags = diags};
	unsigned before = diags->count + diags->more;
	int err = begin(file, strings, &builder);

	if (err)
		return err;
	err = xfn_yaml_reader_open(file, text, len, diags, &builder.reader);
	if (!err)
		err = xfn_builder_walk_value(&builder, row);
	xfn_yaml_reader_close(builder.reader);
	if (!err && diags->count + diags->more > before)
		err = -EINVAL;
	if (err) {
		xfn_diag_list_sort(diags);
		xfn_manifest_free(builder.manifest);
		return err;
	}
	*ret = builder.manifest;
	return 0;
}

int xfn_fragment_trigger(const char *file, const char *text, size_t len,
			 struct xfn_stringpool *strings, struct xfn_diag_list *diags,
			 struct xfn_manifest **ret)
{
	struct xfn_manifest *fragment;
	int err = read_value(file, text, len, "trigger", strings, diags, &fragment);

	if (err)
		return err;
	fragment->functions[0].trigger_count = fragment->trigger_count;
	fragment->triggers[0].line = fragment->triggers[0].column = 0;
	*ret = fragment;
	return 0;
}

int xfn_fragment_limit(const char *file, const char *text, size_t len, struct xfn_diag_list *diags,
		       struct xfn_manifest **ret)
{
	struct xfn_manifest *fragment;
	int err = read_value(file, text, len, "limit", NULL, diags, &fragment);

	if (err)
		return err;
	fragment->functions[0].given |= XFN_GIVEN_LIMIT;
	xfn_limit_settle(&fragment->functions[0]);
	*ret = fragment;
	return 0;
}
