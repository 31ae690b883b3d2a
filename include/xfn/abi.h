/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_ABI_H
#define XFN_ABI_H
/*
 * What the data plane (bpf/) and user space share, and nothing else: verdicts and outcomes, the
 * layout of every map value, the ruleset's hash. Fixed-width types, no pointers, no hidden padding,
 * byte order in the type. Whoever writes a structure is named above it: one writer each.
 *
 * A change of any layout here moves XFN_ABI_VERSION; the loader refuses to adopt pinned maps of
 * another version and says so.
 */
#include <linux/types.h>
#include "xfn/digest.h"
#include "xfn/port.h"

#define XFN_ABI_VERSION 5

/* ---- verdicts ------------------------------------------------------------------------------ */

/*
 * Every packet gets exactly one verdict. X(NUMBER, NAME, label, scope, meaning): numbers are given
 * once and never reused; scope tells whose book it moves: INTERFACE alone, or the FUNCTION's too.
 */
#define XFN_VERDICTS(X)                                                                          \
	X(0, HANDLED, handled, FUNCTION, "given to an in-kernel handler")                        \
	X(1, STEERED, steered, FUNCTION, "handed to a socket, an interface, a CPU or the stack") \
	X(2, RATE_LIMITED, rate_limited, FUNCTION, "over the function's rate and burst")         \
	X(3, SOURCE_LIMITED, source_limited, FUNCTION, "over the per-source rate")               \
	X(4, CONCURRENCY_LIMITED, concurrency_limited, FUNCTION, "too many events in flight")    \
	X(5, DISABLED, disabled, FUNCTION, "the function is switched off")                       \
	X(6, NO_TARGET, no_target, FUNCTION, "handler, socket or interface not there")           \
	X(7, KEY_ERROR, key_error, INTERFACE, "payload too short or odd for every key wanted")   \
	X(8, UNMATCHED, unmatched, INTERFACE, "no trigger matches")                              \
	X(9, FOREIGN, foreign, INTERFACE, "not IP, UDP or TCP, or addressed to another MAC")     \
	X(10, FRAGMENT, fragment, INTERFACE, "an IP fragment, first ones too")                   \
	X(11, MALFORMED, malformed, INTERFACE, "truncated, or lengths contradict each other")

enum xfn_verdict {
#define X(number, NAME, label, scope, meaning) XFN_VERDICT_##NAME = (number),
	XFN_VERDICTS(X)
#undef X
		XFN_VERDICT_COUNT = 12,
};

/* The verdicts of scope FUNCTION are the first of the list: a function's line of counters ends here. */
#define XFN_FUNCTION_VERDICT_COUNT 7

/*
 * What a handler did with an event it was given; counted by the handler SDK, a book of its own.
 * X(NUMBER, NAME, label, meaning).
 */
#define XFN_OUTCOMES(X)                                                                     \
	X(0, REPLIED, replied, "a reply went out of the interface the event came from")     \
	X(1, DROPPED, dropped, "the handler consumed the event without a reply")            \
	X(2, REDIRECTED, redirected, "sent to another interface")                           \
	X(3, PASSED, passed, "left to the network stack")                                   \
	X(4, ABORTED, aborted, "failed, returned nonsense, or the reply could not be made") \
	X(5, BAD_SOURCE, bad_source, "a reply would have gone where none may go")

enum xfn_outcome {
#define X(number, NAME, label, meaning) XFN_OUTCOME_##NAME = (number),
	XFN_OUTCOMES(X)
#undef X
		XFN_OUTCOME_COUNT = 6,
};

/* Latency stages measured in the kernel. X(NUMBER, NAME, label, meaning). */
#define XFN_STAGES(X)                                \
	X(0, STEER, steer, "seen by XDP to verdict") \
	X(1, RUN, run, "the function's own time")    \
	X(2, TOTAL, total, "seen by XDP to reply")

enum xfn_stage {
#define X(number, NAME, label, meaning) XFN_STAGE_##NAME = (number),
	XFN_STAGES(X)
#undef X
		XFN_STAGE_COUNT = 3,
};

/* ---- bounds ---------------------------------------------------------------------------------- */

#define XFN_INTERFACES_MAX      64    /* interfaces of one map set */
#define XFN_SHAPES_MAX          256   /* shapes of one ruleset; shape 0 is never used */
#define XFN_PROBES_PER_PORT_MAX 32    /* probes on one port: the longest list */
#define XFN_PROBE_WORDS         65536 /* probe words of one generation, list heads included */
#define XFN_PORT_COUNT          65536
#define XFN_PORTS_PER_CHUNK     32
#define XFN_PORT_CHUNKS         (2 * XFN_PORT_COUNT / XFN_PORTS_PER_CHUNK) /* UDP, then TCP */
#define XFN_VLAN_TAGS_MAX       2
#define XFN_HANDLER_INSNS_MAX   32768 /* instructions of one handler object's program */

/* ---- the generation word ----------------------------------------------------------------------- */

/*
 * xfn_control, one element. Written by xfnd alone, in aligned words; with xfnd dead `off` by the CLI.
 * `live` is the one word that moves everything: revision << 1 | generation. Ingress reads it once
 * per packet. The arrays indexed [2] belong to a generation; the idle one may be rewritten after an
 * RCU grace period.
 */
struct xfn_control {
	__u64 live;
	__u64 seed[2]; /* of the perfect hash */
	__u64 address_mask
		[2];  /* bit xfn_address_bit(a) is set for each own or broadcast address a */
	__u64 abi;    /* XFN_ABI_VERSION, written once when the maps are made */
	__u32 off[2]; /* enum xfn_off: every function is switched off */
	/* What all programs in its program arrays are loaded for: BPF_XDP or 0; written once, too. */
	__u64 attach_type;
};

/* While everything is off, what a trigger matches is left alone, or passed or dropped as `disabled`. */
enum xfn_off { XFN_OFF_NONE = 0, XFN_OFF_PASS = 1, XFN_OFF_DROP = 2 };

#define XFN_LIVE(revision, generation) ((__u64)(revision) << 1 | (__u64)(generation))
#define XFN_LIVE_GENERATION(live)      ((__u32)((live)&1))
#define XFN_LIVE_REVISION(live)        ((live) >> 1)

/* ---- classification ---------------------------------------------------------------------------- */

/*
 * What a look-up compares: 56 bytes, no byte that is not compared. Addresses are the bytes of the
 * packet (network order); IPv4 stands in the first 4 bytes, zeros behind.
 * meta, low to high: label:16 (the port, or the number of a range), then the flags below, the VLAN
 * ids, the interface slot + 1, the number of the shape. A rule's meta is what
 * (packet's meta & shape's mask) | probe's label gives for the packets it matches.
 * The shape's number is in there because 10.0.0.0/8 and 10.0.0.0/16 leave the same address behind: a
 * packet's meta has all bits of XFN_META_SHAPE_MASK set, a shape's mask holds its number there.
 * payload: what the shape's key reader makes of the payload: masked bytes, or the digest of a path or
 * name; zeros where the shape has none. Other shapes need not compare it: their number says it is zero.
 */
struct xfn_key {
	__u64 meta;
	__u64 dst[2];
	__u64 src[2];
	__u64 payload[2];
};

#define XFN_META_RANGE       (1ULL << 16) /* the label is the number of a range */
#define XFN_META_TCP         (1ULL << 17)
#define XFN_META_IPV4        (1ULL << 18)
#define XFN_META_IPV6        (1ULL << 19)
#define XFN_META_ADDRESS     (1ULL << 20) /* not a rule: an entry for an address of this host */
#define XFN_META_OWN         (1ULL << 21) /* rule for the attached interfaces' own addresses */
#define XFN_META_VALID       (1ULL << 22) /* never 0 in an entry in use */
#define XFN_META_OUTER_SHIFT 23           /* 13 bits: outer VLAN id + present bit */
#define XFN_META_INNER_SHIFT 36           /* 13 bits: inner VLAN id + present bit */
#define XFN_META_IFACE_SHIFT 49           /* 7 bits: interface slot + 1 */
#define XFN_META_SHAPE_SHIFT 56           /* 8 bits: number of the shape; 0 for an address */
#define XFN_META_LABEL_MASK  0xffffULL
#define XFN_META_FAMILY_MASK (XFN_META_IPV4 | XFN_META_IPV6)
#define XFN_META_VLAN_MASK   (0x3ffffffULL << XFN_META_OUTER_SHIFT)
#define XFN_META_IFACE_MASK  (0x7fULL << XFN_META_IFACE_SHIFT)
#define XFN_META_SHAPE_MASK  (0xffULL << XFN_META_SHAPE_SHIFT)
#define XFN_VLAN_PRESENT     0x1000

/* What every shape compares: protocol, VLAN ids (none means untagged), and that it is a rule. */
#define XFN_META_ALWAYS (XFN_META_TCP | XFN_META_VLAN_MASK | XFN_META_VALID)

/* What every packet's meta starts from. */
#define XFN_META_PACKET (XFN_META_VALID | XFN_META_SHAPE_MASK)

/* xfn_ports[generation][chunk]: word 0 of a probe list for each (protocol, port), 0 = no trigger. */
struct xfn_port_chunk {
	__u16 list[XFN_PORTS_PER_CHUNK];
};

/*
 * xfn_probes[generation][word]: a list is one head followed by `count` probes, most specific first.
 * Word 0 is never a list.
 */
struct xfn_probe_list {
	__u8 count;
	__u8 reserved[3];
	__u32 sample; /* highest sampling threshold of the functions behind the list */
};

struct xfn_probe {
	__u16 label; /* number of a range; unused with XFN_PROBE_PORT */
	__u8 shape;
	__u8 flags;
	__u32 reserved;
};
#define XFN_PROBE_PORT 1 /* the label is the packet's destination port */

union xfn_probe_word {
	struct xfn_probe_list head;
	struct xfn_probe probe;
	__u64 word;
};

/* xfn_shapes[generation][shape]: the masks of one combination. */
struct xfn_shape {
	__u64 dst_mask[2];
	__u64 src_mask[2];
	__u64 meta_mask;
	__u16 flags;
	__u8 group_ok;         /* bit per enum xfn_group: may match packets to such a destination */
	__u8 reader;           /* enum xfn_key_reader */
	__u16 offset;          /* XFN_READER_BYTES: of the first byte in the payload */
	__u8 bytes;            /* XFN_READER_BYTES: 1 to 16 */
	__u8 labels;           /* XFN_READER_DNS_SUFFIX: 0 to XFN_KEY_SUFFIX_LABELS_MAX */
	__u64 payload_mask[2]; /* XFN_READER_BYTES: zeros behind its bytes */
};
#define XFN_SHAPE_ADDRESSES 1 /* some address bit is compared */
#define XFN_SHAPE_OWN       2 /* the destination must be an own address */
#define XFN_SHAPE_KEY       4 /* there is a reader */

/* What a shape reads of the payload. */
enum xfn_key_reader {
	XFN_READER_NONE = 0,
	XFN_READER_COAP_PATH = 1,  /* the Uri-Path of a request, RFC 7252 s. 5.10.1 */
	XFN_READER_DNS_NAME = 2,   /* the name a query asks for, RFC 1035 s. 4.1.2 */
	XFN_READER_DNS_SUFFIX = 3, /* its last labels */
	XFN_READER_BYTES = 4,
};
#define XFN_KEY_SUFFIX_LABELS_MAX 8

/* How far a packet's destination is a group. A rule matches a group only if it names it. */
enum xfn_group {
	XFN_GROUP_NONE = 0,
	XFN_GROUP_MULTICAST = 1, /* 224.0.0.0/4 (RFC 5771), ff00::/8 (RFC 4291) */
	XFN_GROUP_BROADCAST = 2, /* 255.255.255.255, or unicast IP in a group Ethernet frame */
};

/*
 * xfn_entries[generation][slot]: one rule, or one address of this host. Written by xfnd in the idle
 * generation. 64 bytes on a page-aligned array: one cache line.
 */
struct xfn_entry {
	struct xfn_key key;
	__u32 function; /* function slot; for an address enum xfn_address_kind */
	__u32 rule;     /* index in the ruleset's list of triggers: file and line */
};

enum xfn_address_kind {
	XFN_ADDRESS_OWN = 1,
	XFN_ADDRESS_BROADCAST = 2, /* directed broadcast of an attached subnet */
};

/* xfn_displace[generation][chunk]: displacement words of the perfect hash, 16 a cache line. */
#define XFN_DISPLACE_PER_CHUNK 16
struct xfn_displace_chunk {
	__u32 word[XFN_DISPLACE_PER_CHUNK];
};

/* The table of 2^slot_bits entries has 2^(slot_bits - 2) displacement words. */
#define XFN_BUCKET_BITS_LESS 2

/* One round: for a fixed h, a bijection of w, so keys that differ in one word never collide. */
static inline __attribute__((always_inline)) __u64 xfn_hash_round(__u64 h, __u64 w)
{
	h = (h ^ w) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 32;
}

/* Seeded 64-bit hash of a key without addresses: everything but meta is zero. */
static inline __attribute__((always_inline)) __u64 xfn_hash_meta(__u64 seed, __u64 meta)
{
	return xfn_hash_round(xfn_hash_round(seed, meta), seed);
}

/* Seeded 64-bit hash of meta and addresses. Two lanes, so that a superscalar CPU overlaps them. */
static inline __attribute__((always_inline)) __u64 xfn_hash_header(__u64 seed,
								   const struct xfn_key *key)
{
	__u64 a, b;

	if (!(key->dst[0] | key->dst[1] | key->src[0] | key->src[1]))
		return xfn_hash_meta(seed, key->meta);
	a = xfn_hash_round(xfn_hash_round(seed, key->meta), key->dst[0]);
	b = xfn_hash_round(xfn_hash_round(~seed, key->src[0]), key->dst[1]);
	b = xfn_hash_round(b, key->src[1]);
	return xfn_hash_round(a, b);
}

/* Goes on with the payload. */
static inline __attribute__((always_inline)) __u64 xfn_hash_payload(__u64 h, const __u64 payload[2])
{
	if (!(payload[0] | payload[1]))
		return h;
	return xfn_hash_round(xfn_hash_round(h, payload[0]), payload[1]);
}

/* Seeded 64-bit hash of a key. */
static inline __attribute__((always_inline)) __u64 xfn_hash_key(__u64 seed,
								const struct xfn_key *key)
{
	return xfn_hash_payload(xfn_hash_header(seed, key), key->payload);
}

/* Displacement word of hash h. */
static inline __attribute__((always_inline)) __u32 xfn_hash_bucket(__u64 h, __u32 slot_bits)
{
	return (__u32)h & ((1U << (slot_bits - XFN_BUCKET_BITS_LESS)) - 1);
}

/* Entry of hash h under its displacement; slot_bits 4 to 24. */
static inline __attribute__((always_inline)) __u32 xfn_hash_slot(__u64 h, __u32 displacement,
								 __u32 slot_bits)
{
	return (((__u32)(h >> 32) ^ displacement) * 0x9e3779b1U) >> (32 - slot_bits);
}

/* Bit of an address in xfn_control.address_mask: clear means surely not an address of this host. */
static inline __attribute__((always_inline)) __u64 xfn_address_bit(const __u64 address[2])
{
	return 1ULL << ((address[0] ^ address[1]) * 0x9e3779b97f4a7c15ULL >> 58);
}

/* ---- what key readers work in -------------------------------------------------------------------- */

/*
 * xfn_keys, one element per CPU: what the key readers work in, and what they found. Nothing in it
 * outlives a packet.
 */
#define XFN_KEY_HEAD_BYTES 512 /* of a payload, that are read at all */
struct xfn_key_scratch {
	__u8 bytes[XFN_KEY_HEAD_BYTES + 8]; /* the payload's first ones */
	__u32 size;                         /* how many of them are there */
	__u32 payload_bytes;                /* of the whole payload */
	__u32 at;                           /* of the loop: next byte */
	__u32 left;                         /* of the loop: bytes of a part still to be taken in */
	__u32 parts;                        /* segments or labels so far */
	__u32 options;                      /* CoAP options so far */
	__u32 option;                       /* number of the last one */
	__u32 longest; /* 0 while all segments are empty: the bits of their lengths */
	__u32 labels;  /* of the name */
	__u32 done;    /* the loop came to a good end */
	__u32 known;   /* KEY_* of bpf/key.h: what was tried for this packet */
	__u32 reserved;
	__u8 label_at[128]; /* where each label of the name starts, counted from its first */
	struct xfn_digest path;
	struct xfn_digest name;
	struct xfn_digest suffix[XFN_KEY_SUFFIX_LABELS_MAX + 1]; /* by its number of labels */
	__u64 payload[2];                                        /* for struct xfn_key */
};

/* ---- functions ----------------------------------------------------------------------------------- */

enum xfn_function_delivery {
	XFN_DELIVERY_NONE = 0, /* the slot is empty */
	XFN_DELIVERY_KERNEL = 1,
	XFN_DELIVERY_SOCKET = 2,
	XFN_DELIVERY_NETDEV = 3, /* an interface, through xfn_devs */
	XFN_DELIVERY_CPU =
		4, /* a socket; the stack's work is moved to other CPUs, through xfn_cpus */
	XFN_DELIVERY_XSK = 5, /* an AF_XDP socket, through a port */
};

/* What those of a number above are left to XDP_REDIRECT. */
#define XFN_DELIVERY_REDIRECTS XFN_DELIVERY_NETDEV

/*
 * What one generation says of a function: 24 bytes in aligned words.
 * limit: interval:40 (1/16 ns between two events at the configured rate) | XFN_FUNCTION_* flags.
 * burst: interval times the burst, in 1/16 ns.
 * target: sample:32 (threshold: an event is sampled if a random __u32 is at most this; 0 = never) |
 * handler:32 (version slot: index in xfn_handlers and xfn_outcomes; for an interface or CPUs the index
 * in xfn_targets; for an AF_XDP socket the number of its port).
 */
struct xfn_function_config {
	__u64 limit;
	__u64 burst;
	__u64 target;
};

#define XFN_TARGET(sample, handler) ((__u64)(handler) << 32 | (__u32)(sample))
#define XFN_TARGET_SAMPLE(target)   ((__u32)(target))
#define XFN_TARGET_HANDLER(target)  ((__u32)((target) >> 32))

/* ---- deliveries by redirect ---------------------------------------------------------------------- */

#define XFN_TARGETS_MAX \
	1024 /* elements of xfn_targets, of the live and the idle generation together */
#define XFN_DEVICES_MAX     256 /* elements of xfn_devs: interfaces that functions deliver to */
#define XFN_TARGET_CPUS_MAX 16  /* CPUs of one function; a power of two */

/*
 * xfn_targets[target]: where a function's packets go. Written by xfnd before the generation that names
 * it is live, and never changed while one is: so what a packet gets of it is all old or all new.
 */
struct xfn_target {
	__u16 dst_mac[3]; /* as they stand in memory */
	__u16 src_mac[3];
	__u16 cpu_count; /* 1 to XFN_TARGET_CPUS_MAX, for CPUs */
	__u16 reserved;
	__u32 device;  /* index in xfn_devs, for an interface */
	__u32 ifindex; /* of that interface */
	__u16 cpu[XFN_TARGET_CPUS_MAX];
	__u64 reserved2;
};

/* Index in xfn_handed and xfn_losses of what is handed to a device or a CPU. */
#define XFN_HANDED_DEVICE(device) (device)
#define XFN_HANDED_CPU(cpu)       (XFN_DEVICES_MAX + (cpu))

/*
 * Why an event was lost behind the hand-over. X(NUMBER, NAME, label, meaning). The first are counted in
 * the kernel, by bpf/xfn_losses.bpf.c; from SOCKET_DROPS on the kernel's own figures are asked for.
 */
#define XFN_LOSSES(X)                                                                           \
	X(0, INTERFACE_DOWN, interface_down, "the interface was down")                          \
	X(1, TOO_BIG, too_big, "larger than the interface's MTU")                               \
	X(2, REDIRECT_FAILED, redirect_failed,                                                  \
	  "the kernel would not redirect, for another reason")                                  \
	X(3, NO_RECEIVER, no_receiver, "the driver took none: a veth's far end has no NAPI")    \
	X(4, RING_FULL, ring_full, "the driver's ring was full")                                \
	X(5, QUEUE_FULL, queue_full, "the CPU's queue was full")                                \
	X(6, NO_MEMORY, no_memory, "no memory for the packet on its CPU")                       \
	X(7, SOCKET_DROPS, socket_drops, "dropped by UDP sockets: buffer full, wrong checksum") \
	X(8, LISTEN_DROPS, listen_drops, "connections dropped by TCP sockets: backlog full")    \
	X(9, XSK_DROPPED, xsk_dropped, "AF_XDP socket: no free frame, or one too small")        \
	X(10, XSK_RING_FULL, xsk_ring_full, "AF_XDP socket: its ring was full")                 \
	X(11, NO_SOCKET, no_socket, "came to a port whose socket was gone")                     \
	X(12, LEFT_BEHIND, left_behind, "in the ring of an instance that ended")

enum xfn_loss {
#define X(number, NAME, label, meaning) XFN_LOSS_##NAME = (number),
	XFN_LOSSES(X)
#undef X
		XFN_LOSS_COUNT = 13,
};

#define XFN_KERNEL_LOSS_COUNT 7

/*
 * xfn_losses[XFN_HANDED_...]: what became of what was handed over, as the kernel's tracepoints tell it.
 * Written by bpf/xfn_losses.bpf.c with atomic adds: it runs on every CPU, in softirqs and kthreads.
 */
struct xfn_handed_counts {
	__u64 taken;  /* by the driver, or into the CPU's queue */
	__u64 worked; /* taken from the CPU's queue and given to the stack */
	__u64 lost[XFN_KERNEL_LOSS_COUNT];
	__u64 reserved[7];
};

/*
 * xfn_port_losses[port]: what became of what its function was given: on the way to its sockets, and there. The first
 * line is written by bpf/xfn_losses.bpf.c, with atomic adds; the rest by xfnd, of instances that have ended, so that
 * their figures outlive them, and xfnd.
 */
struct xfn_port_losses {
	__u64 lost[8];   /* by enum xfn_loss, those of XFN_KERNEL_LOSS_COUNT: not redirected */
	__u64 taken;     /* came out of far ends */
	__u64 ring_full; /* did not fit into their rings */
	__u64 received;  /* put into rings of sockets; the low 32 bits count */
	__u64 xsk_dropped, xsk_ring_full, no_socket, left_behind;
	__u64 injected; /* of what waited: sent to sockets once more (loader/inject.h) */
	__u64 unseen;   /* instances whose sockets could not be asked, or not for all */
	__u64 since;    /* the function's `steered` when the port became its own */
	__u64 reserved[6];
};

#define XFN_LIMIT_INTERVAL_MASK         ((1ULL << 40) - 1)
#define XFN_FUNCTION_DELIVERY(x)        ((__u64)(x) << 40) /* 4 bits: enum xfn_function_delivery */
#define XFN_FUNCTION_DELIVERY_OF(limit) ((__u32)((limit) >> 40) & 0xf)
#define XFN_FUNCTION_LIMITED            (1ULL << 44)
#define XFN_FUNCTION_EXCESS_PASS        (1ULL << 45) /* else drop */
#define XFN_FUNCTION_DISABLED           (1ULL << 46)
#define XFN_FUNCTION_OFF_DROP           (1ULL << 47) /* disabled drops (rate: 0), else passes */
#define XFN_FUNCTION_PACKETS            (1ULL << 48) /* TCP: the limit counts packets, else connections */
#define XFN_FUNCTION_EXCESS_REPLY       (1ULL << 49) /* answered, as its policy says */
#define XFN_FUNCTION_PER_SOURCE         (1ULL << 50) /* its policy limits each source */

#define XFN_BURST_MAX     (1ULL << 56) /* 1/16 ns: 52 days */
#define XFN_TIME_FRACTION 16           /* limiter time is in 1/16 ns */
#define XFN_SAMPLE_ALWAYS 0xffffffffU
#define XFN_SAMPLE_NEVER  0U

/*
 * xfn_functions[slot]: one cache line. `arrival` is the limiter's theoretical arrival time
 * (1/16 ns of CLOCK_MONOTONIC), moved by ingress with compare-and-swap; all else is written by xfnd,
 * in aligned 8-byte stores, into the idle config only (with xfnd dead, switches in the live one by xfn).
 */
struct xfn_function {
	__u64 arrival;
	struct xfn_function_config config[2];
	__u64 identity; /* incarnation of the slot's owner; moves when the slot changes hands */
};

/* How a function's excess is answered, where it is. */
enum xfn_reply_kind {
	XFN_REPLY_NONE = 0,
	XFN_REPLY_DNS = 1,  /* REFUSED, or truncated */
	XFN_REPLY_COAP = 2, /* 4.29 with Max-Age */
};

/*
 * What one generation says of a function beside its line; read only where XFN_FUNCTION_PER_SOURCE or
 * XFN_FUNCTION_EXCESS_REPLY is set. One cache line.
 * interval, burst: of the per-source limit, in 1/16 ns, as in struct xfn_function_config.
 * mask4, mask6: what is compared of a source, as the bytes of the packet; IPv4 in the first 4.
 * cells: table:32 (element of xfn_sources) | number of its cells - 1:32.
 * reply: kind:8 (enum xfn_reply_kind) | seconds to wait when over the rate:8 | over the per-source
 * rate:8.
 */
struct xfn_policy_config {
	__u64 interval;
	__u64 burst;
	__u64 mask4;
	__u64 mask6[2];
	__u64 cells;
	__u64 reply;
	__u64 reserved;
};

#define XFN_POLICY_CELLS(table, mask)  ((__u64)(mask) << 32 | (__u32)(table))
#define XFN_POLICY_TABLE_OF(cells)     ((__u32)(cells))
#define XFN_POLICY_CELL_MASK_OF(cells) ((__u32)((cells) >> 32))
#define XFN_POLICY_REPLY(kind, rate_s, source_s) \
	((__u64)(kind) | (__u64)(rate_s) << 8 | (__u64)(source_s) << 16)
#define XFN_POLICY_REPLY_KIND(reply)    ((__u32)(reply)&0xff)
#define XFN_POLICY_RATE_WAIT_S(reply)   ((__u32)((reply) >> 8) & 0xff)
#define XFN_POLICY_SOURCE_WAIT_S(reply) ((__u32)((reply) >> 16) & 0xff)

/* xfn_policies[slot]; written by xfnd, in aligned 8-byte stores, into the idle config only. */
struct xfn_policy {
	struct xfn_policy_config config[2];
};

/*
 * xfn_sources[table]: the cells of one function's per-source limit, an array of __u64: theoretical
 * arrival times as struct xfn_function.arrival, moved by ingress with compare-and-swap. A function has
 * two tables, of which a generation names one: where the number of cells changes the other is made anew.
 */
#define XFN_SOURCES_TABLE(slot, which) (2 * (slot) + (which))

/* xfn_secrets, one element; written by xfnd once, at random, when the maps are made. */
struct xfn_secrets {
	__u64 source_key[2]; /* of the hash that finds a source's cells */
	__u64 key_seed;      /* of the digests of keys in the payload */
	__u64 flow_seed;     /* of the hash that gives a flow its CPU: it stays over every change */
};

/* xfn_counts[function slot], per CPU; written by ingress. */
struct xfn_function_counts {
	__u64 verdicts[XFN_FUNCTION_VERDICT_COUNT];
	__u64 bytes; /* of the events that were delivered, from the Ethernet header on */
};

/* xfn_verdicts[interface slot], per CPU; written by ingress. */
struct xfn_interface_verdicts {
	__u64 count[XFN_VERDICT_COUNT];
};

/* xfn_outcomes[version slot], per CPU; written by the handler SDK. */
struct xfn_version_counts {
	__u64 invocations;
	__u64 outcomes[XFN_OUTCOME_COUNT];
	__u64 reply_bytes; /* of the frames that went out as replies, from the Ethernet header on */
};

/* xfn_interfaces[interface slot]; written by xfnd. */
struct xfn_interface {
	__u64 mac; /* the 6 address bytes as they stand in memory, then two zeros */
	__u32 ifindex;
	__u32 flags;       /* XFN_INTERFACE_* */
	__u64 received[2]; /* by its driver before and after it was attached, plus 1; 0 = unknown */
	__u64 next;        /* what xfn_next_progs was filled for: a hash by xfnd; 0 = empty */
	__u64 reserved[3];
};
#define XFN_INTERFACE_GENERIC 1 /* attached in generic mode */
#define XFN_INTERFACE_NEXT    2 /* its ingress looks into xfn_next_progs */
/* RX VLAN offload was on, for customer and for service tags, until xfnd turned it off. */
#define XFN_INTERFACE_RX_CTAG 4
#define XFN_INTERFACE_RX_STAG 8
#define XFN_INTERFACE_COEXIST \
	16 /* its root is called by libxdp's dispatcher, not by a link of ours */

/* ---- events on their way to a handler -------------------------------------------------------- */

/*
 * xfn_events, one element per CPU: what ingress found out, for the handler that it tail-calls.
 * Written by ingress, valid only while `data` equals the packet's own: under BPF_PROG_TEST_RUN on
 * 6.1 a softirq may overwrite it in between, and the SDK then gives the event up.
 */
struct xfn_event_state {
	__u64 data;     /* ctx->data when ingress filled this in */
	__u64 seen_ns;  /* CLOCK_MONOTONIC when XDP saw it; 0 = not sampled */
	__u64 given_ns; /* CLOCK_MONOTONIC before the tail call; 0 = not sampled */
	__u64 dst[2];   /* addresses: the packet's bytes, IPv4 in the first 4 */
	__u64 src[2];
	__be16 src_port;
	__be16 dst_port;
	__u16 l3_offset; /* from the start of the Ethernet header, in bytes */
	__u16 l4_offset;
	__u16 payload_offset;
	__u16 payload_bytes; /* as the UDP length or the IP length says; without Ethernet padding */
	__u8 ip_version;     /* 4 or 6 */
	__u8 l4_proto;       /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 flags;          /* XFN_EVENT_* */
	__u8 reserved;
	__u32 function; /* slot */
	__u32 rule;
	__u32 interface; /* slot */
};
#define XFN_EVENT_BAD_SOURCE 1 /* no reply may go to its source */
#define XFN_EVENT_GROUP      2 /* came to a group or broadcast address: no reply can leave from it */

/* ---- latency histograms ------------------------------------------------------------------------ */

/*
 * Log-linear: 16 buckets for each power of two, so a bucket is at most 1/16 of its value wide.
 * 0 to 31 ns exactly, then up to 2^36 ns (68 s); longer ones land in the last bucket.
 */
#define XFN_HISTOGRAM_MAGNITUDE_MAX 36
#define XFN_HISTOGRAM_BUCKETS       (16 * (XFN_HISTOGRAM_MAGNITUDE_MAX - 3))

/* xfn_histograms[histogram slot * XFN_STAGE_COUNT + stage], per CPU; written by the handler SDK. */
struct xfn_histogram {
	__u64 sum_ns;
	__u64 max_ns;
	__u64 bucket[XFN_HISTOGRAM_BUCKETS];
};

#define XFN_HISTOGRAM_NONE 0xffffffffU /* the version is not measured */

/*
 * xfn_sums, one element per CPU: room for the SDK to sum a payload in, a chunk at a time; each chunk
 * is followed by zeros up to a whole 4-byte word.
 */
#define XFN_SUM_CHUNK 512 /* bpf_csum_diff takes no more at a time on 6.1 */
struct xfn_sum_buffer {
	__u8 bytes[XFN_SUM_CHUNK + 8];
};

/*
 * What the loader writes into a handler's .rodata, symbol `xfn_self`, before it loads it: which
 * slots are its own.
 */
struct xfn_handler_self {
	__u32 version;   /* slot in xfn_outcomes */
	__u32 histogram; /* slot in xfn_histograms or XFN_HISTOGRAM_NONE */
	__u32 abi;       /* XFN_ABI_VERSION of the loader */
	__u32 reserved;
};

#define XFN_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " has " #size " bytes")
XFN_ASSERT_SIZE(struct xfn_control, 64);
XFN_ASSERT_SIZE(struct xfn_key, 56);
XFN_ASSERT_SIZE(struct xfn_port_chunk, 64);
XFN_ASSERT_SIZE(union xfn_probe_word, 8);
XFN_ASSERT_SIZE(struct xfn_shape, 64);
XFN_ASSERT_SIZE(struct xfn_entry, 64);
XFN_ASSERT_SIZE(struct xfn_displace_chunk, 64);
XFN_ASSERT_SIZE(struct xfn_key_scratch, 520 + 48 + 128 + 11 * 32 + 16);
XFN_ASSERT_SIZE(struct xfn_function, 64);
XFN_ASSERT_SIZE(struct xfn_policy_config, 64);
XFN_ASSERT_SIZE(struct xfn_secrets, 32);
XFN_ASSERT_SIZE(struct xfn_function_counts, 64);
XFN_ASSERT_SIZE(struct xfn_interface_verdicts, 96);
XFN_ASSERT_SIZE(struct xfn_version_counts, 64);
XFN_ASSERT_SIZE(struct xfn_interface, 64);
XFN_ASSERT_SIZE(struct xfn_target, 64);
XFN_ASSERT_SIZE(struct xfn_handed_counts, 128);
XFN_ASSERT_SIZE(struct xfn_port_losses, 192);
XFN_ASSERT_SIZE(struct xfn_event_state, 88);
XFN_ASSERT_SIZE(struct xfn_histogram, 16 + 8 * XFN_HISTOGRAM_BUCKETS);

#endif
