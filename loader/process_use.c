/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_use.h"

enum { TEXT_BYTES = 4096, FIELD_UTIME = 14 };

/* A file of /proc/PID, as a string: "" where it cannot be read. */
static void read_text(const char *pid, const char *name, char text[TEXT_BYTES])
{
	char path[64];
	ssize_t bytes = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		bytes = read(fd, text, TEXT_BYTES - 1);
		close(fd);
	}
	text[bytes > 0 ? bytes : 0] = '\0';
}

/* The number behind @label, which begins a line. */
static __u64 number_of(const char *text, const char *label)
{
	const char *at = strstr(text, label);
	char *end;
	__u64 number;

	while (at && at != text && at[-1] != '\n')
		at = strstr(at + 1, label);
	if (!at)
		return XFN_USE_UNKNOWN;
	at += strlen(label);
	number = strtoull(at, &end, 10); /* "unlimited" is none */
	return end == at ? XFN_USE_UNKNOWN : number;
}

static __u64 bytes_of(const char *status, const char *label)
{
	__u64 kib = number_of(status, label);

	return kib == XFN_USE_UNKNOWN ? kib : kib * 1024;
}

/* In user and in kernel mode: fields behind its name, which may hold anything and is in parentheses. */
static __u64 cpu_ms_of(const char *pid)
{
	char text[TEXT_BYTES], *at;
	__u64 ticks;
	int field;

	read_text(pid, "stat", text);
	at = strrchr(text, ')');
	for (field = 2; at && field < FIELD_UTIME; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return XFN_USE_UNKNOWN;
	ticks = strtoull(at, &at, 10);
	ticks += strtoull(at, NULL, 10);
	return ticks * 1000 / (__u64)sysconf(_SC_CLK_TCK);
}

/* Its folder is its own to read; how many there are in it is told to everybody. */
static __u64 files_of(const char *pid)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	return stat(path, &status) || !status.st_size ? XFN_USE_UNKNOWN : (__u64)status.st_size;
}

void xfn_process_use_read(pid_t pid, struct xfn_process_use *ret)
{
	char name[16], status[TEXT_BYTES], limits[TEXT_BYTES];

	snprintf(name, sizeof(name), "%d", pid);
	read_text(name, "status", status);
	read_text(name, "limits", limits);
	*ret = (struct xfn_process_use){
		.cpu_ms = cpu_ms_of(name),
		.resident_bytes = bytes_of(status, "VmRSS:"),
		.data_bytes = bytes_of(status, "VmData:"),
		.data_bytes_max = number_of(limits, "Max data size"),
		.files = files_of(name),
		.files_max = number_of(limits, "Max open files"),
		.tasks_max = number_of(limits, "Max processes"),
	};
}

/* By what it says of itself: the owner of its folder is root where it does not want to be looked at. */
static __u64 count_of(const char *pid, uid_t uid)
{
	char status[TEXT_BYTES];
	__u64 threads;

	read_text(pid, "status", status);
	threads = number_of(status, "Threads:");
	return number_of(status, "Uid:") == uid && threads != XFN_USE_UNKNOWN ? threads : 0;
}

__u64 xfn_process_tasks_of(uid_t uid)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	__u64 tasks = 0;

	if (!folder)
		return XFN_USE_UNKNOWN;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			tasks += count_of(entry->d_name, uid);
	closedir(folder);
	return tasks;
}
