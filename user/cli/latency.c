/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn latency: how long events take inside this host, by function, version and stage. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "output.h"
#include "table.h"

static const char *const figures[] = {"p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"};

static void add_row(struct xfn_table *table, const json_t *row)
{
	__u64 sample = xfn_json_count(row, "sample"), count = xfn_json_count(row, "count");
	char figure[XFN_FIGURE_BYTES], label[160];

	xfn_table_cell(table, "%s", xfn_function_label(row, label, sizeof(label)));
	xfn_table_cell(table, "%s", xfn_json_text(row, "version"));
	xfn_table_cell(table, "%s", xfn_json_text(row, "stage"));
	xfn_table_cell(table, "%s", xfn_figure_count(figure, count));
	if (sample > 1)
		xfn_table_cell(table, "1/%llu", sample);
	else
		xfn_table_cell(table, "all");
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		xfn_table_cell(table, "%s",
			       count ? xfn_figure_ns(figure, xfn_json_count(row, figures[i]))
				     : "-");
}

static int print_frame(struct xfn_cli *cli, FILE *out, void *context)
{
	static const struct xfn_column columns[] = {{"FUNCTION", XFN_LEFT}, {"VERSION", XFN_LEFT},
						    {"STAGE", XFN_LEFT},    {"COUNT", XFN_RIGHT},
						    {"STAMPED", XFN_LEFT},  {"P50", XFN_RIGHT},
						    {"P90", XFN_RIGHT},     {"P99", XFN_RIGHT},
						    {"P99.9", XFN_RIGHT},   {"MAX", XFN_RIGHT}};
	const json_t *rows, *row;
	struct xfn_table *table;
	json_t *answer;
	size_t i;
	int code = xfn_get(cli, context, &answer);

	if (code != XFN_EXIT_OK)
		return code;
	rows = json_object_get(answer, "functions");
	if (cli->json) {
		json_dumpf(answer, out, cli->watch ? JSON_COMPACT : JSON_INDENT(2));
		fputc('\n', out);
	} else if (!json_array_size(rows)) {
		fputs("nothing measured yet\n", out);
	} else {
		table = xfn_table_new(columns, sizeof(columns) / sizeof(columns[0]));
		json_array_foreach (rows, i, row)
			add_row(table, row);
		xfn_table_print(table, out);
		xfn_table_free(table);
		fputs("Inside this host, from XDP on; wire and NIC are not included.\n", out);
	}
	json_decref(answer);
	return XFN_EXIT_OK;
}

int xfn_cli_latency(struct xfn_cli *cli)
{
	char *path =
		xfn_call_path("/v1/latency", "function", cli->word_count ? cli->words[0] : NULL,
			      "stages", cli->stages ? "1" : NULL, NULL);
	int code = xfn_watch(cli, print_frame, path);

	free(path);
	return code;
}
