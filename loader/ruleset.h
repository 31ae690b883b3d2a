/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RULESET_H
#define XFN_RULESET_H

/*
 * The ruleset: all triggers of all sets, compiled into the arrays of xfn/abi.h that the data plane
 * reads. docs/adr/0002-ruleset-layout.md says why they look as they do.
 *
 * A trigger becomes one rule for each pair of its destinations and sources. A rule has a shape (which
 * bits it compares) and a label (its port, or the number of its port range); each port has a list of
 * probes, one for each shape and label that can match there, most specific first; each probe is one
 * look-up in a perfect hash. What a trigger asks of the payload is a part of its rule's shape and key.
 *
 * Compiling takes time in proportion to the number of rules, whatever they look like. It touches no
 * map. A compiled ruleset is never changed and holds nothing of its input.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "xfn/abi.h"

struct xfn_diag_list;
struct xfn_key_spec;
struct xfn_prefix;
struct xfn_trigger_spec;

/* ---- what goes in: all of it borrowed ---------------------------------------------------------- */

/* A function with its triggers. Triggers of a set that is not the one being applied are given too. */
struct xfn_ruleset_function {
	const char *const *files; /* for messages: what the triggers' `file` means */
	const char *owner;        /* for messages: "function 'a'" */
	__u32 slot;               /* below functions_max, of no other function */
	__u32 sample;             /* threshold, XFN_SAMPLE_NEVER to XFN_SAMPLE_ALWAYS */
	const struct xfn_trigger_spec *triggers;
	__u32 trigger_count;
	const struct xfn_prefix *prefixes; /* the array that the triggers' spans mean */
	const struct xfn_key_spec *keys;   /* the array that the triggers' keys mean */
};

/* An attached interface. */
struct xfn_ruleset_interface {
	const char *name;
	__u32 slot; /* below XFN_INTERFACES_MAX */
};

/* An address of an attached interface. Giving one several times is fine; own beats broadcast. */
struct xfn_ruleset_address {
	__u8 family;   /* AF_INET or AF_INET6 */
	__u8 kind;     /* enum xfn_address_kind */
	__u8 addr[16]; /* network order; IPv4 in the first 4 bytes, zeros behind */
};

struct xfn_ruleset_input {
	const struct xfn_ruleset_function *functions;
	__u32 function_count;
	const struct xfn_ruleset_interface *interfaces;
	__u32 interface_count;
	const struct xfn_ruleset_address *addresses;
	__u32 address_count;
	__u32 slot_bits;     /* of the maps, XFN_PHASH_SLOT_BITS_MIN to _MAX */
	__u32 rules_max;     /* capacity: rules and addresses together */
	__u32 functions_max; /* capacity: functions */
	__u64 start_seed;    /* of the perfect hash; equal input gives an equal ruleset */
	__u64 key_seed;      /* of the maps: of the digests of keys */
};

/* ---- what comes out ---------------------------------------------------------------------------- */

#define XFN_RULESET_NONE 0xffffffffU

/* Where a trigger came from. */
struct xfn_ruleset_trigger {
	__u32 line;
	__u32 column;
	__u32 file;      /* in names */
	__u32 waits_for; /* the interface that is not attached, in names; else XFN_RULESET_NONE */
	__u32 function;  /* slot */
};

struct xfn_ruleset {
	/* As in xfn/abi.h, one generation. */
	__u64 seed;
	__u64 address_mask;
	__u64 key_seed; /* the input's */
	__u32 slot_bits;
	__u32 probe_words;            /* used, word 0 included */
	__u32 shape_count;            /* used; they are numbered from 1 */
	struct xfn_port_chunk *ports; /* XFN_PORT_CHUNKS */
	union xfn_probe_word *probes; /* probe_words */
	struct xfn_shape *shapes;     /* XFN_SHAPES_MAX */
	__u32 *displace;              /* 2^(slot_bits - XFN_BUCKET_BITS_LESS) words */
	struct xfn_entry *entries;    /* 2^slot_bits; .rule is a position in triggers */

	/* For explain, ls and the journal. */
	struct xfn_ruleset_trigger *triggers; /* in the order given, function by function */
	__u32 trigger_count;
	__u32 *waiting; /* triggers that wait for their interface: in no entry, in no list */
	__u32 waiting_count;
	char **names;
	__u32 name_count;
	__u32 rule_count;    /* entries that are rules */
	__u32 address_count; /* entries that are addresses, each counted once */
	__u32 list_count;    /* different probe lists */
	__u32 longest_list;  /* probes on the port that has most */
};

/*
 * The number of rules that the input's triggers make, those that wait for an interface included;
 * with the addresses, what has to fit into rules_max.
 */
__u64 xfn_ruleset_rule_count(const struct xfn_ruleset_input *input);

/*
 * Compiles. Returns 0 and a ruleset that the caller frees, or
 *   -EINVAL  refused, and @diags got at least one entry: two triggers match alike, port ranges
 *            overlap in part, a trigger can match nothing, too many probes on a port, shapes, probe
 *            words, ranges, rules or functions
 *   -ENOMEM  @diags may have got some
 * A trigger for an interface that is not attached takes its share of the capacity and is checked
 * against the others, but goes to the waiting ones.
 */
int xfn_ruleset_compile(const struct xfn_ruleset_input *input, struct xfn_diag_list *diags,
			struct xfn_ruleset **ret);

/* Takes NULL. */
void xfn_ruleset_free(struct xfn_ruleset *ruleset);

/* ---- look-up in user space --------------------------------------------------------------------- */

/* What the parse stage finds in a packet. */
struct xfn_packet_view {
	__u64 dst[2]; /* bytes as in the packet; IPv4 in the first 4, zeros behind */
	__u64 src[2];
	__u8 family;                   /* AF_INET or AF_INET6 */
	__u8 protocol;                 /* IPPROTO_UDP or IPPROTO_TCP */
	__u16 dst_port;                /* host order */
	__u16 vlan[XFN_VLAN_TAGS_MAX]; /* outer, inner: id | XFN_VLAN_PRESENT, or 0 */
	__u8 interface;                /* slot */
	bool group_frame;    /* the Ethernet destination is a group or broadcast address */
	const void *payload; /* borrowed; may be NULL where payload_bytes is 0 */
	__u32 payload_bytes;
};

/*
 * The entry of the rule that a packet matches, or NULL. Takes the same steps as the data plane's
 * classify stage. The result lives as long as the ruleset.
 */
const struct xfn_entry *xfn_ruleset_find(const struct xfn_ruleset *ruleset,
					 const struct xfn_packet_view *packet);

/*
 * For a packet that matches none: whether keys are wanted on its port and its payload is odd for all of
 * them, so that the verdict is key_error and not unmatched.
 */
bool xfn_ruleset_key_error(const struct xfn_ruleset *ruleset, const struct xfn_packet_view *packet);

/* ---- into the maps ----------------------------------------------------------------------------- */

/* The mapped arrays, both generations of each. */
struct xfn_ruleset_maps {
	struct xfn_control *control;
	struct xfn_port_chunk *ports;        /* 2 * XFN_PORT_CHUNKS */
	union xfn_probe_word *probes;        /* 2 * XFN_PROBE_WORDS */
	struct xfn_shape *shapes;            /* 2 * XFN_SHAPES_MAX */
	struct xfn_displace_chunk *displace; /* 2^(slot_bits - XFN_BUCKET_BITS_LESS + 1) words */
	struct xfn_entry *entries;           /* 2 * 2^slot_bits */
	__u32 slot_bits;
	__u64 key_seed; /* of struct xfn_secrets */
};

/*
 * Writes generation 0 or 1, which must be the idle one, with nobody reading it any more (an RCU grace
 * period since it was live). Only 8-byte words that differ are stored, aligned and whole, since the
 * live generation or the data plane may use a neighbouring word; what an earlier ruleset left behind
 * becomes zero. control gets the generation's seed and address mask. It does not make the generation
 * live: that is one release store of control->live, by the caller.
 * Returns the number of words stored, or -EINVAL if slot_bits or the key seed differ.
 */
long xfn_ruleset_store(const struct xfn_ruleset *ruleset, const struct xfn_ruleset_maps *maps,
		       unsigned generation);

#endif
