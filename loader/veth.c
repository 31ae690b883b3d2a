/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "launcher.h"
#include "netlink_parse.h"
#include "veth.h"

/* The number may be another interface's by now: only what has our name is ours. */
int xfn_veth_remove(__u32 ifindex)
{
	char buffer[256];
	struct nlmsghdr *request;
	struct ifinfomsg *header;
	struct xfn_link link;
	int err = ifindex ? xfn_link_get(ifindex, -1, &link) : -ENODEV;

	if (!err && (strcmp(link.kind, "veth") ||
		     strncmp(link.name, XFN_PORT_NEAR_PREFIX, strlen(XFN_PORT_NEAR_PREFIX))))
		err = -ENODEV;
	if (err)
		return err == -ENODEV ? 0 : err;
	request = xfn_netlink_request(buffer, RTM_DELLINK, NLM_F_ACK);
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->ifi_index = (int)ifindex;
	err = xfn_netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
	return err == -ENODEV ? 0 : err;
}
