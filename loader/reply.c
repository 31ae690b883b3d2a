/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "diag.h"
#include "reply.h"

static int fill(struct xfn_reply *reply, int status, json_t *body)
{
	if (!body)
		return -ENOMEM;
	xfn_reply_fini(reply);
	reply->http_status = status;
	reply->body = body;
	return 0;
}

int xfn_reply_json(struct xfn_reply *reply, json_t *body)
{
	return fill(reply, 200, body);
}

int xfn_reply_error(struct xfn_reply *reply, int status, const char *code,
		    const struct xfn_diag_list *diags, const char *format, ...)
{
	json_t *details = NULL, *text;
	char *message = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&message, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	text = json_string(message);
	if (!text) /* someone else's bytes, not UTF-8, got into the message */
		text = json_string("failed; the reason is not printable");
	free(message);

	if (diags ? xfn_diag_list_json(diags, &details) < 0 : !(details = json_array())) {
		json_decref(text);
		return -ENOMEM;
	}
	/* "o" takes over text and details on failure too. */
	return fill(reply, status,
		    json_pack("{s:{s:s, s:o, s:o}}", "error", "code", code, "message", text,
			      "details", details));
}

int xfn_reply_error_set(struct xfn_reply *reply, const char *key, json_t *value)
{
	json_t *error = json_object_get(reply->body, "error");

	if (!error) {
		json_decref(value);
		return -EINVAL;
	}
	return json_object_set_new(error, key, value) ? -ENOMEM : 0;
}

void xfn_reply_fini(struct xfn_reply *reply)
{
	json_decref(reply->body);
	*reply = (struct xfn_reply){0};
}
