/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink_parse.h"

/* Attributes of one level by type. Types above @max are newer than we are and skipped. */
struct attribute_index {
	const struct nlattr **table;
	unsigned max;
};

static int index_attribute(const struct nlattr *attr, void *context)
{
	const struct attribute_index *index = context;

	if (mnl_attr_get_type(attr) <= index->max)
		index->table[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void index_nested(const struct nlattr *nest, const struct nlattr **table, unsigned max)
{
	mnl_attr_parse_nested(nest, index_attribute, &(struct attribute_index){table, max});
}

/* False if the message is too short for a header of @header_bytes. */
static bool index_message(const struct nlmsghdr *message, size_t header_bytes,
			  const struct nlattr **table, unsigned max)
{
	size_t bytes = mnl_nlmsg_get_payload_len(message), skip = MNL_ALIGN(header_bytes);

	if (bytes < header_bytes)
		return false;
	/* mnl_attr_parse() rounds the length of the message up, beyond its end. */
	if (bytes > skip)
		mnl_attr_parse_payload(mnl_nlmsg_get_payload_offset(message, header_bytes),
				       bytes - skip, index_attribute,
				       &(struct attribute_index){table, max});
	return true;
}

static __u32 get_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= sizeof(__u32) ? mnl_attr_get_u32(attr) : 0;
}

/* @text has IFNAMSIZ bytes and is zeros before. */
static void get_name(const struct nlattr *attr, char *text)
{
	size_t bytes = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (bytes)
		memcpy(text, mnl_attr_get_payload(attr),
		       strnlen(mnl_attr_get_payload(attr),
			       bytes < IFNAMSIZ ? bytes : IFNAMSIZ - 1));
}

static void parse_xdp(const struct nlattr *nest, struct xfn_link *link)
{
	static const unsigned attribute[XFN_XDP_MODE_COUNT] = {
		[XFN_XDP_NATIVE] = IFLA_XDP_DRV_PROG_ID,
		[XFN_XDP_GENERIC] = IFLA_XDP_SKB_PROG_ID,
		[XFN_XDP_OFFLOAD] = IFLA_XDP_HW_PROG_ID,
	};
	const struct nlattr *attrs[IFLA_XDP_MAX + 1] = {0};
	int mode;

	index_nested(nest, attrs, IFLA_XDP_MAX);
	for (mode = 0; mode < XFN_XDP_MODE_COUNT; mode++)
		link->prog_id[mode] = get_u32(attrs[attribute[mode]]);
}

static __u32 parse_vlan_id(const struct nlattr *nest)
{
	const struct nlattr *attrs[IFLA_VLAN_MAX + 1] = {0}, *id;

	index_nested(nest, attrs, IFLA_VLAN_MAX);
	id = attrs[IFLA_VLAN_ID];
	return id && mnl_attr_get_payload_len(id) >= sizeof(__u16) ? mnl_attr_get_u16(id) : 0;
}

int xfn_link_parse(const struct nlmsghdr *message, struct xfn_link *ret)
{
	const struct nlattr *attrs[IFLA_MAX + 1] = {0}, *info[IFLA_INFO_MAX + 1] = {0};
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct xfn_link link = {0};

	if (!index_message(message, sizeof(*header), attrs, IFLA_MAX))
		return -ENOMSG;
	/* AF_BRIDGE: a port joined or left a bridge; the link stays. */
	if (header->ifi_family != AF_UNSPEC || header->ifi_index <= 0 || attrs[IFLA_WIRELESS])
		return -ENOMSG;
	link.ifindex = header->ifi_index;
	link.flags = header->ifi_flags;
	link.hardware = header->ifi_type;
	link.mtu = get_u32(attrs[IFLA_MTU]);
	link.rx_queues = get_u32(attrs[IFLA_NUM_RX_QUEUES]);
	link.peer_ifindex = get_u32(attrs[IFLA_LINK]);
	link.peer_nsid = attrs[IFLA_LINK_NETNSID] ? (__s32)get_u32(attrs[IFLA_LINK_NETNSID]) : -1;
	link.master = get_u32(attrs[IFLA_MASTER]);
	get_name(attrs[IFLA_IFNAME], link.name);
	if (attrs[IFLA_ADDRESS] &&
	    mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) == sizeof(link.mac))
		memcpy(link.mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), sizeof(link.mac));
	if (attrs[IFLA_LINKINFO])
		index_nested(attrs[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	get_name(info[IFLA_INFO_KIND], link.kind);
	if (info[IFLA_INFO_DATA] && !strcmp(link.kind, "vlan"))
		link.vlan_id = parse_vlan_id(info[IFLA_INFO_DATA]);
	if (attrs[IFLA_XDP])
		parse_xdp(attrs[IFLA_XDP], &link);
	*ret = link;
	return 0;
}

static void add_broadcast(struct xfn_address *address, __u32 broadcast)
{
	__be32 bytes = htonl(broadcast);
	unsigned i;

	for (i = 0; i < address->broadcast_count; i++)
		if (!memcmp(address->broadcast[i], &bytes, sizeof(bytes)))
			return;
	memcpy(address->broadcast[address->broadcast_count++], &bytes, sizeof(bytes));
}

/*
 * The broadcast routes that the kernel makes for an address (net/ipv4/fib_frontend.c,
 * fib_add_ifaddr): the configured one unless it is 255.255.255.255, and the last of the prefix.
 * @prefix: an address in the subnet; it is the peer's on point-to-point links.
 */
static void add_broadcasts(struct xfn_address *address, const struct nlattr *prefix,
			   const struct nlattr *configured)
{
	__u32 mask = address->prefix_bits ? ~0U << (32 - address->prefix_bits) : 0;
	__u32 given = ntohl(get_u32(configured));

	if (address->prefix_bits >= 1 && address->prefix_bits <= 30)
		add_broadcast(address, ntohl(get_u32(prefix)) | ~mask);
	if (given && given != INADDR_BROADCAST)
		add_broadcast(address, given);
}

int xfn_address_parse(const struct nlmsghdr *message, struct xfn_address *ret)
{
	const struct nlattr *attrs[IFA_MAX + 1] = {0}, *local;
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct xfn_address address = {0};
	size_t bytes;

	if (!index_message(message, sizeof(*header), attrs, IFA_MAX))
		return -ENOMSG;
	if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
		return -ENOMSG;
	bytes = header->ifa_family == AF_INET ? 4 : 16;
	/* With a peer IFA_ADDRESS is the peer's. */
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!local || mnl_attr_get_payload_len(local) != bytes || header->ifa_prefixlen > 8 * bytes)
		return -ENOMSG;
	address.ifindex = header->ifa_index;
	address.family = header->ifa_family;
	address.prefix_bits = header->ifa_prefixlen;
	address.scope = header->ifa_scope;
	memcpy(address.address, mnl_attr_get_payload(local), bytes);
	if (address.family == AF_INET)
		add_broadcasts(&address, attrs[IFA_ADDRESS] ? attrs[IFA_ADDRESS] : local,
			       attrs[IFA_BROADCAST]);
	*ret = address;
	return 0;
}
