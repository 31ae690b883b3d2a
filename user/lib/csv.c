/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "csv.h"

void xfn_csv_open(struct xfn_csv_reader *reader, const char *file, const char *text, size_t len,
		  struct xfn_diag_list *diags)
{
	reader->file = file;
	reader->at = text;
	reader->end = text + len;
	reader->line = reader->column = 1;
	reader->inside = false;
	reader->diags = diags;
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		reader->at += 3;
}

static int refuse(const struct xfn_csv_reader *reader, unsigned line, unsigned column,
		  const char *expected, const char *what)
{
	struct xfn_diag_info info = {
		.file = reader->file, .line = line, .column = column, .expected = expected};

	xfn_diag_add(reader->diags, &info, "%s", what);
	return -EINVAL;
}

/* Bytes of the line end that is here: 0, 1 or 2. */
static size_t line_end(const struct xfn_csv_reader *reader)
{
	if (reader->at == reader->end)
		return 0;
	if (*reader->at == '\n')
		return 1;
	return *reader->at == '\r' && reader->end - reader->at > 1 && reader->at[1] == '\n' ? 2 : 0;
}

/* Takes one byte; bytes that go on with a character are in no column of their own. */
static char take(struct xfn_csv_reader *reader)
{
	char byte = *reader->at++;

	if (byte == '\n') {
		reader->line++;
		reader->column = 1;
	} else if ((byte & 0xc0) != 0x80) {
		reader->column++;
	}
	return byte;
}

static void take_line_end(struct xfn_csv_reader *reader)
{
	size_t length = line_end(reader);

	while (length--)
		take(reader);
}

static void skip_empty_lines(struct xfn_csv_reader *reader)
{
	while (line_end(reader))
		take_line_end(reader);
}

/* From behind the opening quote to behind the closing one. */
static int take_quoted(struct xfn_csv_reader *reader, struct xfn_csv_field *field)
{
	size_t used = 0;
	char byte;

	for (;;) {
		if (reader->at == reader->end)
			return refuse(reader, field->line, field->column, "a closing quote",
				      "a field in quotes does not end");
		byte = take(reader);
		if (byte == '"') {
			if (reader->at == reader->end || *reader->at != '"')
				break;
			take(reader);
		}
		if (used == sizeof(reader->unquoted))
			return refuse(reader, field->line, field->column, "at most 8192 bytes",
				      "a field is too long");
		reader->unquoted[used++] = byte;
	}
	field->text = reader->unquoted;
	field->len = used;
	return 0;
}

static int take_plain(struct xfn_csv_reader *reader, struct xfn_csv_field *field)
{
	field->text = reader->at;
	while (reader->at < reader->end && *reader->at != ',' && !line_end(reader)) {
		if (*reader->at == '"')
			return refuse(reader, reader->line, reader->column,
				      "the whole field in quotes, each quote in it doubled",
				      "a quote inside a field");
		take(reader);
	}
	field->len = reader->at - field->text;
	return 0;
}

int xfn_csv_next(struct xfn_csv_reader *reader, struct xfn_csv_field *ret)
{
	struct xfn_csv_field field;
	bool quoted;
	int err;

	if (!reader->inside) {
		skip_empty_lines(reader);
		if (reader->at == reader->end)
			return 0;
	}
	quoted = reader->at < reader->end && *reader->at == '"';
	if (quoted)
		take(reader);
	field.line = reader->line;
	field.column = reader->column;
	err = quoted ? take_quoted(reader, &field) : take_plain(reader, &field);
	if (err)
		return err;
	reader->inside = reader->at < reader->end && *reader->at == ',';
	field.last = !reader->inside;
	if (reader->inside)
		take(reader);
	else if (reader->at < reader->end && !line_end(reader))
		return refuse(reader, reader->line, reader->column,
			      "a comma or the end of the line", "text behind a closing quote");
	else
		take_line_end(reader);
	*ret = field;
	return 1;
}
