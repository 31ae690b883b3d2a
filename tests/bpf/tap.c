/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

enum { NOTES_MAX = 8 };

static struct {
	unsigned number;
	unsigned failed_tests;
	unsigned failures; /* of the test that has begun */
	char name[200];
	char notes[NOTES_MAX][400];
} test;

void test_begin(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(test.name, sizeof(test.name), format, args);
	va_end(args);
	test.failures = 0;
}

void test_end(void)
{
	unsigned i;

	printf("%s %u - %s\n", test.failures ? "not ok" : "ok", ++test.number, test.name);
	for (i = 0; i < test.failures && i < NOTES_MAX; i++)
		printf("# %s\n", test.notes[i]);
	if (test.failures > NOTES_MAX)
		printf("# and %u more\n", test.failures - NOTES_MAX);
	test.failed_tests += test.failures != 0;
	fflush(stdout);
}

void test_skip(const char *format, ...)
{
	va_list args;

	printf("ok %u - %s # SKIP ", ++test.number, test.name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

bool test_expect(bool held, const char *format, ...)
{
	va_list args;

	if (held)
		return true;
	if (test.failures < NOTES_MAX) {
		va_start(args, format);
		vsnprintf(test.notes[test.failures], sizeof(test.notes[0]), format, args);
		va_end(args);
	}
	test.failures++;
	return false;
}

bool test_has_failed(void)
{
	return test.failures;
}

bool test_expect_bytes(const char *what, const void *got, unsigned got_bytes, const void *wanted,
		       unsigned wanted_bytes)
{
	const unsigned char *a = got, *b = wanted;
	unsigned i;

	if (!test_expect(got_bytes == wanted_bytes, "%s: %u bytes, expected %u", what, got_bytes,
			 wanted_bytes))
		return false;
	for (i = 0; i < got_bytes && a[i] == b[i]; i++)
		;
	return test_expect(i == got_bytes, "%s: byte %u is %02x, expected %02x", what, i,
			   i < got_bytes ? a[i] : 0, i < got_bytes ? b[i] : 0);
}

int test_finish(void)
{
	printf("1..%u\n", test.number);
	return test.failed_tests != 0;
}
