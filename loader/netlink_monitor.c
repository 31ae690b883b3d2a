/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows links and addresses. The kernel says RTM_NEWLINK for new, renamed and changed links
 * alike, and says it for much that is no change to us: a table of the links as they were tells
 * them apart.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "alloc.h"
#include "errnum.h"
#include "loop.h"
#include "netlink_parse.h"

enum {
	BUFFER_BYTES = 32768,
	DATAGRAMS_AT_ONCE = 64, /* then the loop's other sources have their turn */
	ROOM_FIRST = 16,
};

struct xfn_netlink {
	struct mnl_socket *socket;
	struct xfn_source *source; /* NULL without a loop */
	xfn_netlink_fn *fn;
	void *context;
	struct xfn_netlink_state known; /* links only */
};

static void tell_link(struct xfn_netlink *netlink, enum xfn_netlink_kind kind,
		      const struct xfn_link *link, const char *old_name)
{
	netlink->fn(netlink->context,
		    &(struct xfn_netlink_event){.kind = kind, .link = link, .old_name = old_name});
}

static struct xfn_link *known_link(struct xfn_netlink *netlink, __u32 ifindex)
{
	/* Ours to write; the look-up is const for everybody else. */
	return (struct xfn_link *)xfn_netlink_state_link(&netlink->known, ifindex);
}

static int add_link(struct xfn_netlink *netlink, const struct xfn_link *link)
{
	struct xfn_netlink_state *known = &netlink->known;
	struct xfn_link *links =
		xfn_array_grow(known->links, known->link_count, sizeof(*link), ROOM_FIRST);

	if (!links)
		return -ENOMEM;
	known->links = links;
	links[known->link_count++] = *link;
	tell_link(netlink, XFN_LINK_ADDED, link, NULL);
	return 0;
}

static int on_new_link(struct xfn_netlink *netlink, const struct nlmsghdr *message)
{
	struct xfn_link link, old, *known;

	if (xfn_link_parse(message, &link) < 0)
		return 0;
	known = known_link(netlink, link.ifindex);
	if (!known)
		return add_link(netlink, &link);
	old = *known;
	*known = link;
	if (strcmp(old.name, link.name))
		tell_link(netlink, XFN_LINK_RENAMED, &link, old.name);
	else if (memcmp(&old, &link, sizeof(link))) /* no padding in it, and zeros behind names */
		tell_link(netlink, XFN_LINK_CHANGED, &link, NULL);
	return 0;
}

static int on_del_link(struct xfn_netlink *netlink, const struct nlmsghdr *message)
{
	struct xfn_netlink_state *known = &netlink->known;
	struct xfn_link link, *gone;

	if (xfn_link_parse(message, &link) < 0)
		return 0;
	gone = known_link(netlink, link.ifindex);
	if (!gone)
		return 0;
	link = *gone;
	*gone = known->links[known->link_count - 1];
	known->link_count--;
	tell_link(netlink, XFN_LINK_REMOVED, &link, NULL);
	return 0;
}

static int on_address(struct xfn_netlink *netlink, const struct nlmsghdr *message)
{
	struct xfn_address address;

	if (xfn_address_parse(message, &address) < 0)
		return 0;
	netlink->fn(netlink->context,
		    &(struct xfn_netlink_event){.kind = message->nlmsg_type == RTM_NEWADDR
								? XFN_ADDRESS_ADDED
								: XFN_ADDRESS_REMOVED,
						.address = &address});
	return 0;
}

static int take_message(const struct nlmsghdr *message, void *context)
{
	static const struct {
		__u16 type;
		int (*take)(struct xfn_netlink *, const struct nlmsghdr *);
	} messages[] = {
		{RTM_NEWLINK, on_new_link},
		{RTM_DELLINK, on_del_link},
		{RTM_NEWADDR, on_address},
		{RTM_DELADDR, on_address},
	};
	size_t i;
	int err;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].type != message->nlmsg_type)
			continue;
		err = messages[i].take(context, message);
		if (err < 0) {
			errno = -err;
			return MNL_CB_ERROR;
		}
	}
	return MNL_CB_OK;
}

/* Reads the links again. Keeps the old ones where that fails: a later change is then told twice. */
static int read_links(struct xfn_netlink *netlink)
{
	struct xfn_netlink_state state = {0};
	int err = xfn_netlink_read(&state);

	if (err < 0)
		return err;
	xfn_netlink_state_fini(&netlink->known);
	netlink->known = state;
	return 0;
}

/*
 * Messages were lost. What is still queued is thrown away first: it may be older than what is read
 * next, and would be told as a change back.
 */
static int resync(struct xfn_netlink *netlink)
{
	const struct xfn_netlink_event event = {.kind = XFN_NETLINK_RESYNC};
	char byte;
	int err;

	while (recv(xfn_netlink_fd(netlink), &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	err = read_links(netlink);
	netlink->fn(netlink->context, &event);
	return err;
}

/* Returns 1 if something was there, 0 if nothing is left, or -errno. */
static int dispatch_one(struct xfn_netlink *netlink)
{
	char buffer[BUFFER_BYTES];
	ssize_t bytes = recv(xfn_netlink_fd(netlink), buffer, sizeof(buffer), MSG_DONTWAIT);
	int err;

	if (bytes < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR)
			return 1;
		if (errno != ENOBUFS)
			return xfn_errno();
		err = resync(netlink);
		return err < 0 ? err : 1;
	}
	/* Sequence and port are those of whoever made the change. */
	return mnl_cb_run(buffer, bytes, 0, 0, take_message, netlink) < 0 ? xfn_errno() : 1;
}

int xfn_netlink_dispatch(struct xfn_netlink *netlink)
{
	int i, left = 1;

	for (i = 0; i < DATAGRAMS_AT_ONCE && left > 0; i++)
		left = dispatch_one(netlink);
	return left < 0 ? left : 0;
}

static void on_readable(void *context, int fd, __u32 events)
{
	struct xfn_netlink *netlink = context;

	(void)fd;
	(void)events;
	/* What could not be taken is as good as lost. */
	if (xfn_netlink_dispatch(netlink) < 0)
		resync(netlink);
}

int xfn_netlink_open(struct xfn_loop *loop, xfn_netlink_fn *fn, void *context,
		     struct xfn_netlink **ret)
{
	struct xfn_netlink *netlink = xfn_alloc(sizeof(*netlink));
	int err;

	if (!netlink)
		return -ENOMEM;
	netlink->fn = fn;
	netlink->context = context;
	netlink->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!netlink->socket ||
	    mnl_socket_bind(netlink->socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
			    MNL_SOCKET_AUTOPID) < 0)
		err = xfn_errno();
	else
		err = read_links(netlink); /* after the bind, so that no change falls between */
	if (!err && loop)
		err = xfn_loop_add_io(loop, xfn_netlink_fd(netlink), EPOLLIN, on_readable, netlink,
				      &netlink->source);
	if (err < 0) {
		xfn_netlink_close(netlink);
		return err;
	}
	*ret = netlink;
	return 0;
}

void xfn_netlink_close(struct xfn_netlink *netlink)
{
	if (!netlink)
		return;
	xfn_source_free(netlink->source);
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	xfn_netlink_state_fini(&netlink->known);
	xfn_free(netlink);
}

int xfn_netlink_fd(const struct xfn_netlink *netlink)
{
	return mnl_socket_get_fd(netlink->socket);
}
