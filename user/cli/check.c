/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn check: reads a manifest with the library that the daemon uses, and says all that is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>

#include "change.h"
#include "client.h"
#include "manifest.h"
#include "manifest_rebuild.h"
#include "output.h"
#include "stringpool.h"

static void say_wrong(const struct xfn_cli *cli, const struct xfn_diag_list *diags,
		      const char *text, size_t size)
{
	unsigned wrong = diags->count + diags->more;
	json_t *details = NULL, *body;

	if (!cli->json) {
		xfn_diag_print(stderr, diags, text, size);
		xfn_say("%u mistake%s in '%s'", wrong, wrong == 1 ? "" : "s", cli->words[0]);
		return;
	}
	if (xfn_diag_list_json(diags, &details) < 0)
		return;
	body = json_pack("{s:{s:s, s:s, s:o}}", "error", "code", "invalid_manifest", "message",
			 "the manifest is wrong", "details", details);
	if (body)
		xfn_print_json(body);
	json_decref(body);
}

static void say_right(const struct xfn_cli *cli, const struct xfn_manifest *manifest)
{
	if (cli->json)
		printf("{\"valid\":true,\"set\":\"%s\",\"functions\":%zu,\"triggers\":%zu}\n",
		       manifest->set, manifest->function_count, manifest->trigger_count);
	else
		printf("%s: set %s, %zu function%s, %zu trigger%s, nothing wrong\n", cli->words[0],
		       manifest->set, manifest->function_count,
		       manifest->function_count == 1 ? "" : "s", manifest->trigger_count,
		       manifest->trigger_count == 1 ? "" : "s");
}

/* The CSV files that the manifest names, read relative to it. */
struct csvs {
	struct xfn_manifest_csv *items;
	size_t count;
};

static int read_csvs(const struct xfn_cli *cli, const struct xfn_manifest *manifest,
		     struct csvs *csvs)
{
	int code = XFN_EXIT_OK;
	char *path, *text;
	size_t size;

	csvs->items = calloc(manifest->function_count + 1, sizeof(*csvs->items));
	for (size_t i = 0; csvs->items && i < manifest->function_count; i++) {
		const char *name = manifest->functions[i].triggers_from;

		if (!name)
			continue;
		path = xfn_change_path(cli->words[0], name);
		code = path ? xfn_read_file(path, XFN_MANIFEST_BYTES_MAX + 1, &text, &size)
			    : XFN_EXIT_FAILED;
		free(path);
		if (code != XFN_EXIT_OK)
			return XFN_EXIT_FAILED;
		csvs->items[csvs->count++] = (struct xfn_manifest_csv){name, text, size};
	}
	return csvs->items ? code : XFN_EXIT_FAILED;
}

/* The manifest with its CSV files in the place of *manifest. Returns an exit code. */
static int load(const struct xfn_cli *cli, struct xfn_manifest *manifest, const char *text,
		size_t size)
{
	struct xfn_stringpool *strings = xfn_stringpool_new();
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *loaded;
	struct csvs csvs = {0};
	int code = read_csvs(cli, manifest, &csvs), err = 0;

	if (code == XFN_EXIT_OK && strings)
		err = xfn_manifest_load(manifest, csvs.items, csvs.count, strings, &diags, &loaded);
	if (err == -EINVAL)
		say_wrong(cli, &diags, csvs.count ? NULL : text, size);
	else if (err || !strings)
		xfn_say("cannot read '%s': %s", cli->words[0],
			err == -E2BIG ? "too many triggers" : "out of memory");
	if (code == XFN_EXIT_OK && strings && !err) {
		say_right(cli, loaded);
		xfn_manifest_free(loaded);
	}
	for (size_t i = 0; i < csvs.count; i++)
		free((char *)(uintptr_t)csvs.items[i].data);
	free(csvs.items);
	xfn_diag_list_fini(&diags);
	xfn_stringpool_put(strings);
	return code == XFN_EXIT_OK && (err || !strings) ? XFN_EXIT_FAILED : code;
}

int xfn_cli_check(struct xfn_cli *cli)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest;
	char *text;
	size_t size;
	int code, err;

	/* One byte more than is allowed, so that the library can say what is. */
	code = xfn_read_file(cli->words[0], XFN_MANIFEST_BYTES_MAX + 1, &text, &size);
	if (code != XFN_EXIT_OK)
		return code;
	err = xfn_manifest_parse(cli->words[0], text, size, &diags, &manifest);
	if (err == -EINVAL) {
		say_wrong(cli, &diags, text, size);
		code = XFN_EXIT_FAILED;
	} else if (err < 0) {
		xfn_say("cannot read '%s': out of memory", cli->words[0]);
		code = XFN_EXIT_FAILED;
	} else {
		code = load(cli, manifest, text, size);
		xfn_manifest_free(manifest);
	}
	xfn_diag_list_fini(&diags);
	free(text);
	return code;
}
