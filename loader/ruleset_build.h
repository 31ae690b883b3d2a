/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RULESET_BUILD_H
#define XFN_RULESET_BUILD_H

/*
 * What the steps of the ruleset compiler hand to each other; nobody else's business. ruleset.c
 * calls the steps in order:
 *
 *	rules      triggers into rules                                     ruleset_rules.c
 *	conflicts  refuse rules that match alike, ranges that overlap       ruleset_conflicts.c
 *	ports      shapes, labels, a probe list for each port               ruleset_ports.c
 *	table      addresses, perfect hash, entries                         ruleset.c
 */

#include "diag.h"
#include "manifest.h"
#include "ruleset.h"
#include "ruleset_key.h"

/* ---- shapes: ruleset_shape.c ------------------------------------------------------------------- */

/*
 * What is compared of one address, as a small number: nothing, whether it is an own one, or a prefix
 * of some length of some family. A shape's code packs two of these and whether the interface counts,
 * so that equal shapes have equal codes.
 */
#define XFN_CLASS_ANY   0
#define XFN_CLASS_OWN   1
#define XFN_CLASS_IPV4  2  /* plus prefix length, 0 to 32 */
#define XFN_CLASS_IPV6  35 /* plus prefix length, 0 to 128 */
#define XFN_CLASS_COUNT 164
#define XFN_SHAPE_CODES (2 * XFN_CLASS_COUNT * XFN_CLASS_COUNT)

__u32 xfn_shape_class(const struct xfn_prefix *prefix);

static inline __u16 xfn_shape_code(__u32 dst_class, __u32 src_class, bool interface)
{
	return (__u16)((dst_class * XFN_CLASS_COUNT + src_class) * 2 + interface);
}

/*
 * Position in the order of shapes, keys left aside: the more specific, the smaller. Not unique.
 */
__u32 xfn_shape_rank(__u16 code);

/* The masks of a shape under its number, 1 to XFN_SHAPES_MAX - 1. */
void xfn_shape_fill(__u16 code, const struct xfn_key_class *class, __u32 number,
		    struct xfn_shape *shape);

/* ---- sorting and interning: ruleset_sort.c ------------------------------------------------------ */

struct xfn_sort_item {
	__u64 key;
	__u32 value;
	__u32 reserved;
};

/* Sorts by key; items with equal keys keep their order. Time goes with @count. 0 or -ENOMEM. */
int xfn_sort(struct xfn_sort_item *items, __u32 count);

/*
 * Numbers things: a set of ids found by hash. The things themselves are the caller's, who compares.
 */
struct xfn_intern {
	__u32 *slots; /* id + 1, or 0 */
	__u32 mask;
};

/* Says whether the thing with this id is the wanted one. */
typedef bool xfn_intern_equal_fn(const void *context, __u32 id, const void *wanted);

/* Room for @count_max ids. 0 or -ENOMEM. */
int xfn_intern_init(struct xfn_intern *intern, __u32 count_max);
void xfn_intern_fini(struct xfn_intern *intern);

/* The id of what equals @wanted; where there is none, @fresh_id, which is kept for it. */
__u32 xfn_intern_get(struct xfn_intern *intern, __u64 hash, xfn_intern_equal_fn *equal,
		     const void *context, const void *wanted, __u32 fresh_id);

/* ---- rules ------------------------------------------------------------------------------------- */

struct xfn_rule {
	__u32 function;  /* position in the input's functions */
	__u32 trigger;   /* number over all functions */
	__u32 interface; /* 0: any; else names of the build, from 1 */
	__u16 port_lo;
	__u16 port_hi;
	__u16 code; /* of its shape, together with */
	__u8 class; /* its key's, in the build's classes; 0: none */
};

/* An address of this host, each once. */
struct xfn_rule_address {
	struct xfn_key key;
	__u32 kind; /* enum xfn_address_kind */
};

struct xfn_ruleset_build {
	const struct xfn_ruleset_input *input;
	struct xfn_diag_list *diags;
	struct xfn_ruleset *ruleset; /* the result, filled step by step */
	struct xfn_key *keys;        /* of each rule; label and shape number only after `ports` */
	struct xfn_rule *rules;
	__u32 rule_count;
	struct xfn_rule_address *addresses;
	__u32 address_count;
	__u32 *first_trigger;      /* of each function: number of its first trigger */
	struct xfn_intern by_name; /* the ruleset's names by their text */
	__u32 *name_slots; /* of each name: slot of the attached interface, or XFN_RULESET_NONE */
	struct xfn_key_class classes[XFN_SHAPES_MAX]; /* of keys; 0 is that of none */
	struct xfn_intern by_class;
	__u32 class_count; /* XFN_SHAPES_MAX: there are more */
	unsigned refused;  /* diagnostics added */
};

/* The trigger that a rule was made of. */
static inline const struct xfn_trigger_spec *xfn_rule_spec(const struct xfn_ruleset_build *build,
							   const struct xfn_rule *rule)
{
	return build->input->functions[rule->function].triggers + rule->trigger -
	       build->first_trigger[rule->function];
}

/*
 * The steps return 0 or -ENOMEM; what they refuse is counted in build->refused. The first one returns
 * -EINVAL where nothing can be made of what was refused.
 */
int xfn_ruleset_make_rules(struct xfn_ruleset_build *build);
int xfn_ruleset_check_conflicts(struct xfn_ruleset_build *build);
/* Takes rules that wait for an interface out. */
void xfn_ruleset_drop_waiting(struct xfn_ruleset_build *build);
int xfn_ruleset_make_ports(struct xfn_ruleset_build *build);

/* Adds a diagnostic at a trigger (@rule NULL: at no place) and counts it. */
void xfn_ruleset_refuse(struct xfn_ruleset_build *build, const struct xfn_rule *rule,
			const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
