/* SPDX-License-Identifier: BSD-2-Clause */
/* Why other triggers for the same port did not match: read from the manifests, not from the maps. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_explain.h"
#include "units.h"

enum { LISTED_MAX = 8, WHY_BYTES = 200 };

/* The packet, as triggers look at it. */
struct view {
	const struct xfn_explain *explain;
	__u8 family;
	__u8 src[16], dst[16];
	__u16 dst_port;
	__u8 protocol;
	bool group, own;
	__u32 vlan_tags;
	__u16 vlan[2];
	const char *interface;
};

static bool holds(const struct xfn_prefix *prefix, __u8 family, const __u8 addr[16])
{
	unsigned whole = prefix->plen / 8, rest = prefix->plen % 8;

	if (prefix->family != family || memcmp(prefix->addr, addr, whole))
		return false;
	return !rest || !((prefix->addr[whole] ^ addr[whole]) >> (8 - rest));
}

static bool any_holds(const struct xfn_manifest *manifest, struct xfn_prefix_span span, __u8 family,
		      const __u8 addr[16])
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, span);
	__u32 i;

	for (i = 0; i < span.count; i++)
		if (holds(&prefixes[i], family, addr))
			return true;
	return false;
}

/* "10.0.0.0/8", or that and how many more. */
static void print_span(const struct xfn_manifest *manifest, struct xfn_prefix_span span, char *buf,
		       size_t size)
{
	char first[XFN_UNIT_TEXT_MAX];

	xfn_prefix_print(xfn_manifest_prefixes(manifest, span), first, sizeof(first));
	if (span.count > 1)
		snprintf(buf, size, "%s and %u more", first, span.count - 1);
	else
		snprintf(buf, size, "%s", first);
}

/* ---- one reason each: false where it holds ----------------------------------------------------------- */

static bool misses_destination(const struct view *view, const struct xfn_manifest *manifest,
			       const struct xfn_trigger_spec *trigger, char *why)
{
	char span[XFN_UNIT_TEXT_MAX + 24];

	if (trigger->destination == XFN_DESTINATION_LIST) {
		if (any_holds(manifest, trigger->destinations, view->family, view->dst))
			return false;
		print_span(manifest, trigger->destinations, span, sizeof(span));
		snprintf(why, WHY_BYTES, "is for destination %s", span);
		return true;
	}
	if (view->group) {
		snprintf(why, WHY_BYTES, "does not name the group or broadcast address");
		return true;
	}
	if (trigger->destination == XFN_DESTINATION_ANY || view->own)
		return false;
	snprintf(why, WHY_BYTES, "is for addresses of the attached interfaces, and this is none");
	return true;
}

static bool misses_source(const struct view *view, const struct xfn_manifest *manifest,
			  const struct xfn_trigger_spec *trigger, char *why)
{
	char span[XFN_UNIT_TEXT_MAX + 24];

	if (!trigger->sources.count ||
	    any_holds(manifest, trigger->sources, view->family, view->src))
		return false;
	print_span(manifest, trigger->sources, span, sizeof(span));
	snprintf(why, WHY_BYTES, "is for source %s", span);
	return true;
}

static bool misses_vlan(const struct view *view, const struct xfn_manifest *manifest,
			const struct xfn_trigger_spec *trigger, char *why)
{
	(void)manifest;
	if (trigger->vlan_tags == view->vlan_tags &&
	    !memcmp(trigger->vlan, view->vlan, sizeof(view->vlan)))
		return false;
	if (!trigger->vlan_tags)
		snprintf(why, WHY_BYTES, "is for untagged packets, since it names no VLAN");
	else if (trigger->vlan_tags == 1)
		snprintf(why, WHY_BYTES, "is for VLAN %u", trigger->vlan[0]);
	else
		snprintf(why, WHY_BYTES, "is for VLAN %u in VLAN %u", trigger->vlan[1],
			 trigger->vlan[0]);
	return true;
}

static bool misses_interface(const struct view *view, const struct xfn_manifest *manifest,
			     const struct xfn_trigger_spec *trigger, char *why)
{
	bool attached;

	(void)manifest;
	if (!trigger->interface || !strcmp(trigger->interface, view->interface))
		return false;
	attached = xfn_dataplane_find(view->explain->engine->dataplane, trigger->interface) >= 0;
	snprintf(why, WHY_BYTES, "is for interface '%s'%s", trigger->interface,
		 attached ? "" : ", which is not attached");
	return true;
}

/* Asked last, since only the program reads payloads: where another trigger matched, both may be so. */
static bool misses_key(const struct view *view, const struct xfn_manifest *manifest,
		       const struct xfn_trigger_spec *trigger, char *why)
{
	const struct xfn_key_spec *key = xfn_manifest_key(manifest, trigger);

	const char *or_less = view->explain->trigger ? ", or is less specific" : "";

	if (!key)
		return false;
	if (key->kind == XFN_KEY_BYTES)
		snprintf(why, WHY_BYTES, "asks for other bytes at offset %u of the payload%s",
			 key->offset, or_less);
	else
		snprintf(why, WHY_BYTES, "asks for another %s, %.100s%s", xfn_key_label(key->kind),
			 key->text, or_less);
	return true;
}

typedef bool miss_fn(const struct view *view, const struct xfn_manifest *manifest,
		     const struct xfn_trigger_spec *trigger, char *why);

static miss_fn *const misses[] = {misses_destination, misses_source, misses_vlan, misses_interface,
				  misses_key};

static void tell_why(const struct view *view, const struct xfn_manifest *manifest,
		     const struct xfn_trigger_spec *trigger, char *why)
{
	size_t i;

	for (i = 0; i < sizeof(misses) / sizeof(misses[0]); i++)
		if (misses[i](view, manifest, trigger, why))
			return;
	snprintf(why, WHY_BYTES, "%s",
		 view->explain->trigger ? "matches too, but is less specific"
					: "has everything that it asks for, and yet did not match");
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static bool is_on_port(const struct view *view, const struct xfn_trigger_spec *trigger)
{
	return trigger->protocol == view->protocol && trigger->port_lo <= view->dst_port &&
	       view->dst_port <= trigger->port_hi;
}

static bool is_matched(const struct view *view, const struct xfn_model_function *function,
		       const struct xfn_trigger_spec *trigger)
{
	const struct xfn_ruleset_trigger *matched = view->explain->trigger;

	return matched && matched->function == function->slot && matched->line == trigger->line &&
	       matched->column == trigger->column;
}

static int add_other(json_t *list, const struct view *view,
		     const struct xfn_model_function *function,
		     const struct xfn_trigger_spec *trigger)
{
	const struct xfn_manifest *manifest = function->set->manifest;
	char label[XFN_LABEL_BYTES], why[WHY_BYTES];

	tell_why(view, manifest, trigger, why);
	return json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s}", "function",
						     xfn_function_label(function->spec, label),
						     "file", manifest->file, "line",
						     (int)trigger->line, "why", why));
}

static int add_of_function(json_t *list, const struct view *view,
			   const struct xfn_model_function *function, __u32 *on_port)
{
	const struct xfn_trigger_spec *triggers =
		xfn_function_triggers(function->set->manifest, function->spec);
	__u32 i;

	for (i = 0; i < function->spec->trigger_count; i++) {
		if (!is_on_port(view, &triggers[i]))
			continue;
		++*on_port;
		if (!is_matched(view, function, &triggers[i]) &&
		    json_array_size(list) < LISTED_MAX &&
		    add_other(list, view, function, &triggers[i]))
			return -ENOMEM;
	}
	return 0;
}

static int find_own(struct view *view)
{
	const struct xfn_dataplane *dataplane = view->explain->engine->dataplane;
	struct xfn_wire wires[XFN_INTERFACES_MAX];
	struct xfn_ruleset_address *addresses;
	__u32 count = 0, i;
	int err;

	for (i = 0; i < XFN_INTERFACES_MAX; i++)
		if (dataplane->interface[i].used)
			wires[count++] = (struct xfn_wire){
				.ifindex = dataplane->interface[i].ifindex, .slot = i};
	err = xfn_wires_addresses(wires, count, &addresses, &count);

	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (addresses[i].family != view->family ||
		    memcmp(addresses[i].addr, view->dst, sizeof(view->dst)))
			continue;
		view->own |= addresses[i].kind == XFN_ADDRESS_OWN;
		view->group |= addresses[i].kind == XFN_ADDRESS_BROADCAST;
	}
	free(addresses);
	return 0;
}

static int look(struct view *view, const struct xfn_explain *explain)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	__u64 vlans[2] = {seen->meta >> XFN_META_OUTER_SHIFT, seen->meta >> XFN_META_INNER_SHIFT};
	int i;

	*view = (struct view){
		.explain = explain,
		.family = seen->ip_version == 4 ? AF_INET : AF_INET6,
		.dst_port = ntohs(seen->dst_port),
		.protocol = seen->l4_proto,
		.group = seen->group != XFN_GROUP_NONE,
		.interface = explain->engine->dataplane->interface[explain->slot].name,
	};
	memcpy(view->src, seen->src, sizeof(view->src));
	memcpy(view->dst, seen->dst, sizeof(view->dst));
	for (i = 0; i < 2; i++)
		if (vlans[i] & XFN_VLAN_PRESENT)
			view->vlan[view->vlan_tags++] = vlans[i] & 0xfff;
	return find_own(view);
}

json_t *xfn_explain_others(struct xfn_explain *explain, __u32 *ret_more)
{
	const struct xfn_model *model = explain->engine->model;
	json_t *list = json_array();
	struct view view;
	size_t i;
	int err = list ? 0 : -ENOMEM;

	explain->on_port = 0;
	*ret_more = 0;
	if (!explain->result.report.seen.dst_port) /* parse gave the verdict */
		return list;
	err = err ?: look(&view, explain);
	for (i = 0; i < model->function_count && !err; i++)
		err = add_of_function(list, &view, &model->functions[i], &explain->on_port);
	if (err) {
		json_decref(list);
		return NULL;
	}
	*ret_more = explain->on_port - json_array_size(list) - (explain->trigger != NULL);
	return list;
}
