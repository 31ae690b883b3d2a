/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of a manifest that come by themselves: one trigger or one limit from a command line, or
 * triggers from a CSV file. Each is read by the manifest's own schema into a manifest with a single
 * function, which has no name and holds nothing else.
 *
 * Returns are those of xfn_manifest_parse(). @strings holds the strings of what is read; NULL: a pool
 * of its own. @file is what messages call the text.
 */
#ifndef XFN_FRAGMENT_H
#define XFN_FRAGMENT_H

#include "manifest.h"

struct xfn_stringpool;

/* A trigger in its short form or its long one, `{protocol: udp, port: 53}`. It has no place. */
int xfn_fragment_trigger(const char *file, const char *text, size_t len,
			 struct xfn_stringpool *strings, struct xfn_diag_list *diags,
			 struct xfn_manifest **ret);

/* A limit in its short form or its long one. */
int xfn_fragment_limit(const char *file, const char *text, size_t len, struct xfn_diag_list *diags,
		       struct xfn_manifest **ret);

/*
 * A CSV of triggers: the first record names keys of a trigger, each other one is a trigger. What is
 * empty is not given; several prefixes, or two VLANs, stand in one field, parted by blanks. See
 * xfn.yaml(5).
 */
int xfn_fragment_csv(const char *file, const char *text, size_t len, struct xfn_stringpool *strings,
		     struct xfn_diag_list *diags, struct xfn_manifest **ret);

#endif /* XFN_FRAGMENT_H */
