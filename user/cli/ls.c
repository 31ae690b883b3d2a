/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn ls: the functions, one a line. */
#include <stdio.h>

#include "client.h"
#include "output.h"
#include "table.h"

static void add_versions(struct xfn_table *table, const json_t *versions)
{
	char text[128] = "-";
	const json_t *version;
	size_t i, at = 0;

	json_array_foreach (versions, i, version) {
		const char *id = json_is_object(version) ? xfn_json_text(version, "id")
							 : json_string_value(version);

		if (id && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
					       id);
	}
	xfn_table_cell(table, "%s", text);
}

static void add_function(struct xfn_table *table, const json_t *function)
{
	const json_t *triggers = json_object_get(function, "triggers");
	const char *program = xfn_json_text(function, "program");
	char label[256], figure[XFN_FIGURE_BYTES];
	__u64 count = json_is_array(triggers) ? json_array_size(triggers)
					      : xfn_json_count(function, "triggers");

	xfn_table_cell(table, "%s", xfn_function_label(function, label, sizeof(label)));
	xfn_table_cell(table, "%s", xfn_json_text(function, "set"));
	xfn_table_cell(table, "%s", xfn_json_text(function, "delivery"));
	xfn_table_cell(table, "%s", xfn_figure_count(figure, count));
	add_versions(table, json_object_get(function, "versions"));
	xfn_table_cell(table, "%s", xfn_json_text(function, "state"));
	xfn_table_cell(table, "%s", *program ? program : "-");
}

int xfn_cli_ls(struct xfn_cli *cli)
{
	static const struct xfn_column columns[] = {{"FUNCTION", XFN_LEFT}, {"SET", XFN_LEFT},
						    {"DELIVERY", XFN_LEFT}, {"TRIGGERS", XFN_RIGHT},
						    {"VERSIONS", XFN_LEFT}, {"STATE", XFN_LEFT},
						    {"PROGRAM", XFN_LEFT}};
	const json_t *functions, *function;
	struct xfn_table *table;
	json_t *answer;
	size_t i;
	int code = xfn_get(cli, "/v1/functions", &answer);

	if (code != XFN_EXIT_OK)
		return code;
	functions = json_object_get(answer, "functions");
	if (cli->json) {
		xfn_print_json(answer);
	} else if (!json_array_size(functions)) {
		puts("no functions: xfn apply FILE");
	} else {
		table = xfn_table_new(columns, sizeof(columns) / sizeof(columns[0]));
		json_array_foreach (functions, i, function)
			add_function(table, function);
		xfn_table_print(table, stdout);
		xfn_table_free(table);
	}
	json_decref(answer);
	return XFN_EXIT_OK;
}
