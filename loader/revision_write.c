/* SPDX-License-Identifier: BSD-2-Clause */
/* The revision store, writing: all of it aside, synced, then one rename. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errnum.h"
#include "revision.h"
#include "revision_private.h"

#define COMPONENTS_MAX 4

struct writer {
	int revisions_fd;
	int previous_fd; /* -1: none */
	int fd;          /* the new one, aside */
	FILE *sums;
	__u64 all_bytes, own_bytes; /* of its files; of those that are not links */
};

/* ---- names ------------------------------------------------------------------------------------- */

static bool is_allowed(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.+";
	static const char *const taken[] = {META_NAME, SUMS_NAME, SIZE_NAME, CONFIRMED_NAME};
	unsigned components = 0;
	size_t length = strlen(name), i;

	if (length > XFN_REVISION_NAME_MAX)
		return false;
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!strcmp(name, taken[i]))
			return false;
	for (;; name += length + 1) {
		length = strspn(name, letters);
		if (!length || name[0] == '.' || ++components > COMPONENTS_MAX)
			return false;
		if (name[length] != '/')
			return !name[length];
	}
}

/* Makes the folders that the name needs. */
static int make_folders(int at, const char *name)
{
	char path[XFN_REVISION_NAME_MAX + 1];
	const char *slash;

	for (slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%.*s", (int)(slash - name), name);
		if (mkdirat(at, path, 0700) && errno != EEXIST)
			return xfn_errno();
	}
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------- */

static bool has_bytes(int fd, const char *data, size_t size)
{
	char buffer[65536];
	struct stat stat;
	ssize_t got;

	if (fstat(fd, &stat) || (size_t)stat.st_size != size)
		return false;
	while (size) {
		got = read(fd, buffer, sizeof(buffer));
		if (got <= 0 || (size_t)got > size || memcmp(buffer, data, (size_t)got))
			return false;
		data += got;
		size -= (size_t)got;
	}
	return true;
}

/* Links to the revision before, if the file is the same there. */
static bool link_file(const struct writer *writer, const struct xfn_revision_file *file)
{
	bool same;
	int fd;

	if (writer->previous_fd < 0)
		return false;
	fd = openat(writer->previous_fd, file->name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	same = has_bytes(fd, file->data, file->size);
	close(fd);
	return same && !linkat(writer->previous_fd, file->name, writer->fd, file->name, 0);
}

static int write_all(int fd, const char *data, size_t size)
{
	ssize_t put;

	while (size) {
		put = write(fd, data, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return xfn_errno();
		data += put;
		size -= (size_t)put;
	}
	return fsync(fd) ? xfn_errno() : 0;
}

static int write_file(struct writer *writer, const struct xfn_revision_file *file)
{
	int err = make_folders(writer->fd, file->name), fd;

	writer->all_bytes += file->size;
	if (err || link_file(writer, file))
		return err;
	writer->own_bytes += file->size;
	fd = openat(writer->fd, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? -EINVAL : xfn_errno(); /* given twice */
	err = write_all(fd, file->data, file->size);
	if (close(fd) && !err)
		err = xfn_errno();
	return err;
}

static int add_file(struct writer *writer, const struct xfn_revision_file *file)
{
	fprintf(writer->sums, "%016llx %zu %s\n",
		file->sum ?: xfn_revision_sum(file->data, file->size), file->size, file->name);
	return write_file(writer, file);
}

static int add_meta(struct writer *writer, const json_t *meta)
{
	struct xfn_revision_file file = {.name = META_NAME};
	char *text = json_dumps(meta, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	int err;

	if (!text)
		return -ENOMEM;
	file.data = text;
	file.size = strlen(text);
	err = add_file(writer, &file);
	free(text);
	return err;
}

static int add_files(struct writer *writer, const json_t *meta,
		     const struct xfn_revision_file *files, size_t count)
{
	struct xfn_revision_file sums = {.name = SUMS_NAME};
	char *text = NULL;
	size_t size = 0, i;
	int err, failed;

	writer->sums = open_memstream(&text, &size);
	if (!writer->sums)
		return -ENOMEM;
	err = add_meta(writer, meta);
	for (i = 0; i < count && !err; i++)
		err = is_allowed(files[i].name) ? add_file(writer, &files[i]) : -EINVAL;
	if (!err && fflush(writer->sums))
		err = -ENOMEM;
	if (!err)
		fprintf(writer->sums, "%016llx %zu %s\n", xfn_revision_sum(text, size), size,
			SUMS_NAME);
	failed = ferror(writer->sums);
	if ((fclose(writer->sums) || failed) && !err)
		err = -ENOMEM;
	if (!err) {
		sums.data = text;
		sums.size = size;
		err = write_file(writer, &sums);
	}
	free(text);
	return err;
}

/* For pruning. Not in SUMS: what it is lost for is a bound, not what the revision says. */
static int add_size(struct writer *writer)
{
	char text[64];
	struct xfn_revision_file file = {.name = SIZE_NAME, .data = text};

	file.size = (size_t)snprintf(text, sizeof(text), "%llu %llu\n", writer->all_bytes,
				     writer->own_bytes);
	return write_file(writer, &file);
}

/* ---- the directory ----------------------------------------------------------------------------- */

/* Syncs a folder and those in it: its files are synced already, or old. */
static int sync_folders(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), child, err = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		err = xfn_errno();
		if (copy >= 0)
			close(copy);
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (child < 0) {
			err = errno == ENOTDIR ? 0 : xfn_errno();
			continue;
		}
		err = sync_folders(child);
		close(child);
	}
	closedir(dir);
	if (!err && fsync(fd))
		err = xfn_errno();
	return err;
}

/* Opens STATE/revisions, which is made where it is not there. */
static int open_revisions(const char *state_dir)
{
	int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (state_fd < 0)
		return xfn_errno();
	if (mkdirat(state_fd, REVISIONS_FOLDER, 0700) == 0)
		fd = fsync(state_fd) ? xfn_errno() : 0;
	else
		fd = errno == EEXIST ? 0 : xfn_errno();
	if (!fd)
		fd = xfn_revision_open_folder(state_fd, REVISIONS_FOLDER);
	close(state_fd);
	return fd;
}

/* Puts the new one, all written, into its place. */
static int put_in_place(const struct writer *writer, const char *aside, __u64 number)
{
	char name[NUMBER_BYTES];
	int err = xfn_revision_remove(writer->revisions_fd, number);

	if (err)
		return err;
	snprintf(name, sizeof(name), "%llu", number);
	if (renameat(writer->revisions_fd, aside, writer->revisions_fd, name))
		return xfn_errno();
	if (!fsync(writer->revisions_fd))
		return 0;
	err = xfn_errno();
	xfn_revision_remove(writer->revisions_fd, number);
	return err;
}

static int write_aside(struct writer *writer, const char *aside, const json_t *meta,
		       const struct xfn_revision_file *files, size_t count)
{
	int err = xfn_revision_remove_tree(writer->revisions_fd, aside);

	if (err)
		return err;
	if (mkdirat(writer->revisions_fd, aside, 0700))
		return xfn_errno();
	writer->fd = xfn_revision_open_folder(writer->revisions_fd, aside);
	if (writer->fd < 0)
		return writer->fd;
	err = add_files(writer, meta, files, count);
	if (!err)
		err = add_size(writer);
	if (!err)
		err = sync_folders(writer->fd);
	close(writer->fd);
	return err;
}

int xfn_revision_write(const char *state_dir, __u64 number, const json_t *meta,
		       const struct xfn_revision_file *files, size_t count, __u64 previous)
{
	struct writer writer = {.previous_fd = -1, .fd = -1};
	char aside[NUMBER_BYTES + 8];
	int err;

	if (!number)
		return -EINVAL;
	writer.revisions_fd = open_revisions(state_dir);
	if (writer.revisions_fd < 0)
		return writer.revisions_fd;
	if (previous)
		writer.previous_fd = xfn_revision_open(state_dir, previous);
	snprintf(aside, sizeof(aside), ".new-%llu", number);
	err = write_aside(&writer, aside, meta, files, count);
	if (!err)
		err = put_in_place(&writer, aside, number);
	if (err)
		xfn_revision_remove_tree(writer.revisions_fd, aside);
	if (writer.previous_fd >= 0)
		close(writer.previous_fd);
	close(writer.revisions_fd);
	return err;
}

/* ---- confirming -------------------------------------------------------------------------------- */

int xfn_revision_confirm(const char *state_dir, __u64 number)
{
	int folder = xfn_revision_open(state_dir, number), fd, err = 0;

	if (folder < 0)
		return folder;
	fd = openat(folder, CONFIRMED_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fsync(fd) || fsync(folder))
		err = xfn_errno();
	if (fd >= 0)
		close(fd);
	close(folder);
	return err;
}

bool xfn_revision_is_confirmed(const char *state_dir, __u64 number)
{
	int folder = xfn_revision_open(state_dir, number);
	bool is;

	if (folder < 0)
		return false;
	is = !faccessat(folder, CONFIRMED_NAME, F_OK, AT_SYMLINK_NOFOLLOW);
	close(folder);
	return is;
}
