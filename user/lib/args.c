/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "diag.h"

enum { OPTIONS_MAX = 64, HELP_COLUMN_MAX = 30 };

struct parser {
	int argc;
	char **argv;
	int at;
	const struct xfn_option_set *sets;
	size_t set_count;
	struct xfn_args_error *error;
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->error->text, sizeof(parser->error->text), format, args);
	va_end(args);
	return -EINVAL;
}

/* By name of @length bytes, or by letter when @name is NULL. */
static const struct xfn_option *find(struct parser *parser, const char *name, size_t length,
				     char letter, void **ret_target)
{
	for (size_t i = 0; i < parser->set_count; i++) {
		const struct xfn_option *o = parser->sets[i].options;

		for (; o && o->name; o++) {
			if (name ? strlen(o->name) != length || strncmp(o->name, name, length)
				 : o->letter != letter)
				continue;
			*ret_target = parser->sets[i].target;
			return o;
		}
	}
	return NULL;
}

static int refuse_unknown(struct parser *parser, const char *name, size_t length)
{
	const char *names[OPTIONS_MAX], *near;
	char word[64];
	size_t count = 0;

	for (size_t i = 0; i < parser->set_count; i++) {
		const struct xfn_option *o = parser->sets[i].options;

		for (; o && o->name && count < OPTIONS_MAX; o++)
			names[count++] = o->name;
	}
	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	near = xfn_suggest(word, names, count);
	if (near)
		return refuse(parser, "unknown option '--%s'; did you mean '--%s'?", word, near);
	return refuse(parser, "unknown option '--%s'", word);
}

/* @value: what came with the option in the same word, or NULL. */
static int store(struct parser *parser, const struct xfn_option *option, void *target,
		 const char *value)
{
	char *member = (char *)target + option->offset;

	if (option->kind == XFN_OPTION_IS_FLAG) {
		if (value)
			return refuse(parser, "option '--%s' takes no value, got '%s'",
				      option->name, value);
		*(bool *)(void *)member = true;
		return 0;
	}
	if (!value) {
		if (parser->at + 1 >= parser->argc)
			return refuse(parser, "option '--%s' has no value; expected %s",
				      option->name, option->argument);
		value = parser->argv[++parser->at];
	}
	*(const char **)(void *)member = value;
	return 0;
}

static int parse_long(struct parser *parser, const char *name)
{
	size_t length = strcspn(name, "=");
	const struct xfn_option *option;
	void *target;

	option = find(parser, name, length, 0, &target);
	if (!option)
		return refuse_unknown(parser, name, length);
	return store(parser, option, target, name[length] ? name + length + 1 : NULL);
}

static int parse_letters(struct parser *parser, const char *letters)
{
	for (; *letters; letters++) {
		const struct xfn_option *option;
		void *target;
		int err;

		option = find(parser, NULL, 0, *letters, &target);
		if (!option)
			return refuse(parser, "unknown option '-%c'", *letters);
		if (option->kind == XFN_OPTION_IS_TEXT)
			return store(parser, option, target, letters[1] ? letters + 1 : NULL);
		err = store(parser, option, target, NULL);
		if (err)
			return err;
	}
	return 0;
}

int xfn_args_parse(int argc, char **argv, const struct xfn_option_set *sets, size_t set_count,
		   bool stop_at_word, struct xfn_args *ret, struct xfn_args_error *error)
{
	struct parser parser = {argc, argv, 0, sets, set_count, error};
	struct xfn_args args = {0};
	bool only_words = false;
	int err = 0;

	error->text[0] = '\0';
	args.words = calloc((size_t)argc + 1, sizeof(*args.words));
	if (!args.words) {
		refuse(&parser, "out of memory");
		return -ENOMEM;
	}
	for (; parser.at < argc && !err; parser.at++) {
		char *word = argv[parser.at];

		if (only_words || word[0] != '-' || !word[1]) {
			args.words[args.count++] = word;
			only_words |= stop_at_word;
		} else if (strcmp(word, "--") == 0) {
			only_words = true;
		} else if (word[1] == '-') {
			err = parse_long(&parser, word + 2);
		} else {
			err = parse_letters(&parser, word + 1);
		}
	}
	if (err) {
		free(args.words);
		return err;
	}
	*ret = args;
	return 0;
}

void xfn_args_fini(struct xfn_args *args)
{
	free(args->words);
	*args = (struct xfn_args){0};
}

/* "  -j, --json" into @buf, cut to @size; returns its full length. */
static int format_option(const struct xfn_option *option, char *buf, size_t size)
{
	char letter[8] = "    ";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	return snprintf(buf, size, "  %s--%s%s%s", letter, option->name,
			option->argument ? " " : "", option->argument ? option->argument : "");
}

void xfn_options_print(FILE *out, const struct xfn_option *options)
{
	char text[128];
	int widest = 0;

	for (const struct xfn_option *o = options; o && o->name; o++) {
		int width = format_option(o, NULL, 0);

		if (width > widest && width <= HELP_COLUMN_MAX)
			widest = width;
	}
	for (const struct xfn_option *o = options; o && o->name; o++) {
		format_option(o, text, sizeof(text));
		fprintf(out, "%-*s  %s\n", widest, text, o->help);
	}
}
