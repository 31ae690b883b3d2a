/* SPDX-License-Identifier: BSD-2-Clause */
/* help and version, all from the table of verbs. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"

enum { HELP_COLUMN = 22 };

static void print_list(void)
{
	puts("usage: xfn [-j] [--socket PATH] [COMMAND [ARGUMENT]...]\n");
	for (size_t i = 0; i < xfn_verb_count; i++) {
		const struct xfn_verb *verb = &xfn_verbs[i];
		int width = printf("  xfn %s%s%s", verb->name, *verb->arguments ? " " : "",
				   verb->arguments);

		printf("%*s  %s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 0, "", verb->help);
	}
	puts("\noptions of every command:");
	xfn_options_print(stdout, xfn_global_options);
	puts("\nexit: 0 done, 1 failed, 2 used wrongly, 3 no such thing, 4 xfnd not reachable");
}

void xfn_help_verb(const struct xfn_verb *verb)
{
	if (!*verb->name) {
		print_list();
		return;
	}
	printf("usage: xfn %s%s%s%s\n%s.\n", verb->name, verb->options ? " [OPTION]..." : "",
	       *verb->arguments ? " " : "", verb->arguments, verb->help);
	if (verb->details)
		printf("\n%s", verb->details);
	if (verb->options) {
		puts("\noptions:");
		xfn_options_print(stdout, verb->options);
	}
	puts("\noptions of every command:");
	xfn_options_print(stdout, xfn_global_options);
}

static void complete_options(const struct xfn_option *options)
{
	for (const struct xfn_option *o = options; o && o->name; o++) {
		printf("--%s%s\n", o->name, o->argument ? "=" : "");
		if (o->letter)
			printf("-%c\n", o->letter);
	}
}

/*
 * What may stand there, a word a line. After a verb, first what its arguments are, as "@NAME", then
 * its options; for shells, so that their completion has no list of its own.
 */
static int complete(const char *name)
{
	const struct xfn_verb *verb = name ? xfn_verb_find(name) : NULL;
	char arguments[64], *rest = arguments, *word;

	if (!verb) {
		for (size_t i = 0; i < xfn_verb_count; i++)
			if (*xfn_verbs[i].name)
				puts(xfn_verbs[i].name);
		complete_options(xfn_global_options);
		return XFN_EXIT_OK;
	}
	snprintf(arguments, sizeof(arguments), "%s", verb->arguments);
	while ((word = strsep(&rest, " []")))
		if (*word && *word != '-' && *word != '.')
			printf("@%s\n", word);
	complete_options(verb->options);
	complete_options(xfn_global_options);
	return XFN_EXIT_OK;
}

int xfn_cli_help(struct xfn_cli *cli)
{
	const char *name = cli->word_count ? cli->words[0] : NULL;
	const struct xfn_verb *verb;

	if (cli->complete)
		return complete(name);
	if (!name) {
		print_list();
		return XFN_EXIT_OK;
	}
	verb = *name ? xfn_verb_find(name) : NULL;
	if (!verb)
		return xfn_verb_unknown(name, "help ");
	xfn_help_verb(verb);
	return XFN_EXIT_OK;
}

int xfn_cli_version(struct xfn_cli *cli)
{
	if (cli->json)
		puts("{\"version\":\"" XFN_VERSION "\"}");
	else
		puts("xfn " XFN_VERSION);
	return XFN_EXIT_OK;
}
