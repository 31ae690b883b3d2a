/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"
#include "output.h"
#include "table.h"

enum { BLANKS = 2, BLOCK_COLUMNS = 64 };

static const char *print_figure(char *buf, const struct xfn_matrix_column *column,
				const char *label, double seconds)
{
	__u64 now = xfn_json_count(column->counts, label);
	__u64 before = xfn_json_count(column->before, label);

	if (seconds > 0)
		now = column->before && now > before ? now - before : 0;
	if (!now)
		return "·";
	if (seconds > 0)
		return xfn_figure_rate(buf, (double)now / seconds);
	return xfn_figure_count(buf, now);
}

static size_t column_width(const struct xfn_matrix_column *column, json_t *labels, double seconds)
{
	size_t width = strlen(column->title);
	char figure[XFN_FIGURE_BYTES];
	const char *label;
	json_t *value;

	json_object_foreach (labels, label, value) {
		size_t cell = strlen(print_figure(figure, column, label, seconds));

		if (cell > width)
			width = cell;
	}
	return width;
}

static void print_block(FILE *out, const char *corner, json_t *labels,
			const struct xfn_matrix_column *columns, size_t count, double seconds)
{
	struct xfn_column headings[BLOCK_COLUMNS + 1] = {{corner, XFN_LEFT}};
	struct xfn_table *table;
	char figure[XFN_FIGURE_BYTES];
	const char *label;
	json_t *value;

	for (size_t i = 0; i < count; i++)
		headings[i + 1] = (struct xfn_column){columns[i].title, XFN_RIGHT};
	table = xfn_table_new(headings, count + 1);
	json_object_foreach (labels, label, value) {
		xfn_table_cell(table, "%s", label);
		for (size_t i = 0; i < count; i++)
			xfn_table_cell(table, "%s",
				       print_figure(figure, &columns[i], label, seconds));
	}
	xfn_table_print(table, out);
	xfn_table_free(table);
}

void xfn_matrix_print(FILE *out, size_t width, const char *corner,
		      const struct xfn_matrix_column *columns, size_t count, double seconds)
{
	json_t *labels = count ? (json_t *)(uintptr_t)columns[0].counts : NULL;
	size_t label_width = strlen(corner);
	const char *label;
	json_t *value;

	json_object_foreach (labels, label, value)
		if (strlen(label) > label_width)
			label_width = strlen(label);
	for (size_t first = 0, next; first < count; first = next) {
		size_t used = label_width;

		for (next = first; next < count && next - first < BLOCK_COLUMNS; next++) {
			used += BLANKS + column_width(&columns[next], labels, seconds);
			if (used > width && next > first)
				break;
		}
		if (first)
			fputc('\n', out);
		print_block(out, corner, labels, columns + first, next - first, seconds);
	}
}
