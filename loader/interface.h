/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INTERFACE_H
#define XFN_INTERFACE_H

/*
 * Facts about one interface that decide what XDP can do with it. Read only; a snapshot.
 */

#include <stdbool.h>
#include <linux/types.h>

#include "netlink.h"

/* What could not be asked is unknown: zero, so that a struct starts out knowing nothing. */
enum xfn_answer {
	XFN_UNKNOWN = 0,
	XFN_NO,
	XFN_YES,
};

enum { XFN_DRIVER_BYTES = 32, XFN_PROG_NAME_BYTES = 16, XFN_NETNS_BYTES = 288 };

/* Features as ethtool -k shows them. */
struct xfn_interface_features {
	enum xfn_answer gro;             /* rx-gro */
	enum xfn_answer lro;             /* rx-lro */
	enum xfn_answer rx_vlan_offload; /* rx-vlan-hw-parse, or that of service tags */
	enum xfn_answer tx_vlan_offload; /* tx-vlan-hw-insert, or that of service tags */
	enum xfn_answer tx_checksum;     /* any of tx-checksum-{ipv4,ipv6,ip-generic} */
};

struct xfn_xdp_program {
	__u32 id; /* 0: none */
	enum xfn_xdp_mode mode;
	char name[XFN_PROG_NAME_BYTES]; /* "" if it cannot be asked */
};

/* The other end of a veth pair. */
struct xfn_interface_peer {
	bool known;     /* the kernel let us look at the link; else only ifindex is filled in */
	bool elsewhere; /* in another network namespace */
	/*
	 * Where elsewhere is, as words that enter it with nsenter(1): "--net=/run/netns/NAME", or
	 * "--target PID --net"; "" if nobody knows. Features are known with the first form.
	 */
	char enter[XFN_NETNS_BYTES];
	struct xfn_link link;
	struct xfn_interface_features features;
	__u32 tx_queues; /* in use; 0: unknown */
};

struct xfn_interface_facts {
	struct xfn_link link;
	char driver[XFN_DRIVER_BYTES]; /* "" if unknown */
	__u32 rx_queues;               /* in use */
	struct xfn_interface_features features;
	struct xfn_xdp_program xdp; /* what runs: native before generic before offload */
	/*
	 * Whether the driver has XDP of its own: asked of the kernel from 6.3 on, else from a table
	 * of drivers; whether attaching succeeds also hangs on MTU, queues and features.
	 */
	enum xfn_answer native_xdp;
	/* Takes redirected frames at this moment; a veth while its far end has NAPI. Asked from 6.3 on. */
	enum xfn_answer redirect_target;
	bool is_veth;
	struct xfn_interface_peer peer; /* of a veth */
};

/*
 * Reads all facts about the interface called @name. Returns 0, -ENODEV, or -errno; what the
 * interface alone does not tell is unknown and no error.
 */
int xfn_interface_read(const char *name, struct xfn_interface_facts *ret);

/*
 * The largest MTU of a veth's *peer* with which the kernel takes a native XDP program without
 * fragments support: page less headroom, skb_shared_info and Ethernet header
 * (drivers/net/veth.c, veth_xdp_set).
 */
__u32 xfn_veth_mtu_max(void);

/*
 * Features of the interface called @name in this network namespace, and the tx queues that it uses.
 * What cannot be asked is left as it was.
 */
void xfn_interface_features_read(const char *name, struct xfn_interface_features *ret,
				 __u32 *ret_tx_queues);

#endif
