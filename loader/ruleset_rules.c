/* SPDX-License-Identifier: BSD-2-Clause */
/* Triggers into rules: one for each pair of a destination and a source. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "alloc.h"
#include "ruleset_build.h"

/* One side of a trigger: a prefix, or NULL for what has none, and the class that says what it is. */
struct side {
	const struct xfn_prefix *prefix;
	__u32 class;
};

static const struct xfn_prefix *span_prefixes(const struct xfn_ruleset_function *function,
					      struct xfn_prefix_span span)
{
	return function->prefixes + span.first;
}

static __u32 destination_count(const struct xfn_trigger_spec *spec)
{
	return spec->destination == XFN_DESTINATION_LIST ? spec->destinations.count : 1;
}

static __u32 source_count(const struct xfn_trigger_spec *spec)
{
	return spec->sources.count ? spec->sources.count : 1;
}

static struct side destination_side(const struct xfn_ruleset_function *function,
				    const struct xfn_trigger_spec *spec, __u32 i)
{
	const struct xfn_prefix *prefix;

	if (spec->destination == XFN_DESTINATION_OWN)
		return (struct side){NULL, XFN_CLASS_OWN};
	if (spec->destination == XFN_DESTINATION_ANY)
		return (struct side){NULL, XFN_CLASS_ANY};
	prefix = span_prefixes(function, spec->destinations) + i;
	return (struct side){prefix, xfn_shape_class(prefix)};
}

static struct side source_side(const struct xfn_ruleset_function *function,
			       const struct xfn_trigger_spec *spec, __u32 i)
{
	const struct xfn_prefix *prefix;

	if (!spec->sources.count)
		return (struct side){NULL, XFN_CLASS_ANY};
	prefix = span_prefixes(function, spec->sources) + i;
	return (struct side){prefix, xfn_shape_class(prefix)};
}

static __u64 count_family(const struct xfn_ruleset_function *function, struct xfn_prefix_span span,
			  __u8 family)
{
	const struct xfn_prefix *prefixes = span_prefixes(function, span);
	__u64 count = 0;
	__u32 i;

	for (i = 0; i < span.count; i++)
		count += prefixes[i].family == family;
	return count;
}

/* Rules that a trigger makes: pairs of one family. */
static __u64 trigger_rules(const struct xfn_ruleset_function *function,
			   const struct xfn_trigger_spec *spec)
{
	if (spec->destination != XFN_DESTINATION_LIST || !spec->sources.count)
		return (__u64)destination_count(spec) * source_count(spec);
	return count_family(function, spec->destinations, AF_INET) *
		       count_family(function, spec->sources, AF_INET) +
	       count_family(function, spec->destinations, AF_INET6) *
		       count_family(function, spec->sources, AF_INET6);
}

__u64 xfn_ruleset_rule_count(const struct xfn_ruleset_input *input)
{
	const struct xfn_ruleset_function *function;
	__u64 count = 0;
	__u32 f, t;

	for (f = 0; f < input->function_count; f++) {
		function = &input->functions[f];
		for (t = 0; t < function->trigger_count; t++)
			count += trigger_rules(function, &function->triggers[t]);
	}
	return count;
}

/* ---- names ------------------------------------------------------------------------------------- */

static bool name_equal(const void *context, __u32 id, const void *wanted)
{
	const struct xfn_ruleset *ruleset = context;

	return strcmp(ruleset->names[id], wanted) == 0;
}

static __u64 name_hash(const char *text)
{
	__u64 h = 0;

	for (; *text; text++)
		h = xfn_hash_round(h, (unsigned char)*text);
	return xfn_hash_round(h, 1);
}

/* The number of a text among the ruleset's names, where it gets a copy. */
static int name_get(struct xfn_ruleset_build *build, const char *text, __u32 *ret)
{
	struct xfn_ruleset *ruleset = build->ruleset;
	__u32 fresh = ruleset->name_count;
	__u32 *slots;
	char **names;

	*ret = xfn_intern_get(&build->by_name, name_hash(text), name_equal, ruleset, text, fresh);
	if (*ret != fresh)
		return 0;
	names = xfn_array_grow(ruleset->names, fresh, sizeof(*names), 16);
	if (!names)
		return -ENOMEM;
	ruleset->names = names;
	slots = xfn_array_grow(build->name_slots, fresh, sizeof(*slots), 16);
	if (!slots)
		return -ENOMEM;
	build->name_slots = slots;
	names[fresh] = xfn_strndup(text, strlen(text));
	if (!names[fresh])
		return -ENOMEM;
	slots[fresh] = XFN_RULESET_NONE;
	ruleset->name_count++;
	return 0;
}

/* Attached interfaces first, so that every other name is known as not attached. */
static int name_interfaces(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	__u32 i, name;
	int err;

	for (i = 0; i < input->interface_count; i++) {
		err = name_get(build, input->interfaces[i].name, &name);
		if (err)
			return err;
		build->name_slots[name] = input->interfaces[i].slot;
	}
	return 0;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static bool class_equal(const void *context, __u32 id, const void *wanted)
{
	const struct xfn_ruleset_build *build = context;

	return memcmp(&build->classes[id], wanted, sizeof(struct xfn_key_class)) == 0;
}

/* The number of a class; any where there are too many, which check_classes() refuses. */
static __u8 class_get(struct xfn_ruleset_build *build, const struct xfn_key_class *class)
{
	__u64 hash = xfn_hash_round(class->mask[0], class->mask[1]);
	__u64 word = (__u64) class->offset << 32 | class->bytes << 16 | class->labels << 8 |
		     class->reader;
	__u32 id;

	if (build->class_count == XFN_SHAPES_MAX)
		return 0;
	id = xfn_intern_get(&build->by_class, xfn_hash_round(hash, word), class_equal, build, class,
			    build->class_count);
	if (id == build->class_count && ++build->class_count < XFN_SHAPES_MAX)
		build->classes[id] = *class;
	return (__u8)id;
}

/* Each would be a shape, so more than there are shapes need not be told apart. */
static int check_classes(struct xfn_ruleset_build *build)
{
	if (build->class_count < XFN_SHAPES_MAX)
		return 0;
	xfn_ruleset_refuse(build, NULL, "use fewer different offsets and masks",
			   "the triggers have more than %d kinds of keys", XFN_SHAPES_MAX - 2);
	return -EINVAL;
}

static __u8 spec_class(struct xfn_ruleset_build *build, const struct xfn_rule *rule,
		       const struct xfn_trigger_spec *spec, __u64 payload[2])
{
	const struct xfn_ruleset_input *input = build->input;
	const struct xfn_key_spec *keys = input->functions[rule->function].keys;
	struct xfn_key_class class;

	if (!spec->key)
		return 0;
	xfn_key_compile(keys + spec->key - 1, input->key_seed, &class, payload);
	return class_get(build, &class);
}

/* ---- expansion --------------------------------------------------------------------------------- */

static __u64 spec_meta(const struct xfn_ruleset_build *build, const struct xfn_trigger_spec *spec,
		       __u32 interface)
{
	static const unsigned shifts[] = {XFN_META_OUTER_SHIFT, XFN_META_INNER_SHIFT};
	__u64 meta = XFN_META_VALID;
	unsigned i;

	if (spec->protocol == IPPROTO_TCP)
		meta |= XFN_META_TCP;
	if (spec->destination == XFN_DESTINATION_OWN)
		meta |= XFN_META_OWN;
	for (i = 0; i < spec->vlan_tags; i++)
		meta |= (__u64)(spec->vlan[i] | XFN_VLAN_PRESENT) << shifts[i];
	if (interface && build->name_slots[interface - 1] != XFN_RULESET_NONE)
		meta |= (__u64)(build->name_slots[interface - 1] + 1) << XFN_META_IFACE_SHIFT;
	return meta;
}

static __u64 side_fill(struct side side, __u64 address[2])
{
	if (!side.prefix)
		return 0;
	memcpy(address, side.prefix->addr, sizeof(side.prefix->addr));
	return side.prefix->family == AF_INET ? XFN_META_IPV4 : XFN_META_IPV6;
}

static void add_rule(struct xfn_ruleset_build *build, const struct xfn_rule *like,
		     const struct xfn_key *alike, struct side dst, struct side src)
{
	struct xfn_key *key = &build->keys[build->rule_count];
	struct xfn_rule *rule = &build->rules[build->rule_count];

	if (dst.prefix && src.prefix && dst.prefix->family != src.prefix->family)
		return;
	*key = *alike;
	key->meta |= side_fill(dst, key->dst) | side_fill(src, key->src);
	*rule = *like;
	rule->code = xfn_shape_code(dst.class, src.class, like->interface);
	build->rule_count++;
}

static void expand(struct xfn_ruleset_build *build, struct xfn_rule *like,
		   const struct xfn_trigger_spec *spec)
{
	const struct xfn_ruleset_function *function = &build->input->functions[like->function];
	struct xfn_key alike = {.meta = spec_meta(build, spec, like->interface)};
	__u32 before = build->rule_count, d, s;

	like->class = spec_class(build, like, spec, alike.payload);
	for (d = 0; d < destination_count(spec); d++)
		for (s = 0; s < source_count(spec); s++)
			add_rule(build, like, &alike, destination_side(function, spec, d),
				 source_side(function, spec, s));
	if (build->rule_count == before)
		xfn_ruleset_refuse(build, like,
				   "destinations and sources are of different families",
				   "the trigger of %s can match no packet", function->owner);
}

static int add_trigger(struct xfn_ruleset_build *build, __u32 f, __u32 t, __u32 file)
{
	const struct xfn_trigger_spec *spec = &build->input->functions[f].triggers[t];
	struct xfn_ruleset *ruleset = build->ruleset;
	struct xfn_rule like = {
		.function = f,
		.trigger = build->first_trigger[f] + t,
		.port_lo = spec->port_lo,
		.port_hi = spec->port_hi,
	};
	__u32 waits_for = XFN_RULESET_NONE, name;
	int err;

	if (spec->interface) {
		err = name_get(build, spec->interface, &name);
		if (err)
			return err;
		like.interface = name + 1;
		if (build->name_slots[name] == XFN_RULESET_NONE)
			waits_for = name;
	}
	ruleset->triggers[like.trigger] = (struct xfn_ruleset_trigger){
		.line = spec->line,
		.column = spec->column,
		.file = file,
		.waits_for = waits_for,
		.function = build->input->functions[f].slot,
	};
	if (waits_for != XFN_RULESET_NONE)
		ruleset->waiting[ruleset->waiting_count++] = like.trigger;
	expand(build, &like, spec);
	return 0;
}

static int add_function(struct xfn_ruleset_build *build, __u32 f)
{
	const struct xfn_ruleset_function *function = &build->input->functions[f];
	__u32 t, last = XFN_RULESET_NONE, name = 0;
	int err = 0;

	for (t = 0; !err && t < function->trigger_count; t++) {
		if (function->triggers[t].file != last) {
			last = function->triggers[t].file;
			err = name_get(build, function->files[last], &name);
		}
		err = err ?: add_trigger(build, f, t, name);
	}
	return err;
}

static int make_room(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	__u64 rules = xfn_ruleset_rule_count(input);
	struct xfn_ruleset *ruleset = build->ruleset;
	__u32 f, triggers = 0;

	build->first_trigger = xfn_alloc(input->function_count * sizeof(*build->first_trigger));
	if (!build->first_trigger)
		return -ENOMEM;
	for (f = 0; f < input->function_count; f++) {
		build->first_trigger[f] = triggers;
		triggers += input->functions[f].trigger_count;
	}
	ruleset->trigger_count = triggers;
	ruleset->triggers = xfn_alloc(triggers * sizeof(*ruleset->triggers));
	ruleset->waiting = xfn_alloc(triggers * sizeof(*ruleset->waiting));
	build->keys = xfn_alloc((rules + build->address_count) * sizeof(*build->keys));
	build->rules = xfn_alloc(rules * sizeof(*build->rules));
	if (!ruleset->triggers || !ruleset->waiting || !build->keys || !build->rules)
		return -ENOMEM;
	return xfn_intern_init(&build->by_name,
			       2 * triggers +
				       input->interface_count) /* file and interface of each */
		       ?: xfn_intern_init(&build->by_class, XFN_SHAPES_MAX);
}

int xfn_ruleset_make_rules(struct xfn_ruleset_build *build)
{
	__u32 f;
	int err;

	err = make_room(build);
	if (err)
		return err;
	class_get(build, &(struct xfn_key_class){.reader = XFN_READER_NONE}); /* number 0 */
	err = name_interfaces(build);
	for (f = 0; !err && f < build->input->function_count; f++)
		err = add_function(build, f);
	return err ?: check_classes(build);
}

void xfn_ruleset_drop_waiting(struct xfn_ruleset_build *build)
{
	__u32 from, to = 0;

	for (from = 0; from < build->rule_count; from++) {
		const struct xfn_rule *rule = &build->rules[from];

		if (build->ruleset->triggers[rule->trigger].waits_for != XFN_RULESET_NONE)
			continue;
		build->rules[to] = *rule;
		build->keys[to] = build->keys[from];
		to++;
	}
	build->rule_count = to;
}
