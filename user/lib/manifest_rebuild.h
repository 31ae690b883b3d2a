/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A manifest made of another one: the same functions, with other triggers. No text is read again.
 *
 * What is made has arrays of its own and borrows every string: from the manifest that it was made of,
 * and from those of the triggers. These, or the pools that hold their strings, must outlive it.
 */
#ifndef XFN_MANIFEST_REBUILD_H
#define XFN_MANIFEST_REBUILD_H

#include "trigger_set.h"

/* What a function's triggers are from now on. */
struct xfn_retrigger {
	size_t function; /* in the manifest's functions */
	struct xfn_trigger_set triggers;
};

/*
 * @count @changes, ordered by function, each function once. The caller may still change functions of
 * the result. Returns 0, -E2BIG (more triggers or prefixes than a manifest may have) or -ENOMEM.
 */
int xfn_manifest_rebuild(const struct xfn_manifest *manifest, const struct xfn_retrigger *changes,
			 size_t count, struct xfn_manifest **ret);

/* A file that a manifest's `triggers_from` names. */
struct xfn_manifest_csv {
	const char *path; /* as written in the manifest */
	const char *data;
	size_t size;
};

/*
 * The manifest with the triggers of all its CSV files read: behind those that a function has in the
 * manifest itself. @strings gets the strings of the files. Returns 0; -EINVAL with diagnostics, one
 * of them for each file that is not among @files; -E2BIG; -ENOMEM.
 */
int xfn_manifest_load(const struct xfn_manifest *manifest, const struct xfn_manifest_csv *files,
		      size_t count, struct xfn_stringpool *strings, struct xfn_diag_list *diags,
		      struct xfn_manifest **ret);

#endif /* XFN_MANIFEST_REBUILD_H */
