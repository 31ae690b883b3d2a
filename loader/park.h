/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PARK_LOADER_H
#define XFN_PARK_LOADER_H

/*
 * The keeper's sockets, as the data plane sees them: where events of functions that have no instance ready
 * go, by interface and rx queue (docs/adr/0013-ports.md). Whether a function's events go there at all is
 * XFN_PORT_PARKS of its port.
 *
 * An element keeps no socket: it goes when the socket's last descriptor is closed, in whatever process.
 * Which elements are there the kernel tells nobody: whoever holds the sockets has to know.
 *
 * Functions return 0 or -errno.
 */

#include <linux/types.h>

#include "dataplane.h"
#include "xfn/park.h"

/*
 * From now on events that came by rx queue @queue of interface slot @slot wait at @xsk_fd, which stays
 * the caller's and should be bound to just that queue. Another socket that is there goes. -EINVAL: no such
 * slot, or no queue below XFN_PARK_QUEUES; -EOPNOTSUPP: no AF_XDP socket.
 */
int xfn_park_enter(const struct xfn_dataplane *dataplane, __u32 slot, __u32 queue, int xsk_fd);
/*
 * From now on none goes there, though some may be on their way until the next xfn_dataplane_barrier().
 * No error where there is no socket.
 */
int xfn_park_leave(const struct xfn_dataplane *dataplane, __u32 slot, __u32 queue);

#endif
