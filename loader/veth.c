/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "launcher.h"
#include "netlink_parse.h"
#include "veth.h"

enum { ALIAS_BYTES = 256 }; /* IFALIASZ of linux/if.h, which does not go with net/if.h */

static struct nlmsghdr *ask_of(char *buffer, __u16 type, __u16 flags, __u32 ifindex)
{
	struct nlmsghdr *request = xfn_netlink_request(buffer, type, flags);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ifi_index = (int)ifindex;
	return request;
}

/* The number may be another interface's by now: only what has our name is ours. */
int xfn_veth_remove(__u32 ifindex)
{
	char buffer[256];
	struct xfn_link link;
	int err = ifindex ? xfn_link_get(ifindex, -1, &link) : -ENODEV;

	if (!err && (strcmp(link.kind, "veth") ||
		     strncmp(link.name, XFN_PORT_NEAR_PREFIX, strlen(XFN_PORT_NEAR_PREFIX))))
		err = -ENODEV;
	if (err)
		return err == -ENODEV ? 0 : err;
	err = xfn_netlink_ask(NETLINK_ROUTE, ask_of(buffer, RTM_DELLINK, NLM_F_ACK, ifindex), NULL,
			      NULL);
	return err == -ENODEV ? 0 : err;
}

/* ---- whose it is ---------------------------------------------------------------------------------------- */

static void write_mark(char mark[ALIAS_BYTES], const char *owner)
{
	snprintf(mark, ALIAS_BYTES, "xfn %s", owner);
}

int xfn_veth_mark(__u32 ifindex, const char *owner)
{
	char buffer[512], mark[ALIAS_BYTES];
	struct nlmsghdr *request = ask_of(buffer, RTM_NEWLINK, NLM_F_ACK, ifindex);

	write_mark(mark, owner);
	mnl_attr_put_str(request, IFLA_IFALIAS, mark);
	return xfn_netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
}

struct looked_for {
	const char *mark;
	bool found;
};

static int compare_alias(const struct nlattr *attr, void *context)
{
	struct looked_for *looked_for = context;

	if (mnl_attr_get_type(attr) == IFLA_IFALIAS &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		looked_for->found = !strcmp(mnl_attr_get_str(attr), looked_for->mark);
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	if (message->nlmsg_type == RTM_NEWLINK)
		mnl_attr_parse(message, sizeof(struct ifinfomsg), compare_alias, context);
	return MNL_CB_STOP;
}

bool xfn_veth_is_marked(__u32 ifindex, const char *owner)
{
	char buffer[256], mark[ALIAS_BYTES];
	struct looked_for looked_for = {.mark = mark};

	write_mark(mark, owner);
	return ifindex &&
	       !xfn_netlink_ask(NETLINK_ROUTE, ask_of(buffer, RTM_GETLINK, 0, ifindex), take_link,
				&looked_for) &&
	       looked_for.found;
}
