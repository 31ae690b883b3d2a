/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn doctor: what usually goes wrong, and what to do about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
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

int xfn_cli_doctor(struct xfn_cli *cli)
{
	char *path = xfn_call_path("/v1/doctor", "interface",
				   cli->word_count ? cli->words[0] : NULL, NULL);
	const json_t *check;
	json_t *answer;
	size_t i, failed = 0;
	int code = xfn_get(cli, path, &answer);

	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	json_array_foreach (json_object_get(answer, "checks"), i, check) {
		if (!cli->json)
			print_check(check);
		failed += strcmp(xfn_json_text(check, "status"), "fail") == 0;
	}
	if (cli->json)
		xfn_print_json(answer);
	json_decref(answer);
	return failed ? XFN_EXIT_FAILED : XFN_EXIT_OK;
}
