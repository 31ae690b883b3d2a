/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers of plain values: a scalar's text into the field that its schema row names. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"
#include "stringpool.h"
#include "utf8.h"

#define QUOTED_MAX 80 /* bytes of a value inside a message */

/* For "%.*s". */
static int quoted(const struct xfn_yaml_event *event)
{
	return event->len < QUOTED_MAX ? event->len : QUOTED_MAX;
}

void *xfn_builder_field(struct xfn_builder *builder, const struct xfn_schema_row *row)
{
	return (char *)xfn_schema_section(row->section)->target(builder) + row->offset;
}

int xfn_builder_keep(struct xfn_builder *builder, const struct xfn_yaml_event *event,
		     const char **ret)
{
	const char *text = xfn_stringpool_add(builder->manifest->strings, event->text, event->len);

	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int keep_field(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	return xfn_builder_keep(builder, event, xfn_builder_field(builder, row));
}

static int refuse(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event, const char *problem)
{
	xfn_builder_refuse(builder, event, row->form, NULL, "%s '%.*s' %s", row->key, quoted(event),
			   event->text, problem);
	return 0;
}

void xfn_builder_refuse_unit(struct xfn_builder *builder, const struct xfn_schema_row *row,
			     const struct xfn_yaml_event *event, const struct xfn_unit_error *err)
{
	char hint[2 * XFN_UNIT_TEXT_MAX];

	xfn_builder_refuse(builder, event, row->form, xfn_hint(hint, sizeof(hint), err->meant),
			   "%s '%.*s' %s", row->key, quoted(event), event->text, err->problem);
}

int xfn_read_version(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *event)
{
	if (event->len != 1 || *event->text != '1')
		return refuse(builder, row, event, "is not known here");
	return 0;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static const char *name_problem(const char *text, size_t len)
{
	if (!len)
		return "is empty";
	if (len > XFN_NAME_MAX)
		return "is too long";
	if (*text == '-')
		return "begins with a dash";
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && text[i] != '-')
			return "has characters that a name cannot have";
	return NULL;
}

int xfn_read_name(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	const char *problem = name_problem(event->text, event->len);

	if (problem)
		return refuse(builder, row, event, problem);
	return keep_field(builder, row, event);
}

const char *xfn_text_problem(const char *text, size_t len, size_t max)
{
	if (len > max)
		return "is too long";
	return xfn_utf8_is_plain(text, len) ? NULL : "has control characters";
}

static const char *text_problem(const char *text, size_t len, size_t max)
{
	return len ? xfn_text_problem(text, len, max) : "is empty";
}

int xfn_read_text(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	const char *problem = text_problem(event->text, event->len, row->max);

	if (problem)
		return refuse(builder, row, event, problem);
	return keep_field(builder, row, event);
}

int xfn_read_pin(struct xfn_builder *builder, const struct xfn_schema_row *row,
		 const struct xfn_yaml_event *event)
{
	if (event->len && *event->text != '/')
		return refuse(builder, row, event, "is not absolute");
	return xfn_read_text(builder, row, event);
}

int xfn_read_identifier(struct xfn_builder *builder, const struct xfn_schema_row *row,
			const struct xfn_yaml_event *event)
{
	if (!event->len || event->len > row->max || (*event->text >= '0' && *event->text <= '9'))
		return refuse(builder, row, event, "is not a C name");
	for (size_t i = 0; i < event->len; i++)
		if (event->text[i] != '_' && !is_alnum(event->text[i]) &&
		    !(event->text[i] >= 'A' && event->text[i] <= 'Z'))
			return refuse(builder, row, event, "is not a C name");
	return keep_field(builder, row, event);
}

/* The kernel's own rule (dev_valid_name()), and nothing that upsets a terminal. */
static const char *interface_problem(const char *text, size_t len)
{
	if (!len)
		return "is empty";
	if (len >= IF_NAMESIZE)
		return "is too long for an interface";
	if (text_problem(text, len, len) || memchr(text, '/', len) || memchr(text, ':', len) ||
	    memchr(text, ' ', len) || (*text == '.' && len == 1) ||
	    (len == 2 && !memcmp(text, "..", 2)))
		return "is not a name that an interface can have";
	return NULL;
}

int xfn_read_interface(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	const char *problem = interface_problem(event->text, event->len);

	if (problem)
		return refuse(builder, row, event, problem);
	return keep_field(builder, row, event);
}

int xfn_read_word(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event, const char *const *words, size_t supported,
		  size_t count)
{
	char word[16] = "", hint[64];

	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) != event->len || memcmp(words[i], event->text, event->len))
			continue;
		if (i < supported)
			return i;
		xfn_builder_refuse(builder, event, row->form, NULL, "'%s: %s' is not yet supported",
				   row->key, words[i]);
		return -1;
	}
	if (event->len < sizeof(word))
		snprintf(word, sizeof(word), "%.*s", (int)event->len, event->text);
	xfn_builder_refuse(builder, event, row->form,
			   xfn_hint(hint, sizeof(hint), xfn_suggest(word, words, supported)),
			   "%s '%.*s' is not known", row->key, quoted(event), event->text);
	return -1;
}

int xfn_read_bool(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"false", "true"};
	int word = xfn_read_word(builder, row, event, words, 2, 2);

	if (word >= 0)
		*(bool *)xfn_builder_field(builder, row) = word;
	return 0;
}

static void store_number(struct xfn_builder *builder, const struct xfn_schema_row *row, __u64 value)
{
	void *field = xfn_builder_field(builder, row);

	if (row->size == sizeof(__u32))
		*(__u32 *)field = value;
	else
		*(__u64 *)field = value;
}

int xfn_read_count(struct xfn_builder *builder, const struct xfn_schema_row *row,
		   const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;
	__u64 value;

	if (xfn_count_parse(event->text, event->len, row->min, row->max, &value, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	else
		store_number(builder, row, value);
	return 0;
}

int xfn_read_rate(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;

	if (xfn_rate_parse(event->text, event->len, xfn_builder_field(builder, row), &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

int xfn_read_duration(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;
	__u64 value;

	if (xfn_duration_parse(event->text, event->len, &value, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	else if (value < row->min || value > row->max)
		refuse(builder, row, event, value < row->min ? "is too short" : "is too long");
	else
		store_number(builder, row, value);
	return 0;
}

int xfn_read_bytes(struct xfn_builder *builder, const struct xfn_schema_row *row,
		   const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;
	__u64 value;

	if (xfn_bytes_parse(event->text, event->len, &value, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	else if (value < row->min || value > row->max)
		refuse(builder, row, event, value < row->min ? "is too small" : "is too large");
	else
		store_number(builder, row, value);
	return 0;
}

int xfn_read_cpu_share(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;

	if (xfn_cpu_parse(event->text, event->len, xfn_builder_field(builder, row), &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

int xfn_read_percent(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *event)
{
	struct xfn_unit_error err;

	if (xfn_percent_parse(event->text, event->len, xfn_builder_field(builder, row), &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}
