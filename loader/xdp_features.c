/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "errnum.h"
#include "xdp_features.h"

/* <linux/netdev.h>, which headers of 6.1 do not have. */
#define NETDEV_FAMILY           "netdev"
#define NETDEV_CMD_DEV_GET      1
#define NETDEV_DEV_IFINDEX      1
#define NETDEV_DEV_XDP_FEATURES 3

enum { BUFFER_BYTES = 8192 };

/* The attribute that an answer is asked for. */
struct wanted {
	__u16 attribute;
	const struct nlattr *found;
};

static int take_attribute(const struct nlattr *attr, void *context)
{
	struct wanted *wanted = context;

	if (mnl_attr_get_type(attr) == wanted->attribute)
		wanted->found = attr;
	return MNL_CB_OK;
}

static int take_answer(const struct nlmsghdr *message, void *context)
{
	mnl_attr_parse(message, sizeof(struct genlmsghdr), take_attribute, context);
	return MNL_CB_STOP;
}

static struct nlmsghdr *start(char *buffer, __u16 family, __u8 command, __u8 version)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header;

	request->nlmsg_type = family;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = 1;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->cmd = command;
	header->version = version;
	return request;
}

/* Sends what stands in @buffer, and puts the answer there; @wanted points into it. */
static int ask(struct mnl_socket *socket, char *buffer, struct wanted *wanted)
{
	struct nlmsghdr *request = (struct nlmsghdr *)buffer;
	ssize_t bytes;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return xfn_errno();
	bytes = mnl_socket_recvfrom(socket, buffer, BUFFER_BYTES);
	if (bytes < 0 ||
	    mnl_cb_run(buffer, bytes, 1, mnl_socket_get_portid(socket), take_answer, wanted) < 0)
		return xfn_errno();
	return wanted->found ? 0 : -ENOENT;
}

/* Number of the netdev family; -EOPNOTSUPP before 6.3. */
static int find_family(struct mnl_socket *socket, char *buffer, __u16 *ret)
{
	struct wanted wanted = {.attribute = CTRL_ATTR_FAMILY_ID};
	struct nlmsghdr *request = start(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int err;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	err = ask(socket, buffer, &wanted);
	if (err < 0)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	*ret = mnl_attr_get_u16(wanted.found);
	return 0;
}

static int read_features(struct mnl_socket *socket, __u32 ifindex, __u64 *ret)
{
	struct wanted wanted = {.attribute = NETDEV_DEV_XDP_FEATURES};
	char buffer[BUFFER_BYTES];
	struct nlmsghdr *request;
	__u16 family = 0;
	int err;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return xfn_errno();
	err = find_family(socket, buffer, &family);
	if (err < 0)
		return err;
	request = start(buffer, family, NETDEV_CMD_DEV_GET, 1);
	mnl_attr_put_u32(request, NETDEV_DEV_IFINDEX, ifindex);
	err = ask(socket, buffer, &wanted);
	if (err < 0)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	if (mnl_attr_get_payload_len(wanted.found) < sizeof(*ret))
		return -EOPNOTSUPP;
	*ret = mnl_attr_get_u64(wanted.found);
	return 0;
}

int xfn_xdp_features_read(__u32 ifindex, __u64 *ret)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int err;

	if (!socket)
		return xfn_errno();
	err = read_features(socket, ifindex, ret);
	mnl_socket_close(socket);
	return err;
}

int xfn_xdp_driver(const char *driver)
{
	static const char *const native[] = {
		"atlantic",   "bnxt_en",       "bonding", "ena",     "fsl_dpaa2_eth",
		"fsl_enetc",  "hv_netvsc",     "i40e",    "ice",     "igb",
		"igc",        "ixgbe",         "ixgbevf", "mlx4_en", "mlx5_core",
		"mvneta",     "mvpp2",         "nfp",     "qede",    "sfc",
		"st_gmac",    "thunder-nicvf", "tun",     "veth",    "vif",
		"virtio_net",
	};
	static const char *const none[] = {
		"802.1Q VLAN Support",
		"8139cp",
		"8139too",
		"bridge",
		"dummy",
		"e1000",
		"e1000e",
		"ifb",
		"ipvlan",
		"macvlan",
		"openvswitch",
		"r8169",
		"team",
		"tg3",
		"vxlan",
		"wireguard",
	};
	size_t i;

	for (i = 0; i < sizeof(native) / sizeof(native[0]); i++)
		if (!strcmp(native[i], driver))
			return 1;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (!strcmp(none[i], driver))
			return 0;
	return -ENOENT;
}
