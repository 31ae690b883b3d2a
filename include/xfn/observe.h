/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_OBSERVE_H
#define XFN_OBSERVE_H
/*
 * What `xfn explain` and `xfn trace` get from their variants of the ingress program
 * (bpf/xfn_explain.bpf.c, bpf/xfn_trace.bpf.c). Nothing here is pinned or outlives its command: a
 * variant is loaded by the xfnd that reads it, so that no version is needed.
 */
#include <linux/types.h>
#include "xfn/abi.h"

/* One packet as the stages left it. What a stage never came to is zero. */
struct xfn_sighting {
	__u64 meta; /* of struct xfn_key, without a label; 0: the Ethernet header was not for us */
	__u64 dst[2];
	__u64 src[2];
	__be16 src_port;
	__be16 dst_port;
	__u16 l3_offset; /* from the start of the Ethernet header, in bytes */
	__u16 l4_offset;
	__u16 payload_offset;
	__u16 payload_bytes;
	__u8 ip_version; /* 4 or 6 */
	__u8 l4_proto;
	__u8 tcp_flags; /* byte 13 of the TCP header */
	__u8 group;     /* enum xfn_group */
	__u32 bytes;    /* whole frame */
	__u32 verdict;  /* enum xfn_verdict */
	__u32 function; /* slot; only with a verdict of scope FUNCTION, as is the rule */
	__u32 rule;     /* index in the ruleset's triggers */
};

/*
 * What a dry run found out. Written by xfn_explain, once a run; read and cleared by xfnd.
 * The limiter's time as it stood, in 1/16 ns of CLOCK_MONOTONIC; nothing was charged.
 */
struct xfn_report {
	struct xfn_sighting seen;
	struct xfn_function_config config; /* the live one */
	__u64 arrival;                     /* theoretical arrival time that was stored */
	__u64 now;                         /* when it was compared; 0: no limit was asked */
	__u64 source_arrival; /* the same of the source's cell that decides, the emptier one */
	__u64 source_now;
	__u32 runs; /* 1 after a run */
	__u32 reserved;
};

/*
 * Which packets a trace takes; in the .rodata of xfn_trace, set by xfnd before it is loaded.
 * Addresses are the packet's bytes, IPv4 in the first 4.
 */
struct xfn_trace_filter {
	__u64 src[2];
	__u64 src_mask[2];
	__u32 verdicts;   /* bit per enum xfn_verdict */
	__u32 function;   /* slot, or XFN_TRACE_ANY */
	__u32 ip_version; /* of the source: 4 or 6; 0: any packet */
	__u32 snap_bytes; /* copied of each packet, 64 to 2048; a multiple of 8 */
};
#define XFN_TRACE_ANY      0xffffffffU
#define XFN_TRACE_SNAP_MIN 64
#define XFN_TRACE_SNAP_MAX 2048

/* One traced packet, in the ring; snap_bytes of the packet follow it. */
struct xfn_trace_record {
	struct xfn_sighting seen;
	__u64 time_ns;   /* CLOCK_MONOTONIC */
	__u32 interface; /* slot */
	__u32 captured;  /* bytes of the packet that follow */
	__u32 version;   /* slot, of `handled`: in xfn_handlers */
	__u32 reserved;
};

XFN_ASSERT_SIZE(struct xfn_sighting, 72);
XFN_ASSERT_SIZE(struct xfn_report, 136);
XFN_ASSERT_SIZE(struct xfn_trace_filter, 48);
XFN_ASSERT_SIZE(struct xfn_trace_record, 96);

#endif
