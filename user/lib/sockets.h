/* SPDX-License-Identifier: BSD-2-Clause */
/* The listening sockets of a function whose program is given them: what its triggers ask for. */
#ifndef XFN_SOCKETS_H
#define XFN_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest.h"

#define XFN_LISTEN_PORTS_MAX 16 /* in one trigger's range */
#define XFN_SOCKETS_MAX      16 /* of one function */

/* One that is wanted, by address; or, with @own, at all addresses of this host. */
struct xfn_socket_wanted {
	__u8 protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	bool own;
	__u16 port;
	struct xfn_prefix address; /* of one host; zeros with @own */
};

/*
 * Why no listening socket can serve @trigger, as "a range of more than 16 ports"; NULL: one can.
 * *ret_expected completes "expected ...".
 */
const char *xfn_trigger_not_listened(const struct xfn_manifest *manifest,
				     const struct xfn_trigger_spec *trigger,
				     const char **ret_expected);

/*
 * What the triggers of @function ask for, in their order, each once. Returns how many that are, of which at most
 * XFN_SOCKETS_MAX are in @ret.
 */
__u32 xfn_sockets_wanted(const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function,
			 struct xfn_socket_wanted ret[XFN_SOCKETS_MAX]);

#endif /* XFN_SOCKETS_H */
