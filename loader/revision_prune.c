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

int xfn_revision_latest(const char *state_dir, __u64 *number)
{
	DIR *dir = list_revisions(state_dir);
	struct numbers numbers = {0};
	int err;

	if (!dir && errno != ENOENT)
		return xfn_errno();
	err = dir ? read_numbers(dir, &numbers, false) : 0;
	if (!err)
		*number = numbers.count ? numbers.number[0] : 0;
	if (dir)
		closedir(dir);
	free(numbers.number);
	return err;
}

int xfn_revision_prune(const char *state_dir, __u64 live, unsigned keep)
{
	struct numbers numbers = {0};
	unsigned kept = 0;
	int err, failure;
	size_t i;
	DIR *dir;

	if (!live)
		return -EINVAL;
	dir = list_revisions(state_dir);
	if (!dir)
		return errno == ENOENT ? 0 : xfn_errno();
	err = read_numbers(dir, &numbers, true);
	for (i = 0; i < numbers.count; i++) {
		if (numbers.number[i] == live) {
			kept++;
			continue;
		}
		if (numbers.number[i] < live && kept < keep) {
			kept++;
			continue;
		}
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
