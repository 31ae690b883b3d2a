/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consent.h"
#include "output.h"
#include "units.h"

enum { PARENTS_MAX = 32, ENVIRON_BYTES = 1 << 20 };

int xfn_consent_check(const struct xfn_cli *cli, const char *verb)
{
	struct xfn_unit_error error;
	__u64 within_ns;

	if (!cli->confirm)
		return XFN_EXIT_OK;
	if (!xfn_duration_parse(cli->confirm, strlen(cli->confirm), &within_ns, &error) &&
	    within_ns >= XFN_NS_PER_S && within_ns <= 3600 * XFN_NS_PER_S)
		return XFN_EXIT_OK;
	return xfn_misuse(verb, "--confirm '%s' is no duration from 1s to 1h, such as 60s",
			  cli->confirm);
}

/* ---- over which connection this command came --------------------------------------------------- */

static char *copy_value(const char *value, char *buf, size_t size)
{
	if (!*value || strlen(value) >= size || value[strcspn(value, "\r\n")])
		return NULL;
	return strcpy(buf, value);
}

/* The variable in /proc/PID/environ: strings with a NUL each (proc(5)). */
static char *find_in_environ(pid_t pid, char *buf, size_t size)
{
	static const char name[] = "SSH_CONNECTION=";
	char path[64], *line = NULL, *found = NULL;
	size_t room = 0, all = 0;
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	while (!found && all < ENVIRON_BYTES && (length = getdelim(&line, &room, 0, file)) > 0) {
		all += (size_t)length;
		if (!strncmp(line, name, sizeof(name) - 1))
			found = copy_value(line + sizeof(name) - 1, buf, size);
	}
	free(line);
	fclose(file);
	return found;
}

/* 0 where /proc does not say. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512], *at = NULL;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		at = strrchr(line, ')'); /* field 2 may hold anything */
	fclose(file);
	return at && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

char *xfn_ssh_connection(char *buf, size_t size)
{
	const char *own = getenv("SSH_CONNECTION");
	pid_t pid = getppid();
	char *found;
	int i;

	if (own)
		return copy_value(own, buf, size);
	for (i = 0; i < PARENTS_MAX && pid > 1; i++, pid = parent_of(pid)) {
		found = find_in_environ(pid, buf, size);
		if (found)
			return found;
	}
	return NULL;
}
