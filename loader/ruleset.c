/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "phash.h"
#include "ruleset_build.h"

enum { MESSAGE_MAX = 1024 };

void xfn_ruleset_refuse(struct xfn_ruleset_build *build, const struct xfn_rule *rule,
			const char *hint, const char *fmt, ...)
{
	struct xfn_diag_info info = {.hint = hint};
	char message[MESSAGE_MAX], ports[XFN_UNIT_TEXT_MAX], value[2 * XFN_UNIT_TEXT_MAX];
	const struct xfn_trigger_spec *spec;
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (rule) {
		spec = xfn_rule_spec(build, rule);
		xfn_ports_print(spec->port_lo, spec->port_hi, ports, sizeof(ports));
		snprintf(value, sizeof(value), "%s/%s", xfn_protocol_label(spec->protocol), ports);
		info.file = build->input->functions[rule->function].files[spec->file];
		info.line = spec->line;
		info.column = spec->column;
		info.value = value;
	}
	xfn_diag_add(build->diags, &info, "%s", message);
	build->refused++;
}

/* ---- addresses --------------------------------------------------------------------------------- */

static bool address_equal(const void *context, __u32 id, const void *wanted)
{
	const struct xfn_ruleset_build *build = context;

	return memcmp(&build->addresses[id].key, wanted, sizeof(struct xfn_key)) == 0;
}

static struct xfn_key address_key(const struct xfn_ruleset_address *address)
{
	struct xfn_key key = {.meta = XFN_META_VALID | XFN_META_ADDRESS};

	key.meta |= address->family == AF_INET ? XFN_META_IPV4 : XFN_META_IPV6;
	memcpy(key.dst, address->addr, sizeof(address->addr));
	return key;
}

static int make_addresses(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	struct xfn_intern known;
	__u32 i, id;
	int err;

	build->addresses = xfn_alloc(input->address_count * sizeof(*build->addresses));
	if (!build->addresses)
		return -ENOMEM;
	err = xfn_intern_init(&known, input->address_count);
	if (err)
		return err;
	for (i = 0; i < input->address_count; i++) {
		struct xfn_key key = address_key(&input->addresses[i]);

		id = xfn_intern_get(&known, xfn_hash_key(input->start_seed, &key), address_equal,
				    build, &key, build->address_count);
		if (id == build->address_count) {
			build->addresses[id].key = key;
			build->addresses[id].kind = input->addresses[i].kind;
			build->address_count++;
		} else if (input->addresses[i].kind == XFN_ADDRESS_OWN) {
			build->addresses[id].kind = XFN_ADDRESS_OWN;
		}
	}
	xfn_intern_fini(&known);
	return 0;
}

/* ---- capacity ---------------------------------------------------------------------------------- */

/* A power of two with room for @count, so that the next address does not need another one. */
static __u64 capacity_for(__u64 count)
{
	__u64 capacity = 1024;

	while (capacity < count)
		capacity *= 2;
	return capacity;
}

static void check_functions(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	char hint[128];
	__u32 f;

	for (f = 0; f < input->function_count; f++)
		if (input->functions[f].slot >= input->functions_max)
			break;
	if (f == input->function_count && f <= input->functions_max)
		return;
	snprintf(hint, sizeof(hint), "ask for more with 'capacity: {functions: %llu}'",
		 capacity_for(input->function_count));
	xfn_ruleset_refuse(build, NULL, hint, "there are %u functions, the capacity is %u",
			   input->function_count, input->functions_max);
}

static void check_rules(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	__u64 rules = xfn_ruleset_rule_count(input), needed = rules + build->address_count;
	__u32 capacity = xfn_phash_capacity(input->slot_bits);
	char hint[128];

	if (capacity > input->rules_max)
		capacity = input->rules_max;
	if (needed <= capacity)
		return;
	if (needed <= XFN_CAPACITY_TRIGGERS_MAX)
		snprintf(hint, sizeof(hint), "ask for more with 'capacity: {triggers: %llu}'",
			 capacity_for(needed));
	else
		snprintf(hint, sizeof(hint), "a ruleset holds at most %d",
			 XFN_CAPACITY_TRIGGERS_MAX);
	xfn_ruleset_refuse(
		build, NULL, hint,
		"the triggers make %llu rules, the interfaces have %u addresses: %llu entries, the "
		"capacity is %u",
		rules, build->address_count, needed, capacity);
}

/* ---- table ------------------------------------------------------------------------------------- */

static void fill_entries(const struct xfn_ruleset_build *build, const __u32 *position)
{
	struct xfn_ruleset *ruleset = build->ruleset;
	__u32 i;

	for (i = 0; i < build->rule_count; i++) {
		struct xfn_entry *entry = &ruleset->entries[position[i]];
		const struct xfn_rule *rule = &build->rules[i];

		entry->key = build->keys[i];
		entry->function = build->input->functions[rule->function].slot;
		entry->rule = rule->trigger;
	}
	for (i = 0; i < build->address_count; i++) {
		struct xfn_entry *entry = &ruleset->entries[position[build->rule_count + i]];

		entry->key = build->addresses[i].key;
		entry->function = build->addresses[i].kind;
		ruleset->address_mask |= xfn_address_bit(entry->key.dst);
	}
}

/* Puts rules and addresses where the perfect hash says. */
static int make_table(struct xfn_ruleset_build *build)
{
	const struct xfn_ruleset_input *input = build->input;
	struct xfn_ruleset *ruleset = build->ruleset;
	struct xfn_phash phash;
	__u32 i;
	int err;

	for (i = 0; i < build->address_count; i++)
		build->keys[build->rule_count + i] = build->addresses[i].key;
	err = xfn_phash_init(&phash, build->keys, build->rule_count + build->address_count,
			     input->slot_bits, input->start_seed, NULL);
	if (err == -EAGAIN)
		xfn_ruleset_refuse(build, NULL, "ask for more with 'capacity: {triggers: N}'",
				   "no perfect hash was found for the rules");
	if (err)
		return err == -EAGAIN ? -EINVAL : err;
	ruleset->entries = xfn_alloc(sizeof(*ruleset->entries) << input->slot_bits);
	if (!ruleset->entries) {
		xfn_phash_fini(&phash);
		return -ENOMEM;
	}
	ruleset->seed = phash.seed;
	ruleset->slot_bits = input->slot_bits;
	ruleset->key_seed = input->key_seed;
	ruleset->displace = phash.displace;
	phash.displace = NULL;
	ruleset->rule_count = build->rule_count;
	ruleset->address_count = build->address_count;
	fill_entries(build, phash.position);
	xfn_phash_fini(&phash);
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int build_run(struct xfn_ruleset_build *build)
{
	int err;

	err = make_addresses(build);
	if (err)
		return err;
	check_functions(build);
	check_rules(build);
	if (build->refused) /* before anything is allocated for them */
		return -EINVAL;
	err = xfn_ruleset_make_rules(build);
	if (!err)
		err = xfn_ruleset_check_conflicts(build);
	if (err)
		return err;
	xfn_ruleset_drop_waiting(build);
	err = xfn_ruleset_make_ports(build);
	if (err)
		return err;
	return build->refused ? -EINVAL : make_table(build);
}

static void build_fini(struct xfn_ruleset_build *build)
{
	xfn_free(build->keys);
	xfn_free(build->rules);
	xfn_free(build->addresses);
	xfn_free(build->first_trigger);
	xfn_free(build->name_slots);
	xfn_intern_fini(&build->by_name);
	xfn_intern_fini(&build->by_class);
}

int xfn_ruleset_compile(const struct xfn_ruleset_input *input, struct xfn_diag_list *diags,
			struct xfn_ruleset **ret)
{
	struct xfn_ruleset_build build = {.input = input, .diags = diags};
	int err;

	build.ruleset = xfn_alloc(sizeof(*build.ruleset));
	if (!build.ruleset)
		return -ENOMEM;
	err = build_run(&build);
	build_fini(&build);
	if (err) {
		xfn_diag_list_sort(diags);
		xfn_ruleset_free(build.ruleset);
		return err;
	}
	*ret = build.ruleset;
	return 0;
}

void xfn_ruleset_free(struct xfn_ruleset *ruleset)
{
	__u32 i;

	if (!ruleset)
		return;
	for (i = 0; i < ruleset->name_count; i++)
		xfn_free(ruleset->names[i]);
	xfn_free(ruleset->names);
	xfn_free(ruleset->waiting);
	xfn_free(ruleset->triggers);
	xfn_free(ruleset->entries);
	xfn_free(ruleset->displace);
	xfn_free(ruleset->shapes);
	xfn_free(ruleset->probes);
	xfn_free(ruleset->ports);
	xfn_free(ruleset);
}
