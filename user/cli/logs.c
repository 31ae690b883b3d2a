/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn logs: what a function's program wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "output.h"

#define LOOK_NS 200000000L

/* How far it was read. */
struct place {
	__u64 stream, at;
};

/* NULL: no memory. */
static char *path_from(const struct xfn_cli *cli, const struct place *place)
{
	char stream[24], after[24];

	snprintf(stream, sizeof(stream), "%llu", place->stream);
	snprintf(after, sizeof(after), "%llu", place->at);
	return xfn_call_path("/v1/logs", "function", cli->words[0], "stream", stream, "after",
			     after, NULL);
}

/* It is kept for a while only. */
static void say_gap(const struct place *place, __u64 stream, __u64 first)
{
	if (place->stream == stream && first > place->at)
		xfn_say("%llu bytes of it came faster than they were read, and are gone",
			first - place->at);
}

/* Followed, an object a line, of what there is only; else one, over several lines. */
static void print_object(const struct xfn_cli *cli, const json_t *answer)
{
	if (!cli->follow)
		xfn_print_json(answer);
	else if (*xfn_json_text(answer, "text") && !json_dumpf(answer, stdout, JSON_COMPACT))
		putchar('\n');
}

/* What was written from @place on, which moves behind it. */
static int print_new(struct xfn_cli *cli, struct place *place)
{
	char *path = path_from(cli, place);
	json_t *answer;
	int code = xfn_get(cli, path, &answer);

	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	say_gap(place, xfn_json_count(answer, "stream"), xfn_json_count(answer, "first"));
	if (cli->json)
		print_object(cli, answer);
	else
		fputs(xfn_json_text(answer, "text"), stdout);
	place->stream = xfn_json_count(answer, "stream");
	place->at = xfn_json_count(answer, "next");
	json_decref(answer);
	return fflush(stdout) ? XFN_EXIT_FAILED : XFN_EXIT_OK;
}

int xfn_cli_logs(struct xfn_cli *cli)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	struct place place = {0, 0};
	int code = print_new(cli, &place);

	while (code == XFN_EXIT_OK && cli->follow) {
		nanosleep(&pause, NULL);
		code = print_new(cli, &place);
	}
	return code;
}
