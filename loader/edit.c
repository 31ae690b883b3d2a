/* SPDX-License-Identifier: BSD-2-Clause */
/* One edit: made, written as JSON, read back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "edit.h"
#include "fragment.h"
#include "revision.h"
#include "stringpool.h"
#include "trigger_set.h"

static const char *const labels[] = {
#define X(NAME, label) label,
	XFN_EDIT_KINDS(X)
#undef X
};

const char *xfn_edit_label(enum xfn_edit_kind kind)
{
	return labels[kind];
}

/* ---- making --------------------------------------------------------------------------------------- */

static bool copy_text(const char **text)
{
	if (*text)
		*text = strdup(*text);
	return *text;
}

/* Gives @edit copies of what its spec borrows; false without memory. */
static bool own(struct xfn_edit *edit)
{
	struct xfn_edit_spec *spec = &edit->spec;
	const struct xfn_edit_spec given = *spec;
	char *csv = NULL;

	if (spec->csv) {
		csv = malloc(spec->csv_bytes + 1);
		if (csv) {
			memcpy(csv, spec->csv, spec->csv_bytes);
			csv[spec->csv_bytes] = '\0';
		}
		spec->csv = csv;
	}
	copy_text(&spec->tenant);
	copy_text(&spec->function);
	copy_text(&spec->text);
	copy_text(&spec->path);
	copy_text(&spec->command);
	edit->strings = xfn_stringpool_new();
	return edit->strings && !given.tenant == !spec->tenant &&
	       !given.function == !spec->function && !given.text == !spec->text &&
	       !given.path == !spec->path && !given.command == !spec->command &&
	       !given.csv == !spec->csv;
}

static void format_time(__u64 time_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(time_ns / 1000000000ULL);
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc))
		text[0] = '\0';
}

/* A CSV has lines of its own; a trigger that was typed has only its time. */
static char *make_place(const struct xfn_edit_spec *spec)
{
	char when[32], *place;

	if (spec->path)
		return strdup(spec->path);
	format_time(spec->time_ns, when, sizeof(when));
	return asprintf(&place, "added by command, %s", when) < 0 ? NULL : place;
}

static char *make_line(const struct xfn_edit_spec *spec)
{
	json_t *json = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:b, s:I, s:I, s:s}", "kind",
				 labels[spec->kind], "tenant", spec->tenant, "function",
				 spec->function, "text", spec->text, "path", spec->path, "drop",
				 spec->drop, "uid", (json_int_t)spec->uid, "time_ns",
				 (json_int_t)spec->time_ns, "command", spec->command);
	char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return line;
}

struct xfn_edit *xfn_edit_new(const struct xfn_edit_spec *spec)
{
	struct xfn_edit *edit = calloc(1, sizeof(*edit));
	bool whole;

	if (!edit)
		return NULL;
	edit->references = 1;
	edit->spec = *spec;
	edit->spec.command = spec->command ?: "";
	edit->spec.time_ns = spec->time_ns ?: xfn_clock_ns(CLOCK_REALTIME);
	whole = own(edit);
	if (whole) {
		edit->csv_sum = xfn_revision_sum(edit->spec.csv, edit->spec.csv_bytes);
		edit->place = make_place(&edit->spec);
		edit->line = make_line(&edit->spec);
	}
	if (edit->place && edit->line)
		return edit;
	xfn_edit_put(edit);
	return NULL;
}

struct xfn_edit *xfn_edit_get(struct xfn_edit *edit)
{
	if (edit)
		edit->references++;
	return edit;
}

void xfn_edit_put(struct xfn_edit *edit)
{
	if (!edit || --edit->references)
		return;
	free((char *)edit->spec.tenant);
	free((char *)edit->spec.function);
	free((char *)edit->spec.text);
	free((char *)edit->spec.path);
	free((char *)edit->spec.csv);
	free((char *)edit->spec.command);
	xfn_stringpool_put(edit->strings);
	free(edit->place);
	free(edit->line);
	free(edit);
}

/* ---- reading -------------------------------------------------------------------------------------- */

static int find_kind(const char *label)
{
	int kind;

	for (kind = 0; kind < XFN_EDIT_KIND_COUNT; kind++)
		if (label && !strcmp(labels[kind], label))
			return kind;
	return -1;
}

static bool is_trigger(enum xfn_edit_kind kind)
{
	return kind == XFN_EDIT_TRIGGER_ADD || kind == XFN_EDIT_TRIGGER_RM;
}

/* Has what its kind needs. */
static bool is_complete(const struct xfn_edit_spec *spec)
{
	if (!spec->function != !spec->tenant || (!spec->function && spec->kind != XFN_EDIT_OFF))
		return false;
	if (is_trigger(spec->kind))
		return !spec->text != !spec->path && !spec->path == !spec->csv;
	return spec->kind != XFN_EDIT_LIMIT || spec->text;
}

int xfn_edit_read(const json_t *json, const void *csv, size_t csv_bytes, struct xfn_edit **ret)
{
	struct xfn_edit_spec spec = {.csv = csv, .csv_bytes = csv_bytes};
	const char *label = json_string_value(json_object_get(json, "kind"));
	int kind = find_kind(label);

	if (kind < 0)
		return -EBADMSG;
	spec.kind = kind;
	spec.tenant = json_string_value(json_object_get(json, "tenant"));
	spec.function = json_string_value(json_object_get(json, "function"));
	spec.text = json_string_value(json_object_get(json, "text"));
	spec.path = json_string_value(json_object_get(json, "path"));
	spec.drop = json_is_true(json_object_get(json, "drop"));
	spec.uid = json_integer_value(json_object_get(json, "uid"));
	spec.time_ns = json_integer_value(json_object_get(json, "time_ns"));
	spec.command = json_string_value(json_object_get(json, "command"));
	if (!is_complete(&spec))
		return -EBADMSG;
	*ret = xfn_edit_new(&spec);
	return *ret ? 0 : -ENOMEM;
}

/* ---- saying --------------------------------------------------------------------------------------- */

static int read_limit(const struct xfn_edit *edit, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret)
{
	const char *text = edit->spec.text;

	/* No limit at all is the absence of a key, which a value cannot say. */
	if (!strcmp(text, "none"))
		text = "0";
	return xfn_fragment_limit("limit", text, strlen(text), diags, ret);
}

int xfn_edit_fragment(const struct xfn_edit *edit, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret)
{
	const struct xfn_edit_spec *spec = &edit->spec;

	if (spec->kind == XFN_EDIT_LIMIT)
		return read_limit(edit, diags, ret);
	if (spec->csv)
		return xfn_fragment_csv(spec->path, spec->csv, spec->csv_bytes, edit->strings,
					diags, ret);
	return xfn_fragment_trigger("trigger", spec->text, strlen(spec->text), edit->strings, diags,
				    ret);
}

#define WHAT_MAX 160

/* Bytes of @text that are shown: whole characters. */
static int fit(const char *text)
{
	size_t length = strlen(text);

	if (length <= WHAT_MAX)
		return (int)length;
	for (length = WHAT_MAX; length && (text[length] & 0xc0) == 0x80;)
		length--;
	return (int)length;
}

char *xfn_edit_print(const struct xfn_edit *edit, char *buf)
{
	const struct xfn_edit_spec *spec = &edit->spec;
	const char *what = spec->text ?: spec->path ?: "";
	int length = fit(what);

	switch (spec->kind) {
	case XFN_EDIT_TRIGGER_ADD:
	case XFN_EDIT_TRIGGER_RM:
		snprintf(buf, XFN_EDIT_WORDS_BYTES, "%s%.*s %s",
			 spec->path ? "triggers of " : "trigger ", length, what,
			 spec->kind == XFN_EDIT_TRIGGER_ADD ? "added" : "removed");
		break;
	case XFN_EDIT_LIMIT:
		snprintf(buf, XFN_EDIT_WORDS_BYTES, "limit %.*s", length, what);
		break;
	case XFN_EDIT_OFF:
		snprintf(buf, XFN_EDIT_WORDS_BYTES, "off%s",
			 spec->drop ? ", its packets dropped" : "");
		break;
	case XFN_EDIT_ON:
		snprintf(buf, XFN_EDIT_WORDS_BYTES, "on");
		break;
	default:
		snprintf(buf, XFN_EDIT_WORDS_BYTES, "handler swapped for %.*s", length, what);
	}
	return buf;
}
