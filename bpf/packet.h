/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_PACKET_H
#define XFN_BPF_PACKET_H
/* What the stages tell each other about one packet; on the stack of the ingress program. */
#include "xfn/abi.h"

/* A stage returns a verdict, or this: go on with the next stage. */
#define XFN_GO_ON (-1)

/* Filled by parse. Addresses are the packet's bytes; IPv4 in the first 4, zeros behind. */
struct packet {
	__u64 meta; /* everything of struct xfn_key.meta but the label */
	__u64 dst[2];
	__u64 src[2];
	__be16 src_port;
	__be16 dst_port;
	__u16 l3_offset;
	__u16 l4_offset;
	__u16 payload_offset;
	__u16 payload_bytes;
	__u8 ip_version;
	__u8 l4_proto;
	__u8 tcp_flags; /* byte 13 of the TCP header, 0 for UDP */
	__u8 group;     /* enum xfn_group */
	__u32 bytes;    /* whole frame, from the Ethernet header on */
};

/* Filled by classify and read from then on. */
struct match {
	struct xfn_function *function;     /* its line: limiter state and both configs */
	struct xfn_function_config config; /* the live one, copied once */
	__u64 seen_ns;                     /* the event's one clock reading; 0 = not taken yet */
	__u32 slot;                        /* of the function */
	__u32 rule;
	__u32 sampled; /* this event goes into the histograms */
};

#endif
