/* SPDX-License-Identifier: BSD-2-Clause */
/* Which elements of xfn_targets are wanted, and when what is left over is let go. No maps are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../loader/targets.h"

static struct xfn_dataplane dataplane;
static struct xfn_targets targets;

static int begin(void **state)
{
	static const struct xfn_targets nothing;
	unsigned map;

	(void)state;
	for (map = 0; map < XFN_MAP_COUNT; map++)
		dataplane.map_fd[map] = -1;
	targets = nothing;
	targets.dataplane = &dataplane;
	return 0;
}

/* The next generation wants these two, or does not, and goes live. */
static bool go_on(bool first, bool second)
{
	targets.next[0] = first;
	targets.next[1] = second;
	return xfn_targets_commit(&targets);
}

static void what_nobody_wants_is_left_over(void **state)
{
	(void)state;
	assert_false(go_on(true, false));
	assert_false(go_on(true, true));
	assert_true(go_on(true, false));
	assert_true(targets.live[0]);
	assert_false(targets.live[1]);
}

/* A sweep has to wait for packets, and waiting may fail: then a later change does it. */
static void it_is_left_over_until_it_is_swept(void **state)
{
	(void)state;
	go_on(true, true);
	assert_true(go_on(true, false));
	assert_true(go_on(true, false));
	assert_true(go_on(true, true));
	dataplane.targets = calloc(XFN_TARGETS_MAX, sizeof(*dataplane.targets));
	assert_non_null(dataplane.targets);
	xfn_targets_sweep(&targets);
	free(dataplane.targets);
	dataplane.targets = NULL;
	assert_false(go_on(true, true));
	assert_true(go_on(false, true));
}

static void what_does_not_come_leaves_nothing_over(void **state)
{
	(void)state;
	go_on(true, false);
	targets.next[1] = true;
	assert_true(xfn_targets_any_next(&targets));
	xfn_targets_forget(&targets);
	assert_false(xfn_targets_any_next(&targets));
	assert_false(go_on(true, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_nobody_wants_is_left_over, begin),
		cmocka_unit_test_setup(it_is_left_over_until_it_is_swept, begin),
		cmocka_unit_test_setup(what_does_not_come_leaves_nothing_over, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
