/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_NETLINK_PARSE_H
#define XFN_NETLINK_PARSE_H

/* One rtnetlink message into one struct; shared by dump and monitor. */

#include <libmnl/libmnl.h>

#include "netlink.h"

/*
 * RTM_NEWLINK or RTM_DELLINK. Returns 0, or -ENOMSG for what is not about the link itself (bridge
 * ports, wireless events) or is malformed.
 */
int xfn_link_parse(const struct nlmsghdr *message, struct xfn_link *ret);

/* RTM_NEWADDR or RTM_DELADDR. Returns 0, or -ENOMSG for other families and malformed messages. */
int xfn_address_parse(const struct nlmsghdr *message, struct xfn_address *ret);

/* Links are compared as bytes. */
_Static_assert(sizeof(struct xfn_link) == 8 + 2 * IFNAMSIZ + 6 + 2 + 16 + 4 * XFN_XDP_MODE_COUNT,
	       "struct xfn_link has no padding");

#endif
