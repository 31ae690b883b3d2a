/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "errnum.h"
#include "mounts.h"

/* For the message; the kernel says the same -errno of very different things here. */
struct failure {
	char *text;
	size_t bytes;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct failure *failure, int err,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure->text, failure->bytes, format, args);
	va_end(args);
	return err;
}

bool xfn_bpffs_is(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* ".." would lead out of the directory that was looked at. */
static bool has_dot_dot(const char *path)
{
	const char *at;

	for (at = strstr(path, "/.."); at; at = strstr(at + 1, "/.."))
		if (at[3] == '\0' || at[3] == '/')
			return true;
	return false;
}

int xfn_bpffs_anchor(const char *pin_dir, char *ret)
{
	char path[PATH_MAX];
	struct stat st;
	char *slash;

	if (pin_dir[0] != '/' || has_dot_dot(pin_dir))
		return -EINVAL;
	if (strlen(pin_dir) >= sizeof(path))
		return -ENAMETOOLONG;
	strcpy(path, pin_dir);
	while (stat(path, &st) < 0) {
		if (errno != ENOENT)
			return xfn_errno();
		slash = strrchr(path, '/');
		slash[slash == path] = '\0';
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	strcpy(ret, path);
	return 0;
}

/* True if @path is @dir or lies below it. */
static bool is_below(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return !strncmp(path, dir, length) && (path[length] == '\0' || path[length] == '/');
}

static bool is_empty(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool empty = true;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (empty && (entry = readdir(dir)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(dir);
	return empty;
}

/*
 * Two daemons that start at once would stack two filesystems, and the first one's pins would be out
 * of sight: whoever holds the lock on the directory below the mount mounts, the other one looks again.
 */
static int mount_locked(int dir_fd, const char *where, const struct failure *failure, bool *ret)
{
	int err;

	if (flock(dir_fd, LOCK_EX) < 0) {
		err = xfn_errno();
		return fail(failure, err, "cannot lock '%s': %s", where, strerror(-err));
	}
	if (xfn_bpffs_is(where)) {
		*ret = false;
		return 0;
	}
	if (!is_empty(dir_fd))
		return fail(failure, -ENOTEMPTY,
			    "cannot mount a bpffs at '%s': not empty; expected pins below a bpffs, "
			    "such as " XFN_BPFFS_DEFAULT "/xfn",
			    where);
	if (mount("bpf", where, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		err = xfn_errno();
		return fail(failure, err, "cannot mount a bpffs at '%s': %s%s", where,
			    strerror(-err),
			    err == -EPERM    ? "; mounting takes CAP_SYS_ADMIN"
			    : err == -ENODEV ? "; this kernel has no bpffs"
					     : "");
	}
	*ret = true;
	return 0;
}

static int mount_at(const char *where, const struct failure *failure, bool *ret)
{
	int fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0) {
		err = xfn_errno();
		return fail(failure, err, "cannot open '%s' to mount a bpffs there: %s", where,
			    strerror(-err));
	}
	err = mount_locked(fd, where, failure, ret);
	close(fd);
	return err;
}

int xfn_bpffs_ensure(const char *pin_dir, struct xfn_bpffs *ret, char *error, size_t error_bytes)
{
	const struct failure failure = {error, error_bytes};
	struct xfn_bpffs bpffs = {.mounted = false};
	int err = xfn_bpffs_anchor(pin_dir, bpffs.path);

	if (err == -EINVAL)
		return fail(&failure, err,
			    "cannot pin in '%s': expected an absolute path without '..'", pin_dir);
	if (err < 0)
		return fail(&failure, err, "cannot pin in '%s': %s", pin_dir, strerror(-err));
	if (!xfn_bpffs_is(bpffs.path)) {
		if (is_below(pin_dir, XFN_BPFFS_DEFAULT))
			strcpy(bpffs.path, XFN_BPFFS_DEFAULT);
		err = mount_at(bpffs.path, &failure, &bpffs.mounted);
		if (err < 0)
			return err;
	}
	*ret = bpffs;
	return 0;
}
