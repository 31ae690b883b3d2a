/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn check: reads a manifest with the library that the daemon uses, and says all that is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "manifest.h"
#include "output.h"

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
		say_right(cli, manifest);
		xfn_manifest_free(manifest);
	}
	xfn_diag_list_fini(&diags);
	free(text);
	return code;
}
