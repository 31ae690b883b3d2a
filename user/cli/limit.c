/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn limit: the rate of a function, at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "output.h"
#include "units.h"

static void print_limit(const struct xfn_cli *cli, const json_t *answer)
{
	const json_t *limit = json_object_get(answer, "limit");

	if (json_is_null(limit))
		printf("%s: no limit", cli->words[0]);
	else if (strcmp(xfn_json_text(limit, "rate"), "0") == 0)
		printf("%s: limit 0: its packets are dropped", cli->words[0]);
	else
		printf("%s: limit %s, burst %llu", cli->words[0], xfn_json_text(limit, "rate"),
		       xfn_json_count(limit, "burst"));
	if (json_is_true(json_object_get(answer, "changed")))
		printf(", revision %llu\n", xfn_json_count(answer, "revision"));
	else
		printf(", as it was\n");
}

/* The limit as a manifest would write it. Both words stand in a mapping: they must be plain. */
static char *limit_text(const struct xfn_cli *cli)
{
	char *text;

	if (!cli->burst)
		return strdup(cli->words[1]);
	return asprintf(&text, "{rate: %s, burst: %s}", cli->words[1], cli->burst) < 0 ? NULL
										       : text;
}

static bool is_plain(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789/.";

	return *text && !text[strspn(text, allowed)];
}

/* Errors of the daemon quote from @text. */
static int send(struct xfn_cli *cli, const char *text, json_t **ret)
{
	json_t *body = json_pack("{s:s, s:s}", "function", cli->words[0], "limit", text);
	char *path = xfn_call_path("/v1/limit", XFN_CONSENT_PAIRS(cli), NULL);
	struct xfn_call call = {.path = path, .post = true, .body = body};
	int code = XFN_EXIT_FAILED;

	cli->text = text;
	cli->text_bytes = strlen(text);
	cli->text_name = "limit";
	if (path && body)
		code = xfn_call(cli, &call, ret);
	else
		xfn_say("cannot send '%s': out of memory, or not UTF-8", cli->words[0]);
	cli->text = NULL;
	json_decref(body);
	free(path);
	return code;
}

int xfn_cli_limit(struct xfn_cli *cli)
{
	json_t *answer;
	char *text;
	int code = xfn_consent_check(cli, "limit");

	if (code != XFN_EXIT_OK)
		return code;
	if (!is_plain(cli->words[1]))
		return xfn_misuse("limit", "'%s' is no rate: expected one such as 50k/s, 0 or none",
				  cli->words[1]);
	if (cli->burst && (!is_plain(cli->burst) || strcmp(cli->words[1], "none") == 0))
		return xfn_misuse("limit", "--burst %s: expected a number, beside a rate",
				  cli->burst);
	text = limit_text(cli);
	code = text ? send(cli, text, &answer) : XFN_EXIT_FAILED;
	free(text);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_change_print_edit(cli, answer, print_limit);
	json_decref(answer);
	return XFN_EXIT_OK;
}
