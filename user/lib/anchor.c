/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths in a manifest that are relative to its folder, made absolute: whoever uses them is elsewhere. */
#include <errno.h>
#include <string.h>

#include "manifest.h"
#include "stringpool.h"

/* Room for what a folder and a path can be together, before it is found to be too long. */
struct path {
	char text[XFN_TEXT_BYTES_MAX + 1];
	size_t len;
	bool too_long;
};

static void add_step(struct path *path, const char *step, size_t len)
{
	if (!len || (len == 1 && *step == '.'))
		return;
	if (path->len + 1 + len > XFN_TEXT_BYTES_MAX) {
		path->too_long = true;
		return;
	}
	path->text[path->len++] = '/';
	memcpy(path->text + path->len, step, len);
	path->len += len;
}

/* "a/./b" as the steps a and b; ".." stays, as only the file system knows what is above a link. */
static void add_steps(struct path *path, const char *text)
{
	size_t len;

	for (; *text; text += len + !!text[len]) {
		len = strcspn(text, "/");
		add_step(path, text, len);
	}
}

static int refuse(const struct xfn_manifest *manifest, const struct xfn_function_spec *function,
		  const char *text, const char *folder, struct xfn_diag_list *diags)
{
	struct xfn_diag_info info = {
		.file = manifest->file,
		.line = function->line,
		.column = function->column,
		.value = text,
		.expected = "an absolute path",
	};

	xfn_diag_add(diags, &info, "function '%s': path '%.80s' is relative, and %s",
		     function->name, text,
		     folder ? "too long with the manifest's folder before it"
			    : "the manifest's folder is not known");
	return -EINVAL;
}

static int anchor(struct xfn_manifest *manifest, const struct xfn_function_spec *function,
		  const char *folder, struct xfn_diag_list *diags, const char **text)
{
	struct path path = {.len = 0};
	const char *kept;

	if (**text == '/')
		return 0;
	if (folder) {
		add_steps(&path, folder);
		add_steps(&path, *text);
	}
	if (!folder || path.too_long)
		return refuse(manifest, function, *text, folder, diags);
	if (!path.len)
		path.text[path.len++] = '/';
	kept = xfn_stringpool_add(manifest->strings, path.text, path.len);
	if (!kept)
		return -ENOMEM;
	*text = kept;
	return 0;
}

/* A program whose name has no slash is looked for where programs are. */
static int anchor_function(struct xfn_manifest *manifest, struct xfn_function_spec *function,
			   const char *folder, struct xfn_diag_list *diags)
{
	struct xfn_exec_spec *exec = &function->exec;
	const char **program;
	int err = 0;

	if (!exec->argv.count)
		return 0;
	program = &manifest->texts[exec->argv.first];
	if (strchr(*program, '/'))
		err = anchor(manifest, function, folder, diags, program);
	if (!err && exec->directory)
		err = anchor(manifest, function, folder, diags, &exec->directory);
	return err;
}

int xfn_manifest_anchor(struct xfn_manifest *manifest, const char *folder,
			struct xfn_diag_list *diags)
{
	int err = 0, last;

	for (size_t i = 0; i < manifest->function_count; i++) {
		last = anchor_function(manifest, &manifest->functions[i], folder, diags);
		if (last == -ENOMEM)
			return last;
		err = last ?: err;
	}
	return err;
}
