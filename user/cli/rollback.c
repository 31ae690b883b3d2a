/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn rollback: an earlier revision is the live state again. */
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "output.h"

int xfn_cli_rollback(struct xfn_cli *cli)
{
	struct xfn_call call = {.post = true};
	json_t *answer;
	char *path;
	int code = xfn_consent_check(cli, "rollback");

	if (code != XFN_EXIT_OK)
		return code;
	path = xfn_call_path("/v1/rollback", "revision", cli->words[0], XFN_CONSENT_PAIRS(cli),
			     NULL);
	call.path = path;
	code = path ? xfn_call(cli, &call, &answer) : XFN_EXIT_FAILED;
	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json) {
		xfn_print_json(answer);
	} else {
		xfn_change_print(answer);
		printf("revision %llu is live again, as revision %llu\n",
		       xfn_json_count(answer, "restored"), xfn_json_count(answer, "revision"));
		xfn_change_print_confirm(cli);
	}
	json_decref(answer);
	return XFN_EXIT_OK;
}
