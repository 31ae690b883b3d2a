/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../loader/journal.h"

struct seen {
	unsigned count;
	__u64 first, last;
	char line[4096];
};

static void see(void *context, __u64 seq, const char *line, size_t length)
{
	struct seen *seen = context;

	assert_int_equal(strlen(line), length);
	assert_int_equal(line[length - 1], '\n');
	if (!seen->count++)
		seen->first = seq;
	seen->last = seq;
	snprintf(seen->line, sizeof(seen->line), "%s", line);
}

static int set_up(void **state)
{
	struct xfn_journal *journal;

	assert_int_equal(xfn_journal_new(4, true, &journal), 0);
	*state = journal;
	return 0;
}

static int tear_down(void **state)
{
	xfn_journal_free(*state);
	return 0;
}

static const struct xfn_journal_event event = {.type = "test"};

static void keeps_what_it_was_given(void **state)
{
	struct xfn_journal *journal = *state;
	const struct xfn_journal_event full = {"attach", "default/echo", "eth0"};
	struct seen seen = {0};
	const char *type, *function, *interface, *message, *time;
	json_int_t seq;
	json_t *json;

	assert_int_equal(xfn_journal_seq(journal), 0);
	xfn_journal_add(journal, &full, "mode \"%s\"", "native");
	xfn_journal_each(journal, 0, see, &seen);
	json = json_loads(seen.line, 0, NULL);
	assert_int_equal(json_unpack(json, "{s:I, s:s, s:s, s:s, s:s, s:s !}", "seq", &seq, "time",
				     &time, "type", &type, "function", &function, "interface",
				     &interface, "message", &message),
			 0);
	assert_int_equal(seq, 1);
	assert_string_equal(type, "attach");
	assert_string_equal(function, "default/echo");
	assert_string_equal(interface, "eth0");
	assert_string_equal(message, "mode \"native\"");
	/* RFC 3339: 2006-01-02T15:04:05.000Z */
	assert_int_equal(strlen(time), 24);
	assert_int_equal(time[10], 'T');
	assert_int_equal(time[23], 'Z');
	json_decref(json);
}

static void leaves_out_what_does_not_apply(void **state)
{
	struct xfn_journal *journal = *state;
	struct seen seen = {0};

	xfn_journal_add(journal, &event, "x");
	xfn_journal_each(journal, 0, see, &seen);
	assert_null(strstr(seen.line, "function"));
	assert_null(strstr(seen.line, "interface"));
	assert_null(strstr(seen.line, "null"));
}

static void forgets_the_oldest(void **state)
{
	struct xfn_journal *journal = *state;
	struct seen seen = {0}, late = {0}, none = {0};

	for (int i = 1; i <= 11; i++)
		xfn_journal_add(journal, &event, "event %d", i);
	assert_int_equal(xfn_journal_seq(journal), 11);
	xfn_journal_each(journal, 0, see, &seen);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.first, 8);
	assert_int_equal(seen.last, 11);
	xfn_journal_each(journal, 10, see, &late);
	assert_int_equal(late.count, 1);
	assert_non_null(strstr(late.line, "event 11"));
	xfn_journal_each(journal, 11, see, &none);
	assert_int_equal(none.count, 0);
}

static void tells_followers_until_they_leave(void **state)
{
	struct xfn_journal *journal = *state;
	struct xfn_journal_follower *one, *two;
	struct seen first = {0}, second = {0};

	xfn_journal_add(journal, &event, "before");
	assert_int_equal(xfn_journal_follow(journal, see, &first, &one), 0);
	assert_int_equal(xfn_journal_follow(journal, see, &second, &two), 0);
	xfn_journal_add(journal, &event, "both");
	xfn_journal_unfollow(one);
	xfn_journal_add(journal, &event, "the second");
	xfn_journal_unfollow(two);
	xfn_journal_unfollow(NULL);
	xfn_journal_add(journal, &event, "nobody");
	assert_int_equal(first.count, 1);
	assert_int_equal(first.first, 2);
	assert_int_equal(second.count, 2);
	assert_int_equal(second.last, 3);
}

static void makes_messages_safe(void **state)
{
	static const struct {
		const char *given, *kept;
	} cases[] = {
		{"line\nfeed\ttab\033[2J\177", "line feed tab [2J "},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"bad\xff\xc3.", "bad??."},
		{"", ""},
	};
	struct xfn_journal *journal = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = {0};
		json_t *json;

		xfn_journal_add(journal, &event, "%s", cases[i].given);
		xfn_journal_each(journal, xfn_journal_seq(journal) - 1, see, &seen);
		json = json_loads(seen.line, 0, NULL);
		assert_string_equal(json_string_value(json_object_get(json, "message")),
				    cases[i].kept);
		json_decref(json);
	}
}

static void cuts_long_messages_between_characters(void **state)
{
	struct xfn_journal *journal = *state;
	char text[1200];

	/* "é" is two bytes: with one or no letter before them, a cut at 1,000 meets either half. */
	for (size_t shift = 0; shift < 2; shift++) {
		struct seen seen = {0};
		const char *message;
		json_t *json;

		memset(text, 'a', shift);
		for (size_t i = shift; i + 2 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa9", 3);
		xfn_journal_add(journal, &event, "%s", text);
		xfn_journal_each(journal, xfn_journal_seq(journal) - 1, see, &seen);
		json = json_loads(seen.line, 0, NULL);
		message = json_string_value(json_object_get(json, "message"));
		assert_non_null(message);
		assert_in_range(strlen(message), 997, 1000);
		assert_null(strchr(message, '?'));
		json_decref(json);
	}
}

static void takes_no_journal(void **state)
{
	(void)state;
	xfn_journal_add(NULL, &event, "nothing");
	xfn_journal_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_what_it_was_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_out_what_does_not_apply, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets_the_oldest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_followers_until_they_leave, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(makes_messages_safe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cuts_long_messages_between_characters, set_up,
						tear_down),
		cmocka_unit_test(takes_no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
