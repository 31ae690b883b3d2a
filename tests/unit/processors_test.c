/* SPDX-License-Identifier: BSD-2-Clause */
/* Running on each CPU in turn leaves where this process may run as it was. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../loader/processors.h"

static cpu_set_t allowed(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return set;
}

static void test_all(void **state)
{
	cpu_set_t before = allowed(), after;

	(void)state;
	if (xfn_processors_preempt_softirqs())
		skip();
	assert_int_equal(xfn_processors_pass(), 0);
	after = allowed();
	assert_true(CPU_EQUAL(&before, &after));
}

/* Who may use one CPU alone comes to all, and is back there. */
static void test_one(void **state)
{
	cpu_set_t before = allowed(), one, after;
	int cpu = 0;

	(void)state;
	if (xfn_processors_preempt_softirqs())
		skip();
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(xfn_processors_pass(), 0);
	after = allowed();
	assert_true(CPU_EQUAL(&one, &after));
	assert_int_equal(sched_getcpu(), cpu);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
