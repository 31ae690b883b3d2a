/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn plan: what apply would change, and whether it would be accepted. */
#include <stdio.h>

#include "change.h"
#include "output.h"

int xfn_cli_plan(struct xfn_cli *cli)
{
	json_t *plan;
	bool valid;
	size_t changes;
	int code = xfn_change_send(cli, "plan", &plan);

	if (code != XFN_EXIT_OK)
		return code;
	valid = !json_is_false(json_object_get(plan, "valid"));
	changes = json_array_size(json_object_get(plan, "changes"));
	if (cli->json) {
		xfn_print_json(plan);
	} else {
		xfn_change_print(plan);
		printf("set %s: %zu change%s%s\n", xfn_json_text(plan, "set"), changes,
		       changes == 1 ? "" : "s", valid ? "" : "; apply would refuse them");
	}
	json_decref(plan);
	if (!valid)
		return XFN_EXIT_FAILED;
	return cli->exit_code && changes ? XFN_EXIT_CHANGES : XFN_EXIT_OK;
}
