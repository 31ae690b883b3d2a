/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ACTIVITY_H
#define XFN_ACTIVITY_H

/*
 * When each function handled its last event, as far as looking at its counter now and then tells: a
 * counter that moved between two looks counts as an event at the second. A counter that is not zero at
 * the first look, such as after a start, counts as one at that look. So this errs on the side of
 * "lately", by the time between two looks, and after a start by as long as one cares about.
 */

#include <stddef.h>
#include <linux/types.h>

struct xfn_activity;

/* Returns NULL without memory. */
struct xfn_activity *xfn_activity_new(void);
void xfn_activity_free(struct xfn_activity *activity); /* takes NULL */

/*
 * Takes a look: the owner of @slot, which @identity tells apart from others before and after it, has
 * handled @events. Times are of any clock that does not go back. Returns 0 or -ENOMEM.
 */
int xfn_activity_note(struct xfn_activity *activity, __u32 slot, __u64 identity, __u64 events,
		      __u64 now_ns);

/* When the counter was last seen to have moved; 0: never, or nothing is known of that identity. */
__u64 xfn_activity_moved(const struct xfn_activity *activity, __u32 slot, __u64 identity);

#endif
