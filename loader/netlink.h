/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_NETLINK_H
#define XFN_NETLINK_H

/*
 * What rtnetlink says of the links and addresses of this network namespace: read once, or followed.
 * Changes nothing in the kernel.
 */

#include <stdbool.h>
#include <stddef.h>
#include <net/if.h>
#include <linux/types.h>

struct xfn_loop;
struct xfn_netlink;

/* How an XDP program is attached. A link can have one program in each mode. */
enum xfn_xdp_mode {
	XFN_XDP_NATIVE,
	XFN_XDP_GENERIC,
	XFN_XDP_OFFLOAD,
	XFN_XDP_MODE_COUNT,
};

/* "native", "generic" or "offload". */
const char *xfn_xdp_mode_name(enum xfn_xdp_mode mode);

struct xfn_link {
	__u32 ifindex;
	__u32 mtu;           /* bytes */
	char name[IFNAMSIZ]; /* terminated */
	char kind[IFNAMSIZ]; /* "veth", "vlan", "bridge" ...; "" for hardware and loopback */
	__u8 mac[6];         /* zeros where the link has no Ethernet address */
	__u16 hardware;      /* ARPHRD_* */
	__u32 flags;         /* IFF_*; see xfn_link_is_up() and xfn_link_is_running() */
	__u32 peer_ifindex;  /* veth: the other end; vlan: the link below; 0: none */
	__s32 peer_nsid;     /* the namespace of that link; -1: this one */
	__u32 rx_queues;     /* made with the link; fewer may be in use */
	__u32 master;        /* the bridge, bond, team or VRF that it is a port of; 0: none */
	__u32 vlan_id;       /* of a "vlan" link; 0 elsewhere */
	__u32 prog_id[XFN_XDP_MODE_COUNT]; /* XDP programs attached; 0: none */
};

/* Administratively up. */
bool xfn_link_is_up(const struct xfn_link *link);
/* Up, and with a carrier. */
bool xfn_link_is_running(const struct xfn_link *link);

enum { XFN_BROADCASTS_MAX = 2 };

/* An address of a link. Addresses are bytes in network order; IPv4 in the first 4, zeros behind. */
struct xfn_address {
	__u32 ifindex;
	__u8 family; /* AF_INET or AF_INET6 */
	__u8 prefix_bits;
	__u8 scope; /* RT_SCOPE_UNIVERSE, _LINK, _HOST */
	__u8 broadcast_count;
	__u8 address[16];
	/*
	 * IPv4 directed broadcasts that the kernel serves for this address: the last address of the
	 * prefix, up to /30, and the one that was configured where it differs.
	 */
	__u8 broadcast[XFN_BROADCASTS_MAX][4];
};

/* All links and addresses at one time. Starts as zeros. */
struct xfn_netlink_state {
	struct xfn_link *links;
	size_t link_count;
	struct xfn_address *addresses;
	size_t address_count;
};

/* Reads everything. @ret owns what it holds. Returns 0 or -errno. */
int xfn_netlink_read(struct xfn_netlink_state *ret);
/* Frees what @state holds; it is zeros again. */
void xfn_netlink_state_fini(struct xfn_netlink_state *state);

/* The link of that number or name, or NULL; borrowed from @state. */
const struct xfn_link *xfn_netlink_state_link(const struct xfn_netlink_state *state, __u32 ifindex);
const struct xfn_link *xfn_netlink_state_name(const struct xfn_netlink_state *state,
					      const char *name);

/* One link by name. Returns 0, -ENODEV when there is none of that name, or -errno. */
int xfn_link_find(const char *name, struct xfn_link *ret);
/*
 * One link by number. @nsid: -1 for this namespace, or an xfn_link's peer_nsid. Returns 0, -ENODEV,
 * -EACCES or -EINVAL when the kernel does not let us look into that namespace, or -errno.
 */
int xfn_link_get(__u32 ifindex, __s32 nsid, struct xfn_link *ret);

/* ---- following ------------------------------------------------------------------------------- */

enum xfn_netlink_kind {
	XFN_LINK_ADDED,
	XFN_LINK_REMOVED,  /* deleted, or moved to another namespace */
	XFN_LINK_RENAMED,  /* and perhaps changed beside that */
	XFN_LINK_CHANGED,  /* some member of struct xfn_link, name not included */
	XFN_ADDRESS_ADDED, /* or changed */
	XFN_ADDRESS_REMOVED,
	XFN_NETLINK_RESYNC, /* messages were lost: whoever keeps a copy must read it again */
};

/* @link with LINK kinds, @address with ADDRESS kinds, else NULL; borrowed for the call. */
struct xfn_netlink_event {
	enum xfn_netlink_kind kind;
	const struct xfn_link *link; /* as it is now; removed: as it was */
	const struct xfn_address *address;
	const char *old_name; /* with XFN_LINK_RENAMED */
};

/* May not close the xfn_netlink that calls it. */
typedef void xfn_netlink_fn(void *context, const struct xfn_netlink_event *event);

/*
 * Calls @fn for each change from now on. What is read by xfn_netlink_read() after this is complete
 * together with the events that follow.
 * @loop: serves the socket; NULL: the caller waits for xfn_netlink_fd() to be readable and calls
 * xfn_netlink_dispatch(). Returns 0 or -errno.
 */
int xfn_netlink_open(struct xfn_loop *loop, xfn_netlink_fn *fn, void *context,
		     struct xfn_netlink **ret);
/* Takes NULL. */
void xfn_netlink_close(struct xfn_netlink *netlink);

int xfn_netlink_fd(const struct xfn_netlink *netlink);
/* Serves what has arrived and does not wait. Returns 0 or -errno; lost messages are no error. */
int xfn_netlink_dispatch(struct xfn_netlink *netlink);

#endif
