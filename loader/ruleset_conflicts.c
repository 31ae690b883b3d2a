/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that no order can tell apart: two that match alike, and port ranges that overlap in part with
 * all else alike. Rules that are alike but for their ports form a group; within a group the ranges,
 * by their start and the longer first, must nest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "ruleset_build.h"

enum { PLACE_MAX = 512 };

struct nest {
	struct xfn_ruleset_build *build;
	__u32 *open; /* ranges that hold the current port, outermost first */
	__u32 depth;
	__u64 reported; /* the pair of triggers that was named last */
};

static bool group_equal(const void *context, __u32 id, const void *wanted)
{
	const struct xfn_ruleset_build *build = context;
	__u32 other = *(const __u32 *)wanted;

	return build->rules[id].code == build->rules[other].code &&
	       build->rules[id].class == build->rules[other].class &&
	       build->rules[id].interface == build->rules[other].interface &&
	       memcmp(&build->keys[id], &build->keys[other], sizeof(build->keys[id])) == 0;
}

/* A group goes by the number of its first rule. */
static __u32 group_of(struct xfn_intern *groups, const struct xfn_ruleset_build *build, __u32 rule)
{
	__u64 seed = (__u64)build->rules[rule].interface << 24 |
		     (__u64)build->rules[rule].class << 16 | build->rules[rule].code;
	__u64 hash = xfn_hash_key(build->input->start_seed + seed, &build->keys[rule]);

	return xfn_intern_get(groups, hash, group_equal, build, &rule, rule);
}

static int sort_by_group(const struct xfn_ruleset_build *build, struct xfn_sort_item *items)
{
	struct xfn_intern groups;
	__u32 i;
	int err;

	err = xfn_intern_init(&groups, build->rule_count);
	if (err)
		return err;
	for (i = 0; i < build->rule_count; i++) {
		const struct xfn_rule *rule = &build->rules[i];

		items[i].key = (__u64)group_of(&groups, build, i) << 32 |
			       (__u64)rule->port_lo << 16 | (0xffff - rule->port_hi);
		items[i].value = i;
	}
	xfn_intern_fini(&groups);
	return xfn_sort(items, build->rule_count);
}

static char *print_place(const struct xfn_ruleset_build *build, const struct xfn_rule *rule,
			 char buf[PLACE_MAX])
{
	const struct xfn_ruleset_function *function = &build->input->functions[rule->function];
	const struct xfn_trigger_spec *spec = xfn_rule_spec(build, rule);

	if (spec->line)
		snprintf(buf, PLACE_MAX, "%s at %s:%u:%u", function->owner,
			 function->files[spec->file], spec->line, spec->column);
	else
		snprintf(buf, PLACE_MAX, "%s, %s", function->owner, function->files[spec->file]);
	return buf;
}

static void refuse_pair(struct nest *nest, __u32 one, __u32 other)
{
	struct xfn_ruleset_build *build = nest->build;
	const struct xfn_rule *first = &build->rules[one < other ? one : other];
	const struct xfn_rule *second = &build->rules[one < other ? other : one];
	bool equal = first->port_lo == second->port_lo && first->port_hi == second->port_hi;
	__u64 pair = (__u64)first->trigger << 32 | second->trigger;
	char place[PLACE_MAX], ports[2][XFN_UNIT_TEXT_MAX];

	if (nest->reported == pair)
		return; /* a pair of triggers meets in many rules */
	nest->reported = pair;
	print_place(build, first, place);
	xfn_ports_print(first->port_lo, first->port_hi, ports[0], sizeof(ports[0]));
	xfn_ports_print(second->port_lo, second->port_hi, ports[1], sizeof(ports[1]));
	if (first->trigger == second->trigger)
		xfn_ruleset_refuse(build, second, "leave one of them out",
				   "the trigger of %s names the same destination and source twice",
				   build->input->functions[second->function].owner);
	else if (equal)
		xfn_ruleset_refuse(build, second,
				   "remove one, or tell them apart by destination, source, vlan, "
				   "interface, port or key",
				   "the trigger of %s matches the same packets as that of %s",
				   build->input->functions[second->function].owner, place);
	else
		xfn_ruleset_refuse(
			build, second, "let the ranges lie apart, or one inside the other",
			"ports %s of %s overlap in part with ports %s of %s", ports[1],
			build->input->functions[second->function].owner, ports[0], place);
}

static void nest_add(struct nest *nest, __u32 i)
{
	const struct xfn_rule *rules = nest->build->rules, *rule = &rules[i], *top;

	while (nest->depth && rules[nest->open[nest->depth - 1]].port_hi < rule->port_lo)
		nest->depth--;
	if (nest->depth) {
		top = &rules[nest->open[nest->depth - 1]];
		if (top->port_hi < rule->port_hi ||
		    (top->port_lo == rule->port_lo && top->port_hi == rule->port_hi)) {
			refuse_pair(nest, nest->open[nest->depth - 1], i);
			return;
		}
	}
	nest->open[nest->depth++] = i;
}

int xfn_ruleset_check_conflicts(struct xfn_ruleset_build *build)
{
	struct xfn_sort_item *items = xfn_alloc(build->rule_count * sizeof(*items));
	/* Ranges that nest without being equal shrink at each step. */
	__u32 depth_max = build->rule_count < XFN_PORT_COUNT ? build->rule_count : XFN_PORT_COUNT;
	struct nest nest = {.build = build, .reported = ~0ULL};
	int err = -ENOMEM;
	__u32 i;

	nest.open = xfn_alloc(depth_max * sizeof(*nest.open));
	if (items && nest.open)
		err = sort_by_group(build, items);
	for (i = 0; !err && i < build->rule_count; i++) {
		if (i && items[i].key >> 32 != items[i - 1].key >> 32)
			nest.depth = 0;
		nest_add(&nest, items[i].value);
	}
	xfn_free(nest.open);
	xfn_free(items);
	return err;
}
