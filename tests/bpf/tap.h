/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_TAP_H
#define XFN_TESTS_TAP_H

/*
 * Tests as TAP. A test begins, expects things, ends; it is `ok` if everything that was expected
 * held. What did not is printed below it, the first few times.
 */

#include <stdbool.h>

void test_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_end(void);

/* Ends the test that has begun as skipped. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns @held; where it is false, the test has failed and says so. */
bool test_expect(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says whether the test that has begun failed already. */
bool test_has_failed(void);

/* Compares bytes; where they differ, says at which offset. */
bool test_expect_bytes(const char *what, const void *got, unsigned got_bytes, const void *wanted,
		       unsigned wanted_bytes);

/* Prints the plan; returns the exit code. */
int test_finish(void);

#endif
