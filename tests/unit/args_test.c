/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "args.h"

struct own {
	bool watch;
	const char *by;
	const char *count;
};

struct global {
	bool json;
	const char *socket;
};

static const struct xfn_option own_options[] = {
	{"watch", 'w', NULL, "refresh", XFN_OPTION_FLAG(struct own, watch)},
	{"by", 0, "verdict", "order", XFN_OPTION_TEXT(struct own, by)},
	{"count", 'c', "N", "how many", XFN_OPTION_TEXT(struct own, count)},
	{0},
};

static const struct xfn_option global_options[] = {
	{"json", 'j', NULL, "print JSON", XFN_OPTION_FLAG(struct global, json)},
	{"socket", 0, "PATH", "where", XFN_OPTION_TEXT(struct global, socket)},
	{0},
};

enum { WORDS = 8 };

struct parse_case {
	const char *line[WORDS];
	bool watch, json, stop;
	const char *by, *count, *socket;
	const char *words; /* joined by blanks */
	const char *error; /* NULL: none */
};

static const struct parse_case cases[] = {
	{.line = {NULL}, .words = ""},
	{.line = {"a", "b"}, .words = "a b"},
	{.line = {"-w", "a", "-j"}, .watch = true, .json = true, .words = "a"},
	{.line = {"-jw"}, .watch = true, .json = true, .words = ""},
	{.line = {"--watch", "--json", "x"}, .watch = true, .json = true, .words = "x"},
	{.line = {"--by", "verdict"}, .by = "verdict", .words = ""},
	{.line = {"--by=verdict", "x"}, .by = "verdict", .words = "x"},
	{.line = {"--by="}, .by = "", .words = ""},
	{.line = {"--by", "--json"}, .by = "--json", .words = ""},
	{.line = {"-c3"}, .count = "3", .words = ""},
	{.line = {"-wc", "3", "4"}, .watch = true, .count = "3", .words = "4"},
	{.line = {"-cw"}, .count = "w", .words = ""},
	{.line = {"--", "-w", "--by"}, .words = "-w --by"},
	{.line = {"-", "-w"}, .watch = true, .words = "-"},
	{.line = {"--by", "a", "--by", "b"}, .by = "b", .words = ""},
	{.line = {"-j", "ls", "-w"}, .json = true, .stop = true, .words = "ls -w"},
	{.line = {"--socket", "ls", "show", "--json"},
	 .socket = "ls",
	 .stop = true,
	 .words = "show --json"},
	{.line = {"--bye"}, .error = "unknown option '--bye'; did you mean '--by'?"},
	{.line = {"--jsno"}, .error = "unknown option '--jsno'; did you mean '--json'?"},
	{.line = {"--entirely"}, .error = "unknown option '--entirely'"},
	{.line = {"--wat"}, .error = "unknown option '--wat'"},
	{.line = {"-x"}, .error = "unknown option '-x'"},
	{.line = {"-wx"}, .error = "unknown option '-x'"},
	{.line = {"--by"}, .error = "option '--by' has no value; expected verdict"},
	{.line = {"-c"}, .error = "option '--count' has no value; expected N"},
	{.line = {"--watch=1"}, .error = "option '--watch' takes no value, got '1'"},
};

static void assert_text(const char *what, const char *got, const char *expected, size_t row)
{
	if (!got != !expected || (got && strcmp(got, expected) != 0))
		fail_msg("case %zu: %s is '%s', not '%s'", row, what, got ? got : "(none)",
			 expected ? expected : "(none)");
}

static void check_case(const struct parse_case *c, size_t row)
{
	struct own own = {0};
	struct global global = {0};
	const struct xfn_option_set sets[] = {{own_options, &own}, {global_options, &global}};
	char words[256] = "", *line[WORDS];
	struct xfn_args args = {0};
	struct xfn_args_error error;
	int argc = 0, err;

	for (; argc < WORDS && c->line[argc]; argc++)
		line[argc] = strdup(c->line[argc]);
	err = xfn_args_parse(argc, line, sets, 2, c->stop, &args, &error);
	assert_int_equal(err, c->error ? -EINVAL : 0);
	if (c->error) {
		assert_text("error", error.text, c->error, row);
		assert_null(args.words);
	} else {
		for (size_t i = 0; i < args.count; i++) {
			strcat(words, i ? " " : "");
			strcat(words, args.words[i]);
		}
		assert_text("words", words, c->words, row);
		assert_int_equal(own.watch, c->watch);
		assert_int_equal(global.json, c->json);
		assert_text("by", own.by, c->by, row);
		assert_text("count", own.count, c->count, row);
		assert_text("socket", global.socket, c->socket, row);
		assert_null(args.words[args.count]);
	}
	xfn_args_fini(&args);
	for (int i = 0; i < argc; i++)
		free(line[i]);
}

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(&cases[i], i);
}

static void goes_without_a_table(void **state)
{
	const struct xfn_option_set set = {NULL, NULL};
	struct xfn_args_error error;
	struct xfn_args args;
	char word[] = "-w", *line[] = {word};

	(void)state;
	assert_int_equal(xfn_args_parse(1, line, &set, 1, false, &args, &error), -EINVAL);
	assert_string_equal(error.text, "unknown option '-w'");
}

static void prints_help(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	xfn_options_print(out, own_options);
	fclose(out);
	assert_string_equal(text, "  -w, --watch       refresh\n"
				  "      --by verdict  order\n"
				  "  -c, --count N     how many\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(goes_without_a_table),
		cmocka_unit_test(prints_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
