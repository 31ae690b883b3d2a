/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_REVISION_H
#define XFN_REVISION_H

/*
 * Revisions on disk: what was applied, whole, so that it can be applied again after a reboot.
 *
 * Revision N is the directory STATE/revisions/N (decimal, no zeros in front). It holds meta.json, the
 * files it was given, and SUMS, a line for each of them with a checksum, which ends with a line for
 * itself. A revision is there whole or not at all: everything is written and synced under another
 * name first. Names that begin with a dot are such leftovers; nobody reads them and pruning takes
 * them away. Nothing is changed in place, so a file that did not change is a hard link to the
 * revision before.
 *
 * Checksums (FNV-1a, 64 bits) detect damage, not malice: the directory belongs to root.
 *
 * Functions return 0 or -errno: what the file system said (-ENOSPC, -EROFS, ...), and
 *   -ENOENT   no such revision, no such file in it
 *   -EBADMSG  it is there but damaged: a checksum, a size or the form does not fit
 * @state_dir exists. One process at a time writes; readers in the same process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

/* Longest name of a file in a revision, terminator not counted. */
#define XFN_REVISION_NAME_MAX 255

/*
 * A file of a revision. @name is relative: components of letters, digits, '-', '_', '.' and '+' that
 * do not begin with a dot, at most four of them, such as "sets/main.yaml". "meta.json", "SUMS", "SIZE"
 * and "CONFIRMED" are taken.
 */
struct xfn_revision_file {
	const char *name;
	const void *data;
	size_t size;
	__u64 sum; /* xfn_revision_sum() of it; 0: not known, so it is computed */
};

/* FNV-1a, 64 bits (draft-eastlake-fnv): the sum of @size bytes at @data. */
__u64 xfn_revision_sum(const void *data, size_t size);

/*
 * Writes revision @number (not 0) with @meta and @count files; all borrowed. When it returns 0
 * everything is on disk, by fsync. A revision @number that is there already is replaced: it was left
 * by a crash before the flip and must not be the live one. Files that are byte for byte in revision
 * @previous too (0: none; one that cannot be read is as none) are linked to it.
 * -EINVAL: a name that is not allowed, or given twice. On failure nothing is left behind.
 */
int xfn_revision_write(const char *state_dir, __u64 number, const json_t *meta,
		       const struct xfn_revision_file *files, size_t count, __u64 previous);

/* Reads meta.json. *meta is a new reference. */
int xfn_revision_read(const char *state_dir, __u64 number, json_t **meta);

/* Reads one file. *data is to be freed; data[*size] is a NUL that is not counted. */
int xfn_revision_read_file(const char *state_dir, __u64 number, const char *name, void **data,
			   size_t *size);

/* Reads and checks every file of a revision, keeping none. */
int xfn_revision_check(const char *state_dir, __u64 number);

/*
 * Confirms a revision, for good: a mark beside its files (CONFIRMED, not in SUMS), synced. Confirming
 * twice is fine. What a revision that has no mark is, its files say.
 */
int xfn_revision_confirm(const char *state_dir, __u64 number);
bool xfn_revision_is_confirmed(const char *state_dir, __u64 number);

/* The highest number there is; 0: none. It may be damaged: reading tells. */
int xfn_revision_latest(const char *state_dir, __u64 *number);

/* All numbers, newest first. *numbers is to be freed. */
int xfn_revision_list(const char *state_dir, __u64 **numbers, size_t *count);

/* How much is kept. What revisions share by hard links counts once. */
struct xfn_revision_bounds {
	unsigned count;
	__u64 bytes; /* of the files' contents */
};

/*
 * Removes what is left over from interrupted writes, revisions above @live (not 0), and of the rest the
 * oldest beyond @bounds; never @live itself, nor for its size the newest before it. Goes on after a
 * failure and returns the first.
 */
int xfn_revision_prune(const char *state_dir, __u64 live, const struct xfn_revision_bounds *bounds);

/* Removes STATE/revisions and all in it. What is not there is fine. */
int xfn_revision_remove_all(const char *state_dir);

#endif
