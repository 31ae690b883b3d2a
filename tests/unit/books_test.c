/* SPDX-License-Identifier: BSD-2-Clause */
/* Books that go on being written while they are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../loader/books.h"

static void compare(void **context)
{
	static const struct {
		struct xfn_book book; /* a, low, high */
		__u64 slack;
		enum xfn_book_state state;
		__u64 nearest;
	} cases[] = {
		{{0, 0, 0}, 0, XFN_BOOK_AGREES, 0},
		{{100, 100, 100}, 0, XFN_BOOK_AGREES, 100},
		{{100, 90, 110}, 0, XFN_BOOK_AGREES, 100},
		{{100, 90, 100}, 2, XFN_BOOK_AGREES, 100},
		{{100, 100, 110}, 2, XFN_BOOK_AGREES, 100},
		/* One more than allowed, one as many, on both sides. */
		{{100, 90, 99}, 0, XFN_BOOK_DIFFERS, 99},
		{{100, 90, 99}, 1, XFN_BOOK_NEAR, 99},
		{{100, 90, 98}, 1, XFN_BOOK_DIFFERS, 98},
		{{100, 101, 120}, 0, XFN_BOOK_DIFFERS, 101},
		{{100, 101, 120}, 1, XFN_BOOK_NEAR, 101},
		{{100, 103, 120}, 2, XFN_BOOK_DIFFERS, 103},
		{{~0ULL, 0, ~0ULL - 1}, 1, XFN_BOOK_NEAR, ~0ULL - 1},
		{{0, ~0ULL, ~0ULL}, 1, XFN_BOOK_DIFFERS, ~0ULL},
	};
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(xfn_book_compare(&cases[i].book, cases[i].slack), cases[i].state);
		assert_int_equal(xfn_book_nearest(&cases[i].book), cases[i].nearest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(compare)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
