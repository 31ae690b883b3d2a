/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn off, xfn on: a function, or all of them; by the daemon, or with it dead. */
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "client.h"
#include "consent.h"
#include "direct.h"
#include "output.h"

static const char *name_of(const struct xfn_cli *cli)
{
	return cli->word_count ? cli->words[0] : NULL;
}

static void print_state(const struct xfn_cli *cli, const char *off, bool direct)
{
	printf("%s: %s%s%s\n", name_of(cli) ? name_of(cli) : "every function",
	       off && *off ? "off, its packets " : "on",
	       !off || !*off ? ""
	       : *off == 'd' ? "are dropped"
			     : "pass to the stack",
	       direct ? "; xfnd takes it over when it starts" : "");
}

static void print_switch(const struct xfn_cli *cli, const json_t *answer)
{
	const char *off = xfn_json_text(answer, "off");

	print_state(cli, off, false);
	if (!*off && name_of(cli) && json_is_true(json_object_get(answer, "all_off")))
		puts("every function is off all the same: xfn on");
}

static int send(struct xfn_cli *cli, bool on, json_t **ret)
{
	json_t *body = json_pack("{s:s*, s:b}", "function", name_of(cli), "drop", cli->drop);
	char *path = xfn_call_path(on ? "/v1/on" : "/v1/off", XFN_CONSENT_PAIRS(cli), NULL);
	struct xfn_call call = {.path = path, .post = true, .body = body};
	int code = XFN_EXIT_FAILED;

	if (path && body)
		code = xfn_call(cli, &call, ret);
	else
		xfn_say("cannot send '%s': out of memory, or not UTF-8",
			name_of(cli) ? name_of(cli) : "");
	json_decref(body);
	free(path);
	return code;
}

static int ask_daemon(struct xfn_cli *cli, bool on)
{
	json_t *answer;
	int code = send(cli, on, &answer);

	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json(answer);
	else
		xfn_change_print_edit(cli, answer, print_switch);
	json_decref(answer);
	return XFN_EXIT_OK;
}

static int switch_directly(struct xfn_cli *cli, bool on)
{
	enum xfn_off off = on ? XFN_OFF_NONE : cli->drop ? XFN_OFF_DROP : XFN_OFF_PASS;
	const char *label = on ? NULL : cli->drop ? "drop" : "pass";
	int code = xfn_direct_switch(cli, name_of(cli), off);

	if (code != XFN_EXIT_OK)
		return code;
	if (cli->json)
		xfn_print_json_new(json_pack("{s:s?, s:s?, s:b}", "function", name_of(cli), "off",
					     label, "direct", 1));
	else
		print_state(cli, label, true);
	return XFN_EXIT_OK;
}

static int run(struct xfn_cli *cli, bool on)
{
	const char *verb = on ? "on" : "off";
	int code = xfn_consent_check(cli, verb);

	if (code != XFN_EXIT_OK)
		return code;
	if (!cli->direct || xfn_direct_has_daemon(cli))
		return ask_daemon(cli, on);
	if (cli->confirm)
		return xfn_misuse(verb, "--confirm needs xfnd, which is not running");
	return switch_directly(cli, on);
}

int xfn_cli_off(struct xfn_cli *cli)
{
	return run(cli, false);
}

int xfn_cli_on(struct xfn_cli *cli)
{
	return run(cli, true);
}
