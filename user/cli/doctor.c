/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn doctor: what usually goes wrong, what to do about it, and doing it where that is safe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "fix.h"
#include "output.h"

static void print_check(const json_t *check)
{
	const char *interface = xfn_json_text(check, "interface");
	const char *remedy = xfn_json_text(check, "remedy");

	printf("%-4s  %s%s%s: %s\n", xfn_json_text(check, "status"), interface,
	       *interface ? " " : "", xfn_json_text(check, "name"),
	       xfn_json_text(check, "message"));
	if (*remedy)
		printf("      %s\n", remedy);
}

static bool is_same_check(const json_t *a, const json_t *b)
{
	return !strcmp(xfn_json_text(a, "name"), xfn_json_text(b, "name")) &&
	       !strcmp(xfn_json_text(a, "interface"), xfn_json_text(b, "interface"));
}

static const json_t *find_check(const json_t *answer, const json_t *like)
{
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(answer, "checks"), i, check)
		if (is_same_check(check, like))
			return check;
	return NULL;
}

static size_t count_failed(const json_t *answer)
{
	const json_t *check;
	size_t i, failed = 0;

	json_array_foreach (json_object_get(answer, "checks"), i, check)
		failed += strcmp(xfn_json_text(check, "status"), "fail") == 0;
	return failed;
}

static int ask_doctor(struct xfn_cli *cli, json_t **ret)
{
	char *path = xfn_call_path("/v1/doctor", "interface",
				   cli->word_count ? cli->words[0] : NULL, NULL);
	int code = xfn_get(cli, path, ret);

	free(path);
	return code;
}

/* ---- mending ------------------------------------------------------------------------------------- */

/* One remedy, and what became of it. */
struct attempt {
	struct xfn_fix fix;
	const json_t *check; /* as it was */
	const char *remedy;
	bool safe; /* to be run */
	bool done; /* and that went well */
};

static pid_t daemon_pid(struct xfn_cli *cli)
{
	json_t *answer;
	pid_t pid = 0;

	if (xfn_get(cli, "/v1/status", &answer) == XFN_EXIT_OK) {
		pid = (pid_t)json_integer_value(json_object_get(answer, "pid"));
		json_decref(answer);
	}
	return pid;
}

static bool is_agreed(const struct xfn_cli *cli)
{
	char line[16];

	if (cli->yes)
		return true;
	if (cli->json || !isatty(STDIN_FILENO))
		return false;
	printf("      run this? [y/N] ");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && (*line == 'y' || *line == 'Y');
}

static void attempt_one(const struct xfn_cli *cli, struct attempt *attempt, pid_t pid)
{
	attempt->safe = xfn_fix_parse(attempt->remedy, &attempt->fix);
	if (!cli->json)
		print_check(attempt->check);
	if (!attempt->safe) {
		if (!cli->json)
			printf("      for you to decide: not run by --fix\n");
	} else if (is_agreed(cli)) {
		attempt->done = xfn_fix_run(&attempt->fix, pid) == 0;
		if (!cli->json)
			printf("      %s\n", attempt->done ? "done" : "failed");
	} else if (!cli->json && !isatty(STDIN_FILENO)) {
		printf("      with --yes this is run\n");
	}
}

/* Runs what is agreed to. Returns the number of @attempts, which has room for all checks. */
static size_t attempt_all(struct xfn_cli *cli, const json_t *answer, struct attempt *attempts)
{
	pid_t pid = daemon_pid(cli);
	const json_t *check;
	size_t i, count = 0;

	json_array_foreach (json_object_get(answer, "checks"), i, check) {
		const char *remedy = xfn_json_text(check, "remedy");

		if (!*remedy)
			continue;
		attempts[count] = (struct attempt){.check = check, .remedy = remedy};
		attempt_one(cli, &attempts[count++], pid);
	}
	return count;
}

/* What holds now, of what was run. */
static void print_after(const struct attempt *attempts, size_t count, const json_t *after)
{
	size_t run = 0;

	for (size_t i = 0; i < count; i++) {
		const json_t *now = find_check(after, attempts[i].check);

		if (!attempts[i].done)
			continue;
		if (run++ == 0)
			printf("\nchecked again:\n");
		if (now)
			print_check(now);
	}
	if (count == 0)
		printf("nothing to mend\n");
}

static json_t *attempts_json(const struct attempt *attempts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:O, s:s, s:b, s:b}", "name",
					xfn_json_text(attempts[i].check, "name"), "interface",
					json_object_get(attempts[i].check, "interface"), "command",
					attempts[i].remedy, "safe", attempts[i].safe, "done",
					attempts[i].done));
	return list;
}

static int mend(struct xfn_cli *cli, const json_t *before)
{
	size_t count = json_array_size(json_object_get(before, "checks"));
	struct attempt *attempts = calloc(count + 1, sizeof(*attempts));
	json_t *after = NULL;
	int code;

	if (!attempts) {
		xfn_say("out of memory");
		return XFN_EXIT_FAILED;
	}
	count = attempt_all(cli, before, attempts);
	code = ask_doctor(cli, &after);
	if (code == XFN_EXIT_OK) {
		if (cli->json) {
			json_object_set_new(after, "fixes", attempts_json(attempts, count));
			xfn_print_json(after);
		} else {
			print_after(attempts, count, after);
		}
		code = count_failed(after) ? XFN_EXIT_FAILED : XFN_EXIT_OK;
	}
	json_decref(after);
	free(attempts);
	return code;
}

int xfn_cli_doctor(struct xfn_cli *cli)
{
	const json_t *check;
	json_t *answer;
	size_t i;
	int code;

	if (cli->yes && !cli->fix)
		return xfn_misuse("doctor", "--yes is for --fix");
	code = ask_doctor(cli, &answer);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->fix) {
		code = mend(cli, answer);
		json_decref(answer);
		return code;
	}
	json_array_foreach (json_object_get(answer, "checks"), i, check)
		if (!cli->json)
			print_check(check);
	if (cli->json)
		xfn_print_json(answer);
	code = count_failed(answer) ? XFN_EXIT_FAILED : XFN_EXIT_OK;
	json_decref(answer);
	return code;
}
