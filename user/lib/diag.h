/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostics: what is wrong with a text that a person wrote, and where.
 *
 * A bounded list: whoever writes the text can make it wrong in any number of places, so the first
 * XFN_DIAGS_MAX are kept and the rest are only counted. Every text in an entry is owned by the list
 * and made safe when it is added: control characters and broken UTF-8 become '?', long texts are
 * cut, so that neither a terminal nor a JSON reader can be upset by what a stranger wrote.
 */
#ifndef XFN_DIAG_H
#define XFN_DIAG_H

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define XFN_DIAGS_MAX     20
#define XFN_DIAG_TEXT_MAX 400 /* bytes of one kept text, terminator included */

/* One thing that is wrong. Texts may be NULL but for the message. */
struct xfn_diag {
	char *file;      /* as the user typed it */
	unsigned line;   /* from 1; 0: the file as a whole */
	unsigned column; /* from 1, in characters (code points, a tab is one); 0: the whole line */
	char *value;     /* the text that is wrong */
	char *message;   /* lower-case, one line */
	char *expected;  /* completes "expected ..." */
	char *hint;      /* a sentence of its own, "did you mean 'burst'?" */
};

struct xfn_diag_list {
	struct xfn_diag items[XFN_DIAGS_MAX];
	unsigned count; /* entries kept in items */
	unsigned more;  /* entries counted but not kept: the list was full or memory was short */
};

/* What xfn_diag_add() takes beside the message; all borrowed for the call, any may be 0 or NULL. */
struct xfn_diag_info {
	const char *file;
	unsigned line;
	unsigned column;
	const char *value;
	size_t value_len; /* bytes of value; 0: up to its terminator */
	const char *expected;
	const char *hint;
};

/* Make @list empty. A list that is all zeros is also empty. */
void xfn_diag_list_init(struct xfn_diag_list *list);

/* Free what @list owns and make it empty again; NULL is allowed. */
void xfn_diag_list_fini(struct xfn_diag_list *list);

/*
 * Add one entry, copying all texts. Never fails: what cannot be kept is counted in @list->more, so
 * that count + more is always the number of calls.
 */
void xfn_diag_add(struct xfn_diag_list *list, const struct xfn_diag_info *info, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));

/* Order the kept entries by line, then column; equal ones keep their order. */
void xfn_diag_list_sort(struct xfn_diag_list *list);

/*
 * Make the "details" array of an error answer: objects with file, line, column, message and, where
 * there is one, value, expected, hint. When entries were only counted, a last object of line 0 says
 * how many ("and N more"). @ret is a new reference. Returns 0 or -ENOMEM.
 */
int xfn_diag_list_json(const struct xfn_diag_list *list, json_t **ret);

/* Add the entries of such an array. What is not an object is skipped. Returns 0 or -EINVAL. */
int xfn_diag_list_add_json(struct xfn_diag_list *list, const json_t *details);

/*
 * Print every entry for a person:
 *
 *	xfn.yaml:4:5: unknown key 'brust' in 'limit'
 *	    brust: 20
 *	    ^~~~~
 *	    expected one of rate, burst, excess, packets
 *	    did you mean 'burst'?
 *
 * @text is the file's text, @len bytes, to quote from; NULL: print no source lines. Long lines are
 * shown in part, around the caret.
 */
void xfn_diag_print(FILE *out, const struct xfn_diag_list *list, const char *text, size_t len);

/*
 * Find the candidate that @word was probably meant to be: the nearest within edit distance 2
 * (insert, delete, replace, swap neighbours), 1 for words of up to three letters. NULL entries among
 * the @count candidates are skipped. Returns one of @candidates (the first of several equally near
 * ones), or NULL.
 */
const char *xfn_suggest(const char *word, const char *const *candidates, size_t count);

#endif /* XFN_DIAG_H */
