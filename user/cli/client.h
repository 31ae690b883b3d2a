/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CLIENT_H
#define XFN_CLIENT_H

/*
 * Asking the daemon: HTTP over its unix socket.
 *
 * Functions return an exit code; when it is not XFN_EXIT_OK they have said why on standard error,
 * with a command to type next where one helps.
 */

#include <signal.h>
#include <stddef.h>
#include <jansson.h>

#include "cli.h"

/* A part of a multipart body; borrowed. */
struct xfn_upload_part {
	const char *part; /* "manifest", "folder" or "object" */
	const char *name; /* the path as the user wrote it */
	const void *data;
	size_t size;
};

struct xfn_call {
	const char *path; /* with its query; see xfn_call_path() */
	bool post;
	const json_t *body;                  /* of a POST: JSON, */
	const struct xfn_upload_part *parts; /* or parts */
	size_t part_count;
};

/* The daemon's answer, whatever its status. */
struct xfn_answer {
	long http_status;
	json_t *body; /* NULL if it was not JSON */
};

/* Asks, and gives the answer even if it is an error. Fails only if there is none. */
int xfn_call_raw(const struct xfn_cli *cli, const struct xfn_call *call, struct xfn_answer *ret);
void xfn_answer_fini(struct xfn_answer *answer);

/*
 * Says that xfnd cannot be reached at @path, with @os_error, of connect(2) or recv(2), and what may help. Returns
 * XFN_EXIT_UNREACHABLE.
 */
int xfn_say_unreachable(const struct xfn_cli *cli, const char *path, int os_error);

/* Asks, and prints an error of the daemon as such. *ret is a new reference. */
int xfn_call(const struct xfn_cli *cli, const struct xfn_call *call, json_t **ret);
/* GET. */
int xfn_get(const struct xfn_cli *cli, const char *path, json_t **ret);

/*
 * Makes "BASE?KEY=VALUE&..." from pairs of keys and values, ended by a NULL key. Pairs without a
 * value are left out; values are escaped. Returns a string to free, or NULL without memory.
 */
char *xfn_call_path(const char *base, ...) __attribute__((sentinel));

/* GETs a stream and calls @fn for each line that is not empty, without its newline, to the end. */
typedef void xfn_line_fn(void *context, const char *line);
int xfn_get_lines(const struct xfn_cli *cli, const char *path, xfn_line_fn *fn, void *context);
/* The same until *@stop is not 0, such as by a signal, which is looked at each second at least. */
int xfn_get_lines_until(const struct xfn_cli *cli, const char *path, xfn_line_fn *fn, void *context,
			const volatile sig_atomic_t *stop);

/*
 * Reads a whole file, "-" being standard input, up to @max bytes. *ret is to be freed and has a NUL
 * after its *ret_size bytes.
 */
int xfn_read_file(const char *path, size_t max, char **ret, size_t *ret_size);

#endif
