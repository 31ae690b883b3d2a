/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_SESSIONS_H
#define XFN_SESSIONS_H

/*
 * This host's established TCP sessions, as sock_diag(7) tells them, and whether a ruleset would take
 * one of them away: its packets would no longer be sure to reach their socket.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "netlink.h"
#include "ruleset.h"

/* Addresses are bytes in network order; IPv4 in the first 4, zeros behind. Ports in host order. */
struct xfn_session {
	__u8 family; /* AF_INET, also where an IPv6 socket serves an IPv4 peer; or AF_INET6 */
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 ifindex; /* that its socket is bound to; 0: none */
};

/* Returning less than 0 ends the reading with that error. */
typedef int xfn_session_fn(void *context, const struct xfn_session *session);

/*
 * Calls @fn for each established TCP session of this network namespace. Returns 0, what @fn returned,
 * or -errno (-ENOENT: the kernel has no tcp_diag).
 */
int xfn_sessions_read(xfn_session_fn *fn, void *context);

/* The interface that packets to the session's peer leave by. Returns 0 or -errno; 1 is loopback. */
int xfn_session_route(const struct xfn_session *session, __u32 *ret_ifindex);

/* "tcp/22 from 198.18.0.2:50514". @buf has room for XFN_SESSION_TEXT. */
#define XFN_SESSION_TEXT 96
char *xfn_session_print(const struct xfn_session *session, char *buf);

/*
 * True if @ssh, the value of SSH_CONNECTION ("PEER PORT LOCAL PORT", ssh(1)), is about this session.
 * NULL is about none.
 */
bool xfn_session_is(const struct xfn_session *session, const char *ssh);

/* ---- what takes a session ---------------------------------------------------------------------- */

/* An interface with xfn's data plane on it, or about to have it. */
struct xfn_session_port {
	__u32 ifindex;
	__u8 slot;
	bool fresh; /* not attached yet: what is live takes nothing there */
};

/*
 * True if packets of an established session that reach the function in that slot may not reach their
 * socket.
 */
typedef bool xfn_session_taker_fn(const void *context, __u32 function_slot);

/* A ruleset and whose functions they are. */
struct xfn_session_rules {
	const struct xfn_ruleset *ruleset; /* NULL: no rules */
	xfn_session_taker_fn *takes;
	const void *context;
};

struct xfn_session_world {
	const struct xfn_netlink_state *state;
	const struct xfn_session_port *ports;
	size_t port_count;
	struct xfn_session_rules live, next;
	/* xfn_session_route(), or what a test says */
	int (*route)(const struct xfn_session *session, __u32 *ret_ifindex);
};

/*
 * The entry of the next ruleset that takes the session though the live one does not, or NULL.
 *
 * Where its packets come in is not known but told from two things: the interface that has its local
 * address, and the one that leads to its peer; either may be a VLAN, bridge or bond over attached
 * ones. A session of the host with itself never meets XDP.
 */
const struct xfn_entry *xfn_session_taken(const struct xfn_session_world *world,
					  const struct xfn_session *session);

#endif
