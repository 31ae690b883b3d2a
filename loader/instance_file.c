/* SPDX-License-Identifier: BSD-2-Clause */
/* What of an instance is outside of this process: its file, its output, itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jansson.h>

#include "errnum.h"
#include "fd.h"
#include "instance_private.h"
#include "spool.h"

void xfn_instance_path(const struct xfn_instance *instance, const char *suffix, char *path,
		       size_t bytes)
{
	snprintf(path, bytes, "%s/%llu-%u.%s", instance->options.folder, instance->options.identity,
		 instance->options.serial, suffix);
}

/* ---- the process ------------------------------------------------------------------------------------- */

__u64 xfn_process_start_time(pid_t pid)
{
	char path[64], line[1024] = "", *at;
	int fd, field;
	ssize_t bytes;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	bytes = read(fd, line, sizeof(line) - 1);
	close(fd);
	/* The name, in parentheses, may hold anything; field 3 is behind it. */
	at = bytes > 0 ? strrchr(line, ')') : NULL;
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

int xfn_process_open(pid_t pid, __u64 start_time)
{
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (fd < 0)
		return -ESRCH;
	/* Looked at behind the opening: from then on the number is this process's. */
	if (start_time && xfn_process_start_time(pid) == start_time)
		return fd;
	close(fd);
	return -ESRCH;
}

/* ---- its output -------------------------------------------------------------------------------------- */

/*
 * A FIFO with a name, so that the next xfnd finds it. The instance's end is open for reading, too: then it
 * is never told that nobody reads; and it does not wait: what does not fit is its loss.
 */
int xfn_instance_open_output(struct xfn_instance *instance, int *ret_write_fd)
{
	char path[PATH_MAX];
	int fd, err;

	xfn_instance_path(instance, "out", path, sizeof(path));
	unlink(path);
	if (mkfifo(path, 0600) < 0)
		return xfn_errno();
	err = xfn_instance_reopen_output(instance);
	if (err)
		return err;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return xfn_errno();
	*ret_write_fd = fd;
	return 0;
}

int xfn_instance_reopen_output(struct xfn_instance *instance)
{
	char path[PATH_MAX];

	xfn_instance_path(instance, "out", path, sizeof(path));
	xfn_fd_close(&instance->output_fd);
	instance->output_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return instance->output_fd < 0 ? xfn_errno() : 0;
}

long xfn_instance_drain_output(struct xfn_instance *instance)
{
	char buffer[4096];
	long taken = 0;
	ssize_t bytes;

	while (taken < XFN_SPOOL_BYTES && instance->output_fd >= 0) {
		bytes = read(instance->output_fd, buffer, sizeof(buffer));
		if (bytes == 0)
			return -EPIPE;
		if (bytes < 0)
			break;
		xfn_spool_add(instance->options.spool, (__u64)instance->pid, buffer, (size_t)bytes);
		taken += bytes;
	}
	return taken;
}

/* ---- its file ---------------------------------------------------------------------------------------- */

int xfn_instance_save(const struct xfn_instance *instance)
{
	const struct xfn_instance_options *options = &instance->options;
	char path[PATH_MAX], fresh[PATH_MAX];
	json_t *json = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:b}", "name",
		options->name, "identity", (json_int_t)options->identity, "serial",
		(json_int_t)options->serial, "pid", (json_int_t)instance->pid, "start_time",
		(json_int_t)instance->start_time, "restarts", (json_int_t)instance->restarts,
		"ready", instance->state == XFN_INSTANCE_READY, "served", instance->served, "bare",
		instance->bare, "busy_polls", instance->busy_polls, "zero_copy",
		instance->zero_copy, "awaited", options->awaited);
	int err;

	if (!json)
		return -ENOMEM;
	options->hooks.save(options->hooks.context, json);
	xfn_instance_path(instance, "json", path, sizeof(path));
	xfn_instance_path(instance, "new", fresh, sizeof(fresh));
	err = json_dump_file(json, fresh, JSON_COMPACT) ? xfn_errno() : 0;
	json_decref(json);
	if (!err && rename(fresh, path) < 0)
		err = xfn_errno();
	return err;
}

void xfn_instance_forget(const struct xfn_instance *instance)
{
	static const char *const suffixes[] = {"json", "new", "out"};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		xfn_instance_path(instance, suffixes[i], path, sizeof(path));
		unlink(path);
	}
}
