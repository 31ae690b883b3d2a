/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_MOUNTS_H
#define XFN_MOUNTS_H

/* Where pins can live: finds a bpffs below a path, or mounts one. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define XFN_BPFFS_DEFAULT "/sys/fs/bpf"

struct xfn_bpffs {
	bool mounted; /* by this call */
	char path
		[PATH_MAX]; /* mounted: where; else the deepest existing directory above the pins */
};

/* True if @path, which must exist, lies on a bpffs. */
bool xfn_bpffs_is(const char *path);

/*
 * Sees to it that directories made at @pin_dir (absolute) lie on a bpffs. Where they would not,
 * mounts one: at /sys/fs/bpf for pins below it, else at the deepest directory of the path that
 * exists, which must be empty, since what is in it would be hidden. Makes no directory.
 *
 * Returns 0 and fills @ret; or -errno and one line in @error (@error_bytes of room) that says what
 * could not be done, why, and what to do: -EINVAL (path not absolute, or with ".."), -ENOTEMPTY
 * (nothing can be mounted there), -ENOTDIR, -EPERM, -ENODEV (a kernel without bpffs).
 */
int xfn_bpffs_ensure(const char *pin_dir, struct xfn_bpffs *ret, char *error, size_t error_bytes);

/*
 * The deepest existing directory of @pin_dir into @ret (PATH_MAX bytes). Returns 0 or -errno.
 */
int xfn_bpffs_anchor(const char *pin_dir, char *ret);

#endif
