/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Triggers of one function as a set that changes: what is in it is found by content, whichever
 * manifest it came from and wherever it stood there. Order is kept. All triggers are borrowed.
 */
#ifndef XFN_TRIGGER_SET_H
#define XFN_TRIGGER_SET_H

#include "manifest.h"

/* A trigger and the manifest that its prefixes are in. */
struct xfn_trigger_ref {
	const struct xfn_manifest *manifest;
	const struct xfn_trigger_spec *trigger; /* NULL: removed */
	const char *file; /* where it is said to be from; NULL: as its manifest says */
};

struct xfn_trigger_set {
	struct xfn_trigger_ref *refs; /* in order, with holes where some were removed */
	__u32 count;                  /* of refs */
	__u32 *table;                 /* open addressing: position in refs + 1, or 0 */
	__u32 cells;                  /* of the table, a power of two */
};

/* Whether two triggers say the same, in the same order of prefixes; places do not count. */
bool xfn_trigger_equal(const struct xfn_manifest *a, const struct xfn_trigger_spec *at,
		       const struct xfn_manifest *b, const struct xfn_trigger_spec *bt);

/* Equal for equal triggers. */
__u64 xfn_trigger_hash(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger);

/* Begin with those of @function, or with none if it is NULL. Returns 0 or -ENOMEM. */
int xfn_trigger_set_init(struct xfn_trigger_set *set, const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function);
void xfn_trigger_set_fini(struct xfn_trigger_set *set);

/* The one that equals @trigger of @manifest, or NULL. Valid until the next one is added. */
const struct xfn_trigger_ref *xfn_trigger_set_find(const struct xfn_trigger_set *set,
						   const struct xfn_manifest *manifest,
						   const struct xfn_trigger_spec *trigger);

/* Add one behind the others. 0, -EEXIST or -ENOMEM. */
int xfn_trigger_set_add(struct xfn_trigger_set *set, const struct xfn_trigger_ref *ref);

/* Add one that is not looked for, and will not be found. 0 or -ENOMEM. */
int xfn_trigger_set_push(struct xfn_trigger_set *set, const struct xfn_trigger_ref *ref);

/* Take one out. 0 or -ENOENT. */
int xfn_trigger_set_remove(struct xfn_trigger_set *set, const struct xfn_manifest *manifest,
			   const struct xfn_trigger_spec *trigger);

#endif /* XFN_TRIGGER_SET_H */
