/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn without a verb: is it up, where is it attached, what does it run, what is wrong. */
#include <stdio.h>

#include "client.h"
#include "output.h"
#include "table.h"

enum { INTERFACES_SHOWN = 4, WARNINGS_SHOWN = 2 };

static void print_uptime(const json_t *status)
{
	__u64 s = xfn_json_count(status, "uptime_ns") / 1000000000;

	if (s >= 86400)
		printf("%llud %lluh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		printf("%lluh %llum", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		printf("%llum %llus", s / 60, s % 60);
	else
		printf("%llus", s);
}

static void print_interfaces(const json_t *interfaces)
{
	char figure[XFN_FIGURE_BYTES];
	const json_t *interface, *next;
	size_t i;

	if (!json_array_size(interfaces))
		puts("interfaces  none attached: xfn attach IFACE");
	json_array_foreach (interfaces, i, interface) {
		if (i == INTERFACES_SHOWN) {
			printf("            and %zu more\n", json_array_size(interfaces) - i);
			break;
		}
		next = json_object_get(interface, "next");
		if (!json_is_object(next))
			next = NULL;
		printf("%-11s %s, %s%s%s%s, %s packets%s%s\n", i ? "" : "interfaces",
		       xfn_json_text(interface, "name"), xfn_json_text(interface, "mode"),
		       json_is_true(json_object_get(interface, "coexist")) ? " (coexist)" : "",
		       next ? ", next " : "", next ? xfn_json_text(next, "path") : "",
		       xfn_figure_count(figure, xfn_json_count(interface, "packets")),
		       *xfn_json_text(interface, "state") ? ", " : "",
		       xfn_json_text(interface, "state"));
	}
}

static void print_rules(const json_t *status)
{
	const json_t *capacity = json_object_get(status, "capacity");
	char triggers[XFN_FIGURE_BYTES], used[XFN_FIGURE_BYTES], room[XFN_FIGURE_BYTES];

	printf("functions   %s of %s\n",
	       xfn_figure_count(used, xfn_json_count(status, "functions")),
	       xfn_figure_count(room, xfn_json_count(capacity, "functions")));
	/* A trigger with several addresses takes as much room as several triggers. */
	printf("triggers    %s, room used %s of %s\n",
	       xfn_figure_count(triggers, xfn_json_count(status, "triggers")),
	       xfn_figure_count(used, xfn_json_count(capacity, "triggers_used")),
	       xfn_figure_count(room, xfn_json_count(capacity, "triggers")));
	printf("revision    %s\n", xfn_figure_count(used, xfn_json_count(status, "revision")));
}

static void print_pending(const json_t *pending)
{
	if (!json_is_object(pending))
		return;
	printf("pending     revision %llu, ", xfn_json_count(pending, "revision"));
	if (json_is_true(json_object_get(pending, "reverts")))
		printf("taken back in %llus unless confirmed: xfn confirm\n",
		       (xfn_json_count(pending, "left_ns") + 999999999) / 1000000000);
	else
		puts("which cannot be taken back by itself: xfn confirm, or xfn rollback");
}

static void print_keeper(const json_t *keeper)
{
	char waiting[XFN_FIGURE_BYTES], lost[XFN_FIGURE_BYTES];

	if (!json_is_object(keeper))
		return;
	printf("keeper      process %llu, %s, %s events wait", xfn_json_count(keeper, "pid"),
	       xfn_json_text(keeper, "state"),
	       xfn_figure_count(waiting, xfn_json_count(keeper, "waiting")));
	if (xfn_json_count(keeper, "lost") || xfn_json_count(keeper, "unreadable"))
		printf(", %s lost: xfn stats",
		       xfn_figure_count(lost, xfn_json_count(keeper, "lost") +
						      xfn_json_count(keeper, "unreadable")));
	putchar('\n');
}

static void print_warnings(const json_t *warnings)
{
	const json_t *warning;
	size_t i;

	json_array_foreach (warnings, i, warning) {
		if (i == WARNINGS_SHOWN) {
			printf("            and %zu more: xfn doctor\n",
			       json_array_size(warnings) - i);
			break;
		}
		printf("%-11s %s\n", i ? "" : "warning", json_string_value(warning));
	}
}

int xfn_cli_status(struct xfn_cli *cli)
{
	json_t *status;
	int code = xfn_get(cli, "/v1/status", &status);

	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json) {
		code = xfn_print_json(status);
	} else {
		printf("xfnd        %s, process %llu, up ", xfn_json_text(status, "version"),
		       xfn_json_count(status, "pid"));
		print_uptime(status);
		printf("\n");
		if (json_is_object(json_object_get(status, "off")))
			printf("OFF         every function is switched off: xfn on\n");
		print_interfaces(json_object_get(status, "interfaces"));
		print_rules(status);
		print_keeper(json_object_get(status, "keeper"));
		print_pending(json_object_get(status, "pending"));
		print_warnings(json_object_get(status, "warnings"));
	}
	json_decref(status);
	return code;
}
