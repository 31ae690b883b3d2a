/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

struct xfn_table {
	struct xfn_column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
	size_t cell_room;
	bool failed;
};

struct xfn_table *xfn_table_new(const struct xfn_column *columns, size_t count)
{
	struct xfn_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = calloc(count, sizeof(*columns));
	if (!table->columns) {
		free(table);
		return NULL;
	}
	memcpy(table->columns, columns, count * sizeof(*columns));
	table->column_count = count;
	return table;
}

void xfn_table_free(struct xfn_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->columns);
	free(table);
}

static int make_room(struct xfn_table *table)
{
	size_t room = table->cell_room ? 2 * table->cell_room : 64;
	char **cells;

	if (table->cell_count < table->cell_room)
		return 0;
	cells = reallocarray(table->cells, room, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	table->cell_room = room;
	return 0;
}

void xfn_table_cell(struct xfn_table *table, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int length;

	if (!table || table->failed)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0 || make_room(table) < 0) {
		if (length >= 0)
			free(text);
		table->failed = true;
		return;
	}
	table->cells[table->cell_count++] = text;
}

/* Characters, not bytes: all but UTF-8's continuation bytes. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct xfn_table *table, size_t column)
{
	size_t width = text_width(table->columns[column].title);

	for (size_t i = column; i < table->cell_count; i += table->column_count) {
		size_t cell = text_width(table->cells[i]);

		if (cell > width)
			width = cell;
	}
	return width;
}

static void print_cell(const struct xfn_table *table, FILE *out, size_t column, size_t width,
		       const char *text)
{
	int pad = (int)(width - text_width(text));
	bool is_last = column + 1 == table->column_count;

	if (column)
		fputs("  ", out);
	if (table->columns[column].align == XFN_RIGHT)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, is_last ? 0 : pad, "");
	if (is_last)
		fputc('\n', out);
}

int xfn_table_print(const struct xfn_table *table, FILE *out)
{
	size_t *widths;

	if (!table || table->failed)
		return -ENOMEM;
	widths = calloc(table->column_count, sizeof(*widths));
	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = column_width(table, i);
	for (size_t i = 0; i < table->column_count; i++)
		print_cell(table, out, i, widths[i], table->columns[i].title);
	for (size_t i = 0; i < table->cell_count; i++)
		print_cell(table, out, i % table->column_count, widths[i % table->column_count],
			   table->cells[i]);
	if (table->cell_count % table->column_count)
		fputc('\n', out);
	free(widths);
	return 0;
}

char *xfn_figure_count(char buf[XFN_FIGURE_BYTES], __u64 count)
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%llu", count);
	char *to = buf;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

char *xfn_figure_ns(char buf[XFN_FIGURE_BYTES], __u64 ns)
{
	static const struct {
		double unit_ns;
		const char *name;
	} units[] = {{1e3, "µs"}, {1e6, "ms"}, {1e9, "s"}};
	size_t unit = 0;
	double value;

	if (ns < 1000) {
		snprintf(buf, XFN_FIGURE_BYTES, "%llu ns", ns);
		return buf;
	}
	/* 999.5 of one unit would round to 1000: it is 1.0 of the next. */
	while (unit < 2 && (double)ns / units[unit].unit_ns >= 999.5)
		unit++;
	value = (double)ns / units[unit].unit_ns;
	snprintf(buf, XFN_FIGURE_BYTES, "%.*f %s", value < 99.95 ? 1 : 0, value, units[unit].name);
	return buf;
}

char *xfn_figure_rate(char buf[XFN_FIGURE_BYTES], double per_second)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}};
	size_t unit = 0;
	double value;
	int decimals;

	if (per_second < 0)
		per_second = 0;
	while (unit < 3 && per_second / units[unit].unit >= 999.5)
		unit++;
	value = per_second / units[unit].unit;
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(buf, XFN_FIGURE_BYTES, "%.*f%s", unit ? decimals : 0, value, units[unit].name);
	return buf;
}
