/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_SOCKET_DROPS_H
#define XFN_SOCKET_DROPS_H

/*
 * What the kernel says that sockets of this network namespace have dropped: UDP sockets datagrams, for a
 * full buffer or a wrong checksum; TCP listeners connections, for a full backlog. Asked through
 * sock_diag; where the kernel lacks it, UDP is read from /proc/net/udp, and of TCP only the figure of the
 * whole namespace is known.
 */

#include <stddef.h>
#include <linux/types.h>

#include "manifest.h"

struct xfn_socket_drops {
	__u64 cookie;  /* tells sockets apart, for as long as they live */
	__u16 port;    /* host order; 0: the whole namespace's */
	__u8 protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 reserved;
	__u32 drops; /* since it was made; wraps */
};

/* Reads those that have dropped anything. *ret is to be freed. Returns 0 or -errno. */
int xfn_socket_drops_read(struct xfn_socket_drops **ret, size_t *ret_count);

/* True if the socket is on a port of the function's triggers. */
bool xfn_socket_is_of(const struct xfn_socket_drops *socket, const struct xfn_manifest *manifest,
		      const struct xfn_function_spec *spec);

#endif
