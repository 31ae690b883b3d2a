/* SPDX-License-Identifier: BSD-2-Clause */
/* Triggers from a CSV file: the schema's readers, fed with fields in the place of YAML's scalars. */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"
#include "csv.h"
#include "fragment.h"
#include "yaml_text.h"

#define COLUMNS_MAX XFN_SECTION_KEYS_MAX

struct csv {
	struct xfn_builder builder;
	struct xfn_csv_reader reader;
	struct xfn_frame frame; /* of the trigger at hand */
	const struct xfn_schema_row *columns[COLUMNS_MAX];
	size_t column_count;
};

static struct xfn_yaml_event event_of(const struct xfn_csv_field *field)
{
	return (struct xfn_yaml_event){
		.kind = XFN_YAML_SCALAR,
		.line = field->line,
		.column = field->column,
		.text = field->text,
		.len = field->len,
	};
}

/* ---- the header --------------------------------------------------------------------------------- */

/* What a column may be called: a key of a trigger that takes a single value. */
static const struct xfn_schema_row *find_column(const struct xfn_csv_field *field)
{
	const struct xfn_schema_row *row =
		xfn_schema_row(XFN_SECTION_TRIGGER, field->text, field->len);

	if (!row)
		row = xfn_schema_row(XFN_SECTION_KEY, field->text, field->len);
	return row && row->takes & XFN_FORM_SCALAR ? row : NULL;
}

static void add_column(struct csv *csv, const struct xfn_csv_field *field)
{
	const struct xfn_schema_row *row = find_column(field);
	struct xfn_yaml_event event = event_of(field);
	size_t i;

	if (!row) {
		xfn_builder_refuse_key(&csv->builder, &csv->frame, &event);
		return;
	}
	for (i = 0; i < csv->column_count; i++)
		if (csv->columns[i] == row) {
			xfn_builder_refuse(&csv->builder, &event, "each column once", NULL,
					   "column '%s' is there twice", row->key);
			return;
		}
	csv->columns[csv->column_count++] = row;
	if (row->section == XFN_SECTION_TRIGGER)
		csv->frame.keys[row - csv->frame.rows] =
			(struct xfn_place){field->line, field->column};
}

static int read_header(struct csv *csv)
{
	struct xfn_csv_field field = {.last = false};
	int got = 0;

	while (!field.last) {
		got = xfn_csv_next(&csv->reader, &field);
		if (got <= 0)
			break;
		if (csv->column_count < COLUMNS_MAX)
			add_column(csv, &field);
	}
	if (got < 0)
		return got;
	if (!got)
		xfn_builder_refuse_at(&csv->builder, (struct xfn_place){1, 1},
				      "a line such as protocol,port", NULL,
				      "the file has no line that names its columns");
	else if (!csv->frame.odd)
		xfn_builder_check_required(&csv->builder, &csv->frame);
	return 0;
}

/* ---- triggers ----------------------------------------------------------------------------------- */

/* Several values in one field, parted by blanks, are the items of a list. */
static int read_items(struct csv *csv, const struct xfn_schema_row *row,
		      struct xfn_yaml_event event)
{
	const char *at = event.text, *end = event.text + event.len;
	unsigned column = event.column;
	size_t items = 0;
	int err = 0;

	csv->builder.in_list = true;
	while (at < end && !err) {
		event.text = at;
		event.column = column;
		while (at < end && *at != ' ')
			column += (*at++ & 0xc0) != 0x80;
		event.len = at - event.text;
		for (; at < end && *at == ' '; at++)
			column++;
		if (!event.len)
			continue;
		csv->builder.item = items++;
		if (items > row->items_max) {
			xfn_builder_refuse(&csv->builder, &event, row->form, NULL,
					   "'%s' has more than %zu values", row->key,
					   row->items_max);
			break;
		}
		err = row->read(&csv->builder, row, &event);
	}
	csv->builder.in_list = false;
	return err;
}

/* A column of a key's kind: the trigger's `key`, as a mapping with this one value. */
static int read_key(struct csv *csv, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	struct xfn_frame frame = {.section = XFN_SECTION_KEY, .at = {event->line, event->column}};
	int err;

	if (xfn_builder_trigger(&csv->builder)->key) {
		xfn_builder_refuse(&csv->builder, event, "one of them", NULL,
				   "a second key of one trigger");
		return 0;
	}
	frame.rows = xfn_schema_section_rows(XFN_SECTION_KEY, &frame.row_count);
	frame.keys[row - frame.rows] = frame.at;
	csv->frame.keys[xfn_schema_row(XFN_SECTION_TRIGGER, "key", 3) - csv->frame.rows] = frame.at;
	err = xfn_key_open(&csv->builder, event);
	if (!err)
		err = row->read(&csv->builder, row, event);
	return err ? err : xfn_key_close(&csv->builder, &frame);
}

static int read_field(struct csv *csv, const struct xfn_schema_row *row,
		      const struct xfn_csv_field *field)
{
	struct xfn_yaml_event event = event_of(field);

	if (row->section == XFN_SECTION_KEY)
		return read_key(csv, row, &event);

	csv->frame.keys[row - csv->frame.rows] = (struct xfn_place){field->line, field->column};
	csv->builder.item = 0;
	if (row->takes & XFN_FORM_LIST && memchr(field->text, ' ', field->len))
		return read_items(csv, row, event);
	return row->read(&csv->builder, row, &event);
}

static void refuse_width(struct csv *csv, const struct xfn_csv_field *field, size_t width)
{
	xfn_builder_refuse_at(&csv->builder, (struct xfn_place){field->line, field->column},
			      "as many fields as the first line has", NULL,
			      "the line has %s fields than the %zu columns",
			      width < csv->column_count ? "fewer" : "more", csv->column_count);
}

/* A record from its first field on. */
static int read_record(struct csv *csv, struct xfn_csv_field *field)
{
	struct xfn_yaml_event start = event_of(field);
	size_t at = 0;
	int err = xfn_trigger_open(&csv->builder, &start), got;

	if (err)
		return err;
	csv->frame.at = (struct xfn_place){field->line, 1};
	memset(csv->frame.keys, 0, sizeof(csv->frame.keys));
	for (;; at++) {
		if (at < csv->column_count && field->len)
			err = read_field(csv, csv->columns[at], field);
		if (err)
			return err;
		if (field->last)
			break;
		got = xfn_csv_next(&csv->reader, field);
		if (got < 0)
			return got;
	}
	if (at + 1 != csv->column_count) {
		refuse_width(csv, field, at + 1);
		return 0;
	}
	xfn_builder_check_required(&csv->builder, &csv->frame);
	return xfn_trigger_close(&csv->builder, &csv->frame);
}

static int read_all(struct csv *csv)
{
	const struct xfn_diag_list *diags = csv->builder.diags;
	unsigned before = diags->count + diags->more;
	struct xfn_csv_field field;
	int err = read_header(csv), got;

	/* With a wrong header every line would be wrong. */
	if (!err && diags->count + diags->more > before)
		return -EINVAL;
	while (!err) {
		got = xfn_csv_next(&csv->reader, &field);
		if (got <= 0)
			return got < 0 ? got : diags->count + diags->more > before ? -EINVAL : 0;
		err = read_record(csv, &field);
	}
	return err;
}

int xfn_fragment_csv(const char *file, const char *text, size_t len, struct xfn_stringpool *strings,
		     struct xfn_diag_list *diags, struct xfn_manifest **ret)
{
	static const struct xfn_yaml_event start = {.line = 1, .column = 1};
	struct csv *csv = xfn_alloc(sizeof(*csv));
	struct xfn_manifest *fragment = csv ? xfn_manifest_new(file, strings) : NULL;
	int err = fragment ? xfn_yaml_text_check(file, text, len, diags) : -ENOMEM;

	if (!err) {
		csv->builder.manifest = fragment;
		csv->builder.diags = diags;
		csv->frame.at = (struct xfn_place){1, 1};
		csv->frame.section = XFN_SECTION_TRIGGER;
		csv->frame.rows =
			xfn_schema_section_rows(XFN_SECTION_TRIGGER, &csv->frame.row_count);
		xfn_csv_open(&csv->reader, file, text, len, diags);
		err = xfn_function_open(&csv->builder, &start) ?: read_all(csv);
	}
	xfn_free(csv);
	if (err) {
		xfn_diag_list_sort(diags);
		xfn_manifest_free(fragment);
		return err;
	}
	fragment->functions[0].trigger_count = fragment->trigger_count;
	*ret = fragment;
	return 0;
}
