/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn attach, xfn detach. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "output.h"

static int post(struct xfn_cli *cli, const char *base, json_t *body, json_t **ret)
{
	char *path = xfn_call_path(base, XFN_CONSENT_PAIRS(cli), NULL);
	struct xfn_call call = {.path = path, .post = true, .body = body};
	int code;

	if (path && body) {
		code = xfn_call(cli, &call, ret);
	} else {
		xfn_say("cannot send '%s': out of memory, or not UTF-8", cli->words[0]);
		code = XFN_EXIT_FAILED;
	}
	json_decref(body);
	free(path);
	return code;
}

static void print_attached(const char *interface, const json_t *answer)
{
	const json_t *next = json_object_get(answer, "next");

	printf("attached to %s, mode %s", interface, xfn_json_text(answer, "mode"));
	if (json_is_true(json_object_get(answer, "coexist")))
		printf(" (coexist)");
	if (json_is_object(next))
		printf(", next %s", xfn_json_text(next, "path"));
	printf("\n");
}

int xfn_cli_attach(struct xfn_cli *cli)
{
	json_t *answer;
	int code;

	if (cli->mode && strcmp(cli->mode, "native") && strcmp(cli->mode, "generic"))
		return xfn_misuse("attach", "unknown mode '%s'; expected native or generic",
				  cli->mode);
	code = xfn_consent_check(cli, "attach");
	if (code != XFN_EXIT_OK)
		return code;
	code = post(cli, "/v1/attach",
		    json_pack("{s:s, s:s*, s:b, s:s*}", "interface", cli->words[0], "mode",
			      cli->mode, "coexist", cli->coexist, "next", cli->next),
		    &answer);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json) {
		xfn_print_json(answer);
	} else {
		xfn_change_print(answer);
		print_attached(cli->words[0], answer);
		xfn_change_print_confirm(cli);
	}
	json_decref(answer);
	return XFN_EXIT_OK;
}

static void print_detached(const struct xfn_cli *cli, const json_t *answer)
{
	(void)answer;
	printf("detached from %s\n", cli->words[0]);
}

int xfn_cli_detach(struct xfn_cli *cli)
{
	json_t *answer;
	int code = xfn_consent_check(cli, "detach");

	if (code != XFN_EXIT_OK)
		return code;
	code = post(cli, "/v1/detach", json_pack("{s:s}", "interface", cli->words[0]), &answer);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_change_print_edit(cli, answer, print_detached);
	json_decref(answer);
	return XFN_EXIT_OK;
}
