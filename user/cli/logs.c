/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn logs: what a function's program wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "output.h"

#define LOOK_NS 200000000L

/* What was written from byte *at on; *at moves behind it. */
static int print_new(struct xfn_cli *cli, __u64 *at)
{
	char after[24], *path;
	json_t *answer;
	int code;

	snprintf(after, sizeof(after), "%llu", *at);
	path = xfn_call_path("/v1/logs", "function", cli->words[0], "after", after, NULL);
	code = xfn_get(cli, path, &answer);
	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		fputs(xfn_json_text(answer, "text"), stdout);
	*at = xfn_json_count(answer, "next");
	json_decref(answer);
	return fflush(stdout) ? XFN_EXIT_FAILED : XFN_EXIT_OK;
}

int xfn_cli_logs(struct xfn_cli *cli)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	__u64 at = 0;
	int code;

	if (cli->json && cli->follow)
		return xfn_misuse("logs", "takes --json or --follow, not both");
	code = print_new(cli, &at);
	while (code == XFN_EXIT_OK && cli->follow) {
		nanosleep(&pause, NULL);
		code = print_new(cli, &at);
	}
	return code;
}
