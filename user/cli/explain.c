/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn explain: what would become of a packet, and why. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"

enum { STAGE_WIDTH = 9, RESULT_WIDTH = 20 };

static void print_stages(const json_t *answer)
{
	const json_t *stage;
	size_t i;

	json_array_foreach (json_object_get(answer, "stages"), i, stage)
		printf("  %-*s %-*s %s\n", STAGE_WIDTH, xfn_json_text(stage, "stage"), RESULT_WIDTH,
		       xfn_json_text(stage, "result"), xfn_json_text(stage, "detail"));
}

static void print_others(const json_t *answer)
{
	const json_t *others = json_object_get(answer, "others"), *other;
	size_t i;

	if (!json_array_size(others))
		return;
	printf("\nother triggers for this port\n");
	json_array_foreach (others, i, other)
		printf("  %s:%llu  '%s' %s\n", xfn_json_text(other, "file"),
		       xfn_json_count(other, "line"), xfn_json_text(other, "function"),
		       xfn_json_text(other, "why"));
	if (xfn_json_count(answer, "others_more"))
		printf("  and %llu more\n", xfn_json_count(answer, "others_more"));
}

static void print_reply(const json_t *reply)
{
	if (json_is_object(reply))
		printf("  reply     %s\n            %llu bytes: %s\n",
		       xfn_json_text(reply, "packet"), xfn_json_count(reply, "bytes"),
		       xfn_json_text(reply, "frame"));
}

static void print_maps(const json_t *maps)
{
	const json_t *map;
	size_t i;

	if (!json_array_size(maps))
		return;
	printf("  empty     its maps were empty, unlike the live one's:");
	json_array_foreach (maps, i, map)
		printf("%s %s", i ? "," : "", json_string_value(map));
	printf("\n");
}

static void print_run(const json_t *run)
{
	if (!run)
		return;
	printf("\nthe handler, run on it\n");
	if (!json_is_true(json_object_get(run, "ran"))) {
		printf("  not run   %s\n", xfn_json_text(run, "why"));
		return;
	}
	printf("  outcome   %s\n", xfn_json_text(run, "outcome"));
	print_reply(json_object_get(run, "reply"));
	print_maps(json_object_get(run, "empty_maps"));
}

static void print_unknown(const json_t *answer)
{
	const json_t *text;
	size_t i;

	printf("\ncannot know\n");
	json_array_foreach (json_object_get(answer, "unknown"), i, text)
		printf("  - %s\n", json_string_value(text));
}

static void print_answer(const json_t *answer)
{
	const char *function = xfn_json_text(answer, "function");
	const char *version = xfn_json_text(answer, "version");

	printf("%s on %s", xfn_json_text(answer, "verdict"), xfn_json_text(answer, "interface"));
	if (*function)
		printf(", for %s%s%s", function, *version ? " " : "", version);
	printf("\n\n");
	print_stages(answer);
	print_others(answer);
	print_run(json_object_get(answer, "run"));
	print_unknown(answer);
}

static json_t *question(const struct xfn_cli *cli)
{
	json_t *body = json_pack("{s:b}", "run", cli->run);

	if (body && cli->frame)
		json_object_set_new(body, "frame", json_string(cli->frame));
	if (body && !cli->frame)
		json_object_set_new(body, "packet", json_string(cli->words[0]));
	if (body && cli->dev)
		json_object_set_new(body, "interface", json_string(cli->dev));
	return body;
}

int xfn_cli_explain(struct xfn_cli *cli)
{
	struct xfn_call call = {.path = "/v1/explain", .post = true};
	json_t *body, *answer;
	int code;

	if (!cli->word_count == !cli->frame)
		return xfn_misuse("explain", "expected PACKET, or --frame HEX");
	cli->text = cli->frame ? cli->frame : cli->words[0]; /* errors quote from it */
	cli->text_bytes = strlen(cli->text);
	cli->text_name = cli->frame ? "frame" : "packet"; /* what the daemon calls it */
	body = question(cli);
	call.body = body;
	code = xfn_call(cli, &call, &answer);
	json_decref(body);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		code = xfn_print_json(answer);
	else
		print_answer(answer);
	json_decref(answer);
	return code;
}
