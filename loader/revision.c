/* SPDX-License-Identifier: BSD-2-Clause */
/* The revision store, reading: every byte is checked before anybody sees it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errnum.h"
#include "fnv.h"
#include "revision.h"
#include "revision_private.h"

/* One line of SUMS. */
struct line {
	unsigned long long sum;
	size_t size;
	char name[XFN_REVISION_NAME_MAX + 1];
};

__u64 xfn_revision_sum(const void *data, size_t size)
{
	return xfn_fnv(XFN_FNV_START, data, size);
}

int xfn_revision_open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? xfn_errno() : fd;
}

int xfn_revision_open(const char *state_dir, __u64 number)
{
	char path[sizeof(REVISIONS_FOLDER) + NUMBER_BYTES];
	int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (state_fd < 0)
		return xfn_errno();
	snprintf(path, sizeof(path), "%s/%llu", REVISIONS_FOLDER, number);
	fd = xfn_revision_open_folder(state_fd, path);
	close(state_fd);
	return fd;
}

static int read_all(int fd, char *to, size_t size)
{
	ssize_t got;

	while (size) {
		got = read(fd, to, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return xfn_errno();
		if (!got)
			return -EBADMSG; /* shorter than it said a moment ago */
		to += got;
		size -= (size_t)got;
	}
	return 0;
}

/* Reads a whole file below @at; a NUL follows its last byte. */
static int read_whole(int at, const char *name, char **ret, size_t *ret_size)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	char *data = NULL;
	struct stat stat;

	if (fd < 0)
		return xfn_errno();
	if (fstat(fd, &stat))
		err = xfn_errno();
	else if (!S_ISREG(stat.st_mode))
		err = -EBADMSG;
	else if (!(data = malloc((size_t)stat.st_size + 1)))
		err = -ENOMEM;
	else
		err = read_all(fd, data, (size_t)stat.st_size);
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	data[stat.st_size] = '\0';
	*ret = data;
	*ret_size = (size_t)stat.st_size;
	return 0;
}

/* Reads the line at *at and moves *at behind it. Returns false at the end and where it is no line. */
static bool next_line(const char **at, struct line *line)
{
	const char *end = strchr(*at, '\n');
	int length = 0;

	if (!end || sscanf(*at, "%16llx %zu %255[^\n]%n", &line->sum, &line->size, line->name,
			   &length) != 3)
		return false;
	if (*at + length != end)
		return false;
	*at = end + 1;
	return true;
}

/* SUMS ends with a line about all before it. Returns the text, cut in front of that line. */
static int read_sums(int fd, char **ret)
{
	struct line last;
	const char *at;
	char *text;
	size_t size;
	int err = read_whole(fd, SUMS_NAME, &text, &size);

	if (err)
		return err == -ENOENT ? -EBADMSG : err; /* a revision without is none of ours */
	for (at = text; next_line(&at, &last);)
		if (!strcmp(last.name, SUMS_NAME))
			break;
	if (at != text + size || !size || strcmp(last.name, SUMS_NAME) || last.size >= size ||
	    last.sum != xfn_revision_sum(text, last.size)) {
		free(text);
		return -EBADMSG;
	}
	text[last.size] = '\0';
	*ret = text;
	return 0;
}

/* Reads the file that a line tells of, and compares. */
static int read_checked(int fd, const struct line *line, void **ret, size_t *ret_size)
{
	char *data;
	size_t size;
	int err = read_whole(fd, line->name, &data, &size);

	if (err)
		return err == -ENOENT ? -EBADMSG : err;
	if (size != line->size || xfn_revision_sum(data, size) != line->sum) {
		free(data);
		return -EBADMSG;
	}
	*ret = data;
	*ret_size = size;
	return 0;
}

int xfn_revision_read_file(const char *state_dir, __u64 number, const char *name, void **data,
			   size_t *size)
{
	int fd = xfn_revision_open(state_dir, number), err;
	char *sums = NULL;
	const char *at;
	struct line line;

	if (fd < 0)
		return fd;
	err = read_sums(fd, &sums);
	if (!err) {
		err = -ENOENT;
		for (at = sums; next_line(&at, &line);) {
			if (strcmp(line.name, name))
				continue;
			err = read_checked(fd, &line, data, size);
			break;
		}
	}
	free(sums);
	close(fd);
	return err;
}

int xfn_revision_read(const char *state_dir, __u64 number, json_t **meta)
{
	json_t *json;
	void *text;
	size_t size;
	int err = xfn_revision_read_file(state_dir, number, META_NAME, &text, &size);

	if (err)
		return err;
	json = json_loadb(text, size, JSON_DECODE_ANY, NULL);
	free(text);
	if (!json)
		return -EBADMSG;
	*meta = json;
	return 0;
}

int xfn_revision_check(const char *state_dir, __u64 number)
{
	int fd = xfn_revision_open(state_dir, number), err;
	char *sums = NULL;
	const char *at;
	struct line line;
	void *data;
	size_t size;

	if (fd < 0)
		return fd;
	err = read_sums(fd, &sums);
	for (at = sums; !err && next_line(&at, &line);) {
		err = read_checked(fd, &line, &data, &size);
		if (!err)
			free(data);
	}
	free(sums);
	close(fd);
	return err;
}
