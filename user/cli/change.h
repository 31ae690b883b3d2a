/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CHANGE_H
#define XFN_CHANGE_H

/* What plan and apply have in common: sending a manifest with its objects, and printing changes. */

#include <jansson.h>

#include "cli.h"

/*
 * POSTs the manifest that the command line names to /v1/@verb, "plan" or "apply", and, if the daemon
 * asks for objects, again with these, read relative to the manifest. *ret is a new reference. Returns
 * an exit code.
 */
int xfn_change_send(struct xfn_cli *cli, const char *verb, json_t **ret);

/*
 * A path in @manifest, which is relative to the directory that the manifest is in, as one to open; to
 * be freed. NULL: no memory.
 */
char *xfn_change_path(const char *manifest, const char *object);

/* Prints changes, defaults and warnings. Returns the number of changes. */
size_t xfn_change_print(const json_t *plan);

/* With --confirm: says how to let the change stay. */
void xfn_change_print_confirm(const struct xfn_cli *cli);

/*
 * For the answer to a change by command: its warnings before what the verb prints, and, if anything
 * was changed, how to let it stay behind that.
 */
void xfn_change_print_edit(const struct xfn_cli *cli, const json_t *answer,
			   void (*print)(const struct xfn_cli *cli, const json_t *answer));

#endif
