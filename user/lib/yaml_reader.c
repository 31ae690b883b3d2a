/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include <libfyaml.h>

#include "alloc.h"
#include "manifest.h"
#include "yaml_reader.h"
#include "yaml_text.h"

#define SCALAR_BYTES_MAX  8192 /* as written; twice the longest text that any key takes */
#define SCALAR_QUOTES_MAX 8

struct xfn_yaml_reader {
	struct fy_parser *parser;
	struct fy_diag *fy_diag;
	struct fy_event *event; /* held for its text until the next one is read */
	const char *file, *text;
	size_t len;
	struct xfn_diag_list *diags;
	unsigned depth;
	unsigned documents;
	unsigned line, column; /* of the event before, for events that have no token */
};

/* ---- life --------------------------------------------------------------------------------------- */

static int open_parser(struct xfn_yaml_reader *reader, const char *text, size_t len)
{
	struct fy_parse_cfg cfg = {
		.search_path = "",
		.flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2 |
			 FYPCF_SLOPPY_FLOW_INDENTATION, /* JSON may break its lines anywhere */
	};
	struct fy_diag_cfg diag_cfg;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	reader->fy_diag = fy_diag_create(&diag_cfg);
	if (!reader->fy_diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(reader->fy_diag, true);
	cfg.diag = reader->fy_diag;
	reader->parser = fy_parser_create(&cfg);
	if (!reader->parser || fy_parser_set_string(reader->parser, text, len))
		return -ENOMEM;
	return 0;
}

int xfn_yaml_reader_open(const char *file, const char *text, size_t len,
			 struct xfn_diag_list *diags, struct xfn_yaml_reader **ret)
{
	struct xfn_yaml_reader *reader;
	int err;

	err = xfn_yaml_text_check(file, text, len, diags);
	if (err)
		return err;
	reader = xfn_alloc(sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->file = file;
	reader->text = text;
	reader->len = len;
	reader->diags = diags;
	reader->line = reader->column = 1;
	/* libfyaml takes no empty string; a blank is as empty. */
	err = open_parser(reader, len ? text : " ", len ? len : 1);
	if (err) {
		xfn_yaml_reader_close(reader);
		return err;
	}
	*ret = reader;
	return 0;
}

void xfn_yaml_reader_close(struct xfn_yaml_reader *reader)
{
	if (!reader)
		return;
	if (reader->event)
		fy_parser_event_free(reader->parser, reader->event);
	if (reader->parser)
		fy_parser_destroy(reader->parser);
	if (reader->fy_diag)
		fy_diag_destroy(reader->fy_diag);
	xfn_free(reader);
}

/* ---- events ------------------------------------------------------------------------------------- */

static int refuse(const struct xfn_yaml_reader *reader, unsigned line, unsigned column,
		  const char *what, const char *expected)
{
	struct xfn_diag_info info = {
		.file = reader->file, .line = line, .column = column, .expected = expected};

	xfn_diag_add(reader->diags, &info, "%s", what);
	return -EINVAL;
}

static int report_syntax(struct xfn_yaml_reader *reader)
{
	struct xfn_diag_info info = {
		.file = reader->file, .line = reader->line, .column = reader->column};
	const char *what = "it cannot be read here";
	struct fy_diag_error *error;
	void *iter = NULL;

	while ((error = fy_diag_errors_iterate(reader->fy_diag, &iter))) {
		if (error->type < FYET_ERROR)
			continue;
		if (error->line > 0) {
			info.line = error->line;
			info.column = error->column > 0 ? error->column : 0;
		}
		what = error->msg;
		break;
	}
	xfn_diag_add(reader->diags, &info, "not valid YAML: %s", what);
	return -EINVAL;
}

/* Take the place of @token; without one the place of the last that had one stays. */
static void note_place(struct xfn_yaml_reader *reader, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (!mark)
		return;
	reader->line = mark->line + 1;
	reader->column = mark->column + 1;
}

/* The mark of a tag is its sigil; that of an anchor or alias lies one behind it. */
static void refuse_token(const struct xfn_yaml_reader *reader, struct fy_token *token,
			 unsigned sigil, const char *what)
{
	const struct fy_mark *mark = fy_token_start_mark(token);
	unsigned line = mark ? (unsigned)mark->line + 1 : reader->line;
	unsigned column = mark ? (unsigned)mark->column + 1 - sigil : reader->column;

	refuse(reader, line, column, what, "the value itself");
}

/* A node with an anchor or a tag is refused, and then read as if it had none. */
static void check_decorations(const struct xfn_yaml_reader *reader, struct fy_event *event)
{
	struct fy_token *anchor = fy_event_get_anchor_token(event);
	struct fy_token *tag = fy_event_get_tag_token(event);

	if (anchor)
		refuse_token(reader, anchor, 1, "anchors are not supported");
	if (tag)
		refuse_token(reader, tag, 0, "tags are not supported");
}

static int enter(struct xfn_yaml_reader *reader)
{
	if (++reader->depth <= XFN_MANIFEST_DEPTH_MAX)
		return 0;
	return refuse(reader, reader->line, reader->column, "nested too deeply",
		      "at most 8 levels of mappings and lists");
}

static int enter_document(struct xfn_yaml_reader *reader)
{
	if (!reader->documents++)
		return 0;
	return refuse(reader, reader->line, reader->column, "a second document begins here",
		      "one document in a file");
}

/*
 * Why libfyaml (0.7 to 0.9) must not be asked for a scalar's text, or NULL. It needs stack in
 * proportion to the lines of a block scalar (upstream issue 315), and loses the memory in which it
 * collected a single-quoted one with many quotes inside (issue 233).
 */
static const char *scalar_problem(const struct xfn_yaml_reader *reader, struct fy_token *token)
{
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	const struct fy_mark *end = start ? fy_token_end_mark(token) : NULL;
	size_t quotes = 0;

	if (!end || end->input_pos < start->input_pos || end->input_pos > reader->len)
		return NULL;
	if (end->input_pos - start->input_pos > SCALAR_BYTES_MAX)
		return "a single value of more than 8192 bytes";
	if (fy_token_scalar_style(token) != FYSS_SINGLE_QUOTED)
		return NULL;
	for (size_t i = start->input_pos; i < end->input_pos; i++)
		quotes += reader->text[i] == '\'';
	return quotes > SCALAR_QUOTES_MAX ? "too many quotes in a single-quoted text" : NULL;
}

static void take_scalar(const struct xfn_yaml_reader *reader, struct fy_event *event,
			struct xfn_yaml_event *ret)
{
	struct fy_token *token = event->scalar.value;
	const char *problem = scalar_problem(reader, token);

	if (problem) {
		refuse(reader, reader->line, reader->column, problem,
		       "a short text, double-quoted if it has quotes in it");
		ret->kind = XFN_YAML_REFUSED;
		return;
	}
	ret->kind = XFN_YAML_SCALAR;

	ret->text = token ? fy_token_get_text(token, &ret->len) : NULL;
	if (!ret->text) {
		ret->text = "";
		ret->len = 0;
	}
	ret->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
}

/* Turn libfyaml's event into one of ours. Returns 1 if it has no counterpart. */
static int convert(struct xfn_yaml_reader *reader, struct fy_event *event,
		   struct xfn_yaml_event *ret)
{
	check_decorations(reader, event);
	switch (event->type) {
	case FYET_DOCUMENT_START:
		return enter_document(reader) ?: 1;
	case FYET_MAPPING_START:
		ret->kind = XFN_YAML_MAP;
		return enter(reader);
	case FYET_SEQUENCE_START:
		ret->kind = XFN_YAML_LIST;
		return enter(reader);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		ret->kind = XFN_YAML_CLOSE;
		reader->depth--;
		return 0;
	case FYET_SCALAR:
		take_scalar(reader, event, ret);
		return 0;
	case FYET_ALIAS:
		ret->kind = XFN_YAML_REFUSED;
		refuse_token(reader, event->alias.anchor, 1, "aliases are not supported");
		return 0;
	case FYET_STREAM_END:
		ret->kind = XFN_YAML_DONE;
		return 0;
	default:
		return 1;
	}
}

int xfn_yaml_reader_next(struct xfn_yaml_reader *reader, struct xfn_yaml_event *ret)
{
	struct xfn_yaml_event event = {0};
	int err;

	do {
		if (reader->event)
			fy_parser_event_free(reader->parser, reader->event);
		reader->event = fy_parser_parse(reader->parser);
		if (!reader->event)
			return report_syntax(reader);
		note_place(reader, fy_event_get_token(reader->event));
		err = convert(reader, reader->event, &event);
	} while (err > 0);
	if (err)
		return err;
	event.line = reader->line;
	event.column = reader->column;
	*ret = event;
	return 0;
}

int xfn_yaml_reader_skip(struct xfn_yaml_reader *reader, const struct xfn_yaml_event *event)
{
	unsigned open = event->kind == XFN_YAML_MAP || event->kind == XFN_YAML_LIST;
	struct xfn_yaml_event inner;
	int err;

	while (open) {
		err = xfn_yaml_reader_next(reader, &inner);
		if (err)
			return err;
		if (inner.kind == XFN_YAML_MAP || inner.kind == XFN_YAML_LIST)
			open++;
		else if (inner.kind == XFN_YAML_CLOSE)
			open--;
	}
	return 0;
}
