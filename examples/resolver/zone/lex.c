/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "lex.h"

void lexer_init(struct lexer *lexer, const struct zone_text *text, struct xfn_diag_list *diags)
{
	*lexer = (struct lexer){.text = text, .diags = diags, .line = 1, .column = 1};
}

static bool at_end(const struct lexer *lexer)
{
	return lexer->at == lexer->text->len;
}

static char peek(const struct lexer *lexer)
{
	return at_end(lexer) ? '\n' : lexer->text->text[lexer->at];
}

/* Columns are in characters: bytes inside a UTF-8 sequence do not count. */
static void move(struct lexer *lexer)
{
	unsigned char c = lexer->text->text[lexer->at++];

	if (c == '\n') {
		lexer->line++;
		lexer->column = 1;
	} else if ((c & 0xc0) != 0x80) {
		lexer->column++;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A NUL does not: strchr() would find it. */
static bool ends_word(char c)
{
	return is_blank(c) || (c && strchr("\n;()\"", c));
}

static void skip_line(struct lexer *lexer)
{
	while (!at_end(lexer) && peek(lexer) != '\n')
		move(lexer);
}

static int complain(struct lexer *lexer, const struct token *token, const char *message)
{
	struct xfn_diag_info info = {
		.file = lexer->text->file,
		.line = token->line,
		.column = token->column,
		.value = token->len ? token->text : NULL,
		.value_len = token->len,
	};

	xfn_diag_add(lexer->diags, &info, "%s", message);
	skip_line(lexer);
	return -EINVAL;
}

/* A backslash takes the next character with it. */
static int move_character(struct lexer *lexer)
{
	if (peek(lexer) == '\\') {
		move(lexer);
		if (at_end(lexer) || peek(lexer) == '\n')
			return -EINVAL;
	}
	move(lexer);
	return 0;
}

static int read_token(struct lexer *lexer, struct entry *entry)
{
	struct token token = {.line = lexer->line, .column = lexer->column};

	token.quoted = peek(lexer) == '"';
	if (token.quoted)
		move(lexer);
	token.text = lexer->text->text + lexer->at;
	while (!at_end(lexer)) {
		char c = peek(lexer);

		if (token.quoted ? c == '"' || c == '\n' : ends_word(c))
			break;
		if (move_character(lexer))
			break;
	}
	token.len = lexer->text->text + lexer->at - token.text;
	if (token.quoted) {
		if (at_end(lexer) || peek(lexer) != '"')
			return complain(lexer, &token, "quoted string does not end on its line");
		move(lexer);
	} else if (token.len && token.text[token.len - 1] == '\\' && peek(lexer) == '\n' &&
		   (token.len < 2 || token.text[token.len - 2] != '\\')) {
		return complain(lexer, &token, "backslash at the end of a line");
	}
	if (entry->count == entry->room) {
		entry->room = entry->room ? 2 * entry->room : 16;
		entry->tokens = zone_grow(entry->tokens, entry->room, sizeof(*entry->tokens));
	}
	entry->tokens[entry->count++] = token;
	return 0;
}

/* Everything up to the end of the line, or of the parentheses' last line. */
static int read_line(struct lexer *lexer, struct entry *entry)
{
	struct token open = {.line = 0};
	unsigned depth = 0;
	int err;

	while (!at_end(lexer)) {
		char c = peek(lexer);

		if (c == '\n' && !depth)
			break;
		if (c == '(' || c == ')') {
			struct token here = {.text = lexer->text->text + lexer->at,
					     .len = 1,
					     .line = lexer->line,
					     .column = lexer->column};

			if (c == ')' && !depth)
				return complain(lexer, &here, "')' without '('");
			if (c == '(' && !depth)
				open = here;
			depth += c == '(' ? 1 : -1;
			move(lexer);
		} else if (c == ';') {
			skip_line(lexer);
		} else if (is_blank(c) || c == '\n') {
			move(lexer);
		} else {
			err = read_token(lexer, entry);
			if (err)
				return err;
		}
	}
	return depth ? complain(lexer, &open, "'(' is never closed") : 0;
}

int lexer_next(struct lexer *lexer, struct entry *entry)
{
	int err;

	entry->count = 0;
	while (!at_end(lexer)) {
		if (peek(lexer) == '\n') {
			move(lexer);
			continue;
		}
		entry->same_owner = is_blank(peek(lexer));
		err = read_line(lexer, entry);
		if (err)
			return err;
		if (entry->count)
			return 1;
	}
	return 0;
}
