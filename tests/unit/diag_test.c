/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "diag.h"
#include "utf8.h"

static void add_plain(struct xfn_diag_list *list, unsigned line, unsigned column,
		      const char *message)
{
	struct xfn_diag_info info = {.file = "f", .line = line, .column = column};

	xfn_diag_add(list, &info, "%s", message);
}

/* What xfn_diag_print() makes of @list. To be freed. */
static char *print(const struct xfn_diag_list *list, const char *text)
{
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	assert_non_null(out);
	xfn_diag_print(out, list, text, text ? strlen(text) : 0);
	fclose(out);
	return printed;
}

static void check_printed(struct xfn_diag_list *list, const char *text, const char *expected)
{
	char *printed = print(list, text);

	assert_string_equal(printed, expected);
	free(printed);
	xfn_diag_list_fini(list);
}

/* ---- the list ----------------------------------------------------------------------------------- */

static void test_bounded(void **state)
{
	struct xfn_diag_list list = {0};
	json_t *details;
	char *printed;

	(void)state;
	for (unsigned i = 0; i < XFN_DIAGS_MAX + 3; i++)
		add_plain(&list, i + 1, 1, "wrong");
	assert_int_equal(list.count, XFN_DIAGS_MAX);
	assert_int_equal(list.more, 3);
	printed = print(&list, NULL);
	assert_non_null(strstr(printed, "f:20:1: wrong\nand 3 more\n"));
	free(printed);
	assert_int_equal(xfn_diag_list_json(&list, &details), 0);
	assert_int_equal(json_array_size(details), XFN_DIAGS_MAX + 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(details, XFN_DIAGS_MAX), "message")),
			    "and 3 more");
	json_decref(details);
	xfn_diag_list_fini(&list);
	assert_int_equal(list.count + list.more, 0);
	xfn_diag_list_fini(NULL);
}

static void test_sorted(void **state)
{
	struct xfn_diag_list list = {0};

	(void)state;
	add_plain(&list, 3, 1, "d");
	add_plain(&list, 1, 9, "b");
	add_plain(&list, 1, 9, "c");
	add_plain(&list, 1, 2, "a");
	xfn_diag_list_sort(&list);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(list.items[i].message[0], 'a' + i);
	xfn_diag_list_fini(&list);
}

static const struct safe_case {
	const char *value, *kept;
} safe_cases[] = {
	{"plain", "plain"},
	{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	{"a\nb", "a b"},
	{"\x1b[31mred", "?[31mred"},
	{"\xc2\x9b"
	 "31m",
	 "?31m"}, /* C1: CSI in one character */
	{"\xe2\x80\xae"
	 "abc",
	 "?abc"}, /* right-to-left override */
	{"\xff\xfe", "??"},
	{"\xed\xa0\x80", "???"}, /* a surrogate */
	{"\xc3", "?"},           /* cut short */
	{"\xc0\xaf", "??"},      /* overlong */
};

static void test_safe_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(safe_cases) / sizeof(safe_cases[0]); i++) {
		struct xfn_diag_list list = {0};
		struct xfn_diag_info info = {.value = safe_cases[i].value};

		xfn_diag_add(&list, &info, "%s", safe_cases[i].value);
		assert_string_equal(list.items[0].value, safe_cases[i].kept);
		assert_string_equal(list.items[0].message, safe_cases[i].kept);
		xfn_diag_list_fini(&list);
	}
}

static void test_long_texts_are_cut(void **state)
{
	struct xfn_diag_list list = {0};
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	xfn_diag_add(&list, &(struct xfn_diag_info){.value = text}, "%s", text);
	assert_true(strlen(list.items[0].message) < XFN_DIAG_TEXT_MAX);
	assert_true(strlen(list.items[0].value) < 130);
	assert_string_equal(list.items[0].value + strlen(list.items[0].value) - 4, "x...");
	xfn_diag_list_fini(&list);
}

/* ---- text --------------------------------------------------------------------------------------- */

static void test_print_full(void **state)
{
	struct xfn_diag_list list = {0};
	struct xfn_diag_info info = {
		.file = "xfn.yaml",
		.line = 2,
		.column = 3,
		.value = "brust",
		.expected = "one of rate, burst",
		.hint = "did you mean 'burst'?",
	};

	(void)state;
	xfn_diag_add(&list, &info, "unknown key '%s'", "brust");
	check_printed(&list, "limit:\n  brust: 20\n",
		      "xfn.yaml:2:3: unknown key 'brust'\n"
		      "      brust: 20\n"
		      "      ^~~~~\n"
		      "    expected one of rate, burst\n"
		      "    did you mean 'burst'?\n");
}

static const struct print_case {
	unsigned line, column;
	const char *text, *printed;
} print_cases[] = {
	{0, 0, "a: b\n", "f: m\n"},
	{1, 0, "a: b\n", "f:1: m\n    a: b\n"},
	{1, 4, "a: b", "f:1:4: m\n    a: b\n       ^\n"},
	{1, 9, "a: b\n", "f:1:9: m\n    a: b\n        ^\n"},
	{2, 1, "a: b\n", "f:2:1: m\n    \n    ^\n"},
	{3, 1, "a: b\n", "f:3:1: m\n"},
	{2, 2, "a\r\nbc\r\n", "f:2:2: m\n    bc\n     ^\n"},
	{2, 2, "a\rbc\r", "f:2:2: m\n    bc\n     ^\n"},
	{1, 3, "\tab", "f:1:3: m\n     ab\n      ^\n"},
	{1, 3, "\xc3\xbc\xc3\xb6x", "f:1:3: m\n    \xc3\xbc\xc3\xb6x\n      ^\n"},
	{1, 2, "\x1b\xff", "f:1:2: m\n     ?\n     ^\n"},
	{1, 1, NULL, "f:1:1: m\n"},
};

static void test_print_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(print_cases) / sizeof(print_cases[0]); i++) {
		const struct print_case *c = &print_cases[i];
		struct xfn_diag_list list = {0};

		add_plain(&list, c->line, c->column, "m");
		check_printed(&list, c->text, c->printed);
	}
}

static void test_print_long_line(void **state)
{
	struct xfn_diag_list list = {0};
	char text[500], *printed, *shown, *caret;

	(void)state;
	memset(text, '.', sizeof(text));
	text[299] = 'X';
	text[sizeof(text) - 1] = '\0';
	add_plain(&list, 1, 300, "m");
	printed = print(&list, text);
	shown = strchr(printed, '\n') + 1;
	caret = strchr(shown, '\n') + 1;
	assert_int_equal(strchr(shown, 'X') - shown, strchr(caret, '^') - caret);
	assert_true(caret - shown < 110);
	free(printed);
	xfn_diag_list_fini(&list);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void test_json_round_trip(void **state)
{
	struct xfn_diag_info info = {
		.file = "f", .line = 4, .column = 5, .value = "v", .expected = "e", .hint = "h"};
	struct xfn_diag_list list = {0}, again = {0};
	json_t *details;

	(void)state;
	xfn_diag_add(&list, &info, "m");
	add_plain(&list, 0, 0, "bare");
	assert_int_equal(xfn_diag_list_json(&list, &details), 0);
	assert_null(json_object_get(json_array_get(details, 1), "hint"));
	assert_int_equal(xfn_diag_list_add_json(&again, details), 0);
	json_decref(details);
	assert_int_equal(again.count, 2);
	assert_int_equal(again.items[0].line, 4);
	assert_int_equal(again.items[0].column, 5);
	assert_string_equal(again.items[0].hint, "h");
	assert_string_equal(again.items[0].value, "v");
	assert_string_equal(again.items[0].expected, "e");
	assert_string_equal(again.items[1].message, "bare");
	xfn_diag_list_fini(&list);
	xfn_diag_list_fini(&again);
}

static void test_json_of_strangers(void **state)
{
	json_t *details =
		json_loads("[3, {\"line\": -1, \"column\": 1e9, \"message\": 4}]", 0, NULL);
	struct xfn_diag_list list = {0};

	(void)state;
	assert_non_null(details);
	assert_int_equal(xfn_diag_list_add_json(&list, details), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].line, 0);
	assert_int_equal(list.items[0].column, 0);
	assert_int_equal(xfn_diag_list_add_json(&list, NULL), -EINVAL);
	json_decref(details);
	xfn_diag_list_fini(&list);
}

/* ---- memory ------------------------------------------------------------------------------------- */

static void test_short_memory(void **state)
{
	struct xfn_diag_info info = {.file = "f", .value = "v", .expected = "e", .hint = "h"};
	long before = xfn_alloc_live();
	long n;

	(void)state;
	for (n = 0;; n++) {
		struct xfn_diag_list list = {0};

		xfn_alloc_fail_after(n);
		xfn_diag_add(&list, &info, "m");
		if (xfn_alloc_fail_after(-1)) {
			assert_int_equal(list.count, 1);
			xfn_diag_list_fini(&list);
			break;
		}
		assert_int_equal(list.count, 0);
		assert_int_equal(list.more, 1);
		assert_int_equal(xfn_alloc_live(), before);
	}
	assert_int_equal(n, 5);
	assert_int_equal(xfn_alloc_live(), before);
}

/* Every allocation of jansson fails once. */
static void test_json_short_memory(void **state)
{
	struct xfn_diag_info info = {.file = "f", .line = 1, .value = "v", .hint = "h"};
	struct xfn_diag_list list = {0};
	json_t *details = NULL;
	long before, n;
	int err;

	(void)state;
	for (n = 0; n < XFN_DIAGS_MAX + 1; n++)
		xfn_diag_add(&list, &info, "m");
	json_set_alloc_funcs(xfn_alloc, xfn_free);
	before = xfn_alloc_live();
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		err = xfn_diag_list_json(&list, &details);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(details);
		assert_int_equal(xfn_alloc_live(), before);
	}
	assert_int_equal(err, 0);
	assert_true(n > 100);
	json_decref(details);
	assert_int_equal(xfn_alloc_live(), before);
	json_set_alloc_funcs(malloc, free);
	xfn_diag_list_fini(&list);
}

/* ---- suggestions -------------------------------------------------------------------------------- */

static void test_suggest(void **state)
{
	static const char *const keys[] = {"rate",    "burst", NULL, "excess",
					   "packets", "udp",   "set"};
	static const struct {
		const char *word, *meant;
	} cases[] = {
		{"brust", "burst"},  {"burs", "burst"},     {"bursts", "burst"},
		{"busrt", "burst"},  {"bxrsx", "burst"},    {"bxxsx", NULL},
		{"excss", "excess"}, {"excesss", "excess"}, {"upd", "udp"},
		{"dup", "udp"},      {"uxx", NULL},         {"x", NULL},
		{"", NULL},          {"sett", "set"},       {"tar", NULL},
		{"ratee", "rate"},   {"completely", NULL},  {"packet", "packets"},
		{"se", "set"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *meant = xfn_suggest(cases[i].word, keys, 7);

		if (cases[i].meant)
			assert_string_equal(meant ? meant : "(none)", cases[i].meant);
		else
			assert_null(meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),           cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_safe_texts),        cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_print_full),        cmocka_unit_test(test_print_places),
		cmocka_unit_test(test_print_long_line),   cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_json_of_strangers), cmocka_unit_test(test_short_memory),
		cmocka_unit_test(test_json_short_memory), cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
