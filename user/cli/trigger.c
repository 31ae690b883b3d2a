/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn trigger add|rm: one trigger, or all of a CSV file, into or out of a function's live ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "manifest.h"
#include "output.h"

static void print_result(const struct xfn_cli *cli, const json_t *answer)
{
	bool removed = strcmp(cli->words[0], "rm") == 0;
	__u64 count = xfn_json_count(answer, removed ? "removed" : "added");

	printf("%s: %llu trigger%s %s, %llu now, revision %llu\n", cli->words[1], count,
	       count == 1 ? "" : "s", removed ? "removed" : "added",
	       xfn_json_count(answer, "triggers"), xfn_json_count(answer, "revision"));
}

static int send(struct xfn_cli *cli, struct xfn_call *call)
{
	char *path = xfn_call_path("/v1/trigger", "function", cli->words[1], "op", cli->words[0],
				   XFN_CONSENT_PAIRS(cli), NULL);
	json_t *answer;
	int code;

	call->path = path;
	call->post = true;
	code = path ? xfn_call(cli, call, &answer) : XFN_EXIT_FAILED;
	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_change_print_edit(cli, answer, print_result);
	json_decref(answer);
	return XFN_EXIT_OK;
}

static int send_file(struct xfn_cli *cli)
{
	struct xfn_upload_part part = {.part = "triggers", .name = cli->from};
	struct xfn_call call = {.parts = &part, .part_count = 1};
	char *text;
	int code;

	if (cli->from[strcspn(cli->from, "\"\r\n")]) {
		xfn_say("cannot send '%s': its name has a quote or a line break", cli->from);
		return XFN_EXIT_FAILED;
	}
	code = xfn_read_file(cli->from, XFN_MANIFEST_BYTES_MAX, &text, &part.size);
	if (code != XFN_EXIT_OK)
		return code;
	part.data = text;
	cli->text = text;
	cli->text_bytes = part.size;
	cli->text_name = cli->from;
	code = send(cli, &call);
	cli->text = NULL;
	free(text);
	return code;
}

static int send_text(struct xfn_cli *cli)
{
	json_t *body = json_pack("{s:s}", "trigger", cli->words[2]);
	struct xfn_call call = {.body = body};
	int code;

	if (!body) {
		xfn_say("cannot send the trigger: it is not UTF-8");
		return XFN_EXIT_FAILED;
	}
	cli->text = cli->words[2];
	cli->text_bytes = strlen(cli->text);
	cli->text_name = "trigger";
	code = send(cli, &call);
	cli->text = NULL;
	json_decref(body);
	return code;
}

int xfn_cli_trigger(struct xfn_cli *cli)
{
	int code = xfn_consent_check(cli, "trigger");

	if (code != XFN_EXIT_OK)
		return code;
	if (strcmp(cli->words[0], "add") != 0 && strcmp(cli->words[0], "rm") != 0)
		return xfn_misuse("trigger", "'trigger' needs add or rm, got '%s'", cli->words[0]);
	if (!cli->from && cli->word_count < 3)
		return xfn_misuse("trigger", "'trigger' needs a trigger such as udp/53, or --from");
	if (cli->from && cli->word_count > 2)
		return xfn_misuse("trigger", "'trigger' takes a trigger or --from, not both");
	return cli->from ? send_file(cli) : send_text(cli);
}
