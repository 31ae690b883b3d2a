/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before functions are started: are their programs there? Warned of, not refused: xfnd does not read the user's files,
 * and what is not there yet may come before the first event does.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest.h"
#include "programs.h"

/* Where a program whose name has no slash is looked for: XFN_LAUNCH_PATH of loader/launcher.h. */
static const char *const places[] = {"/usr/local/bin", "/usr/bin", "/bin"};

enum { ANYBODY_ENTERS = 0001, ANYBODY_RUNS = 0001, SOMEBODY_RUNS = 0111 };

/* What is asked about: as whom it is used decides what may be said. */
struct question {
	const struct xfn_function_spec *function;
	json_t *warnings;
	bool lone; /* by a user of its own, who is in no group and owns nothing */
};

static void warn(const struct question *question, const char *what, const char *path,
		 const char *why)
{
	char text[2 * XFN_TEXT_BYTES_MAX];

	snprintf(text, sizeof(text), "function '%s': %s '%s': %s", question->function->name, what,
		 path, why);
	json_array_append_new(question->warnings, json_string(text));
}

/*
 * The first directory on the way to @path that does not let everybody in goes to @closed, with PATH_MAX bytes: of those
 * above it, or, where it is to be entered itself, it, too.
 */
static bool is_closed_off(const char *path, bool directory, char *closed)
{
	size_t len = 0, whole = strlen(path);
	struct stat info;

	while (path[len]) {
		len += 1 + strcspn(path + len + 1, "/");
		if (len == whole && !directory)
			break;
		snprintf(closed, PATH_MAX, "%.*s", (int)len, path);
		if (!stat(closed, &info) && !(info.st_mode & ANYBODY_ENTERS))
			return true;
	}
	return false;
}

/* What its mode lets nobody do, or nobody but its owner and group. NULL: nothing is known against it. */
static const char *refusal(const struct question *question, const char *path, bool directory)
{
	struct stat info;

	if (stat(path, &info))
		return strerror(errno);
	if (directory)
		return S_ISDIR(info.st_mode) ? NULL : strerror(ENOTDIR);
	if (!S_ISREG(info.st_mode))
		return "no file to execute";
	if (!(info.st_mode & SOMEBODY_RUNS))
		return "not executable";
	if (question->lone && !(info.st_mode & ANYBODY_RUNS))
		return "not executable by the function, which runs as a user of its own";
	return NULL;
}

/*
 * What a script names behind "#!", as the kernel reads it (fs/binfmt_script.c), into @name: a CR at the end of the line
 * is a part of it. Empty where the program is none, or cannot be read.
 */
static void read_interpreter(const char *path, char *name, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[256] = "";
	size_t start;

	name[0] = '\0';
	if (file && fgets(line, sizeof(line), file) && line[0] == '#' && line[1] == '!') {
		start = 2 + strspn(line + 2, " \t");
		snprintf(name, bytes, "%.*s", (int)strcspn(line + start, " \t\n"), line + start);
	}
	if (file)
		fclose(file);
}

/* execve(2) says of it that the script is not there. */
static void ask_interpreter(const struct question *question, const char *path)
{
	char name[256], text[512];
	struct stat info;

	read_interpreter(path, name, sizeof(name));
	if (!name[0] || !stat(name, &info))
		return;
	name[strcspn(name, "\r")] = '\0';
	snprintf(text, sizeof(text), "its first line names '%s'%s: %s", name,
		 stat(name, &info) ? "" : " and ends in a carriage return", strerror(ENOENT));
	warn(question, "program", path, text);
}

static void ask_path(const struct question *question, const char *what, const char *path,
		     bool directory)
{
	const char *why = refusal(question, path, directory);
	char closed[PATH_MAX], text[PATH_MAX + 128];

	if (why) {
		warn(question, what, path, why);
	} else if (question->lone && is_closed_off(path, directory, closed)) {
		snprintf(text, sizeof(text),
			 "the function runs as a user of its own, whom '%s' does not let in: chmod "
			 "o+x there, or say 'user'",
			 closed);
		warn(question, what, path, text);
	} else if (!directory) {
		ask_interpreter(question, path);
	}
}

static bool is_found(const char *name)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static void ask_function(const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function, json_t *warnings)
{
	const struct question question = {function, warnings, !geteuid() && !function->exec.user};
	const char *program;

	if (!xfn_has_program(function))
		return;
	program = *xfn_manifest_texts(manifest, function->exec.argv);
	if (*program == '/')
		ask_path(&question, "program", program, false);
	else if (!strchr(program, '/') && !is_found(program))
		warn(&question, "program", program, "in none of /usr/local/bin, /usr/bin and /bin");
	if (function->exec.directory && *function->exec.directory == '/')
		ask_path(&question, "directory", function->exec.directory, true);
}

/* Whether it can have programs at all: a manifest of a hundred thousand triggers is not read twice for nothing. */
static bool may_have_programs(const char *text, size_t bytes)
{
	return memmem(text, bytes, "xsk", 3) || memmem(text, bytes, "socket", 6);
}

void xfn_programs_warn(const char *name, const char *text, size_t bytes, const char *folder,
		       json_t *warnings)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest;
	size_t i;

	if (!may_have_programs(text, bytes) ||
	    xfn_manifest_parse(name, text, bytes, &diags, &manifest)) {
		xfn_diag_list_fini(&diags);
		return;
	}
	if (folder)
		xfn_manifest_anchor(manifest, folder, &diags);
	for (i = 0; i < manifest->function_count; i++)
		ask_function(manifest, &manifest->functions[i], warnings);
	xfn_diag_list_fini(&diags);
	xfn_manifest_free(manifest);
}
