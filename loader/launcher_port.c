/* SPDX-License-Identifier: BSD-2-Clause */
/* A veth pair whose far end is alone in a network namespace of its own. In the launcher's process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <bpf/libbpf.h>

#include "errnum.h"
#include "fd.h"
#include "launcher_private.h"
#include "netlink_parse.h"

static int change(struct nlmsghdr *request)
{
	return xfn_netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
}

static struct nlmsghdr *start(char *buffer, __u16 flags, __u32 ifindex, __u32 set)
{
	struct nlmsghdr *request = xfn_netlink_request(buffer, RTM_NEWLINK, NLM_F_ACK | flags);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ifi_index = (int)ifindex;
	header->ifi_flags = set;
	header->ifi_change = set;
	return request;
}

/* One queue each: the far end's socket is bound to it. */
static void put_shape(struct nlmsghdr *request, __u32 mtu)
{
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
	mnl_attr_put_u32(request, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(request, IFLA_NUM_RX_QUEUES, 1);
}

static int make_pair(const char *name, __u32 mtu, int netns_fd)
{
	char buffer[1024];
	struct nlmsghdr *request = start(buffer, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	struct nlattr *info, *data, *peer;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	put_shape(request, mtu);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, XFN_PORT_FAR_NAME);
	put_shape(request, mtu);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (__u32)netns_fd);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return change(request);
}

/* No IPv6 address by itself: neighbour discovery would come out of it as replies. */
static int make_silent(__u32 ifindex)
{
	char buffer[256];
	struct nlmsghdr *request = start(buffer, 0, ifindex, 0);
	struct nlattr *families = mnl_attr_nest_start(request, IFLA_AF_SPEC);
	struct nlattr *family = mnl_attr_nest_start(request, AF_INET6);
	int err;

	mnl_attr_put_u8(request, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(request, family);
	mnl_attr_nest_end(request, families);
	err = change(request);
	return err == -EAFNOSUPPORT || err == -EINVAL ? 0 : err; /* a kernel without IPv6 */
}

static int bring_up(const char *name, __u32 *ret_ifindex)
{
	char buffer[256];
	struct xfn_link link;
	int err = xfn_link_find(name, &link);

	if (err)
		return err;
	*ret_ifindex = link.ifindex;
	return make_silent(link.ifindex) ?: change(start(buffer, 0, link.ifindex, IFF_UP));
}

/* In the new namespace. */
static int make_far(int program_fd)
{
	__u32 ifindex;
	int err = bring_up(XFN_PORT_FAR_NAME, &ifindex);

	return err ?: bpf_xdp_attach((int)ifindex, program_fd, XDP_FLAGS_DRV_MODE, NULL);
}

static int own_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? xfn_errno() : fd;
}

static int enter(int netns_fd)
{
	return setns(netns_fd, CLONE_NEWNET) < 0 ? xfn_errno() : 0;
}

/* Whatever happens between, the launcher is back where it was, or ends: elsewhere it would do harm. */
static void come_back(int home)
{
	if (enter(home))
		_exit(1);
}

static int make_netns(int home)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return xfn_errno();
	fd = own_netns();
	come_back(home);
	return fd;
}

static int make_port(const struct xfn_launcher_question *question, int home, int netns_fd,
		     int far_program_fd, __u32 *ret_ifindex)
{
	int err = make_pair(question->port.name, question->port.mtu, netns_fd);

	if (!err)
		err = bring_up(question->port.name, ret_ifindex);
	if (!err)
		err = enter(netns_fd);
	if (err)
		return err;
	err = make_far(far_program_fd);
	come_back(home);
	return err;
}

int xfn_launcher_answer_port(const struct xfn_launcher_question *question, int far_program_fd,
			     struct xfn_launcher_answer *answer, int *ret_netns_fd)
{
	int home = own_netns(), netns_fd, err;
	__u32 ifindex;

	if (home < 0)
		return home;
	if (strnlen(question->port.name, IFNAMSIZ) == IFNAMSIZ ||
	    strncmp(question->port.name, XFN_PORT_NEAR_PREFIX, strlen(XFN_PORT_NEAR_PREFIX))) {
		close(home);
		return -EINVAL;
	}
	netns_fd = make_netns(home);
	err = netns_fd < 0 ? netns_fd
			   : make_port(question, home, netns_fd, far_program_fd, &ifindex);
	if (err)
		xfn_fd_close(&netns_fd); /* the pair goes with it */
	else
		answer->value = (__s32)ifindex;
	*ret_netns_fd = netns_fd;
	close(home);
	return err;
}

/* In the port's namespace. */
static int make_far_socket(struct xfn_launcher_answer *answer)
{
	struct xfn_link far;
	int err = xfn_link_find(XFN_PORT_FAR_NAME, &far);
	int fd = err ? err : socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	answer->value = err ? 0 : (__s32)far.ifindex;
	return !err && fd < 0 ? xfn_errno() : fd;
}

int xfn_launcher_answer_far_socket(int netns_fd, struct xfn_launcher_answer *answer, int *ret_fd)
{
	int home = own_netns(), err = home < 0 ? home : enter(netns_fd);

	if (!err) {
		*ret_fd = make_far_socket(answer);
		come_back(home);
		err = *ret_fd < 0 ? *ret_fd : 0;
	}
	xfn_fd_close(&home);
	return err;
}
