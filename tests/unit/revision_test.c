/* SPDX-License-Identifier: BSD-2-Clause */
/* The revision store: what is written is read back, or nothing is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../loader/revision.h"

#define FILE_OF(name, text) ((struct xfn_revision_file){name, text, sizeof(text) - 1, 0})

static char state[64];

static int setup(void **context)
{
	(void)context;
	strcpy(state, "/dev/shm/xfn-revision-XXXXXX"); /* syncing a disk takes seconds in all */
	if (mkdtemp(state))
		return 0;
	strcpy(state, "/tmp/xfn-revision-XXXXXX");
	return mkdtemp(state) ? 0 : -1;
}

static int teardown(void **context)
{
	(void)context;
	return xfn_revision_remove_all(state) || rmdir(state);
}

static const char *path_of(const char *format, ...)
{
	static char path[512];
	int length = snprintf(path, sizeof(path), "%s/revisions/", state);
	va_list args;

	va_start(args, format);
	vsnprintf(path + length, sizeof(path) - (size_t)length, format, args);
	va_end(args);
	return path;
}

/* Names directly in STATE/revisions, leftovers too. */
static unsigned entries(void)
{
	DIR *dir = opendir(path_of(""));
	struct dirent *entry;
	unsigned count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return count;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static int write_files(__u64 number, const struct xfn_revision_file *files, size_t count,
		       __u64 previous)
{
	json_t *meta = json_pack("{s:I}", "revision", (json_int_t)number);
	int err;

	assert_non_null(meta);
	err = xfn_revision_write(state, number, meta, files, count, previous);
	json_decref(meta);
	return err;
}

static int write_one(__u64 number, const char *text)
{
	struct xfn_revision_file file = {"sets/main.yaml", text, strlen(text), 0};

	return write_files(number, &file, 1, 0);
}

static void assert_file(__u64 number, const char *name, const char *text)
{
	void *data = NULL;
	size_t size = 0;

	assert_int_equal(xfn_revision_read_file(state, number, name, &data, &size), 0);
	assert_int_equal(size, strlen(text));
	assert_string_equal(data, text);
	free(data);
}

static int prune_to(__u64 live, unsigned count)
{
	struct xfn_revision_bounds bounds = {.count = count, .bytes = ~0ULL};

	return xfn_revision_prune(state, live, &bounds);
}

static __u64 latest(void)
{
	__u64 number = 99;

	assert_int_equal(xfn_revision_latest(state, &number), 0);
	return number;
}

/* ---- writing and reading ------------------------------------------------------------------------ */

static void nothing_there(void **context)
{
	json_t *meta = (void *)0x1;
	void *data = (void *)0x1;
	size_t size = 7;

	(void)context;
	assert_int_equal(latest(), 0);
	assert_int_equal(xfn_revision_read(state, 1, &meta), -ENOENT);
	assert_int_equal(xfn_revision_read_file(state, 1, "a", &data, &size), -ENOENT);
	assert_ptr_equal(meta, (void *)0x1);
	assert_ptr_equal(data, (void *)0x1);
	assert_int_equal(size, 7);
	assert_int_equal(prune_to(1, 3), 0);
	assert_int_equal(xfn_revision_remove_all(state), 0);
	assert_int_equal(xfn_revision_remove_all("/nowhere/at/all"), 0);
}

static void round_trip(void **context)
{
	static const char binary[] = "\0\1\2\n\n\xff";
	const struct xfn_revision_file files[] = {
		FILE_OF("sets/main.yaml", "version: 1\n"),
		FILE_OF("objects/default.echo.v1.o", binary),
		FILE_OF("empty", ""),
	};
	json_t *meta = NULL;
	void *data;
	size_t size;

	(void)context;
	assert_int_equal(write_files(7, files, 3, 0), 0);
	assert_int_equal(latest(), 7);
	assert_int_equal(xfn_revision_check(state, 7), 0);
	assert_int_equal(xfn_revision_read(state, 7, &meta), 0);
	assert_int_equal(json_integer_value(json_object_get(meta, "revision")), 7);
	json_decref(meta);
	assert_file(7, "sets/main.yaml", "version: 1\n");
	assert_file(7, "empty", "");
	assert_int_equal(xfn_revision_read_file(state, 7, files[1].name, &data, &size), 0);
	assert_int_equal(size, sizeof(binary) - 1);
	assert_memory_equal(data, binary, sizeof(binary));
	free(data);
	assert_int_equal(xfn_revision_read_file(state, 7, "sets", &data, &size), -ENOENT);
	assert_int_equal(xfn_revision_read_file(state, 7, "../7/empty", &data, &size), -ENOENT);
	assert_int_equal(entries(), 1);
}

static void equal_files_are_linked(void **context)
{
	const struct xfn_revision_file one[] = {FILE_OF("a/x", "same"), FILE_OF("a/y", "old")};
	const struct xfn_revision_file two[] = {FILE_OF("a/x", "same"), FILE_OF("a/y", "new")};
	struct stat first, second;

	(void)context;
	assert_int_equal(write_files(1, one, 2, 0), 0);
	assert_int_equal(write_files(2, two, 2, 1), 0);
	assert_int_equal(stat(path_of("1/a/x"), &first), 0);
	assert_int_equal(stat(path_of("2/a/x"), &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(stat(path_of("1/a/y"), &first), 0);
	assert_int_equal(stat(path_of("2/a/y"), &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
	assert_int_equal(prune_to(2, 1), 0);
	assert_int_equal(xfn_revision_check(state, 2), 0);
	assert_file(2, "a/x", "same");
	/* One that is not there, and one that is damaged, are as none. */
	assert_int_equal(write_files(3, two, 2, 77), 0);
	put(path_of("3/a/x"), "SAME");
	assert_int_equal(write_files(4, two, 2, 3), 0);
	assert_file(4, "a/x", "same");
}

static void names_are_checked(void **context)
{
	static const char *const refused[] = {
		"",   ".",    "..",  "../x", "a/../x", "/etc/x",    "a//x", "a/",
		".x", "a/.x", "a b", "a\nb", "a\x80",  "meta.json", "SUMS", "a/b/c/d/e",
	};
	char longest[XFN_REVISION_NAME_MAX + 2];
	struct xfn_revision_file twice[] = {FILE_OF("x", "1"), FILE_OF("x", "2")};
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(
			write_files(1, &(struct xfn_revision_file){refused[i], "", 0, 0}, 1, 0),
			-EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	twice[0].name = longest;
	assert_int_equal(write_files(1, twice, 1, 0), -EINVAL);
	longest[sizeof(longest) - 2] = '\0';
	assert_int_equal(write_files(1, twice, 1, 0), 0);
	twice[0].name = "x";
	assert_int_equal(write_files(2, twice, 2, 0), -EINVAL);
	assert_int_equal(write_files(0, NULL, 0, 0), -EINVAL);
	assert_int_equal(entries(), 1);
}

/* ---- damage -------------------------------------------------------------------------------------- */

/* Changes each byte of a file in turn: no change may go unseen. */
static void flip_bytes(const char *name, int expected)
{
	char path[512];
	unsigned char byte;
	struct stat stat_;
	off_t i;
	int fd;

	snprintf(path, sizeof(path), "%s", path_of("5/%s", name));
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat_), 0);
	assert_true(stat_.st_size > 0);
	for (i = 0; i < stat_.st_size; i++) {
		assert_int_equal(pread(fd, &byte, 1, i), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		assert_int_equal(xfn_revision_check(state, 5), expected);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	assert_int_equal(xfn_revision_check(state, 5), 0);
	for (i = stat_.st_size - 1; i >= 0; i--) {
		assert_int_equal(ftruncate(fd, i), 0);
		assert_int_equal(xfn_revision_check(state, 5), expected);
	}
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(xfn_revision_check(state, 5), expected);
}

static void damage_is_found(void **context)
{
	static const char *const names[] = {"sets/main.yaml", "meta.json", "SUMS"};
	json_t *meta;
	void *data;
	size_t size, i;

	(void)context;
	for (i = 0; i < 3; i++) {
		assert_int_equal(write_one(5, "version: 1\nfunctions: []\n"), 0);
		flip_bytes(names[i], -EBADMSG);
	}
	assert_int_equal(xfn_revision_read(state, 5, &meta), -EBADMSG);
	assert_int_equal(xfn_revision_read_file(state, 5, "sets/main.yaml", &data, &size),
			 -EBADMSG);
	/* A directory, a fifo or a link where a file should be. */
	assert_int_equal(write_one(5, "x"), 0);
	assert_int_equal(unlink(path_of("5/sets/main.yaml")), 0);
	assert_int_equal(mkfifo(path_of("5/sets/main.yaml"), 0600), 0);
	assert_int_equal(xfn_revision_check(state, 5), -EBADMSG);
	assert_int_equal(unlink(path_of("5/sets/main.yaml")), 0);
	assert_int_equal(symlink("/etc/passwd", path_of("5/sets/main.yaml")), 0);
	assert_int_not_equal(xfn_revision_check(state, 5), 0);
}

/* ---- crashes ------------------------------------------------------------------------------------- */

static void leftovers_are_ignored(void **context)
{
	(void)context;
	assert_int_equal(write_one(3, "three"), 0);
	assert_int_equal(mkdir(path_of(".new-4"), 0700), 0);
	assert_int_equal(mkdir(path_of(".new-4/sets"), 0700), 0);
	put(path_of(".new-4/sets/main.yaml"), "fo");
	assert_int_equal(mkdir(path_of(".old-2"), 0700), 0);
	put(path_of(".old-2/SUMS"), "");
	put(path_of("04"), "");
	put(path_of("x9"), "");
	put(path_of("99999999999999999999999"), "");
	assert_int_equal(latest(), 3);
	assert_int_equal(write_one(4, "four"), 0); /* in spite of the leftover of its name */
	assert_file(4, "sets/main.yaml", "four");
	assert_int_equal(mkdir(path_of(".new-5"), 0700), 0);
	assert_int_equal(prune_to(4, 8), 0);
	assert_int_equal(entries(), 2 + 3); /* what is not ours by name stays */
	assert_int_equal(latest(), 4);
}

static void existing_one_is_replaced(void **context)
{
	(void)context;
	assert_int_equal(write_one(3, "left by a crash"), 0);
	assert_int_equal(write_one(3, "new"), 0);
	assert_file(3, "sets/main.yaml", "new");
	assert_int_equal(mkdir(path_of("3/deep"), 0700), 0);
	assert_int_equal(write_one(3, "newer"), 0);
	assert_int_equal(access(path_of("3/deep"), F_OK), -1);
	assert_int_equal(entries(), 1);
}

static void write_for_ever(void)
{
	static char text[3][20000];
	struct xfn_revision_file files[3] = {{"a/a/a", text[0], sizeof(text[0]), 0},
					     {"a/b", text[1], sizeof(text[1]), 0},
					     {"c", text[2], sizeof(text[2]), 0}};
	__u64 number = latest();

	for (;; number++) {
		memset(text[number % 3], 'a' + (int)(number % 20), sizeof(text[0]));
		write_files(number + 1, files, 3, number);
		if (number > 4)
			prune_to(number, 2);
		write_files(number + 1, files, 2, number); /* the same again: replaced */
	}
}

/* Killed at any moment, each revision that can be seen is whole. */
static void killed_at_random(void **context)
{
	unsigned i, writes = 0;
	struct timespec pause = {0};
	__u64 number, before = 0;
	pid_t pid;
	int fd;

	(void)context;
	srandom(1);
	for (i = 0; i < 60; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			/* Its own assertions and leaks are nobody's business. */
			fd = open("/dev/null", O_WRONLY);
			dup2(fd, 1);
			dup2(fd, 2);
			write_for_ever();
		}
		pause.tv_nsec = 1 + random() % 6000000;
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		number = latest();
		/* A replacement was cut short between its two renames: the number is gone, as allowed. */
		assert_true(number + 1 >= before);
		writes += number > before;
		before = number;
		for (; number; number--)
			if (!access(path_of("%llu", number), F_OK))
				assert_int_equal(xfn_revision_check(state, number), 0);
	}
	assert_true(writes > 0);
	assert_int_equal(prune_to(latest(), 1), 0);
	assert_int_equal(entries(), 1);
}

/* ---- full and read-only disks --------------------------------------------------------------------- */

/* A file system of our own over STATE; skips where that can't be had. */
static void mount_over_state(void)
{
	if (geteuid() || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("xfn-test", state, "tmpfs", 0, "size=256k"))
		skip();
}

static void full_disk(void **context)
{
	static char text[60000];
	struct xfn_revision_file files[] = {{"a", text, sizeof(text), 0},
					    {"b", text, sizeof(text), 0}};
	unsigned number, written = 0;
	int err = 0;

	(void)context;
	mount_over_state();
	assert_int_equal(write_one(1, "one"), 0);
	for (number = 2; number < 10 && !err; number++) {
		memset(text, (int)number, sizeof(text));
		err = write_files(number, files, 2, number - 1);
		if (!err)
			written++;
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(written > 0);
	assert_int_equal(latest(), number - 2);
	assert_int_equal(entries(), number - 2);
	for (number--; --number;)
		assert_int_equal(xfn_revision_check(state, number), 0);
	/* What is equal takes no room: it is linked. */
	memset(text, (int)written + 1, sizeof(text));
	assert_int_equal(write_files(50, files, 2, latest()), 0);
	assert_int_equal(prune_to(50, 1), 0);
	assert_int_equal(write_files(51, files, 1, 0), 0);
	assert_int_equal(umount2(state, MNT_DETACH), 0);
}

static void read_only_disk(void **context)
{
	(void)context;
	mount_over_state();
	assert_int_equal(mount(NULL, state, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(write_one(1, "one"), -EROFS);
	assert_int_equal(latest(), 0);
	assert_int_equal(mount(NULL, state, NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(write_one(1, "one"), 0);
	assert_int_equal(mount(NULL, state, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(write_one(2, "two"), -EROFS);
	assert_int_equal(write_one(1, "two"), -EROFS);
	assert_int_equal(prune_to(9, 0), -EROFS);
	assert_int_equal(xfn_revision_remove_all(state), -EROFS);
	assert_file(1, "sets/main.yaml", "one");
	assert_int_equal(umount2(state, MNT_DETACH), 0);
}

/* ---- pruning --------------------------------------------------------------------------------------- */

/* Writes revision @number with a file that is its own and one that all share. */
static void write_sized(__u64 number, const char *own, const char *shared)
{
	struct xfn_revision_file files[] = {{"sets/own.yaml", own, strlen(own), 0},
					    {"objects/shared.o", shared, strlen(shared), 0}};

	assert_int_equal(write_files(number, files, 2, number - 1), 0);
}

static __u64 oldest_after_prune(__u64 live, __u64 bytes)
{
	struct xfn_revision_bounds bounds = {.count = 100, .bytes = bytes};
	__u64 *numbers, oldest;
	size_t count;

	assert_int_equal(xfn_revision_prune(state, live, &bounds), 0);
	assert_int_equal(xfn_revision_list(state, &numbers, &count), 0);
	assert_int_equal(numbers[0], live);
	oldest = numbers[count - 1];
	assert_int_equal(live - oldest + 1, count);
	free(numbers);
	return oldest;
}

static void bytes_are_bounded(void **context)
{
	char own[10001] = "", shared[100001] = "";
	__u64 number;

	(void)context;
	memset(shared, 's', sizeof(shared) - 1);
	for (number = 1; number <= 12; number++) {
		memset(own, 'a' + (int)number, sizeof(own) - 1);
		write_sized(number, own, shared);
	}
	/* What is shared counts once: 100 kB and 10 kB each, with something for meta.json and SUMS. */
	assert_int_equal(oldest_after_prune(12, 1000000), 1);
	assert_int_equal(oldest_after_prune(12, 165000), 12 - 5);
	/* The live one and the one before it stay, whatever they cost; the older ones do not. */
	assert_int_equal(oldest_after_prune(12, 0), 11);
	/* One that does not tell its size goes by its number alone. */
	assert_int_equal(unlink(path_of("11/SIZE")), 0);
	assert_int_equal(oldest_after_prune(12, 0), 11);
}

static void confirmation_is_a_mark(void **context)
{
	(void)context;
	assert_int_equal(write_one(1, "x"), 0);
	assert_false(xfn_revision_is_confirmed(state, 1));
	assert_int_equal(xfn_revision_confirm(state, 1), 0);
	assert_int_equal(xfn_revision_confirm(state, 1), 0);
	assert_true(xfn_revision_is_confirmed(state, 1));
	assert_int_equal(xfn_revision_check(state, 1), 0);
	assert_int_equal(xfn_revision_confirm(state, 2), -ENOENT);
	assert_false(xfn_revision_is_confirmed(state, 2));
	/* The mark is of its revision alone, and no file of that name can be written. */
	assert_int_equal(write_files(2, &FILE_OF("a", "x"), 1, 1), 0);
	assert_false(xfn_revision_is_confirmed(state, 2));
	assert_int_equal(write_files(3, &FILE_OF("CONFIRMED", ""), 1, 0), -EINVAL);
	assert_int_equal(write_files(3, &FILE_OF("SIZE", ""), 1, 0), -EINVAL);
}

static void prune(void **context)
{
	static const struct {
		__u64 live;
		unsigned keep;
		const char *left; /* of 1 to 12, one letter each */
	} cases[] = {
		{12, 20, "abcdefghijkl"}, {12, 3, "jkl"}, {12, 1, "l"},  {12, 0, "l"}, {5, 2, "de"},
		{5, 9, "abcde"},          {1, 5, "a"},    {13, 2, "kl"},
	};
	char left[13];
	unsigned i, j, at;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (j = 1; j <= 12; j++)
			assert_int_equal(write_one(j, "x"), 0);
		assert_int_equal(prune_to(cases[i].live, cases[i].keep), 0);
		for (j = 1, at = 0; j <= 12; j++)
			if (!xfn_revision_check(state, j))
				left[at++] = (char)('a' + j - 1);
		left[at] = '\0';
		assert_string_equal(left, cases[i].left);
		assert_int_equal(entries(), strlen(cases[i].left));
		assert_int_equal(xfn_revision_remove_all(state), 0);
	}
	assert_int_equal(prune_to(0, 1), -EINVAL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_there),
		TEST(round_trip),
		TEST(equal_files_are_linked),
		TEST(names_are_checked),
		TEST(damage_is_found),
		TEST(leftovers_are_ignored),
		TEST(existing_one_is_replaced),
		TEST(killed_at_random),
		TEST(prune),
		TEST(bytes_are_bounded),
		TEST(confirmation_is_a_mark),
		TEST(full_disk),
		TEST(read_only_disk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
