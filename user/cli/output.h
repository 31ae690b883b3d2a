/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_OUTPUT_H
#define XFN_OUTPUT_H

/* What people and programs read: messages, errors of the daemon, JSON. */

#include <stdio.h>
#include <jansson.h>
#include <linux/types.h>

#include "cli.h"

/* "xfn: ..." and a newline on standard error. */
void xfn_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong with the command line and which help to read; returns XFN_EXIT_USAGE. */
int xfn_misuse(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints @json to standard output, indented. Returns an exit code. */
int xfn_print_json(const json_t *json);
/* The same of a reference that is given up; NULL: no memory. */
int xfn_print_json_new(json_t *json);

/*
 * Says what an {"error":...} body says: its places with their lines, the message, and a command to
 * type next; or prints it as it is where JSON is wanted. Returns the exit code for @http_status.
 */
int xfn_print_error(const struct xfn_cli *cli, long http_status, const json_t *body);

/* Prints a JSON value as an indented outline, for people. */
void xfn_print_outline(FILE *out, const json_t *value, int depth);

/* Members; 0, "" and NULL where they are missing or of another type. */
__u64 xfn_json_count(const json_t *object, const char *key);
const char *xfn_json_text(const json_t *object, const char *key);
/* The sum of all integers in an object. */
__u64 xfn_json_sum(const json_t *object);

/* "name", or "tenant/name" where the tenant is not "default". */
const char *xfn_function_label(const json_t *function, char *buf, size_t size);

/* Columns of the terminal; COLUMNS, or 100, where there is none. */
size_t xfn_screen_width(void);

/*
 * Calls @frame, which prints to @out, once; or with --watch each second, drawn over the last one,
 * until interrupted. @frame returns an exit code; any but 0 ends it.
 */
typedef int xfn_frame_fn(struct xfn_cli *cli, FILE *out, void *context);
int xfn_watch(struct xfn_cli *cli, xfn_frame_fn *frame, void *context);

#endif
