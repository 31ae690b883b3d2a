/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/statsd: what becomes of lines, what the page says, and that memory does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/statsd/server/statsd.h"

static struct statsd statsd;
static char *page_text;

static int empty(void **state)
{
	(void)state;
	memset(&statsd, 0, sizeof(statsd));
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(page_text);
	page_text = NULL;
	return 0;
}

static void take_at(const char *text, int64_t second)
{
	statsd_take(&statsd, text, strlen(text), second);
}

static void take(const char *text)
{
	take_at(text, 1000);
}

/* The page without the server's own lines. */
static const char *page_at(int64_t second)
{
	const struct statsd_losses losses = {0};
	size_t bytes;
	FILE *out;

	free(page_text);
	out = open_memstream(&page_text, &bytes);
	assert_non_null(out);
	statsd_page_write(&statsd, &losses, second, out);
	fclose(out);
	*strstr(page_text, "# HELP xfn_statsd_datagrams_total") = 0;
	return page_text;
}

static const char *page(void)
{
	return page_at(1000);
}

static void has(const char *line)
{
	char text[700];

	snprintf(text, sizeof(text), "%s\n", line);
	if (!strstr(page(), text))
		fail_msg("no '%s' in:\n%s", line, page_text);
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *line;
		enum statsd_outcome outcome;
	} rows[] = {
		{"a:1|c", STATSD_ACCEPTED},
		{"a:1|c\r", STATSD_ACCEPTED},
		{"a:1|c|@0.1|#x:y", STATSD_ACCEPTED},
		{"a:1|c|#x:y|@0.1|c:container|T1656581400", STATSD_ACCEPTED},
		{"a:1e3|c", STATSD_ACCEPTED},
		{"b:-1|g", STATSD_ACCEPTED},
		{"s:any:thing at all|s", STATSD_ACCEPTED},
		{"t:0|ms", STATSD_ACCEPTED},
		{"h:1|h", STATSD_ACCEPTED},
		{"d:1|d", STATSD_ACCEPTED},
		{"", STATSD_ACCEPTED},
		{"a", STATSD_MALFORMED},
		{"a:", STATSD_MALFORMED},
		{"a:1", STATSD_MALFORMED},
		{":1|c", STATSD_MALFORMED},
		{"a:|c", STATSD_MALFORMED},
		{"a:x|c", STATSD_MALFORMED},
		{"a:1x|c", STATSD_MALFORMED},
		{"a: 1|c", STATSD_MALFORMED},
		{"a:0x10|c", STATSD_MALFORMED},
		{"a:inf|c", STATSD_MALFORMED},
		{"a:nan|g", STATSD_MALFORMED},
		{"a:1e300|g", STATSD_MALFORMED},
		{"a:1|c|@0", STATSD_MALFORMED},
		{"a:1|c|@2", STATSD_MALFORMED},
		{"a:1|c|@", STATSD_MALFORMED},
		{"s:|s", STATSD_MALFORMED},
		{"a:1|c|#le:1", STATSD_MALFORMED},
		{"a:1|c|#__name__:x", STATSD_MALFORMED},
		{"a:1|c|#x:\xff", STATSD_MALFORMED},
		{"a:1|c|#:x", STATSD_MALFORMED},
		{"a:1|c|#1:,2:,3:,4:,5:,6:,7:,8:,9:", STATSD_MALFORMED},
		{"a:1|c|#abcdefghijklmnopqrstuvwxyz0123456789:x", STATSD_MALFORMED},
		{"a:1|", STATSD_UNSUPPORTED},
		{"a:1|x", STATSD_UNSUPPORTED},
		{"_e{5,4}:title|text", STATSD_UNSUPPORTED},
		{"_sc|check|0", STATSD_UNSUPPORTED},
		{"a:-1|c", STATSD_NEGATIVE},
		{"t:-1|ms", STATSD_NEGATIVE},
		{"xfn.statsd.series:1|g", STATSD_CONFLICT},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t total = 0;
		int j;

		memset(statsd.outcomes, 0, sizeof(statsd.outcomes));
		take(rows[i].line);
		for (j = 0; j < STATSD_OUTCOME_COUNT; j++)
			total += statsd.outcomes[j];
		if (statsd.outcomes[rows[i].outcome] != (rows[i].line[0] != 0) || total > 1)
			fail_msg("'%s' is not %s", rows[i].line,
				 statsd_outcome_labels[rows[i].outcome]);
	}
	assert_int_equal(statsd.series_count, 7); /* a twice */
}

static void test_counters(void **state)
{
	(void)state;
	take("page.views:1|c\npage.views:2|c|@0.1\n\npage_views:0.5|c\njobs_total:3|c\n9lives:1|c");
	assert_string_equal(page(), "# HELP _9lives_total Counter of StatsD.\n"
				    "# TYPE _9lives_total counter\n"
				    "_9lives_total 1\n"
				    "# HELP jobs_total Counter of StatsD.\n"
				    "# TYPE jobs_total counter\n"
				    "jobs_total 3\n"
				    "# HELP page_views_total Counter of StatsD.\n"
				    "# TYPE page_views_total counter\n"
				    "page_views_total 21.5\n");
	assert_int_equal(statsd.datagrams, 1);
	assert_int_equal(statsd.outcomes[STATSD_ACCEPTED], 5);
}

static void test_gauges(void **state)
{
	(void)state;
	take("g:10|g");
	take("g:+2.5|g");
	take("g:-20|g");
	has("g -7.5");
	take("g:3|g");
	has("g 3");
	take("new:-1|g"); /* from 0 */
	has("new -1");
}

/* 3 ms once, and 320 ms that stands for 4. */
static void test_timers(void **state)
{
	(void)state;
	take("t:3|ms|#k:v\nt:320|ms|@0.25|#k:v");
	has("# TYPE t_seconds histogram");
	has("t_seconds_bucket{k=\"v\",le=\"0.0025\"} 0");
	has("t_seconds_bucket{k=\"v\",le=\"0.005\"} 1");
	has("t_seconds_bucket{k=\"v\",le=\"0.25\"} 1");
	has("t_seconds_bucket{k=\"v\",le=\"0.5\"} 5");
	has("t_seconds_bucket{k=\"v\",le=\"1000\"} 5");
	has("t_seconds_bucket{k=\"v\",le=\"+Inf\"} 5");
	has("t_seconds_sum{k=\"v\"} 1.283");
	has("t_seconds_count{k=\"v\"} 5");
	take("bytes:5000|h");
	has("bytes_bucket{le=\"1000\"} 0");
	has("bytes_bucket{le=\"+Inf\"} 1");
	has("bytes_sum 5000");
	take("edge:1|h"); /* bounds belong to their buckets */
	has("edge_bucket{le=\"0.5\"} 0");
	has("edge_bucket{le=\"1\"} 1");
}

static void test_sets(void **state)
{
	(void)state;
	take_at("users:ann|s\nusers:bob|s\nusers:ann|s\nothers:ann|s", 1000);
	has("users 2");
	has("others 1");
	take_at("users:ann|s", 1000 + STATSD_MEMBER_S - 1);
	assert_non_null(strstr(page_at(1000 + STATSD_MEMBER_S - 1), "users 2\n"));
	assert_non_null(strstr(page_at(1000 + STATSD_MEMBER_S), "users 1\n"));
	assert_non_null(strstr(page_at(1000 + STATSD_MEMBER_S), "others 0\n"));
}

/* The order of tags makes no other series, and a value is quoted. */
static void test_labels(void **state)
{
	(void)state;
	take("a:1|c|#b:2,a:1\na:1|c|#a:1,b:2,a:3,c:\n");
	has("a_total{a=\"1\",b=\"2\"} 2");
	take("a:1|c|#flag,url-path:http://x/\"\\");
	has("a_total{flag=\"true\",url_path=\"http://x/\\\"\\\\\"} 1");
	take("a:1|c|#city:M\xc3\xbcnchen");
	has("a_total{city=\"M\xc3\xbcnchen\"} 1");
	assert_int_equal(statsd.series_count, 3);
}

/* A name has one type, and a histogram's lines are nobody else's, whichever comes first. */
static void test_conflicts(void **state)
{
	static const char *const pairs[][2] = {
		{"a:1|g", "a:1|h"},       {"b:1|g|#x:1", "b:1|s|#x:2"},
		{"c:1|c", "c_total:1|g"}, {"d:1|h", "d_count:1|g"},
		{"e_sum:1|g", "e:1|h"},   {"f_seconds_bucket:1|g", "f:1|ms"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		take(pairs[i][0]);
		assert_int_equal(statsd.outcomes[STATSD_ACCEPTED], i + 1);
		take(pairs[i][1]);
		assert_int_equal(statsd.outcomes[STATSD_CONFLICT], i + 1);
	}
	assert_int_equal(statsd.series_count, i);
	take("a_count:1|g"); /* a is no histogram */
	assert_int_equal(statsd.outcomes[STATSD_ACCEPTED], i + 1);
}

static void test_lengths(void **state)
{
	char line[1200];

	(void)state;
	snprintf(line, sizeof(line), "%0127d:1|g", 0);
	line[0] = 'a'; /* a digit would get a _ */
	take(line);
	snprintf(line, sizeof(line), "b%0127d:1|g", 0);
	take(line);
	snprintf(line, sizeof(line), "c%0121d:1|c", 0); /* and _total is 128 */
	take(line);
	/* a="..." is 511, then 512. */
	snprintf(line, sizeof(line), "l:1|g|#a:%0507d", 0);
	take(line);
	snprintf(line, sizeof(line), "l:2|g|#a:%0508d", 0);
	take(line);
	snprintf(line, sizeof(line), "l:2|g|#a:%01100d", 0);
	take(line);
	snprintf(line, sizeof(line), "s:%0255d|s\ns:%0256d|s", 0, 0);
	take(line);
	assert_int_equal(statsd.outcomes[STATSD_ACCEPTED], 3);
	assert_int_equal(statsd.outcomes[STATSD_MALFORMED], 5);
	assert_int_equal(statsd.series_count, 3);
}

static void test_bounded(void **state)
{
	char text[64];
	unsigned i, members = 0;

	(void)state;
	take("users:first|s");
	for (i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "k:1|c|#n:%u", i);
		take(text);
	}
	assert_int_equal(statsd.series_count, STATSD_SERIES_MAX);
	assert_int_equal(statsd.outcomes[STATSD_ACCEPTED], STATSD_SERIES_MAX);
	assert_int_equal(statsd.outcomes[STATSD_SERIES_LIMIT], 3000 + 1 - STATSD_SERIES_MAX);
	take("k:1|c|#n:0"); /* the old ones go on */
	has("k_total{n=\"0\"} 2");
	for (i = 0; i < 30000; i++) {
		snprintf(text, sizeof(text), "users:%u|s", i);
		take(text);
	}
	assert_int_equal(sscanf(strstr(page(), "\nusers ") + 1, "users %u", &members), 1);
	assert_in_range(members, STATSD_MEMBER_SETS * STATSD_MEMBER_WAYS / 2,
			STATSD_MEMBER_SETS * STATSD_MEMBER_WAYS);
	assert_int_equal(members + statsd.outcomes[STATSD_MEMBER_LIMIT], 30001);
	/* Who was not seen for long makes room. */
	take_at("users:another|s", 1000 + STATSD_MEMBER_S);
	assert_non_null(strstr(page_at(1000 + STATSD_MEMBER_S), "users 1\n"));
}

static void test_own(void **state)
{
	const struct statsd_losses losses = {.dropped = 7, .unreadable = 8};
	size_t bytes;
	FILE *out = open_memstream(&page_text, &bytes);

	(void)state;
	assert_non_null(out);
	take("a:1|c\nbad\na:-1|c");
	statsd_page_write(&statsd, &losses, 1000, out);
	fclose(out);
	assert_non_null(strstr(page_text, "\nxfn_statsd_datagrams_total 1\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_dropped_total 7\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_unreadable_total 8\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_series 1\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_lines_total{outcome=\"accepted\"} 1\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_lines_total{outcome=\"malformed\"} 1\n"));
	assert_non_null(strstr(page_text, "\nxfn_statsd_lines_total{outcome=\"negative\"} 1\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, empty, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(outcomes), TEST(counters),  TEST(gauges),  TEST(timers),  TEST(sets),
		TEST(labels),   TEST(conflicts), TEST(lengths), TEST(bounded), TEST(own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
