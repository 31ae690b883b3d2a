/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_PORT_H
#define XFN_PORT_H
/*
 * Ports: the way of an event to a function's AF_XDP socket and of its reply back. A port is a veth
 * pair, whose far end is alone in a network namespace with the one socket (docs/adr/0013-ports.md).
 * What the data plane, user space and the function's library share; part of abi.h in its rules.
 */
#include <linux/types.h>

#define XFN_PORTS_MAX 256 /* ports of one map set */
#define XFN_PORT_RULES_MAX \
	16 /* places that replies of one port may leave from, in one generation */
#define XFN_PORT_EPOCHS     16
#define XFN_PORT_EPOCHS_OLD 8 /* an epoch that is older is past every deadline */

/* ---- the token ----------------------------------------------------------------------------------- */

/*
 * Ingress puts it in the place of the frame's Ethernet destination, a function sends it back as the
 * source, since every echo swaps the two. A locally administered address that is no group (IEEE 802 c.
 * 8.2): slot of the interface in the upper 6 bits of the first byte, then 40 bits of the arrival time in
 * 16 ns of CLOCK_MONOTONIC, in network order; they begin anew after 4.9 hours. A forged one falsifies
 * its own function's figures, and no more.
 */
#define XFN_TOKEN_BYTES     6
#define XFN_TOKEN_UNIT_BITS 4 /* a unit is 16 ns */
#define XFN_TOKEN_TIME_MASK ((1ULL << 40) - 1)

#define XFN_PORT_INLINE static inline __attribute__((always_inline))

XFN_PORT_INLINE void xfn_token_write(__u8 *token, __u32 slot, __u64 arrival_ns)
{
	__u64 time = arrival_ns >> XFN_TOKEN_UNIT_BITS;

	token[0] = (__u8)(slot << 2 | 2);
	token[1] = (__u8)(time >> 32);
	token[2] = (__u8)(time >> 24);
	token[3] = (__u8)(time >> 16);
	token[4] = (__u8)(time >> 8);
	token[5] = (__u8)time;
}

/* Whether these may be the bytes of a token: any locally administered address may. */
XFN_PORT_INLINE int xfn_token_is(const __u8 *token)
{
	return (token[0] & 3) == 2;
}

XFN_PORT_INLINE __u32 xfn_token_slot(const __u8 *token)
{
	return token[0] >> 2;
}

/* When the event came, in ns of CLOCK_MONOTONIC, rounded down to 16; @now_ns: at most 4.9 h later. */
XFN_PORT_INLINE __u64 xfn_token_arrival_ns(const __u8 *token, __u64 now_ns)
{
	__u64 time = (__u64)token[1] << 32 | (__u64)token[2] << 24 | (__u64)token[3] << 16 |
		     (__u64)token[4] << 8 | token[5];
	__u64 now = now_ns >> XFN_TOKEN_UNIT_BITS;

	return (now - ((now - time) & XFN_TOKEN_TIME_MASK)) << XFN_TOKEN_UNIT_BITS;
}

/* ---- what is in flight ----------------------------------------------------------------------------- */

/*
 * xfn_port_lines[port]. In flight is what was handed to the port and neither answered nor too old:
 * counted by epochs of the arrival time, so that nothing has to be remembered of a single event. An
 * epoch lasts 2^epoch_shift ns, and its word is the low 32 bits of its number << 32 | events in flight.
 * Whoever meets a new epoch first ends those of before the deadline: what is in flight there becomes
 * `timeouts` and leaves `in_flight`.
 */
struct xfn_port_line {
	/* Written by xfnd, while nothing is handed to the port. */
	__u64 identity;        /* of the function that has it; 0: it is free */
	__u32 function;        /* its slot */
	__u32 flags;           /* XFN_PORT_* */
	__u32 epoch_shift;     /* at least XFN_TOKEN_UNIT_BITS */
	__u32 deadline_epochs; /* 1 to XFN_PORT_EPOCHS_OLD */
	__u32 concurrency;     /* so many in flight and no more; 0: any number */
	__u32 histogram;       /* slot in xfn_histograms, or XFN_HISTOGRAM_NONE */
	/* Moved by ingress and xfn_port, by compare-and-swap and atomic adds, and by xfnd where there is
	 * no traffic. */
	__u64 epoch; /* the newest that was met */
	__u64 in_flight;
	__u64 timeouts;
	__u64 reserved;
	__u64 epochs[XFN_PORT_EPOCHS];
};
#define XFN_PORT_ONE_WAY  1 /* its function does not answer: nothing is in flight */
#define XFN_PORT_SEND_ANY 2 /* replies may leave from anywhere */
#define XFN_PORT_PARKS    4 /* while it takes no events, they go to the keeper: xfn/park.h */

#define XFN_EPOCH_WORD(epoch, open) ((__u64)(__u32)(epoch) << 32 | (__u32)(open))
#define XFN_EPOCH_TAG(word)         ((__u32)((word) >> 32))
#define XFN_EPOCH_OPEN(word)        ((__u32)(word))

/* ---- what may leave --------------------------------------------------------------------------------- */

/*
 * xfn_port_rules[(generation * XFN_PORTS_MAX + port) * XFN_PORT_RULES_MAX + i]: an address and port that
 * the function's triggers name, so that its replies may leave from there. Written by xfnd in the idle
 * generation. Addresses are the packet's bytes, IPv4 in the first 4. 48 bytes.
 */
struct xfn_port_rule {
	__u64 address[2];
	__u64 mask[2];
	__u16 port_first; /* host order */
	__u16 port_last;
	__u8 ip_version; /* 4 or 6; 0: the rule is empty, and so are those behind it */
	__u8 l4_proto;
	__u8 own; /* 1: any address of an attached interface; address and mask do not count */
	__u8 reserved;
	__u64 reserved2;
};

/*
 * What became of what a port's function sent, and of what it did not answer. X(NUMBER, NAME, label,
 * meaning); numbers are given once. Those up to UNSENT are counted by xfn_port.
 */
#define XFN_PORT_OUTCOMES(X)                                                                 \
	X(0, REPLIED, replied, "a reply went out of the interface the event came from")      \
	X(1, BAD_REPLY, bad_reply,                                                           \
	  "from an address or port of no trigger of the function's, or no reply")            \
	X(2, BAD_SOURCE, bad_source, "a reply would have gone where none may go")            \
	X(3, LATE, late, "a reply went out after the deadline: counted as timeout before")   \
	X(4, UNSENT, unsent, "the interface that the event came from is not there any more") \
	X(5, TIMEOUT, timeout, "unanswered after the deadline")                              \
	X(6, EXPIRED, expired, "too old when the function was ready for what had been parked")

enum xfn_port_outcome {
#define X(number, NAME, label, meaning) XFN_PORT_##NAME = (number),
	XFN_PORT_OUTCOMES(X)
#undef X
		XFN_PORT_OUTCOME_COUNT = 7,
};

/* xfn_port_counts[port], per CPU; written by xfn_port, and `parked` by ingress. */
struct xfn_port_counts {
	__u64 outcomes[XFN_PORT_UNSENT + 1];
	__u64 reply_bytes; /* of the frames that went out, from the Ethernet header on */
	__u64 parked;      /* events that were given to the keeper's socket */
	__u64 reserved;
};

_Static_assert(sizeof(struct xfn_port_line) == 64 + 8 * XFN_PORT_EPOCHS, "3 cache lines");
_Static_assert(sizeof(struct xfn_port_rule) == 48, "no hidden padding");
_Static_assert(sizeof(struct xfn_port_counts) == 64, "a cache line");

#endif
