/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TARGETS_H
#define XFN_TARGETS_H

/*
 * Where functions deliver by redirect: elements of xfn_targets, and behind them of xfn_devs and
 * xfn_cpus.
 *
 * An element of xfn_targets never changes while a generation names it. Functions that want the same
 * share one. Who fills the idle generation asks for each function's target, which marks it as wanted
 * by the next generation; when that is live, what only its predecessor wanted is let go.
 *
 * All elements are in pinned maps and outlive this process; which of them are live is read from the
 * live configs at a start.
 */

#include "dataplane.h"

struct xfn_targets {
	struct xfn_dataplane *dataplane;
	bool live[XFN_TARGETS_MAX];
	bool next[XFN_TARGETS_MAX];
	bool unswept; /* something is left over from an earlier generation */
};

#define XFN_TARGET_NONE 0xffffffffU /* an index that is no element: no_target */

/* Starts out with the elements that the live configs of all function slots name. */
void xfn_targets_init(struct xfn_targets *targets, struct xfn_dataplane *dataplane);

/*
 * Finds or fills the element that says @wanted, whose `device` is chosen here, for the next
 * generation, and enters its device or CPUs. Returns 0, or -errno (-ENOSPC: all are taken; what the
 * kernel says of a device or CPU).
 */
int xfn_targets_want(struct xfn_targets *targets, const struct xfn_target *wanted, __u32 *ret);

/* True if the generation being filled wants any. */
bool xfn_targets_any_next(const struct xfn_targets *targets);

/* The next generation will not come: what was wanted for it is as before. */
void xfn_targets_forget(struct xfn_targets *targets);

/*
 * The next generation is live. Says whether something is left over that nobody wants, of this change or
 * an earlier one, which xfn_targets_sweep() takes away once no packet is under way by the one before.
 */
bool xfn_targets_commit(struct xfn_targets *targets);
void xfn_targets_sweep(struct xfn_targets *targets);

/* Enters a live device again whose interface was made anew under the same number. */
void xfn_targets_refill(const struct xfn_targets *targets);

/* ---- for the readers -------------------------------------------------------------------------------- */

/* The element that the live config of a function slot names, or NULL. */
const struct xfn_target *xfn_targets_of(const struct xfn_dataplane *dataplane, __u32 slot);

/* True if the interface is there that the live config of a function slot names. */
bool xfn_targets_has_device(const struct xfn_dataplane *dataplane, __u32 slot);

/* Events handed to XFN_HANDED_... so far. Returns 0 or -errno. */
int xfn_targets_handed(const struct xfn_dataplane *dataplane, __u32 index, __u64 *ret);

#endif
