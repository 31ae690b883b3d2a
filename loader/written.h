/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_WRITTEN_H
#define XFN_WRITTEN_H

/*
 * What a user wrote: a manifest and the CSV files that it names, byte for byte, and what they say.
 * It is what revisions keep, and what is compared with what was changed by command since.
 *
 * Counted, so that models share it; immutable once it is loaded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "diag.h"
#include "manifest.h"

/* A file as it came. data[size] is a NUL that is not counted. */
struct xfn_written_file {
	char *path; /* as written in the manifest */
	char *data;
	size_t size;
	__u64 sum; /* xfn_revision_sum() of it */
};

struct xfn_written {
	unsigned references;
	struct xfn_written_file text; /* the manifest; its path is as typed */
	char *folder; /* absolute, of the manifest: what its paths are relative to; NULL: not known */
	struct xfn_written_file *csvs;
	size_t csv_count;
	struct xfn_manifest *parsed;   /* of the text alone; paths in it are absolute */
	struct xfn_manifest *manifest; /* with all triggers; NULL: CSV files are still to be read */
	struct xfn_stringpool *strings; /* of what is in the CSV files */
};

/* Bytes that the caller owns. */
struct xfn_written_source {
	const char *path;
	const void *data;
	size_t size;
};

/*
 * Reads a manifest that is in @folder, an absolute path, or NULL where that is not known. Returns as
 * xfn_manifest_parse() and xfn_manifest_anchor(). Without `triggers_from` it is loaded.
 */
int xfn_written_new(const struct xfn_written_source *text, const char *folder,
		    struct xfn_diag_list *diags, struct xfn_written **ret);

/*
 * Reads the CSV files that the manifest names, found among @count @files; others are passed over. Not
 * loaded before. 0, -EINVAL with diagnostics, -E2BIG or -ENOMEM: it is then not loaded.
 */
int xfn_written_load(struct xfn_written *written, const struct xfn_written_source *files,
		     size_t count, struct xfn_diag_list *diags);

/* Says whether it was made of just this text, there; of just these files, as far as it is loaded. */
bool xfn_written_is(const struct xfn_written *written, const struct xfn_written_source *text,
		    const char *folder);
bool xfn_written_has(const struct xfn_written *written, const struct xfn_written_source *files,
		     size_t count);

struct xfn_written *xfn_written_get(struct xfn_written *written);
void xfn_written_put(struct xfn_written *written); /* takes NULL */

#endif
