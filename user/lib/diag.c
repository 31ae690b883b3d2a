/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "diag.h"
#include "utf8.h"

#define VALUE_MAX 120 /* bytes of a quoted value; nobody reads more of it */

void xfn_diag_list_init(struct xfn_diag_list *list)
{
	*list = (struct xfn_diag_list){0};
}

static void drop_texts(struct xfn_diag *diag)
{
	xfn_free(diag->file);
	xfn_free(diag->value);
	xfn_free(diag->message);
	xfn_free(diag->expected);
	xfn_free(diag->hint);
}

void xfn_diag_list_fini(struct xfn_diag_list *list)
{
	if (!list)
		return;
	for (unsigned i = 0; i < list->count; i++)
		drop_texts(&list->items[i]);
	xfn_diag_list_init(list);
}

/* Copy what is printable of @len bytes at @text into @buf of @size bytes; the rest shows as '?'. */
static size_t make_safe(char *buf, size_t size, const char *text, size_t len)
{
	size_t used = 0;

	while (len) {
		size_t step = xfn_utf8_length(text, len);
		bool keep = step && !xfn_utf8_is_control(text, step);

		if (used + (keep ? step : 1) + sizeof("...") > size) {
			memcpy(buf + used, "...", 3);
			used += 3;
			break;
		}
		if (keep)
			memcpy(buf + used, text, step);
		else
			buf[used] = *text == '\n' ? ' ' : '?';
		used += keep ? step : 1;
		text += step ? step : 1;
		len -= step ? step : 1;
	}
	buf[used] = '\0';
	return used;
}

/* A safe copy in *ret; NULL stays NULL. Returns false when memory is short. */
static bool keep_text(char **ret, const char *text, size_t len, size_t max)
{
	char buf[XFN_DIAG_TEXT_MAX];

	if (!text)
		return true;
	len = make_safe(buf, max, text, len ? len : strlen(text));
	*ret = xfn_strndup(buf, len);
	return *ret;
}

static bool keep_diag(struct xfn_diag *diag, const struct xfn_diag_info *info, const char *message)
{
	const size_t max = XFN_DIAG_TEXT_MAX;

	diag->line = info->line;
	diag->column = info->column;
	return keep_text(&diag->file, info->file, 0, max) &&
	       keep_text(&diag->value, info->value, info->value_len, VALUE_MAX) &&
	       keep_text(&diag->message, message, 0, max) &&
	       keep_text(&diag->expected, info->expected, 0, max) &&
	       keep_text(&diag->hint, info->hint, 0, max);
}

void xfn_diag_add(struct xfn_diag_list *list, const struct xfn_diag_info *info, const char *fmt,
		  ...)
{
	struct xfn_diag diag = {0};
	char message[2 * XFN_DIAG_TEXT_MAX];
	va_list args;

	if (list->count == XFN_DIAGS_MAX) {
		list->more++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (!keep_diag(&diag, info, message)) {
		drop_texts(&diag);
		list->more++;
		return;
	}
	list->items[list->count++] = diag;
}

static bool comes_after(const struct xfn_diag *a, const struct xfn_diag *b)
{
	return a->line > b->line || (a->line == b->line && a->column > b->column);
}

void xfn_diag_list_sort(struct xfn_diag_list *list)
{
	for (unsigned i = 1; i < list->count; i++) {
		struct xfn_diag moving = list->items[i];
		unsigned to = i;

		for (; to && comes_after(&list->items[to - 1], &moving); to--)
			list->items[to] = list->items[to - 1];
		list->items[to] = moving;
	}
}

/* Not json_pack(): short of memory it leaves a member out and calls that success. */
static int set_text(json_t *object, const char *key, const char *text)
{
	return text ? json_object_set_new(object, key, json_string(text)) : 0;
}

static json_t *diag_json(const struct xfn_diag *diag)
{
	json_t *object = json_object();

	if (!object)
		return NULL;
	if (set_text(object, "file", diag->file) ||
	    json_object_set_new(object, "line", json_integer(diag->line)) ||
	    json_object_set_new(object, "column", json_integer(diag->column)) ||
	    set_text(object, "message", diag->message) || set_text(object, "value", diag->value) ||
	    set_text(object, "expected", diag->expected) || set_text(object, "hint", diag->hint)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* The entries that were not kept, as one that only says how many. */
static json_t *more_json(unsigned more)
{
	struct xfn_diag diag = {0};
	char message[32];

	snprintf(message, sizeof(message), "and %u more", more);
	diag.message = message;
	return diag_json(&diag);
}

int xfn_diag_list_json(const struct xfn_diag_list *list, json_t **ret)
{
	json_t *details = json_array();
	int err = details ? 0 : -1;

	for (unsigned i = 0; i < list->count && !err; i++)
		err = json_array_append_new(details, diag_json(&list->items[i]));
	if (!err && list->more)
		err = json_array_append_new(details, more_json(list->more));
	if (err) {
		json_decref(details);
		return -ENOMEM;
	}
	*ret = details;
	return 0;
}

static unsigned json_place(const json_t *detail, const char *key)
{
	json_int_t place = json_integer_value(json_object_get(detail, key));

	return place > 0 && place < 1 << 30 ? place : 0;
}

int xfn_diag_list_add_json(struct xfn_diag_list *list, const json_t *details)
{
	const json_t *detail;
	size_t i;

	if (!json_is_array(details))
		return -EINVAL;
	json_array_foreach (details, i, detail) {
		const char *message = json_string_value(json_object_get(detail, "message"));
		struct xfn_diag_info info = {
			.file = json_string_value(json_object_get(detail, "file")),
			.line = json_place(detail, "line"),
			.column = json_place(detail, "column"),
			.value = json_string_value(json_object_get(detail, "value")),
			.expected = json_string_value(json_object_get(detail, "expected")),
			.hint = json_string_value(json_object_get(detail, "hint")),
		};

		if (json_is_object(detail))
			xfn_diag_add(list, &info, "%s", message ? message : "not as expected");
	}
	return 0;
}
