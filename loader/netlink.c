/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "errnum.h"
#include "netlink_parse.h"

enum {
	BUFFER_BYTES = 32768, /* the largest datagram that the kernel makes of a dump */
	ROOM_FIRST = 16,
	DUMP_TRIES = 5,
};

const char *xfn_xdp_mode_name(enum xfn_xdp_mode mode)
{
	static const char *const names[XFN_XDP_MODE_COUNT] = {
		[XFN_XDP_NATIVE] = "native",
		[XFN_XDP_GENERIC] = "generic",
		[XFN_XDP_OFFLOAD] = "offload",
	};

	return names[mode];
}

bool xfn_link_is_up(const struct xfn_link *link)
{
	return link->flags & IFF_UP;
}

bool xfn_link_is_running(const struct xfn_link *link)
{
	/* IFF_LOWER_UP; <linux/if.h> has it and cannot stand beside <net/if.h>. */
	return (link->flags & IFF_UP) && (link->flags & 1U << 16);
}

/* ---- one question, and what comes back -------------------------------------------------------- */

int xfn_netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	char buffer[BUFFER_BYTES];
	ssize_t bytes;
	int code = -1;

	if (!socket)
		return xfn_errno();
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    mnl_socket_sendto(socket, request, request->nlmsg_len) >= 0) {
		do {
			bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
			if (bytes < 0) {
				code = -1;
				break;
			}
			code = mnl_cb_run(buffer, bytes, request->nlmsg_seq,
					  mnl_socket_get_portid(socket), take, context);
		} while (code > MNL_CB_STOP);
	}
	code = code < 0 ? xfn_errno() : 0;
	mnl_socket_close(socket);
	return code;
}

static int ask(struct nlmsghdr *request, mnl_cb_t take, void *context)
{
	return xfn_netlink_ask(NETLINK_ROUTE, request, take, context);
}

struct nlmsghdr *xfn_netlink_request(char *buffer, __u16 type, __u16 flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = 1; /* a socket asks once */
	return request;
}

static struct nlmsghdr *start_link_request(char *buffer, __u16 flags, __u32 ifindex)
{
	struct nlmsghdr *request = xfn_netlink_request(buffer, RTM_GETLINK, flags);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	header->ifi_index = ifindex;
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return request;
}

/* ---- one link ---------------------------------------------------------------------------------- */

struct found_link {
	bool found;
	struct xfn_link link;
};

static int take_link(const struct nlmsghdr *message, void *context)
{
	struct found_link *found = context;

	if (message->nlmsg_type == RTM_NEWLINK && xfn_link_parse(message, &found->link) == 0)
		found->found = true;
	return MNL_CB_STOP;
}

static int ask_link(struct nlmsghdr *request, struct xfn_link *ret)
{
	struct found_link found = {0};
	int err = ask(request, take_link, &found);

	if (err < 0)
		return err;
	if (!found.found)
		return -ENODEV;
	*ret = found.link;
	return 0;
}

int xfn_link_find(const char *name, struct xfn_link *ret)
{
	char buffer[256];
	struct nlmsghdr *request;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	request = start_link_request(buffer, 0, 0);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return ask_link(request, ret);
}

int xfn_link_get(__u32 ifindex, __s32 nsid, struct xfn_link *ret)
{
	char buffer[256];
	struct nlmsghdr *request = start_link_request(buffer, 0, ifindex);

	if (nsid >= 0)
		mnl_attr_put_u32(request, IFLA_TARGET_NETNSID, nsid);
	return ask_link(request, ret);
}

/* ---- everything -------------------------------------------------------------------------------- */

static int take_state(const struct nlmsghdr *message, void *context)
{
	struct xfn_netlink_state *state = context;
	struct xfn_link link, *links;
	struct xfn_address address, *addresses;

	if (message->nlmsg_type == RTM_NEWLINK && xfn_link_parse(message, &link) == 0) {
		links = xfn_array_grow(state->links, state->link_count, sizeof(link), ROOM_FIRST);
		if (!links)
			goto err_memory;
		state->links = links;
		links[state->link_count++] = link;
	}
	if (message->nlmsg_type == RTM_NEWADDR && xfn_address_parse(message, &address) == 0) {
		addresses = xfn_array_grow(state->addresses, state->address_count, sizeof(address),
					   ROOM_FIRST);
		if (!addresses)
			goto err_memory;
		state->addresses = addresses;
		addresses[state->address_count++] = address;
	}
	return MNL_CB_OK;

err_memory:
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static int dump(struct xfn_netlink_state *state)
{
	char buffer[256];
	struct nlmsghdr *request = start_link_request(buffer, NLM_F_DUMP, 0);
	struct ifaddrmsg *header;
	int err = ask(request, take_state, state);

	if (err < 0)
		return err;
	request = xfn_netlink_request(buffer, RTM_GETADDR, NLM_F_DUMP);
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->ifa_family = AF_UNSPEC;
	return ask(request, take_state, state);
}

int xfn_netlink_read(struct xfn_netlink_state *ret)
{
	struct xfn_netlink_state state = {0};
	int tries = 0, err;

	do {
		xfn_netlink_state_fini(&state);
		err = dump(&state);
	} while (err == -EINTR && ++tries < DUMP_TRIES);
	if (err < 0) {
		xfn_netlink_state_fini(&state);
		return err;
	}
	*ret = state;
	return 0;
}

void xfn_netlink_state_fini(struct xfn_netlink_state *state)
{
	xfn_free(state->links);
	xfn_free(state->addresses);
	*state = (struct xfn_netlink_state){0};
}

const struct xfn_link *xfn_netlink_state_link(const struct xfn_netlink_state *state, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < state->link_count; i++)
		if (state->links[i].ifindex == ifindex)
			return &state->links[i];
	return NULL;
}

const struct xfn_link *xfn_netlink_state_name(const struct xfn_netlink_state *state,
					      const char *name)
{
	size_t i;

	for (i = 0; i < state->link_count; i++)
		if (!strcmp(state->links[i].name, name))
			return &state->links[i];
	return NULL;
}
