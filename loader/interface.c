/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "ethtool.h"
#include "interface.h"
#include "netns.h"
#include "xdp_features.h"

/* drivers/net/veth.c and include/linux/skbuff.h, with the default of 17 fragments. */
enum {
	XDP_HEADROOM_BYTES = 256,
	SHARED_INFO_BYTES = 320,
	ETHERNET_HEADER_BYTES = 14,
};

__u32 xfn_veth_mtu_max(void)
{
	return sysconf(_SC_PAGESIZE) - XDP_HEADROOM_BYTES - SHARED_INFO_BYTES -
	       ETHERNET_HEADER_BYTES;
}

static enum xfn_answer answer(int result)
{
	return result < 0 ? XFN_UNKNOWN : result ? XFN_YES : XFN_NO;
}

/* Yes if any is, no if none of those that the kernel knows is. */
static enum xfn_answer either(enum xfn_answer a, enum xfn_answer b)
{
	return a > b ? a : b;
}

static void read_features(struct xfn_ethtool *ethtool, struct xfn_interface_features *features)
{
	static const char *const checksums[] = {"tx-checksum-ipv4", "tx-checksum-ipv6",
						"tx-checksum-ip-generic"};
	size_t i;

	features->gro = answer(xfn_ethtool_feature(ethtool, "rx-gro"));
	features->lro = answer(xfn_ethtool_feature(ethtool, "rx-lro"));
	features->rx_vlan_offload =
		either(answer(xfn_ethtool_feature(ethtool, "rx-vlan-hw-parse")),
		       answer(xfn_ethtool_feature(ethtool, "rx-vlan-stag-hw-parse")));
	features->tx_vlan_offload =
		either(answer(xfn_ethtool_feature(ethtool, "tx-vlan-hw-insert")),
		       answer(xfn_ethtool_feature(ethtool, "tx-vlan-stag-hw-insert")));
	for (i = 0; i < sizeof(checksums) / sizeof(checksums[0]); i++)
		features->tx_checksum = either(features->tx_checksum,
					       answer(xfn_ethtool_feature(ethtool, checksums[i])));
}

static void read_xdp(const struct xfn_link *link, struct xfn_xdp_program *xdp)
{
	int mode;

	for (mode = XFN_XDP_NATIVE; mode < XFN_XDP_MODE_COUNT; mode++) {
		if (!link->prog_id[mode])
			continue;
		xdp->id = link->prog_id[mode];
		xdp->mode = mode;
		if (xfn_broker_program_name(xdp->id, xdp->name) < 0)
			xdp->name[0] = '\0';
		return;
	}
}

static enum xfn_answer ask_native_xdp(const struct xfn_interface_facts *facts)
{
	__u64 bits;

	if (facts->link.prog_id[XFN_XDP_NATIVE])
		return XFN_YES;
	if (xfn_xdp_features_read(facts->link.ifindex, &bits) == 0)
		return bits & XFN_XDP_BASIC ? XFN_YES : XFN_NO;
	return answer(xfn_xdp_driver(facts->driver));
}

/* The driver says so by itself; else a program at the far end of a veth, or GRO there, sees to it. */
static enum xfn_answer ask_redirect_target(const struct xfn_interface_facts *facts)
{
	const struct xfn_interface_peer *peer = &facts->peer;
	__u64 bits;

	if (xfn_xdp_features_read(facts->link.ifindex, &bits) == 0)
		return bits & XFN_XDP_XMIT ? XFN_YES : XFN_NO;
	if (!facts->is_veth || !peer->known)
		return XFN_UNKNOWN;
	return peer->link.prog_id[XFN_XDP_NATIVE] ? XFN_YES : peer->features.gro;
}

void xfn_interface_features_read(const char *name, struct xfn_interface_features *ret,
				 __u32 *ret_tx_queues)
{
	struct xfn_ethtool *ethtool;
	__u32 rx_queues;

	if (xfn_ethtool_open(name, &ethtool) < 0)
		return;
	read_features(ethtool, ret);
	xfn_ethtool_queues(ethtool, &rx_queues, ret_tx_queues);
	xfn_ethtool_close(ethtool);
}

/* Where it lies in another namespace we may see the link and be told the rest by the broker. */
static void read_features_there(struct xfn_interface_peer *peer, __s32 nsid)
{
	int fd;

	if (xfn_netns_find(nsid, peer->enter, sizeof(peer->enter), &fd) < 0 || fd < 0)
		return;
	xfn_broker_features(fd, peer->link.name, &peer->features, &peer->tx_queues);
	close(fd);
}

static void read_peer(const struct xfn_link *link, struct xfn_interface_peer *peer)
{
	peer->elsewhere = link->peer_nsid >= 0;
	peer->link.ifindex = link->peer_ifindex;
	if (xfn_link_get(link->peer_ifindex, link->peer_nsid, &peer->link) < 0)
		return;
	peer->known = true;
	if (peer->elsewhere)
		read_features_there(peer, link->peer_nsid);
	else
		xfn_interface_features_read(peer->link.name, &peer->features, &peer->tx_queues);
}

int xfn_interface_read(const char *name, struct xfn_interface_facts *ret)
{
	struct xfn_interface_facts facts = {.rx_queues = 0};
	struct xfn_ethtool *ethtool;
	__u32 tx_queues;
	int err = xfn_link_find(name, &facts.link);

	if (err < 0)
		return err;
	/* By the name it has: the one given may be an alternative name. */
	err = xfn_ethtool_open(facts.link.name, &ethtool);
	if (err < 0)
		return err;
	if (xfn_ethtool_driver(ethtool, facts.driver, sizeof(facts.driver)) < 0)
		facts.driver[0] = '\0';
	if (xfn_ethtool_queues(ethtool, &facts.rx_queues, &tx_queues) < 0 || !facts.rx_queues)
		facts.rx_queues = facts.link.rx_queues;
	read_features(ethtool, &facts.features);
	xfn_ethtool_close(ethtool);

	read_xdp(&facts.link, &facts.xdp);
	facts.native_xdp = ask_native_xdp(&facts);
	facts.is_veth = !strcmp(facts.link.kind, "veth");
	if (facts.is_veth && facts.link.peer_ifindex)
		read_peer(&facts.link, &facts.peer);
	facts.redirect_target = ask_redirect_target(&facts);
	*ret = facts;
	return 0;
}
