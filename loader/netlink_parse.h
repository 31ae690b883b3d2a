/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_NETLINK_PARSE_H
#define XFN_NETLINK_PARSE_H

/* Questions to netlink, and one rtnetlink message into one struct; shared by dump and monitor. */

#include <libmnl/libmnl.h>

#include "netlink.h"

/* Starts a request in @buffer, to which the caller adds what it asks. */
struct nlmsghdr *xfn_netlink_request(char *buffer, __u16 type, __u16 flags);

/*
 * Sends @request on a socket of its own (@bus: NETLINK_ROUTE, ...) and calls @take for each message of
 * the answer, until it returns less than MNL_CB_OK or the answer ends. Returns 0 or -errno: the
 * kernel's own, or -EINTR for a dump that changes cut through.
 */
int xfn_netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context);

/*
 * RTM_NEWLINK or RTM_DELLINK. Returns 0, or -ENOMSG for what is not about the link itself (bridge
 * ports, wireless events) or is malformed.
 */
int xfn_link_parse(const struct nlmsghdr *message, struct xfn_link *ret);

/* RTM_NEWADDR or RTM_DELADDR. Returns 0, or -ENOMSG for other families and malformed messages. */
int xfn_address_parse(const struct nlmsghdr *message, struct xfn_address *ret);

/* Links are compared as bytes. */
_Static_assert(sizeof(struct xfn_link) == 8 + 2 * IFNAMSIZ + 6 + 2 + 24 + 4 * XFN_XDP_MODE_COUNT,
	       "struct xfn_link has no padding");

#endif
