/* SPDX-License-Identifier: BSD-2-Clause */
/* Which function has which port, and where its replies may leave from. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "engine_far_ends.h"
#include "engine_instances.h"
#include "journal.h"

/* ---- rules ------------------------------------------------------------------------------------------- */

/* As many as fit; the number goes on. */
struct rules {
	struct xfn_port_rule rule[XFN_PORT_RULES_MAX];
	__u32 count;
};

static void add_rule(struct rules *rules, const struct xfn_port_rule *rule)
{
	__u32 i, have = rules->count < XFN_PORT_RULES_MAX ? rules->count : XFN_PORT_RULES_MAX;

	for (i = 0; i < have; i++)
		if (!memcmp(&rules->rule[i], rule, sizeof(*rule)))
			return;
	if (rules->count < XFN_PORT_RULES_MAX)
		rules->rule[rules->count] = *rule;
	rules->count++;
}

static void mask_prefix(const struct xfn_prefix *prefix, struct xfn_port_rule *rule)
{
	__u8 *mask = (__u8 *)rule->mask, *address = (__u8 *)rule->address;
	unsigned i, bits = prefix->plen;

	for (i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8) {
		mask[i] = bits >= 8 ? 0xff : (__u8)(0xff00 >> bits);
		address[i] = prefix->addr[i] & mask[i];
	}
}

static void add_family(struct rules *rules, const struct xfn_trigger_spec *trigger, __u8 ip_version,
		       const struct xfn_prefix *prefix)
{
	struct xfn_port_rule rule = {
		.port_first = trigger->port_lo,
		.port_last = trigger->port_hi,
		.ip_version = ip_version,
		.l4_proto = trigger->protocol,
		.own = trigger->destination == XFN_DESTINATION_OWN,
	};

	if (prefix)
		mask_prefix(prefix, &rule);
	add_rule(rules, &rule);
}

static void make_rules(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec,
		       struct rules *rules)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, spec);
	const struct xfn_prefix *prefixes;
	__u32 i, j;

	memset(rules, 0, sizeof(*rules));
	for (i = 0; i < spec->trigger_count && !spec->xsk.send_any; i++) {
		if (triggers[i].destination != XFN_DESTINATION_LIST) {
			add_family(rules, &triggers[i], 4, NULL);
			add_family(rules, &triggers[i], 6, NULL);
			continue;
		}
		prefixes = xfn_manifest_prefixes(manifest, triggers[i].destinations);
		for (j = 0; j < triggers[i].destinations.count; j++)
			add_family(rules, &triggers[i], prefixes[j].family == AF_INET ? 4 : 6,
				   &prefixes[j]);
	}
}

__u32 xfn_port_rule_count(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec)
{
	struct rules rules;

	make_rules(manifest, spec, &rules);
	return rules.count;
}

/* ---- whose it is --------------------------------------------------------------------------------------- */

/* One that it did not have begins at zero. */
static int begin_histogram(struct xfn_dataplane *dataplane, __u32 port, __u32 histogram)
{
	const struct xfn_port_line *line = &dataplane->port_lines[port];

	if (histogram == XFN_HISTOGRAM_NONE || (line->identity && line->histogram == histogram))
		return 0;
	return xfn_dataplane_zero(dataplane, XFN_MAP_HISTOGRAMS,
				  histogram * XFN_STAGE_COUNT + XFN_STAGE_TOTAL);
}

/* Its port is still there, though another delivery is live. */
static bool was_elsewhere(const struct xfn_engine *engine, __u64 identity)
{
	const struct xfn_model_function *live = xfn_member_function(engine, identity);

	return live && live->spec->delivery != XFN_DELIVER_XSK;
}

static int find_port(struct xfn_engine *engine, const struct xfn_model_function *function,
		     const struct xfn_port_owner *owner)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	int port = xfn_port_of(dataplane, function->identity), err = 0;

	if (port >= 0) {
		if (was_elsewhere(engine, function->identity))
			err = xfn_port_losses_resume(engine, (__u32)port);
		err = err ?: begin_histogram(dataplane, (__u32)port, owner->histogram);
		xfn_port_adjust(dataplane, (__u32)port, owner);
		return err ?: port;
	}
	port = xfn_port_of(dataplane, 0);
	if (port < 0)
		return -ENOSPC;
	err = begin_histogram(dataplane, (__u32)port, owner->histogram) ?:
	      xfn_port_losses_begin(engine, (__u32)port, owner->function) ?:
	      xfn_port_claim(dataplane, (__u32)port, owner);
	return err ?: port;
}

int xfn_port_enter(struct xfn_engine *engine, const struct xfn_model_function *function,
		   unsigned generation, struct xfn_function_config *config)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_port_owner owner = {
		.identity = function->identity,
		.function = function->slot,
		.flags = (spec->xsk.one_way ? XFN_PORT_ONE_WAY : 0) |
			 (spec->xsk.send_any ? XFN_PORT_SEND_ANY : 0),
		.deadline_ns = spec->latency.deadline_ns,
		.concurrency = spec->limit.concurrency,
		.histogram = function->histogram,
	};
	struct rules rules;
	int port = find_port(engine, function, &owner);

	if (port < 0)
		return port;
	make_rules(function->set->manifest, spec, &rules);
	config->target = XFN_TARGET(XFN_SAMPLE_NEVER, (__u32)port);
	return xfn_port_set_rules(engine->dataplane, generation, (__u32)port, rules.rule,
				  rules.count);
}

static bool is_wanted(const struct xfn_model *model, __u64 identity)
{
	size_t i;

	for (i = 0; model && i < model->function_count; i++)
		if (model->functions[i].identity == identity &&
		    model->functions[i].spec->delivery == XFN_DELIVER_XSK)
			return true;
	return false;
}

void xfn_ports_carry(struct xfn_engine *engine, const struct xfn_model *next, unsigned generation)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	__u64 identity;
	__u32 port;

	for (port = 0; port < XFN_PORTS_MAX; port++) {
		identity = dataplane->port_lines[port].identity;
		if (identity && !is_wanted(next, identity))
			xfn_port_carry_rules(dataplane, generation, port);
	}
}

void xfn_ports_sweep(struct xfn_engine *engine)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	__u64 identity;
	__u32 port;

	for (port = 0; port < XFN_PORTS_MAX; port++) {
		identity = dataplane->port_lines[port].identity;
		if (identity && !is_wanted(engine->model, identity) &&
		    !is_wanted(engine->pending.before, identity) &&
		    !xfn_instances_use(engine, port))
			xfn_port_free(dataplane, port);
	}
}

/* ---- the way out --------------------------------------------------------------------------------------- */

void xfn_ports_follow(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		xfn_port_set_uplink(engine->dataplane, slot,
				    interface->used ? interface->ifindex : 0);
	}
}
