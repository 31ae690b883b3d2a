/* SPDX-License-Identifier: BSD-2-Clause */
/* In a mount namespace of this process, below a tmpfs of its own. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../loader/mounts.h"

static bool in_namespace;
static char error[512];

#define NEEDS_NAMESPACE()                                                        \
	do {                                                                     \
		if (!in_namespace) {                                             \
			print_message("# needs a mount namespace of its own\n"); \
			skip();                                                  \
		}                                                                \
	} while (0)

static int enter_namespace(void **state)
{
	(void)state;
	in_namespace = unshare(CLONE_NEWNS) == 0 &&
		       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		       mount("tmp", "/mnt", "tmpfs", 0, NULL) == 0;
	return 0;
}

static void test_anchor(void **state)
{
	char path[PATH_MAX] = "as it was";

	(void)state;
	assert_int_equal(xfn_bpffs_anchor("/tmp/no/such/thing", path), 0);
	assert_string_equal(path, "/tmp");
	assert_int_equal(xfn_bpffs_anchor("/no-such-thing", path), 0);
	assert_string_equal(path, "/");
	assert_int_equal(xfn_bpffs_anchor("/", path), 0);
	assert_string_equal(path, "/");
	assert_int_equal(xfn_bpffs_anchor("tmp", path), -EINVAL);
	assert_int_equal(xfn_bpffs_anchor("", path), -EINVAL);
	assert_int_equal(xfn_bpffs_anchor("/tmp/../tmp/x", path), -EINVAL);
	assert_int_equal(xfn_bpffs_anchor("/tmp/..", path), -EINVAL);
	assert_int_equal(xfn_bpffs_anchor("/tmp/..x", path), 0);
	assert_int_equal(xfn_bpffs_anchor("/etc/passwd/x", path), -ENOTDIR);
	assert_int_equal(xfn_bpffs_anchor("/etc/passwd", path), -ENOTDIR);
	assert_string_equal(path, "/tmp");
}

static void test_mount_at_default(void **state)
{
	struct xfn_bpffs bpffs;

	(void)state;
	NEEDS_NAMESPACE();
	while (umount2(XFN_BPFFS_DEFAULT, MNT_DETACH) == 0)
		;
	assert_false(xfn_bpffs_is(XFN_BPFFS_DEFAULT));
	assert_int_equal(xfn_bpffs_ensure("/sys/fs/bpf/xfn/a/b", &bpffs, error, sizeof(error)), 0);
	assert_true(bpffs.mounted);
	assert_string_equal(bpffs.path, "/sys/fs/bpf");
	assert_true(xfn_bpffs_is("/sys/fs/bpf"));

	assert_int_equal(mkdir("/sys/fs/bpf/xfn", 0700), 0);
	assert_int_equal(xfn_bpffs_ensure("/sys/fs/bpf/xfn/a/b", &bpffs, error, sizeof(error)), 0);
	assert_false(bpffs.mounted);
	assert_string_equal(bpffs.path, "/sys/fs/bpf/xfn");
	assert_int_equal(access("/sys/fs/bpf/xfn", F_OK), 0);
	umount(XFN_BPFFS_DEFAULT);
}

static void test_mount_elsewhere(void **state)
{
	struct xfn_bpffs bpffs = {.mounted = false, .path = "as it was"};
	struct stat st;

	(void)state;
	NEEDS_NAMESPACE();
	assert_int_equal(mkdir("/mnt/full", 0755), 0);
	assert_int_equal(mkdir("/mnt/full/empty", 0755), 0);
	assert_int_equal(xfn_bpffs_ensure("/mnt/full/x", &bpffs, error, sizeof(error)), -ENOTEMPTY);
	assert_non_null(strstr(error, "'/mnt/full': not empty; expected pins below a bpffs"));
	assert_string_equal(bpffs.path, "as it was");
	assert_int_equal(xfn_bpffs_ensure("mnt", &bpffs, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "'mnt': expected an absolute path"));

	assert_int_equal(xfn_bpffs_ensure("/mnt/full/empty/x", &bpffs, error, sizeof(error)), 0);
	assert_true(bpffs.mounted);
	assert_string_equal(bpffs.path, "/mnt/full/empty");
	assert_true(xfn_bpffs_is("/mnt/full/empty"));
	assert_int_equal(stat("/mnt/full/empty", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	umount("/mnt/full/empty");
}

/* Of many that start at once one mounts. */
static void test_mount_once(void **state)
{
	enum { STARTERS = 8 };
	struct xfn_bpffs bpffs;
	int i, status, mounted = 0;

	(void)state;
	NEEDS_NAMESPACE();
	assert_int_equal(mkdir("/mnt/once", 0755), 0);
	for (i = 0; i < STARTERS; i++)
		if (fork() == 0)
			_exit(xfn_bpffs_ensure("/mnt/once/x", &bpffs, error, sizeof(error)) ? 2
			      : bpffs.mounted                                               ? 1
											    : 0);
	for (i = 0; i < STARTERS; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		mounted += WEXITSTATUS(status);
	}
	assert_int_equal(mounted, 1);
	assert_int_equal(umount("/mnt/once"), 0);
	assert_false(xfn_bpffs_is("/mnt/once"));
}

/* Without the right to mount; in a child, which gives it up. */
static void test_no_right(void **state)
{
	struct xfn_bpffs bpffs;
	int status;

	(void)state;
	NEEDS_NAMESPACE();
	assert_int_equal(mkdir("/mnt/denied", 0755), 0);
	if (fork() == 0)
		_exit(setuid(65534) ||
		      xfn_bpffs_ensure("/mnt/denied/x", &bpffs, error, sizeof(error)) != -EPERM ||
		      !strstr(error, "CAP_SYS_ADMIN"));
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anchor),          cmocka_unit_test(test_mount_at_default),
		cmocka_unit_test(test_mount_elsewhere), cmocka_unit_test(test_mount_once),
		cmocka_unit_test(test_no_right),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
