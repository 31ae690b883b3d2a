/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ARGS_H
#define XFN_ARGS_H

/*
 * Command lines from a table: what parses is also what prints as help and what completes.
 *
 * `--name`, `--name=VALUE`, `--name VALUE`, `-n`, `-nVALUE`, `-n VALUE`, letters without values in
 * one word (`-jw`), and `--` before words that begin with a dash. Options and words may be mixed.
 * A name must be written out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum xfn_option_kind {
	XFN_OPTION_IS_FLAG, /* bool, set to true */
	XFN_OPTION_IS_TEXT, /* const char *, set to the value, borrowed from argv */
};

/* A row; a table ends with one whose name is NULL. */
struct xfn_option {
	const char *name;     /* without dashes */
	char letter;          /* or 0 */
	const char *argument; /* what the help calls its value; NULL for a flag */
	const char *help;     /* one line */
	enum xfn_option_kind kind;
	size_t offset; /* of the target's member */
};

#define XFN_OPTION_FLAG(type, member) .kind = XFN_OPTION_IS_FLAG, .offset = offsetof(type, member)
#define XFN_OPTION_TEXT(type, member) .kind = XFN_OPTION_IS_TEXT, .offset = offsetof(type, member)

/* A table and the struct that its options are written to. */
struct xfn_option_set {
	const struct xfn_option *options; /* NULL: none */
	void *target;
};

/* Words that are not options, in their order, borrowed from argv. */
struct xfn_args {
	char **words;
	size_t count;
};

struct xfn_args_error {
	char text[256]; /* lower-case, one line */
};

/*
 * Parses @argc strings. @sets: looked through in order. @stop_at_word: take nothing after the first
 * word; it and all that follows become words as they are.
 * Returns 0; -EINVAL with @error filled; -ENOMEM with @error filled. On failure targets may have
 * been written to.
 */
int xfn_args_parse(int argc, char **argv, const struct xfn_option_set *sets, size_t set_count,
		   bool stop_at_word, struct xfn_args *ret, struct xfn_args_error *error);
void xfn_args_fini(struct xfn_args *args);

/* Prints a table as help, one option a line. */
void xfn_options_print(FILE *out, const struct xfn_option *options);

#endif
