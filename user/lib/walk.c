/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over a manifest's events, led by the schema. Nothing here knows a single key. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"

#define WORD_MAX 63 /* characters of a key that are looked at for a suggestion */

/* ---- diagnostics -------------------------------------------------------------------------------- */

static void refuse(struct xfn_builder *builder, struct xfn_diag_info info, const char *fmt,
		   va_list args)
{
	char message[XFN_DIAG_TEXT_MAX];

	vsnprintf(message, sizeof(message), fmt, args);
	info.file = builder->manifest->file;
	xfn_diag_add(builder->diags, &info, "%s", message);
}

void xfn_builder_refuse(struct xfn_builder *builder, const struct xfn_yaml_event *event,
			const char *expected, const char *hint, const char *fmt, ...)
{
	struct xfn_diag_info info = {
		.line = event->line,
		.column = event->column,
		.value = event->kind == XFN_YAML_SCALAR && event->len ? event->text : NULL,
		.value_len = event->len,
		.expected = expected,
		.hint = hint,
	};
	va_list args;

	va_start(args, fmt);
	refuse(builder, info, fmt, args);
	va_end(args);
}

void xfn_builder_refuse_at(struct xfn_builder *builder, struct xfn_place at, const char *expected,
			   const char *hint, const char *fmt, ...)
{
	struct xfn_diag_info info = {
		.line = at.line, .column = at.column, .expected = expected, .hint = hint};
	va_list args;

	va_start(args, fmt);
	refuse(builder, info, fmt, args);
	va_end(args);
}

const char *xfn_hint(char *buf, size_t size, const char *meant)
{
	if (!meant || !*meant)
		return NULL;
	snprintf(buf, size, "did you mean '%s'?", meant);
	return buf;
}

struct xfn_place xfn_frame_key(const struct xfn_frame *frame, const char *key)
{
	for (size_t i = 0; i < frame->row_count; i++)
		if (!strcmp(frame->rows[i].key, key))
			return frame->keys[i];
	return (struct xfn_place){0};
}

/* ---- keys --------------------------------------------------------------------------------------- */

/* "one of rate, burst, excess": the keys that may be used; NULL if none can. */
static const char *list_keys(const struct xfn_frame *frame, char *buf, size_t size)
{
	size_t used = snprintf(buf, size, "one of");
	const char *comma = "";

	for (size_t i = 0; i < frame->row_count && used < size; i++) {
		if (!frame->rows[i].takes)
			continue;
		used += snprintf(buf + used, size - used, "%s %s", comma, frame->rows[i].key);
		comma = ",";
	}
	return *comma ? buf : NULL;
}

static const char *suggest_key(const struct xfn_frame *frame, const char *word)
{
	const char *keys[XFN_SECTION_KEYS_MAX];

	for (size_t i = 0; i < frame->row_count; i++)
		keys[i] = frame->rows[i].takes ? frame->rows[i].key : NULL;
	return xfn_suggest(word, keys, frame->row_count);
}

/* A key that is right, but elsewhere: where it belongs, else NULL. */
static const char *find_elsewhere(const char *word)
{
	size_t count;
	const struct xfn_schema_row *row = xfn_schema_rows(&count);

	for (; count; count--, row++)
		if (row->takes && !strcmp(row->key, word))
			return xfn_schema_section(row->section)->where;
	return NULL;
}

void xfn_builder_refuse_key(struct xfn_builder *builder, struct xfn_frame *frame,
			    const struct xfn_yaml_event *key)
{
	const char *where = xfn_schema_section(frame->section)->where, *meant, *elsewhere = NULL;
	char word[WORD_MAX + 1] = "", keys[XFN_DIAG_TEXT_MAX], hint[2 * WORD_MAX];

	frame->odd = true;
	if (key->len == 2 && !memcmp(key->text, "<<", 2)) {
		xfn_builder_refuse(builder, key, "the keys themselves", NULL,
				   "merge keys are not supported");
		return;
	}
	if (key->len <= WORD_MAX)
		snprintf(word, sizeof(word), "%.*s", (int)key->len, key->text);
	meant = suggest_key(frame, word);
	if (meant)
		xfn_hint(hint, sizeof(hint), meant);
	else if ((elsewhere = find_elsewhere(word)))
		snprintf(hint, sizeof(hint), "'%s' belongs in %s", word, elsewhere);
	xfn_builder_refuse(builder, key, list_keys(frame, keys, sizeof(keys)),
			   meant || elsewhere ? hint : NULL, "unknown key '%.*s' in %s",
			   key->len < 80 ? (int)key->len : 80, key->text, where);
}

static const struct xfn_schema_row *find_row(const struct xfn_frame *frame, const char *key,
					     size_t len)
{
	for (size_t i = 0; i < frame->row_count; i++) {
		const char *name = frame->rows[i].key;

		if (strlen(name) == len && !memcmp(name, key, len))
			return &frame->rows[i];
	}
	return NULL;
}

static bool is_word(struct xfn_builder *builder, const struct xfn_yaml_event *key)
{
	if (key->kind != XFN_YAML_SCALAR && key->kind != XFN_YAML_REFUSED)
		xfn_builder_refuse(builder, key, "a word", NULL,
				   "a key must be a word, not a mapping or list");
	return key->kind == XFN_YAML_SCALAR;
}

/* The row that @key stands for; NULL if its value is to be skipped, with a diagnostic given. */
static const struct xfn_schema_row *take_key(struct xfn_builder *builder, struct xfn_frame *frame,
					     const struct xfn_yaml_event *key)
{
	const struct xfn_schema_row *row = NULL;
	struct xfn_place *seen;
	char hint[64];

	if (!is_word(builder, key)) {
		frame->odd = true;
		return NULL;
	}
	row = find_row(frame, key->text, key->len);
	if (!row) {
		xfn_builder_refuse_key(builder, frame, key);
		return NULL;
	}
	seen = &frame->keys[row - frame->rows];
	if (seen->line) {
		snprintf(hint, sizeof(hint), "the first is in line %u", seen->line);
		xfn_builder_refuse(builder, key, NULL, hint, "'%s' is given twice in %s", row->key,
				   xfn_schema_section(frame->section)->where);
		return NULL;
	}
	*seen = (struct xfn_place){key->line, key->column};
	frame->given |= row->given;
	if (row->is_delivery)
		xfn_delivery_note(builder, row, key);
	if (!row->takes) {
		xfn_builder_refuse(builder, key, NULL, NULL, "'%s' is not yet supported", row->key);
		return NULL;
	}
	return row;
}

/* ---- values ------------------------------------------------------------------------------------- */

static int read_section(struct xfn_builder *builder, enum xfn_section section,
			const struct xfn_yaml_event *map);

static const char *form_name(const struct xfn_yaml_event *event)
{
	static const char *const names[] = {
		[XFN_YAML_MAP] = "a mapping",
		[XFN_YAML_LIST] = "a list",
		[XFN_YAML_SCALAR] = "a single value",
	};

	return names[event->kind];
}

static unsigned form_bit(const struct xfn_yaml_event *event)
{
	if (event->kind == XFN_YAML_MAP)
		return XFN_FORM_MAP;
	return event->kind == XFN_YAML_LIST ? XFN_FORM_LIST : XFN_FORM_SCALAR;
}

/* Whether @event may stand for @row's key or, as an @item, in its list; if not it is refused. */
static bool accept_form(struct xfn_builder *builder, const struct xfn_schema_row *row,
			const struct xfn_yaml_event *event, bool item)
{
	unsigned form = form_bit(event), takes = item ? row->items : row->takes;

	if (event->kind == XFN_YAML_REFUSED)
		return false;
	if (form == XFN_FORM_SCALAR && event->plain && !event->len)
		xfn_builder_refuse(builder, event, row->form, NULL, "%s '%s' has no value",
				   item ? "an item of" : "the key", row->key);
	else if (takes & form)
		return true;
	else if (!item && (row->later & form))
		xfn_builder_refuse(builder, event, row->form, NULL,
				   "'%s' as %s is not yet supported", row->key, form_name(event));
	else
		xfn_builder_refuse(builder, event, row->form, NULL, "%s'%s' cannot be %s",
				   item ? "an item of " : "", row->key, form_name(event));
	return false;
}

static int read_one(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	if (event->kind == XFN_YAML_MAP)
		return read_section(builder, row->child, event);
	return row->read(builder, row, event);
}

static void check_items(struct xfn_builder *builder, const struct xfn_schema_row *row,
			const struct xfn_yaml_event *list, size_t count)
{
	if (count < row->items_min)
		xfn_builder_refuse(builder, list, row->form, NULL, "'%s' has %s", row->key,
				   count ? "too few items" : "an empty list");
	else if (count > row->items_max)
		xfn_builder_refuse(builder, list, row->form, NULL, "'%s' has more than %zu items",
				   row->key, row->items_max);
}

static int read_list(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *list)
{
	struct xfn_yaml_event event;
	size_t count = 0;
	int err;

	for (;; count++) {
		err = xfn_yaml_reader_next(builder->reader, &event);
		if (err)
			return err;
		if (event.kind == XFN_YAML_CLOSE)
			break;
		builder->in_list = true;
		builder->item = count;
		if (count < row->items_max && accept_form(builder, row, &event, true))
			err = read_one(builder, row, &event);
		else
			err = xfn_yaml_reader_skip(builder->reader, &event);
		if (err)
			return err;
	}
	check_items(builder, row, list, count);
	return 0;
}

/* ---- mappings whose keys are free ---------------------------------------------------------------- */

struct names {
	const char *texts[XFN_FREE_KEYS_MAX];
	unsigned lines[XFN_FREE_KEYS_MAX];
	size_t count; /* may be one more than there is room for: of a mapping that is too large */
};

static bool is_new(struct xfn_builder *builder, const struct xfn_schema_row *row,
		   const struct xfn_yaml_event *key, const struct names *names)
{
	char hint[64];

	for (size_t i = 0; i < names->count && i < row->items_max; i++) {
		if (strcmp(names->texts[i], builder->name))
			continue;
		snprintf(hint, sizeof(hint), "the first is in line %u", names->lines[i]);
		xfn_builder_refuse(builder, key, NULL, hint, "'%.80s' is given twice in '%s'",
				   builder->name, row->key);
		return false;
	}
	return true;
}

/* Notes a free key. *ret_good: its value is to be read. Returns 0 or -ENOMEM. */
static int take_name(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *key, struct names *names, bool *ret_good)
{
	const char *problem;
	int err;

	*ret_good = false;
	if (!is_word(builder, key))
		return 0;
	problem = xfn_text_problem(key->text, key->len, XFN_TEXT_BYTES_MAX);
	if (problem) {
		xfn_builder_refuse(builder, key, row->form, NULL, "a key in '%s' %s", row->key,
				   problem);
		return 0;
	}
	err = xfn_builder_keep(builder, key, &builder->name);
	if (err || !is_new(builder, row, key, names))
		return err;
	builder->name_at = (struct xfn_place){key->line, key->column};
	if (names->count < row->items_max) {
		names->texts[names->count] = builder->name;
		names->lines[names->count] = key->line;
		*ret_good = true;
	}
	names->count += names->count <= row->items_max;
	return 0;
}

static int read_named(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *key, struct names *names)
{
	struct xfn_yaml_event value;
	bool good;
	int err = take_name(builder, row, key, names, &good);

	if (!err)
		err = xfn_yaml_reader_skip(builder->reader, key);
	if (!err)
		err = xfn_yaml_reader_next(builder->reader, &value);
	if (err)
		return err;
	if (value.kind == XFN_YAML_SCALAR && value.plain && !value.len) {
		value.line = builder->name_at.line; /* what is not there has no place of its own */
		value.column = builder->name_at.column;
	}
	if (good && accept_form(builder, row, &value, true))
		return row->read(builder, row, &value);
	return xfn_yaml_reader_skip(builder->reader, &value);
}

static int read_free(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *map)
{
	struct names names = {.count = 0};
	struct xfn_yaml_event event;
	int err;

	for (;;) {
		err = xfn_yaml_reader_next(builder->reader, &event);
		if (err || event.kind == XFN_YAML_CLOSE)
			break;
		err = read_named(builder, row, &event, &names);
		if (err)
			break;
	}
	if (!err)
		check_items(builder, row, map, names.count);
	return err;
}

static int read_value(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	builder->in_list = false;
	builder->item = 0;
	if (!accept_form(builder, row, event, false))
		return xfn_yaml_reader_skip(builder->reader, event);
	if (event->kind == XFN_YAML_LIST)
		return read_list(builder, row, event);
	if (event->kind == XFN_YAML_MAP && row->free_keys)
		return read_free(builder, row, event);
	return read_one(builder, row, event);
}

/* A key that is at fault is read over with its value. */
static int read_pair(struct xfn_builder *builder, struct xfn_frame *frame,
		     const struct xfn_yaml_event *key)
{
	const struct xfn_schema_row *row = take_key(builder, frame, key);
	struct xfn_place at = {key->line, key->column};
	struct xfn_yaml_event value;
	int err;

	err = xfn_yaml_reader_skip(builder->reader, key);
	if (!err)
		err = xfn_yaml_reader_next(builder->reader, &value);
	if (err)
		return err;
	if (!row)
		return xfn_yaml_reader_skip(builder->reader, &value);
	if (value.kind == XFN_YAML_SCALAR && value.plain && !value.len) {
		value.line = at.line; /* what is not there has no place of its own */
		value.column = at.column;
	}
	return read_value(builder, row, &value);
}

void xfn_builder_check_required(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	for (size_t i = 0; i < frame->row_count; i++) {
		const struct xfn_schema_row *row = &frame->rows[i];

		if (row->required && !frame->keys[i].line)
			xfn_builder_refuse_at(builder, frame->at, row->form, NULL,
					      "'%s' is missing in %s", row->key,
					      xfn_schema_section(frame->section)->where);
	}
}

/* Read from behind the opening of a mapping to its close. */
static int read_section(struct xfn_builder *builder, enum xfn_section section,
			const struct xfn_yaml_event *map)
{
	const struct xfn_section_info *info = xfn_schema_section(section);
	struct xfn_frame frame = {.section = section, .at = {map->line, map->column}};
	struct xfn_yaml_event event;
	int err;

	frame.rows = xfn_schema_section_rows(section, &frame.row_count);
	err = info->open ? info->open(builder, map) : 0;
	while (!err) {
		err = xfn_yaml_reader_next(builder->reader, &event);
		if (err || event.kind == XFN_YAML_CLOSE)
			break;
		err = read_pair(builder, &frame, &event);
	}
	if (err)
		return err;
	if (info->of_function)
		xfn_builder_function(builder)->given |= frame.given;
	if (!frame.odd)
		xfn_builder_check_required(builder, &frame);
	return info->close ? info->close(builder, &frame) : 0;
}

int xfn_builder_walk(struct xfn_builder *builder)
{
	struct xfn_yaml_event event;
	int err;

	err = xfn_yaml_reader_next(builder->reader, &event);
	if (err)
		return err;
	if (event.kind != XFN_YAML_MAP) {
		if (event.kind != XFN_YAML_REFUSED)
			xfn_builder_refuse_at(builder, (struct xfn_place){1, 1},
					      "a mapping with version and functions", NULL,
					      "the text holds no manifest");
		return -EINVAL;
	}
	err = read_section(builder, XFN_SECTION_TOP, &event);
	return err ? err : xfn_yaml_reader_next(builder->reader, &event);
}

int xfn_builder_walk_value(struct xfn_builder *builder, const struct xfn_schema_row *row)
{
	struct xfn_yaml_event event;
	int err;

	err = xfn_yaml_reader_next(builder->reader, &event);
	if (err)
		return err;
	if (event.kind == XFN_YAML_DONE) {
		xfn_builder_refuse_at(builder, (struct xfn_place){1, 1}, row->form, NULL,
				      "the text holds no %s", row->key);
		return -EINVAL;
	}
	err = read_value(builder, row, &event);
	return err ? err : xfn_yaml_reader_next(builder->reader, &event);
}
