/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that xfn starts: what to run, with what, as whom; and what only these can have. */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"
#include "stringpool.h"

#define FIRST_TEXTS 16
#define UID_MAX \
	4294967294U /* the one above means "nobody in particular" to chown(2) and its like */

/* What a program has from xfn itself. */
static const char own_prefix[] = "XFN_";

/* ---- arguments and variables -------------------------------------------------------------------- */

/* The texts of one span are read without others between them. Returns 0 or -ENOMEM. */
static int add_text(struct xfn_builder *builder, struct xfn_text_span *span, const char *text,
		    size_t len)
{
	struct xfn_manifest *manifest = builder->manifest;
	const char *kept = xfn_stringpool_add(manifest->strings, text, len), **texts;

	if (!kept)
		return -ENOMEM;
	texts = xfn_array_grow(manifest->texts, manifest->text_count, sizeof(*texts), FIRST_TEXTS);
	if (!texts)
		return -ENOMEM;
	manifest->texts = texts;
	if (!span->count)
		span->first = manifest->text_count;
	texts[manifest->text_count++] = kept;
	span->count++;
	return 0;
}

/* An argument may be empty, but for the first, which is the program. */
int xfn_read_argument(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	const char *problem = xfn_text_problem(event->text, event->len, row->max);

	builder->starts = true;
	if (!event->len && !builder->item)
		problem = "is empty";
	if (!problem)
		return add_text(builder, xfn_builder_field(builder, row), event->text, event->len);
	xfn_builder_refuse(builder, event, row->form, NULL, "%s '%.*s' %s",
			   builder->item ? "argument" : "program",
			   event->len < 80 ? (int)event->len : 80, event->text, problem);
	return 0;
}

/* As POSIX has it (IEEE Std 1003.1, 3.282 Name). */
static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char others[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return *text && strchr(letters, *text) && !text[strspn(text, others)];
}

int xfn_read_variable(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	const char *problem = xfn_text_problem(event->text, event->len, row->max);
	size_t name = strlen(builder->name);
	char text[XFN_TEXT_BYTES_MAX + 1];

	if (!is_name(builder->name))
		xfn_builder_refuse_at(builder, builder->name_at,
				      "letters a-z and A-Z, _ and, but for the first, 0-9", NULL,
				      "'%.80s' is not the name of a variable", builder->name);
	else if (!strncmp(builder->name, own_prefix, strlen(own_prefix)))
		xfn_builder_refuse_at(builder, builder->name_at, "another name", NULL,
				      "variable '%.80s': those that begin with %s are xfn's own",
				      builder->name, own_prefix);
	else if (problem || name + 1 + event->len > row->max)
		xfn_builder_refuse(builder, event,
				   "one line of text, at most 4095 bytes with "
				   "its name",
				   NULL, "the value of variable '%.80s' %s", builder->name,
				   problem ? problem : "is too long");
	else {
		memcpy(text, builder->name, name);
		text[name] = '=';
		memcpy(text + name + 1, event->text, event->len);
		return add_text(builder, xfn_builder_field(builder, row), text,
				name + 1 + event->len);
	}
	return 0;
}

/* ---- users ---------------------------------------------------------------------------------------- */

static bool is_number(const char *text, size_t len)
{
	__u64 number = 0;
	size_t i;

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9' && number <= UID_MAX; i++)
		number = 10 * number + (text[i] - '0');
	return len && i == len && number <= UID_MAX;
}

/* What useradd(8) takes, and the points and signs that directories have in names besides. */
static bool is_login(const char *text, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t i;

	if (!len || !*text || !strchr(letters, *text))
		return false;
	for (i = 1; i < len; i++)
		if (!text[i] || (!strchr(letters, text[i]) && !strchr("0123456789.-@$", text[i])))
			return false;
	return true;
}

int xfn_read_user(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	if (event->len <= row->max &&
	    (is_number(event->text, event->len) || is_login(event->text, event->len)))
		return xfn_builder_keep(builder, event, xfn_builder_field(builder, row));
	xfn_builder_refuse(builder, event, row->form, NULL, "user '%.*s' is not one that can be",
			   event->len < 80 ? (int)event->len : 80, event->text);
	return 0;
}

/* ---- the rest of it ------------------------------------------------------------------------------- */

int xfn_read_send(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"any"};

	if (!xfn_read_word(builder, row, event, words, 1, 1))
		xfn_builder_function(builder)->xsk.send_any = true;
	return 0;
}

int xfn_read_scale_min(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"0", "1"};
	int word = xfn_read_word(builder, row, event, words, 2, 2);

	if (word >= 0)
		xfn_builder_function(builder)->scale_min = (__u32)word;
	return 0;
}

void xfn_exec_check(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	const struct xfn_function_spec *function = xfn_builder_function(builder);
	struct xfn_place scale = xfn_frame_key(frame, "scale");

	if (!function->delivery)
		return;
	if (scale.line && !builder->starts)
		xfn_builder_refuse_at(builder, scale, "a function with 'xsk' or 'socket: {exec}'",
				      NULL,
				      "'scale' of a function whose program xfn does not start");
	if (function->delivery == XFN_DELIVER_XSK && !function->scale_min &&
	    !function->xsk.park_events)
		xfn_builder_refuse_at(builder, scale, "1, or 'park' with events", NULL,
				      "'min: 0' of a function whose events do not wait");
	xfn_listen_check(builder);
	if (builder->concurrency.line && function->delivery != XFN_DELIVER_XSK)
		xfn_builder_refuse_at(builder, builder->concurrency, "a function with 'xsk'", NULL,
				      "'concurrency' of a function whose answers are not seen");
	else if (builder->concurrency.line && function->xsk.one_way)
		xfn_builder_refuse_at(builder, builder->concurrency,
				      "'concurrency' or 'oneway: true', not both", NULL,
				      "'concurrency' of a function that answers nothing");
}
