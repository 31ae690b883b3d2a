/* SPDX-License-Identifier: BSD-2-Clause */
/* When a function was last seen at work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../loader/activity.h"

static struct xfn_activity *activity;

static int setup(void **context)
{
	(void)context;
	activity = xfn_activity_new();
	return activity ? 0 : -1;
}

static int teardown(void **context)
{
	(void)context;
	xfn_activity_free(activity);
	xfn_activity_free(NULL);
	return 0;
}

static void note(__u32 slot, __u64 identity, __u64 events, __u64 now_ns)
{
	assert_int_equal(xfn_activity_note(activity, slot, identity, events, now_ns), 0);
}

static __u64 moved(__u32 slot, __u64 identity)
{
	return xfn_activity_moved(activity, slot, identity);
}

static void nobody_is_known_at_first(void **context)
{
	(void)context;
	assert_int_equal(moved(0, 1), 0);
	assert_int_equal(moved(4000000, 1), 0);
}

static void a_counter_that_stands_still_keeps_its_time(void **context)
{
	(void)context;
	note(3, 7, 0, 10);
	assert_int_equal(moved(3, 7), 0);
	note(3, 7, 5, 20);
	note(3, 7, 5, 30);
	assert_int_equal(moved(3, 7), 20);
	note(3, 7, 6, 40);
	assert_int_equal(moved(3, 7), 40);
}

static void a_counter_that_is_not_zero_at_first_counts_as_lately(void **context)
{
	(void)context;
	note(3, 7, 5, 10);
	note(3, 7, 5, 3000);
	assert_int_equal(moved(3, 7), 10);
}

static void a_slot_that_changes_hands_starts_anew(void **context)
{
	(void)context;
	note(3, 7, 5, 10);
	assert_int_equal(moved(3, 8), 0);
	note(3, 8, 0, 20);
	assert_int_equal(moved(3, 8), 0);
	assert_int_equal(moved(3, 7), 0);
	note(3, 8, 5, 30); /* as many as its predecessor had */
	assert_int_equal(moved(3, 8), 30);
}

static void every_slot_has_its_own(void **context)
{
	__u32 slot;

	(void)context;
	for (slot = 0; slot < 70000; slot += 7)
		note(slot, slot + 1, slot + 1, slot + 100);
	for (slot = 0; slot < 70000; slot++)
		assert_int_equal(moved(slot, slot + 1), slot % 7 ? 0 : slot + 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_known_at_first),
		TEST(a_counter_that_stands_still_keeps_its_time),
		TEST(a_counter_that_is_not_zero_at_first_counts_as_lately),
		TEST(a_slot_that_changes_hands_starts_anew),
		TEST(every_slot_has_its_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
