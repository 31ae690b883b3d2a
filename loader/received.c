/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>

#include <libmnl/libmnl.h>

#include "errnum.h"
#include "received.h"

/*
 * Drivers whose rx_packets is the number of packets that XDP saw, in native and in generic mode,
 * whatever XDP did with them. veth: measured on 6.18 for drop, pass and tx.
 */
static const char *const drivers[] = {"veth"};

static int read_driver(const char *name, char *driver, size_t size)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return xfn_errno();
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	err = ioctl(fd, SIOCETHTOOL, &request) ? xfn_errno() : 0;
	close(fd);
	if (!err)
		snprintf(driver, size, "%.*s", (int)sizeof(info.driver), info.driver);
	return err;
}

static bool counts_what_xdp_sees(const char *driver)
{
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

/* As far as they are read here; as long since 2.6.35. */
#define STATISTICS_BYTES offsetof(struct rtnl_link_stats64, multicast)

static int on_statistics(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct if_stats_msg))
	{
		if (mnl_attr_get_type(attribute) != IFLA_STATS_LINK_64 ||
		    mnl_attr_get_payload_len(attribute) < STATISTICS_BYTES)
			continue;
		/* Newer kernels give more; its address may not be a multiple of 8. */
		memcpy(context, mnl_attr_get_payload(attribute), STATISTICS_BYTES);
		return MNL_CB_OK;
	}
	errno = ENODATA;
	return MNL_CB_ERROR;
}

/* By netlink: what is mounted on /sys may be another network namespace's. */
static int ask_statistics(struct mnl_socket *rtnl, __u32 ifindex, struct rtnl_link_stats64 *ret)
{
	char buffer[4096] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct if_stats_msg *request;
	ssize_t length;

	message->nlmsg_type = RTM_GETSTATS; /* since 4.7 */
	message->nlmsg_flags = NLM_F_REQUEST;
	request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	request->ifindex = ifindex;
	request->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	if (mnl_socket_bind(rtnl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(rtnl, message, message->nlmsg_len) < 0)
		return xfn_errno();
	length = mnl_socket_recvfrom(rtnl, buffer, sizeof(buffer));
	if (length < 0 || mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(rtnl),
				     on_statistics, ret) < 0)
		return xfn_errno();
	return 0;
}

static int read_statistics(__u32 ifindex, struct rtnl_link_stats64 *ret)
{
	struct mnl_socket *rtnl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!rtnl)
		return xfn_errno();
	err = ask_statistics(rtnl, ifindex, ret);
	mnl_socket_close(rtnl);
	return err;
}

int xfn_interface_sent(__u32 ifindex, struct xfn_sent *ret)
{
	struct rtnl_link_stats64 statistics;
	int err = read_statistics(ifindex, &statistics);

	if (!err)
		*ret = (struct xfn_sent){statistics.tx_packets, statistics.tx_dropped};
	return err;
}

int xfn_interface_received(const char *name, __u64 *ret)
{
	__u32 ifindex = if_nametoindex(name);
	struct rtnl_link_stats64 statistics;
	char driver[33];
	int err;

	if (!ifindex)
		return -ENODEV;
	err = read_driver(name, driver, sizeof(driver));
	if (err)
		return err;
	if (!counts_what_xdp_sees(driver))
		return -EOPNOTSUPP;
	err = read_statistics(ifindex, &statistics);
	if (!err)
		*ret = statistics.rx_packets;
	return err;
}
