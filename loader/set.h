/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_SET_H
#define XFN_SET_H

/*
 * A set of functions: what its user wrote, what was changed by command since, and what comes of both.
 * Counted, shared between models, immutable.
 */

#include "edit.h"
#include "written.h"

struct xfn_set {
	unsigned references;
	struct xfn_written *written;
	struct xfn_edit **edits; /* in the order they were made; each has an effect */
	size_t edit_count;
	/*
	 * The desired state: ->set is the set's name, ->file the manifest's path as typed. Functions
	 * are those of written->manifest, in its order; without edits it is that very manifest.
	 */
	struct xfn_manifest *manifest;
};

/*
 * Makes a set of @written, which is loaded, with @count @edits; references are taken. Edits that have
 * no effect are left out; @fates, where it is not NULL, says which. 0 or -errno.
 */
int xfn_set_new(struct xfn_written *written, struct xfn_edit *const *edits, size_t count,
		enum xfn_edit_fate *fates, struct xfn_set **ret);

/*
 * The set with one more edit, made by command: what does not fit is refused, in @diags. What the edit
 * makes good is no longer among the edits, and neither is the edit where it makes all good again.
 * Returns 0; -EALREADY: it would change nothing; -EEXIST, -ENOENT, -EINVAL as xfn_edits_apply();
 * -EDQUOT: too many edits; -E2BIG; -ENOMEM.
 */
int xfn_set_edit(const struct xfn_set *set, struct xfn_edit *edit, struct xfn_diag_list *diags,
		 struct xfn_set **ret);

struct xfn_set *xfn_set_get(struct xfn_set *set);
void xfn_set_put(struct xfn_set *set); /* takes NULL */

#endif
