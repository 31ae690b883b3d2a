/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include <bpf/bpf.h>

#include "errnum.h"
#include "park.h"

static int index_of(__u32 slot, __u32 queue, __u32 *ret)
{
	if (slot >= XFN_INTERFACES_MAX || queue >= XFN_PARK_QUEUES)
		return -EINVAL;
	*ret = XFN_PARK_INDEX(slot, queue);
	return 0;
}

int xfn_park_enter(const struct xfn_dataplane *dataplane, __u32 slot, __u32 queue, int xsk_fd)
{
	int map = dataplane->map_fd[XFN_MAP_PARKING], err;
	__u32 index;

	err = index_of(slot, queue, &index);
	if (!err && bpf_map_update_elem(map, &index, &xsk_fd, 0))
		err = xfn_errno();
	return err;
}

int xfn_park_leave(const struct xfn_dataplane *dataplane, __u32 slot, __u32 queue)
{
	int map = dataplane->map_fd[XFN_MAP_PARKING], err;
	__u32 index;

	err = index_of(slot, queue, &index);
	/* The kernel takes away what is not there without a word, but versions may differ. */
	if (!err && bpf_map_delete_elem(map, &index) && errno != ENOENT)
		err = xfn_errno();
	return err;
}
