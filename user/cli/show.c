/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn show: one function in full, or a set as a manifest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"

static int show_manifest(struct xfn_cli *cli)
{
	char *path = xfn_call_path("/v1/manifest", "set", cli->set, NULL);
	json_t *answer;
	int code = xfn_get(cli, path, &answer);

	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		fputs(xfn_json_text(answer, "manifest"), stdout);
	json_decref(answer);
	return XFN_EXIT_OK;
}

/* A function's name has no letter that a path would need escaped; others are refused here. */
static int show_function(struct xfn_cli *cli)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-/";
	const char *name = cli->words[0];
	json_t *answer;
	char *path;
	int code;

	if (!*name || name[strspn(name, allowed)]) {
		xfn_say("no function '%s': a name has only a-z, 0-9 and -", name);
		fputs("xfn ls\n", stderr);
		return XFN_EXIT_NO_SUCH;
	}
	if (asprintf(&path, "/v1/functions/%s", name) < 0)
		path = NULL;
	code = xfn_get(cli, path, &answer);
	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_print_outline(stdout, answer, 0);
	json_decref(answer);
	return XFN_EXIT_OK;
}

int xfn_cli_show(struct xfn_cli *cli)
{
	if (cli->manifest && cli->word_count)
		return xfn_misuse("show", "takes NAME or --manifest, not both");
	if (cli->word_count && cli->set)
		return xfn_misuse("show", "--set goes with --manifest, not with NAME");
	return cli->word_count ? show_function(cli) : show_manifest(cli);
}
