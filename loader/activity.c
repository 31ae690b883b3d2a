/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "activity.h"

struct seen {
	__u64 identity; /* 0: nobody yet */
	__u64 events;
	__u64 moved_ns;
};

struct xfn_activity {
	struct seen *seen; /* by slot */
	__u32 count;
};

struct xfn_activity *xfn_activity_new(void)
{
	return calloc(1, sizeof(struct xfn_activity));
}

void xfn_activity_free(struct xfn_activity *activity)
{
	if (!activity)
		return;
	free(activity->seen);
	free(activity);
}

static int make_room(struct xfn_activity *activity, __u32 slot)
{
	__u32 count = activity->count ? activity->count : 64, i;
	struct seen *grown;

	if (slot < activity->count)
		return 0;
	while (count <= slot)
		count *= 2;
	grown = reallocarray(activity->seen, count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (i = activity->count; i < count; i++)
		grown[i] = (struct seen){0};
	activity->seen = grown;
	activity->count = count;
	return 0;
}

int xfn_activity_note(struct xfn_activity *activity, __u32 slot, __u64 identity, __u64 events,
		      __u64 now_ns)
{
	int err = make_room(activity, slot);
	struct seen *seen;

	if (err)
		return err;
	seen = &activity->seen[slot];
	if (seen->identity != identity)
		*seen = (struct seen){.identity = identity};
	if (seen->events != events)
		seen->moved_ns = now_ns;
	seen->events = events;
	return 0;
}

__u64 xfn_activity_moved(const struct xfn_activity *activity, __u32 slot, __u64 identity)
{
	const struct seen *seen;

	if (slot >= activity->count)
		return 0;
	seen = &activity->seen[slot];
	return seen->identity == identity ? seen->moved_ns : 0;
}
