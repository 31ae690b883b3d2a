/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn journal: what happened, oldest first. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"

static void print_line(void *context, const char *line)
{
	const struct xfn_cli *cli = context;
	json_t *event = cli->json ? NULL : json_loads(line, 0, NULL);
	const char *function = xfn_json_text(event, "function");
	const char *interface = xfn_json_text(event, "interface");

	if (!event)
		puts(line);
	else
		printf("%s  %-8s %s%s%s%s%s\n", xfn_json_text(event, "time"),
		       xfn_json_text(event, "type"), function, *function ? ": " : "", interface,
		       *interface ? ": " : "", xfn_json_text(event, "message"));
	if (cli->follow)
		fflush(stdout);
	json_decref(event);
}

int xfn_cli_journal(struct xfn_cli *cli)
{
	return xfn_get_lines(cli, cli->follow ? "/v1/journal?follow=1" : "/v1/journal", print_line,
			     cli);
}
