/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn history: the revisions that are kept, newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "table.h"

enum { CHANGES_SHOWN = 3 };

/* "+echo, ~dns limit, -old and 5 more"; what brought it back instead, where it is such a one. */
static void print_changes(FILE *out, const json_t *revision)
{
	static const char *const signs[][2] = {{"add", "+"}, {"change", "~"}, {"remove", "-"}};
	const json_t *changes = json_object_get(revision, "changes"), *change;
	__u64 count = xfn_json_count(revision, "change_count");
	size_t i, s;

	if (xfn_json_count(revision, "restores"))
		fprintf(out, "as %llu: ", xfn_json_count(revision, "restores"));
	json_array_foreach (changes, i, change) {
		if (i == CHANGES_SHOWN)
			break;
		for (s = 0; s < 3; s++)
			if (!strcmp(signs[s][0], xfn_json_text(change, "op")))
				break;
		fprintf(out, "%s%s%s", i ? ", " : "", s < 3 ? signs[s][1] : "",
			xfn_json_text(change, "name"));
		if (s == 1)
			fprintf(out, " %s", xfn_json_text(change, "kind"));
	}
	if (count > i)
		fprintf(out, " and %llu more", count - i);
	if (!count && json_is_array(changes))
		fputs("nothing", out);
}

static void add_changes(struct xfn_table *table, const json_t *revision)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	print_changes(out, revision);
	fclose(out);
	xfn_table_cell(table, "%s", text);
	free(text);
}

static void add_revision(struct xfn_table *table, const json_t *revision)
{
	const char *user = xfn_json_text(revision, "user");
	const char *reason = xfn_json_text(revision, "reason");

	xfn_table_cell(table, "%s%llu", json_is_true(json_object_get(revision, "live")) ? "*" : " ",
		       xfn_json_count(revision, "revision"));
	xfn_table_cell(table, "%s", xfn_json_text(revision, "time"));
	if (*user || !json_object_get(revision, "uid"))
		xfn_table_cell(table, "%s", user);
	else
		xfn_table_cell(table, "%llu", xfn_json_count(revision, "uid"));
	xfn_table_cell(table, "%s", xfn_json_text(revision, "state"));
	add_changes(table, revision);
	xfn_table_cell(table, "%s", *reason ? reason : xfn_json_text(revision, "command"));
}

static void print_history(const json_t *revisions)
{
	static const struct xfn_column columns[] = {{" REVISION", XFN_LEFT}, {"TIME", XFN_LEFT},
						    {"USER", XFN_LEFT},      {"STATE", XFN_LEFT},
						    {"CHANGED", XFN_LEFT},   {"COMMAND", XFN_LEFT}};
	struct xfn_table *table;
	const json_t *revision;
	size_t i;

	if (!json_array_size(revisions)) {
		puts("no revision yet: xfn apply FILE");
		return;
	}
	table = xfn_table_new(columns, 6);
	json_array_foreach (revisions, i, revision)
		add_revision(table, revision);
	xfn_table_print(table, stdout);
	xfn_table_free(table);
}

int xfn_cli_history(struct xfn_cli *cli)
{
	json_t *history;
	int code = xfn_get(cli, "/v1/history", &history);

	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		code = xfn_print_json(history);
	else
		print_history(json_object_get(history, "revisions"));
	json_decref(history);
	return code;
}
