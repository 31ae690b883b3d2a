/* SPDX-License-Identifier: BSD-2-Clause */
/* Books that go on being written while they are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../loader/books.h"

#define NEAR    XFN_BOOK_NEAR
#define MOVING  XFN_BOOK_MOVING
#define AGREES  XFN_BOOK_AGREES
#define DIFFERS XFN_BOOK_DIFFERS
#define MAX     (~0ULL)

/* a, low, high, again, slack, waited; what one reading says of it */
static const struct {
	struct xfn_book_reading reading;
	enum xfn_book_state state;
	__u64 nearest;
} cases[] = {
	{{0, 0, 0, 0, 0, false}, AGREES, 0},
	{{100, 100, 100, 100, 0, false}, AGREES, 100},
	{{100, 90, 110, 120, 0, false}, AGREES, 100},
	{{100, 90, 100, 100, 2, false}, AGREES, 100},
	{{100, 100, 110, 110, 2, false}, AGREES, 100},
	/* As many as may be under way, and one more, on both sides. */
	{{100, 90, 99, 100, 0, false}, DIFFERS, 99},
	{{100, 90, 99, 100, 1, false}, NEAR, 99},
	{{100, 90, 98, 100, 1, false}, DIFFERS, 98},
	{{100, 101, 120, 130, 0, false}, DIFFERS, 101},
	{{100, 101, 120, 130, 1, false}, NEAR, 101},
	{{100, 103, 120, 130, 2, false}, DIFFERS, 103},
	{{MAX, 0, MAX - 1, MAX, 1, false}, NEAR, MAX - 1},
	{{0, MAX, MAX, 0, 1, false}, DIFFERS, MAX},
	/* After waiting, with nothing new: exact. */
	{{100, 100, 100, 100, 2, true}, AGREES, 100},
	{{100, 99, 99, 100, 2, true}, DIFFERS, 99},
	{{100, 101, 101, 100, 2, true}, DIFFERS, 101},
	/* After waiting, with more: what came may hide a difference, or make one. */
	{{100, 99, 100, 101, 2, true}, MOVING, 100},
	{{100, 90, 99, 101, 2, true}, NEAR, 99},
	{{100, 90, 97, 101, 2, true}, DIFFERS, 97},
};

static void one_reading(void **context)
{
	struct xfn_book book;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		book = (struct xfn_book){0};
		xfn_book_compare(&book, &cases[i].reading);
		assert_int_equal(book.state, cases[i].state);
		assert_int_equal(xfn_book_nearest(&book), cases[i].nearest);
		assert_int_equal(xfn_book_is_open(&book),
				 book.state == NEAR || book.state == MOVING);
		assert_int_equal(xfn_book_is_ok(&book),
				 book.state == AGREES || book.state == MOVING);
	}
}

/* Each line's state, then another reading, then the state after it. */
static void another_reading(void **context)
{
	static const struct xfn_book_reading readings[] = {
		[NEAR] = {100, 90, 99, 101, 2, true},
		[MOVING] = {200, 199, 200, 201, 2, true},
		[AGREES] = {300, 300, 300, 300, 2, true},
		[DIFFERS] = {400, 399, 399, 400, 2, true},
	};
	static const enum xfn_book_state after[4][4] = {
		[NEAR] = {NEAR, MOVING, AGREES, DIFFERS},
		[MOVING] = {MOVING, MOVING, AGREES, DIFFERS},
		[AGREES] = {AGREES, AGREES, AGREES, AGREES},
		[DIFFERS] = {DIFFERS, DIFFERS, DIFFERS, DIFFERS},
	};
	struct xfn_book book;
	int first, second;

	(void)context;
	for (first = 0; first < 4; first++) {
		for (second = 0; second < 4; second++) {
			book = (struct xfn_book){0};
			xfn_book_compare(&book, &readings[first]);
			assert_int_equal(book.state, first);
			xfn_book_compare(&book, &readings[second]);
			assert_int_equal(book.state, after[first][second]);
			/* The figures are those of the reading that decided. */
			assert_int_equal(book.a, readings[book.state].a);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_reading),
					   cmocka_unit_test(another_reading)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
