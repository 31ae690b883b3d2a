/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn apply: makes a manifest the live state of its set, all of it or nothing. */
#include <stdio.h>

#include "change.h"
#include "output.h"

int xfn_cli_apply(struct xfn_cli *cli)
{
	json_t *plan;
	bool applied;
	size_t changes;
	int code = xfn_change_send(cli, "apply", &plan);

	if (code != XFN_EXIT_OK)
		return code;
	applied = json_is_true(json_object_get(plan, "applied"));
	changes = json_array_size(json_object_get(plan, "changes"));
	if (cli->json) {
		xfn_print_json(plan);
	} else {
		xfn_change_print(plan);
		if (applied && changes) {
			printf("set %s: applied as revision %llu\n", xfn_json_text(plan, "set"),
			       xfn_json_count(plan, "revision"));
			xfn_change_print_confirm(cli);
		} else if (!changes) {
			printf("set %s: nothing to change\n", xfn_json_text(plan, "set"));
		} else {
			xfn_say("set %s: not applied", xfn_json_text(plan, "set"));
		}
	}
	json_decref(plan);
	if (!applied && changes)
		return XFN_EXIT_FAILED;
	return cli->exit_code && changes ? XFN_EXIT_CHANGES : XFN_EXIT_OK;
}
