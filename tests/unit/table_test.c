/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table.h"

static void assert_prints(const struct xfn_table *table, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(xfn_table_print(table, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void aligns_columns(void **state)
{
	static const struct xfn_column columns[] = {
		{"NAME", XFN_LEFT}, {"N", XFN_RIGHT}, {"WHAT", XFN_LEFT}};
	struct xfn_table *table = xfn_table_new(columns, 3);

	(void)state;
	assert_prints(table, "NAME  N  WHAT\n");
	xfn_table_cell(table, "%s", "a");
	xfn_table_cell(table, "%d", 1000);
	xfn_table_cell(table, "x");
	xfn_table_cell(table, "longer");
	xfn_table_cell(table, "%d", 7);
	xfn_table_cell(table, "longest of all");
	assert_prints(table, "NAME       N  WHAT\n"
			     "a       1000  x\n"
			     "longer     7  longest of all\n");
	/* A row that is not complete is still a line. */
	xfn_table_cell(table, "b");
	assert_prints(table, "NAME       N  WHAT\n"
			     "a       1000  x\n"
			     "longer     7  longest of all\n"
			     "b     \n");
	xfn_table_free(table);
}

static void counts_characters_not_bytes(void **state)
{
	static const struct xfn_column columns[] = {{"P50", XFN_RIGHT}, {"MAX", XFN_RIGHT}};
	struct xfn_table *table = xfn_table_new(columns, 2);

	(void)state;
	xfn_table_cell(table, "4.1 µs");
	xfn_table_cell(table, "980 ns");
	xfn_table_cell(table, "12 ns");
	xfn_table_cell(table, "1.0 µs");
	assert_prints(table, "   P50     MAX\n"
			     "4.1 µs  980 ns\n"
			     " 12 ns  1.0 µs\n");
	xfn_table_free(table);
}

static void takes_no_table(void **state)
{
	(void)state;
	xfn_table_cell(NULL, "x");
	assert_int_not_equal(xfn_table_print(NULL, stdout), 0);
	xfn_table_free(NULL);
}

static void figures_counts(void **state)
{
	static const struct {
		__u64 count;
		const char *text;
	} cases[] = {
		{0, "0"},
		{999, "999"},
		{1000, "1,000"},
		{123456, "123,456"},
		{1234567, "1,234,567"},
		{~0ULL, "18,446,744,073,709,551,615"},
	};
	char buf[XFN_FIGURE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(xfn_figure_count(buf, cases[i].count), cases[i].text);
}

static void figures_times(void **state)
{
	static const struct {
		__u64 ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},           {999, "999 ns"},         {1000, "1.0 µs"},
		{4096, "4.1 µs"},      {99949, "99.9 µs"},      {99950, "100 µs"},
		{999499, "999 µs"},    {999500, "1.0 ms"},      {12500000, "12.5 ms"},
		{1234567890, "1.2 s"}, {310000000000, "310 s"}, {4000000000000, "4000 s"},
	};
	char buf[XFN_FIGURE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(xfn_figure_ns(buf, cases[i].ns), cases[i].text);
}

static void figures_rates(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {
		{-1, "0"},        {0, "0"},           {0.4, "0"},      {950, "950"},
		{999.4, "999"},   {999.6, "1.00k"},   {1234, "1.23k"}, {12345, "12.3k"},
		{123456, "123k"}, {1020000, "1.02M"}, {3e9, "3.00G"},
	};
	char buf[XFN_FIGURE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(xfn_figure_rate(buf, cases[i].rate), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_columns), cmocka_unit_test(counts_characters_not_bytes),
		cmocka_unit_test(takes_no_table), cmocka_unit_test(figures_counts),
		cmocka_unit_test(figures_times),  cmocka_unit_test(figures_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
