/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RECEIVED_H
#define XFN_RECEIVED_H

/*
 * The interface's own count of what it received: a book that neither the data plane nor xfnd keeps,
 * for audit; and of what it sent. Only some drivers count each packet that XDP sees, and nothing else; those are known by
 * name, from measuring.
 */

#include <linux/types.h>

/*
 * Reads how many packets the interface called @name has received since it was made, those that XDP
 * took included. Returns 0, -ENODEV, -EOPNOTSUPP (its driver is not known to count so), or what the
 * kernel said.
 * The driver may count a packet up to one NAPI poll before or after XDP sees it.
 *
 * The baseline of an attached interface is read right before and right after its link is made, and
 * kept as struct xfn_interface.received, plus 1: 0 is "not known".
 */
int xfn_interface_received(const char *name, __u64 *ret);

struct xfn_sent {
	__u64 packets; /* of a veth whose far end has XDP: came out there, through its ring */
	__u64 dropped; /* of such a one: did not fit into the ring */
};
/* What interface @ifindex has sent. 0 or -errno. */
int xfn_interface_sent(__u32 ifindex, struct xfn_sent *ret);

/* Packets that one CPU may have under way between its driver's count and XDP: NAPI's budget. */
#define XFN_RECEIVED_SLACK 64

#endif
