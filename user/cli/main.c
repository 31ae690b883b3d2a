/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn: from the command line to a verb. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

enum { COMMAND_BYTES = 1024 };

/* No byte of these means anything to a shell. */
static bool is_plain(const char *word)
{
	static const char special[] = " \t\n\"'\\`$&|;<>(){}[]*?!#~";

	return *word && !word[strcspn(word, special)];
}

static void add(char *buf, size_t *at, const char *text, size_t size)
{
	for (size_t i = 0; i < size && *at + 1 < COMMAND_BYTES; i++)
		buf[(*at)++] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
}

/* As a shell takes it. */
static void add_word(char *buf, size_t *at, const char *word)
{
	size_t plain;

	if (is_plain(word)) {
		add(buf, at, word, strlen(word));
		return;
	}
	add(buf, at, "'", 1);
	for (; *word; word += plain + (word[plain] == '\'')) {
		plain = strcspn(word, "'");
		add(buf, at, word, plain);
		if (word[plain])
			add(buf, at, "'\\''", 4);
	}
	add(buf, at, "'", 1);
}

/* The command line in one line, for records and to be typed again; cut where it is too long. */
static void join_command(int argc, char **argv, char *buf)
{
	size_t at = 0;

	add(buf, &at, "xfn", 3);
	for (int i = 1; i < argc; i++) {
		add(buf, &at, " ", 1);
		add_word(buf, &at, argv[i]);
	}
	buf[at] = '\0';
}

static int check_words(const struct xfn_verb *verb, const struct xfn_cli *cli)
{
	if (cli->word_count < verb->words_min)
		return xfn_misuse(verb->name, "'%s' needs %s", verb->name, verb->arguments);
	if (cli->word_count <= verb->words_max)
		return XFN_EXIT_OK;
	if (verb->words_max)
		return xfn_misuse(verb->name, "'%s' takes %s, got '%s' beyond that", verb->name,
				  verb->arguments, cli->words[verb->words_max]);
	return xfn_misuse(verb->name, "'%s' takes no argument, got '%s'", verb->name,
			  cli->words[0]);
}

static int run_verb(struct xfn_cli *cli, const struct xfn_verb *verb, int argc, char **argv)
{
	const struct xfn_option_set sets[] = {{verb->options, cli}, {xfn_global_options, cli}};
	struct xfn_args_error error;
	struct xfn_args args;
	int code;

	if (xfn_args_parse(argc, argv, sets, 2, false, &args, &error) < 0)
		return xfn_misuse(verb->name, "%s", error.text);
	cli->words = args.words;
	cli->word_count = args.count;
	if (cli->help) {
		xfn_help_verb(verb);
		code = XFN_EXIT_OK;
	} else if (cli->version) {
		code = xfn_cli_version(cli);
	} else {
		code = check_words(verb, cli);
		if (code == XFN_EXIT_OK)
			code = verb->run(cli);
	}
	xfn_args_fini(&args);
	return code;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("XFN_SOCKET");
	char command[COMMAND_BYTES];
	struct xfn_cli cli = {.socket = socket && *socket ? socket : XFN_SOCKET_DEFAULT,
			      .command = command};
	const struct xfn_option_set global = {xfn_global_options, &cli};
	struct xfn_args_error error;
	struct xfn_args args;
	const char *name;
	const struct xfn_verb *verb;
	int code;

	join_command(argc, argv, command);
	/* What stands before the verb can only be for all verbs; the verb's own table does the rest. */
	if (xfn_args_parse(argc - 1, argv + 1, &global, 1, true, &args, &error) < 0)
		return xfn_misuse("", "%s", error.text);
	name = args.count ? args.words[0] : "";
	verb = args.count && !*name ? NULL : xfn_verb_find(name);
	if (!verb)
		code = xfn_verb_unknown(name, "");
	else if (args.count)
		code = run_verb(&cli, verb, (int)args.count - 1, args.words + 1);
	else
		code = run_verb(&cli, verb, 0, args.words);
	xfn_args_fini(&args);
	if (fflush(stdout) != 0 && code == XFN_EXIT_OK)
		code = XFN_EXIT_FAILED;
	return code;
}
