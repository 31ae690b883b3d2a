/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn swap: a new version of a handler in the place of the old one, under traffic. */
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "output.h"

enum { OBJECT_BYTES = 32 << 20 };

static void print_swap(const struct xfn_cli *cli, const json_t *answer)
{
	const json_t *map;
	size_t i;

	printf("%s: %s -> %s\n", cli->words[0], xfn_json_text(answer, "from"),
	       xfn_json_text(answer, "to"));
	json_array_foreach (json_object_get(answer, "inherited"), i, map)
		printf("%s%s",
		       i ? ", " : "maps kept with their contents: ", json_string_value(map));
	if (json_array_size(json_object_get(answer, "inherited")))
		putchar('\n');
}

int xfn_cli_swap(struct xfn_cli *cli)
{
	struct xfn_upload_part part = {.part = "object", .name = cli->words[1]};
	struct xfn_call call = {.post = true, .parts = &part, .part_count = 1};
	json_t *answer;
	char *object, *path;
	int code = xfn_consent_check(cli, "swap");

	if (code != XFN_EXIT_OK)
		return code;
	code = xfn_read_file(cli->words[1], OBJECT_BYTES, &object, &part.size);
	if (code != XFN_EXIT_OK)
		return code;
	part.data = object;
	path = xfn_call_path("/v1/swap", "function", cli->words[0], XFN_CONSENT_PAIRS(cli), NULL);
	call.path = path;
	code = path ? xfn_call(cli, &call, &answer) : XFN_EXIT_FAILED;
	free(path);
	free(object);
	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_change_print_edit(cli, answer, print_swap);
	json_decref(answer);
	return XFN_EXIT_OK;
}
