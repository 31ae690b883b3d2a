/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_NETNS_H
#define XFN_NETNS_H

/* Finds another network namespace by the number that this one knows it under. */

#include <stddef.h>
#include <linux/types.h>

/*
 * Looks for the namespace @nsid (a link's peer_nsid) among the named ones in /run/netns, then among
 * those of running processes. Fills @enter with words that enter it with nsenter(1):
 * "--net=/run/netns/NAME", or "--target PID --net".
 * *ret_fd: a descriptor of a named one, which the caller closes; -1 for one that only a process has.
 * Returns 0; -ENOENT where none is found, with @enter empty and *ret_fd -1; or another -errno.
 */
int xfn_netns_find(__s32 nsid, char *enter, size_t enter_bytes, int *ret_fd);

#endif
