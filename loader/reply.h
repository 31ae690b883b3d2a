/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_REPLY_H
#define XFN_REPLY_H

/*
 * The answer to one API request: a status and a JSON body, made once, by whoever decides.
 *
 * A reply starts as zeros. It owns its body. Filling a filled reply replaces what was there.
 */

#include <jansson.h>

struct xfn_diag_list;

struct xfn_reply {
	int http_status;
	json_t *body;
};

/*
 * Answers 200 with @body, whose reference is taken over also on failure.
 * Returns 0, or -ENOMEM when @body is NULL: a failed json_pack() may be passed straight on.
 */
int xfn_reply_json(struct xfn_reply *reply, json_t *body);

/*
 * Answers with {"error":{"code","message","details"}}.
 * @status: an HTTP status of 400 or above. @code: a word for programs, such as "no_such_function".
 * @diags: places in the user's files, for "details"; NULL for none.
 * The message is lower-case, says what could not be done, the thing in quotes, and the reason.
 * Returns 0 or -ENOMEM.
 */
int xfn_reply_error(struct xfn_reply *reply, int status, const char *code,
		    const struct xfn_diag_list *diags, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * Puts @value under @key into the "error" object of a reply filled by xfn_reply_error(), such as
 * "objects" or "hint" (a command to type next). Takes over @value. Returns 0, -EINVAL, -ENOMEM.
 */
int xfn_reply_error_set(struct xfn_reply *reply, const char *key, json_t *value);

/* Frees the body; the reply is zeros again. */
void xfn_reply_fini(struct xfn_reply *reply);

#endif
