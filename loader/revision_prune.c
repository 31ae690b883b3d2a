/* SPDX-License-Identifier: BSD-2-Clause */
/* The revision store: which revisions there are, and taking away those that nobody needs. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errnum.h"
#include "revision.h"
#include "revision_private.h"

#define DEPTH_MAX 8

struct numbers {
	__u64 *number;
	size_t count;
};

__u64 xfn_revision_number(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	__u64 number;

	if (!digits || name[digits] || name[0] == '0')
		return 0;
	errno = 0;
	number = strtoull(name, NULL, 10);
	return errno ? 0 : number;
}

/* Opens @name below @at for listing. NULL and errno on failure. */
static DIR *list(int at, const char *name)
{
	int fd = xfn_revision_open_folder(at, name);
	DIR *dir;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

/* ---- removing ---------------------------------------------------------------------------------- */

static int remove_entry(int at, const char *name, unsigned depth);

static int remove_children(int at, const char *name, unsigned depth)
{
	DIR *dir = list(at, name);
	struct dirent *entry;
	int err = 0, failure;

	if (!dir)
		return xfn_errno();
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		failure = remove_entry(dirfd(dir), entry->d_name, depth);
		err = err ?: failure;
	}
	closedir(dir);
	return err;
}

static int remove_entry(int at, const char *name, unsigned depth)
{
	int err;

	if (!unlinkat(at, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return xfn_errno();
	if (depth == DEPTH_MAX)
		return -ELOOP; /* nothing of ours is that deep */
	err = remove_children(at, name, depth + 1);
	if (!err && unlinkat(at, name, AT_REMOVEDIR))
		err = xfn_errno();
	return err;
}

int xfn_revision_remove_tree(int at, const char *name)
{
	return remove_entry(at, name, 0);
}

int xfn_revision_remove(int revisions_fd, __u64 number)
{
	char name[NUMBER_BYTES], aside[NUMBER_BYTES + 8];
	int err;

	snprintf(name, sizeof(name), "%llu", number);
	snprintf(aside, sizeof(aside), ".old-%llu", number);
	err = xfn_revision_remove_tree(revisions_fd, aside);
	if (err)
		return err;
	if (renameat(revisions_fd, name, revisions_fd, aside))
		return errno == ENOENT ? 0 : xfn_errno();
	return xfn_revision_remove_tree(revisions_fd, aside);
}

/* ---- which there are ----------------------------------------------------------------------------- */

static int add_number(struct numbers *numbers, __u64 number)
{
	__u64 *grown = reallocarray(numbers->number, numbers->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	numbers->number = grown;
	grown[numbers->count++] = number;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return (left < right) - (left > right);
}

/* Fills in *numbers, newest first, to be freed; removes leftovers if told to. */
static int read_numbers(DIR *dir, struct numbers *numbers, bool clear)
{
	struct dirent *entry;
	int err = 0, failure;
	__u64 number;

	while ((entry = readdir(dir))) {
		failure = 0;
		number = xfn_revision_number(entry->d_name);
		if (number)
			failure = add_number(numbers, number);
		else if (clear && (!strncmp(entry->d_name, ".new-", 5) ||
				   !strncmp(entry->d_name, ".old-", 5)))
			failure = xfn_revision_remove_tree(dirfd(dir), entry->d_name);
		err = err ?: failure;
	}
	if (numbers->count)
		qsort(numbers->number, numbers->count, sizeof(*numbers->number), newest_first);
	return err;
}

static DIR *list_revisions(const char *state_dir)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;
	int saved;

	if (fd < 0)
		return NULL;
	dir = list(fd, REVISIONS_FOLDER);
	saved = errno;
	close(fd);
	errno = saved;
	return dir;
}

int xfn_revision_list(const char *state_dir, __u64 **ret, size_t *ret_count)
{
	DIR *dir = list_revisions(state_dir);
	struct numbers numbers = {0};
	int err;

	if (!dir && errno != ENOENT)
		return xfn_errno();
	err = dir ? read_numbers(dir, &numbers, false) : 0;
	if (dir)
		closedir(dir);
	if (err) {
		free(numbers.number);
		return err;
	}
	*ret = numbers.number;
	*ret_count = numbers.count;
	return 0;
}

int xfn_revision_latest(const char *state_dir, __u64 *number)
{
	__u64 *numbers = NULL;
	size_t count;
	int err = xfn_revision_list(state_dir, &numbers, &count);

	if (!err)
		*number = count ? numbers[0] : 0;
	free(numbers);
	return err;
}

/* ---- pruning ------------------------------------------------------------------------------------- */

/* Revisions of an older xfnd do not tell: they count as empty, and go with their number. */
static void read_size(int revisions_fd, __u64 number, __u64 *all, __u64 *own)
{
	char path[NUMBER_BYTES + sizeof("/" SIZE_NAME)], text[64] = "";
	int fd;

	*all = *own = 0;
	snprintf(path, sizeof(path), "%llu/%s", number, SIZE_NAME);
	fd = openat(revisions_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) < 0 || sscanf(text, "%llu %llu", all, own) != 2)
		*all = *own = 0;
	close(fd);
}

/*
 * How many of the @count revisions from @numbers on, newest first, stay. Each but the oldest costs what
 * it does not share with the one before it.
 */
static size_t count_kept(int revisions_fd, __u64 live, const __u64 *numbers, size_t count,
			 const struct xfn_revision_bounds *bounds)
{
	__u64 newer_bytes = 0, all, own;
	size_t i;

	for (i = 0; i < count; i++) {
		read_size(revisions_fd, numbers[i], &all, &own);
		if (numbers[i] != live &&
		    (i >= bounds->count || (i >= 2 && newer_bytes + all > bounds->bytes)))
			break;
		newer_bytes += own;
	}
	return i;
}

int xfn_revision_prune(const char *state_dir, __u64 live, const struct xfn_revision_bounds *bounds)
{
	struct numbers numbers = {0};
	size_t above = 0, kept, i;
	int err, failure;
	DIR *dir;

	if (!live)
		return -EINVAL;
	dir = list_revisions(state_dir);
	if (!dir)
		return errno == ENOENT ? 0 : xfn_errno();
	err = read_numbers(dir, &numbers, true);
	while (above < numbers.count && numbers.number[above] > live)
		above++;
	kept = count_kept(dirfd(dir), live, numbers.number + above, numbers.count - above, bounds);
	for (i = 0; i < numbers.count; i++) {
		if (i >= above && i < above + kept)
			continue;
		failure = xfn_revision_remove(dirfd(dir), numbers.number[i]);
		err = err ?: failure;
	}
	free(numbers.number);
	closedir(dir);
	return err;
}

int xfn_revision_remove_all(const char *state_dir)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT ? 0 : xfn_errno();
	err = xfn_revision_remove_tree(fd, REVISIONS_FOLDER);
	if (!err && fsync(fd))
		err = xfn_errno();
	close(fd);
	return err;
}
