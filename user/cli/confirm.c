/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn confirm: the revision that would be taken back by itself stays. */
#include <stdio.h>

#include "client.h"
#include "output.h"

int xfn_cli_confirm(struct xfn_cli *cli)
{
	const struct xfn_call call = {.path = "/v1/confirm", .post = true};
	json_t *answer;
	int code = xfn_call(cli, &call, &answer);

	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		printf("revision %llu is confirmed\n", xfn_json_count(answer, "revision"));
	json_decref(answer);
	return XFN_EXIT_OK;
}
