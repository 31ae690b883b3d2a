/* SPDX-License-Identifier: BSD-2-Clause */
/* Diagnostics as a person reads them: the place, the line, a caret, what was expected. */
#include <stdbool.h>
#include <string.h>

#include "diag.h"
#include "utf8.h"

#define INDENT     "    "
#define SHOWN_MAX  92 /* characters of a source line that are shown */
#define BEFORE_MAX 60 /* of them, before the caret when the line is cut in front */

/* A line of the text, and the search for the next one. */
struct cursor {
	const char *at, *end; /* the line and all that follows */
	unsigned line;
};

/* A line ends with \n, \r\n or \r alone, as the YAML reader counts them. */
static const char *end_of_line(const char *at, const char *end)
{
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

static bool seek_line(struct cursor *cursor, unsigned line)
{
	while (cursor->line < line && cursor->at < cursor->end) {
		const char *eol = end_of_line(cursor->at, cursor->end);

		if (eol == cursor->end)
			return false;
		cursor->at = eol + (*eol == '\r' && eol + 1 < cursor->end && eol[1] == '\n') + 1;
		cursor->line++;
	}
	return cursor->line == line;
}

static size_t step_of(const char *at, const char *end)
{
	size_t step = xfn_utf8_length(at, end - at);

	return step ? step : 1;
}

static size_t count_chars(const char *at, const char *end)
{
	size_t chars = 0;

	for (; at < end; at += step_of(at, end))
		chars++;
	return chars;
}

/* Print the characters numbered @from to @to - 1; tabs and controls become one blank each. */
static void print_part(FILE *out, const char *at, const char *end, size_t from, size_t to)
{
	for (size_t n = 0; at < end && n < to; n++) {
		size_t step = xfn_utf8_length(at, end - at);

		if (n >= from && step && !xfn_utf8_is_control(at, step))
			fwrite(at, 1, step, out);
		else if (n >= from)
			fputc(step ? ' ' : '?', out);
		at += step ? step : 1;
	}
}

static void print_source(FILE *out, const struct xfn_diag *diag, const char *at, const char *end)
{
	size_t chars = count_chars(at, end), before = diag->column ? diag->column - 1 : 0;
	size_t from = 0, under = 1;

	if (before > chars)
		before = chars;
	if (chars > SHOWN_MAX && before > BEFORE_MAX)
		from = before - BEFORE_MAX;
	fprintf(out, INDENT "%s", from ? "..." : "");
	print_part(out, at, end, from, from + SHOWN_MAX);
	fprintf(out, "%s\n", chars > from + SHOWN_MAX ? "..." : "");
	if (!diag->column)
		return;
	if (diag->value && *diag->value)
		under = count_chars(diag->value, diag->value + strlen(diag->value));
	if (under > chars - before)
		under = chars - before;
	if (under > SHOWN_MAX - (before - from))
		under = SHOWN_MAX - (before - from);
	fprintf(out, INDENT "%*s^", (int)(before - from) + (from ? 3 : 0), "");
	while (under-- > 1)
		fputc('~', out);
	fputc('\n', out);
}

static void print_head(FILE *out, const struct xfn_diag *diag)
{
	if (diag->file)
		fprintf(out, "%s:", diag->file);
	if (diag->line)
		fprintf(out, "%u:", diag->line);
	if (diag->line && diag->column)
		fprintf(out, "%u:", diag->column);
	fprintf(out, "%s%s\n", diag->file || diag->line ? " " : "", diag->message);
}

void xfn_diag_print(FILE *out, const struct xfn_diag_list *list, const char *text, size_t len)
{
	struct cursor start = {text, text ? text + len : NULL, 1}, cursor = start;

	for (unsigned i = 0; i < list->count; i++) {
		const struct xfn_diag *diag = &list->items[i];

		if (diag->line < cursor.line)
			cursor = start;
		print_head(out, diag);
		if (text && diag->line && seek_line(&cursor, diag->line))
			print_source(out, diag, cursor.at, end_of_line(cursor.at, cursor.end));
		if (diag->expected)
			fprintf(out, INDENT "expected %s\n", diag->expected);
		if (diag->hint)
			fprintf(out, INDENT "%s\n", diag->hint);
	}
	if (list->more)
		fprintf(out, "and %u more\n", list->more);
}
