/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn audit: books kept by different hands, side by side; exit 1 where they differ. */
#include <stdio.h>

#include "client.h"
#include "output.h"
#include "table.h"

static void add_row(struct xfn_table *table, const char *what, const char *on, __u64 left,
		    __u64 right, bool ok)
{
	char figure[XFN_FIGURE_BYTES];
	__u64 apart = left > right ? left - right : right - left;

	xfn_table_cell(table, "%s", ok ? "ok" : "DIFFERS");
	xfn_table_cell(table, "%s%s%s", on, *on ? ": " : "", what);
	xfn_table_cell(table, "%s", xfn_figure_count(figure, left));
	xfn_table_cell(table, "%s", xfn_figure_count(figure, right));
	xfn_table_cell(table, "%s%s",
		       !apart         ? ""
		       : left > right ? "-"
				      : "+",
		       xfn_figure_count(figure, apart));
}

static void print_books(const json_t *audit)
{
	static const struct xfn_column columns[] = {{"", XFN_LEFT},
						    {"BOOKS", XFN_LEFT},
						    {"LEFT", XFN_RIGHT},
						    {"RIGHT", XFN_RIGHT},
						    {"APART", XFN_RIGHT}};
	struct xfn_table *table = xfn_table_new(columns, 5);
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(audit, "interfaces"), i, item)
		add_row(table, "packets, sum of verdicts", xfn_json_text(item, "name"),
			xfn_json_count(item, "packets"), xfn_json_count(item, "verdict_sum"),
			json_is_true(json_object_get(item, "ok")));
	json_array_foreach (json_object_get(audit, "books"), i, item)
		add_row(table, xfn_json_text(item, "what"), "", xfn_json_count(item, "left"),
			xfn_json_count(item, "right"), json_is_true(json_object_get(item, "ok")));
	xfn_table_print(table, stdout);
	xfn_table_free(table);
}

int xfn_cli_audit(struct xfn_cli *cli)
{
	json_t *audit;
	bool ok;
	int code = xfn_get(cli, "/v1/audit", &audit);

	if (code != XFN_EXIT_OK)
		return code;
	ok = json_is_true(json_object_get(audit, "ok"));
	if (cli->json) {
		xfn_print_json(audit);
	} else {
		print_books(audit);
		if (ok) {
			puts("the books agree");
		} else {
			xfn_say("the books differ");
			fputs("xfn stats --by verdict\n", stderr);
		}
	}
	json_decref(audit);
	return ok ? XFN_EXIT_OK : XFN_EXIT_FAILED;
}
