/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that xfnd starts: arguments, environment, and what only goes with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"
#include "stringpool.h"
#include "utf8.h"

#define FIRST_TEXTS 8
#define OWN_PREFIX  "XFN_"

/* ---- texts ---------------------------------------------------------------------------------------- */

static int add_text(struct xfn_builder *builder, const char *text, size_t len,
		    struct xfn_text_span *span)
{
	struct xfn_manifest *manifest = builder->manifest;
	const char **texts =
		xfn_array_grow(manifest->texts, manifest->text_count, sizeof(*texts), FIRST_TEXTS);

	if (!texts)
		return -ENOMEM;
	manifest->texts = texts;
	texts[manifest->text_count] = xfn_stringpool_add(manifest->strings, text, len);
	if (!texts[manifest->text_count])
		return -ENOMEM;
	if (!span->count)
		span->first = manifest->text_count;
	span->count++;
	manifest->text_count++;
	return 0;
}

static bool has_controls(const char *text, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = xfn_utf8_length(text + i, len - i);
		if (!step || xfn_utf8_is_control(text + i, step))
			return true;
	}
	return false;
}

/* Refuses a text that no program could be given, or that could not be written as YAML again. */
static bool accept_text(struct xfn_builder *builder, const struct xfn_yaml_event *event,
			const char *what, const char *form)
{
	const char *problem = NULL;

	if (event->len > XFN_TEXT_MAX)
		problem = "is too long";
	else if (has_controls(event->text, event->len))
		problem = "has control characters";
	if (problem)
		xfn_builder_refuse(builder, event, form, NULL, "%s %s", what, problem);
	return !problem;
}

int xfn_read_exec(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	struct xfn_function_spec *function = xfn_builder_function(builder);

	if (!event->len && !builder->item) {
		xfn_builder_refuse(builder, event, row->form, NULL, "%s '' is empty", row->key);
		return 0;
	}
	if (!accept_text(builder, event, "an argument", row->form))
		return 0;
	return add_text(builder, event->text, event->len, &function->exec.argv);
}

/* ---- environment ---------------------------------------------------------------------------------- */

static const char *name_problem(const char *name, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	for (size_t i = 0; i < len; i++)
		if (!memchr(letters, name[i], sizeof(letters) - 1) &&
		    (!i || name[i] < '0' || name[i] > '9'))
			return "is no name of a variable";
	if (!len)
		return "is no name of a variable";
	if (len == XFN_FREE_KEY_MAX)
		return "is too long";
	if (!strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)))
		return "is for xfnd to set";
	return NULL;
}

static bool is_there(const struct xfn_manifest *manifest, struct xfn_text_span env,
		     const char *name, size_t len)
{
	const char *const *texts = xfn_manifest_texts(manifest, env);

	for (__u32 i = 0; i < env.count; i++)
		if (!strncmp(texts[i], name, len) && texts[i][len] == '=')
			return true;
	return false;
}

int xfn_env_pair(struct xfn_builder *builder, const struct xfn_yaml_event *key,
		 const struct xfn_yaml_event *value)
{
	struct xfn_text_span *env = &xfn_builder_function(builder)->exec.env;
	char text[XFN_FREE_KEY_MAX + XFN_TEXT_MAX + 2];
	const char *problem = name_problem(key->text, key->len);

	if (!problem && is_there(builder->manifest, *env, key->text, key->len))
		problem = "is given twice";
	if (!problem && env->count == XFN_ARGS_MAX)
		problem = "is one too many";
	if (problem) {
		xfn_builder_refuse(builder, key, "names such as LANG, each once, at most 64", NULL,
				   "'%s' in 'env' %s", key->text, problem);
		return 0;
	}
	if (!accept_text(builder, value, "a variable's value", "one line of text"))
		return 0;
	snprintf(text, sizeof(text), "%s=%.*s", key->text, (int)value->len, value->text);
	return add_text(builder, text, strlen(text), env);
}

/* ---- what goes with it ----------------------------------------------------------------------------- */

int xfn_read_send(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"own", "any"};
	int word = xfn_read_word(builder, row, event, words, 2, 2);

	if (word >= 0)
		xfn_builder_function(builder)->xsk.send_any = word;
	return 0;
}

int xfn_read_min(struct xfn_builder *builder, const struct xfn_schema_row *row,
		 const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"1", "0"};

	builder->scale = (struct xfn_place){event->line, event->column};
	if (xfn_read_word(builder, row, event, words, 1, 2) >= 0)
		xfn_builder_function(builder)->scale_min = 1;
	return 0;
}

int xfn_read_concurrency(struct xfn_builder *builder, const struct xfn_schema_row *row,
			 const struct xfn_yaml_event *event)
{
	builder->concurrency = (struct xfn_place){event->line, event->column};
	return xfn_read_count(builder, row, event);
}

void xfn_exec_check(struct xfn_builder *builder)
{
	const struct xfn_function_spec *function = xfn_builder_function(builder);
	bool xsk = function->delivery == XFN_DELIVER_XSK;

	if (builder->concurrency.line && !xsk)
		xfn_builder_refuse_at(builder, builder->concurrency, "it with xsk only", NULL,
				      "'concurrency' where xfn cannot see what is in flight");
	else if (builder->concurrency.line && function->xsk.one_way)
		xfn_builder_refuse_at(builder, builder->concurrency, "it without 'oneway'", NULL,
				      "'concurrency' of a function that does not answer");
	if (builder->scale.line && !xsk)
		xfn_builder_refuse_at(builder, builder->scale, "it with xsk only", NULL,
				      "'scale' of a function that xfnd does not start");
}

/* ---- paths ------------------------------------------------------------------------------------------ */

/* FOLDER/PATH without a "./" at its beginning. */
static int resolve(struct xfn_manifest *manifest, const char *folder, const char **path)
{
	char whole[2 * XFN_TEXT_MAX + 2];
	const char *tail = *path;
	size_t length = strlen(folder);

	while (tail[0] == '.' && tail[1] == '/')
		tail += 2 + strspn(tail + 2, "/");
	snprintf(whole, sizeof(whole), "%.4095s%s%s", folder,
		 length && folder[length - 1] == '/' ? "" : "/", tail);
	*path = xfn_stringpool_add(manifest->strings, whole, strlen(whole));
	return *path ? 0 : -ENOMEM;
}

int xfn_manifest_resolve(struct xfn_manifest *manifest, const char *folder)
{
	struct xfn_exec_spec *exec;
	const char **program;
	int err = 0;

	for (size_t i = 0; i < manifest->function_count && !err; i++) {
		exec = &manifest->functions[i].exec;
		program = exec->argv.count ? &manifest->texts[exec->argv.first] : NULL;
		if (program && **program != '/' && strchr(*program, '/'))
			err = resolve(manifest, folder, program);
		if (!err && exec->directory && *exec->directory != '/')
			err = resolve(manifest, folder, &exec->directory);
	}
	return err;
}
