/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn limit: the rate of a function, at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
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

int xfn_cli_limit(struct xfn_cli *cli)
{
	json_t *body, *answer;
	char *text;
	int code;

	if (!is_plain(cli->words[1]))
		return xfn_misuse("limit", "'%s' is no rate: expected one such as 50k/s, 0 or none",
				  cli->words[1]);
	if (cli->burst && (!is_plain(cli->burst) || strcmp(cli->words[1], "none") == 0))
		return xfn_misuse("limit", "--burst %s: expected a number, beside a rate",
				  cli->burst);
	text = limit_text(cli);
	body = text ? json_pack("{s:s, s:s}", "function", cli->words[0], "limit", text) : NULL;
	cli->text = text;
	cli->text_bytes = text ? strlen(text) : 0;
	cli->text_name = "limit";
	code = body ? xfn_call(cli,
			       &(struct xfn_call){.path = "/v1/limit", .post = true, .body = body},
			       &answer)
		    : XFN_EXIT_FAILED;
	cli->text = NULL;
	json_decref(body);
	free(text);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		print_limit(cli, answer);
	json_decref(answer);
	return XFN_EXIT_OK;
}
