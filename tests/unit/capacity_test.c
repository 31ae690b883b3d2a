/* SPDX-License-Identifier: BSD-2-Clause */
/* What room follows from the two numbers that a user gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../loader/dataplane.h"

static const __u32 counts[] = {1, 2, 17, 800, 1024, 65536};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* The live version, its predecessor that drains, and the next one: a change of all has them all. */
static void three_versions_of_each_function(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNTS; i++)
		assert_true(xfn_capacity_of(0, counts[i]).versions >= 3 * counts[i]);
}

static void histograms_up_to_the_pool(void **state)
{
	(void)state;
	assert_int_equal(xfn_capacity_of(0, 1).histograms, xfn_capacity_of(0, 1).versions);
	assert_int_equal(xfn_capacity_of(0, 65536).histograms, XFN_HISTOGRAMS_MAX);
}

static void at_least_the_triggers_asked_for(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNTS; i++)
		assert_true(xfn_capacity_of(counts[i], 0).triggers >= counts[i]);
	assert_true(xfn_capacity_of(4194304, 0).triggers >= 4194304);
}

static void defaults(void **state)
{
	struct xfn_capacity capacity = xfn_capacity_of(0, 0);

	(void)state;
	assert_int_equal(capacity.functions, XFN_CAPACITY_FUNCTIONS_DEFAULT);
	assert_true(capacity.triggers >= XFN_CAPACITY_TRIGGERS_DEFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_versions_of_each_function),
		cmocka_unit_test(histograms_up_to_the_pool),
		cmocka_unit_test(at_least_the_triggers_asked_for),
		cmocka_unit_test(defaults),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
