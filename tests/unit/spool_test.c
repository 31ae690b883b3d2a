/* SPDX-License-Identifier: BSD-2-Clause */
/* The last 64 KiB of what programs wrote, and what of them is there for the next xfnd. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../loader/spool.h"

static char folder[] = "/tmp/xfn-spool-XXXXXX", path[64];

static struct xfn_spool *open_spool(void)
{
	struct xfn_spool *spool;

	assert_int_equal(xfn_spool_open(path, &spool), 0);
	return spool;
}

static void add(struct xfn_spool *spool, __u64 writer, const char *text)
{
	xfn_spool_add(spool, writer, text, strlen(text));
}

static void expect(const struct xfn_spool *spool, __u64 after, __u64 first, const char *text)
{
	char *buffer = malloc(XFN_SPOOL_BYTES);
	struct xfn_spool_part part;

	assert_non_null(buffer);
	xfn_spool_read(spool, after, buffer, &part);
	assert_int_equal(part.first, first);
	assert_int_equal(part.bytes, strlen(text));
	assert_memory_equal(buffer, text, part.bytes);
	free(buffer);
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void test_silent(void **state)
{
	struct xfn_spool *spool = open_spool();

	(void)state;
	expect(spool, 0, 0, "");
	expect(spool, 7, 0, "");
	assert_int_equal(access(path, F_OK), -1); /* who writes nothing takes nothing */
	xfn_spool_remove(spool);
}

static void test_next(void **state)
{
	struct xfn_spool *spool = open_spool();
	struct stat status;

	(void)state;
	add(spool, 1, "one\n");
	add(spool, 2, "two\n");
	expect(spool, 0, 0, "one\ntwo\n");
	expect(spool, 4, 4, "two\n");
	expect(spool, 8, 8, "");
	expect(spool, 9, 8, "");
	xfn_spool_close(spool);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	spool = open_spool();
	add(spool, 2, "three\n");
	expect(spool, 0, 0, "one\ntwo\nthree\n");
	xfn_spool_remove(spool);
	assert_int_equal(access(path, F_OK), -1);
}

/* Lines of 8 bytes, each its number. */
static void test_round(void **state)
{
	struct xfn_spool *spool = open_spool();
	char line[16], *expected = calloc(1, XFN_SPOOL_BYTES + 1);
	__u64 i, lines = 5 * XFN_SPOOL_BYTES / 8 + 3, kept = XFN_SPOOL_BYTES / 8;

	(void)state;
	assert_non_null(expected);
	for (i = 0; i < lines; i++) {
		snprintf(line, sizeof(line), "%07llu\n", i);
		add(spool, 1, line);
		if (i >= lines - kept)
			memcpy(expected + (i - (lines - kept)) * 8, line, 8);
	}
	expect(spool, 0, (lines - kept) * 8, expected);
	expect(spool, lines * 8 - 8, lines * 8 - 8, line);
	xfn_spool_remove(spool);
	free(expected);
}

static void test_large(void **state)
{
	struct xfn_spool *spool = open_spool();
	size_t bytes = 2 * XFN_SPOOL_BYTES + 100;
	char *text = malloc(bytes + 1);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < bytes; i++)
		text[i] = (char)('a' + i % 23);
	text[bytes] = '\0';
	add(spool, 1, "before\n");
	xfn_spool_add(spool, 1, text, bytes);
	expect(spool, 0, 7 + bytes - XFN_SPOOL_BYTES, text + bytes - XFN_SPOOL_BYTES);
	xfn_spool_remove(spool);
	free(text);
}

/* One's line is not gone on with by another. */
static void test_writers(void **state)
{
	struct xfn_spool *spool = open_spool();

	(void)state;
	add(spool, 1, "ha");
	add(spool, 1, "lf");
	add(spool, 2, "whole\n");
	add(spool, 1, "half");
	expect(spool, 0, 0, "half\nwhole\nhalf");
	xfn_spool_close(spool);
	spool = open_spool();
	add(spool, 1, " and half\n");
	add(spool, 2, "whole\n");
	expect(spool, 0, 0, "half\nwhole\nhalf and half\nwhole\n");
	xfn_spool_remove(spool);
}

static void put_file(size_t bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < bytes; i++)
		fputc('x', file);
	fclose(file);
}

static void test_foreign(void **state)
{
	static const size_t sizes[] = {0, 1, XFN_SPOOL_BYTES, XFN_SPOOL_BYTES + 24, 1 << 20};
	struct xfn_spool *spool;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put_file(sizes[i]);
		spool = open_spool();
		expect(spool, 0, 0, "");
		add(spool, 1, "new\n");
		expect(spool, 0, 0, "new\n");
		xfn_spool_close(spool);
		spool = open_spool();
		expect(spool, 0, 0, "new\n");
		xfn_spool_remove(spool);
	}
}

/* Where there is no room for the file it is in memory. */
static void test_no_room(void **state)
{
	struct rlimit before, none;
	struct xfn_spool *spool = open_spool();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){4096, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	add(spool, 1, "all the same\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	expect(spool, 0, 0, "all the same\n");
	assert_int_equal(access(path, F_OK), -1);
	xfn_spool_close(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_silent, remove_file),
		cmocka_unit_test_teardown(test_next, remove_file),
		cmocka_unit_test_teardown(test_round, remove_file),
		cmocka_unit_test_teardown(test_large, remove_file),
		cmocka_unit_test_teardown(test_writers, remove_file),
		cmocka_unit_test_teardown(test_foreign, remove_file),
		cmocka_unit_test_teardown(test_no_room, remove_file),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/spool", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
