/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ZONE_LEX_H
#define ZONE_LEX_H
/* A master file as entries of words (RFC 1035 s. 5.1): comments, parentheses and quotes are gone. */
#include <stdbool.h>
#include <stddef.h>

#include "zone.h"

/* Borrowed from the text; escapes are still in it. */
struct token {
	const char *text;
	size_t len;
	unsigned line;
	unsigned column;
	bool quoted;
};

struct entry {
	struct token *tokens;
	size_t count; /* at least 1 */
	size_t room;
	bool same_owner; /* the line begins with a blank: the owner is that of the entry before */
};

struct lexer {
	const struct zone_text *text;
	struct xfn_diag_list *diags;
	size_t at;
	unsigned line;
	unsigned column;
};

void lexer_init(struct lexer *lexer, const struct zone_text *text, struct xfn_diag_list *diags);

/*
 * Reads the next entry into *entry, whose array is used again. Returns 1, 0 at the end, or -EINVAL with
 * the mistake in the lexer's diags; then it goes on behind the line with the mistake.
 */
int lexer_next(struct lexer *lexer, struct entry *entry);

#endif
