/* SPDX-License-Identifier: BSD-2-Clause */
/* Triggers: the mapping and the short form, and the prefixes that they own. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "builder.h"

#define SHORT_FORM     "a trigger such as udp/53 or tcp/9000-9009"
#define FIRST_TRIGGERS 64
#define FIRST_PREFIXES 64

static const char *const protocol_words[] = {"udp", "tcp"};
static const __u8 protocol_numbers[] = {IPPROTO_UDP, IPPROTO_TCP};

const char *xfn_protocol_label(__u8 protocol)
{
	for (size_t i = 0; i < sizeof(protocol_numbers); i++)
		if (protocol_numbers[i] == protocol)
			return protocol_words[i];
	return "?";
}

struct xfn_trigger_spec *xfn_builder_trigger(struct xfn_builder *builder)
{
	return &builder->manifest->triggers[builder->manifest->trigger_count - 1];
}

static int too_many(struct xfn_builder *builder, const struct xfn_yaml_event *event,
		    const char *what, unsigned max)
{
	xfn_builder_refuse(builder, event, NULL, NULL, "more than %u %s", max, what);
	return -EINVAL;
}

int xfn_trigger_open(struct xfn_builder *builder, const struct xfn_yaml_event *event)
{
	struct xfn_manifest *manifest = builder->manifest;
	struct xfn_trigger_spec *triggers;

	if (manifest->trigger_count == XFN_CAPACITY_TRIGGERS_MAX)
		return too_many(builder, event, "triggers", XFN_CAPACITY_TRIGGERS_MAX);
	triggers = xfn_array_grow(manifest->triggers, manifest->trigger_count, sizeof(*triggers),
				  FIRST_TRIGGERS);
	if (!triggers)
		return -ENOMEM;
	manifest->triggers = triggers;
	triggers[manifest->trigger_count++] = (struct xfn_trigger_spec){
		.destination = XFN_DESTINATION_OWN,
		.line = event->line,
		.column = event->column,
	};
	return 0;
}

static bool has_family(const struct xfn_manifest *manifest, struct xfn_prefix_span span,
		       __u8 family)
{
	for (__u32 i = 0; i < span.count; i++)
		if (xfn_manifest_prefixes(manifest, span)[i].family == family)
			return true;
	return false;
}

static bool has_common_family(const struct xfn_manifest *manifest, struct xfn_prefix_span to,
			      struct xfn_prefix_span from)
{
	if (!to.count || !from.count)
		return true;
	if (has_family(manifest, to, AF_INET) && has_family(manifest, from, AF_INET))
		return true;
	return has_family(manifest, to, AF_INET6) && has_family(manifest, from, AF_INET6);
}

int xfn_trigger_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	const struct xfn_trigger_spec *trigger = xfn_builder_trigger(builder);

	if (!has_common_family(builder->manifest, trigger->destinations, trigger->sources))
		xfn_builder_refuse_at(
			builder, xfn_frame_key(frame, "source"), "both in IPv4 or both in IPv6",
			NULL,
			"no packet can match: destination and source have no family in common");
	if (trigger->protocol == IPPROTO_TCP && xfn_frame_key(frame, "key").line)
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "key"), "protocol: udp", NULL,
				      "a key goes with udp only: what TCP carries is no message");
	return 0;
}

/* ---- protocol and port -------------------------------------------------------------------------- */

int xfn_read_protocol(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	int word = xfn_read_word(builder, row, event, protocol_words, 2, 2);

	if (word >= 0)
		xfn_builder_trigger(builder)->protocol = protocol_numbers[word];
	return 0;
}

int xfn_read_port(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	struct xfn_trigger_spec *trigger = xfn_builder_trigger(builder);
	struct xfn_unit_error err;

	if (xfn_ports_parse(event->text, event->len, &trigger->port_lo, &trigger->port_hi, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

/* The short form, `udp/53`: each half is read as the value of its key. */
int xfn_read_trigger(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *event)
{
	static const struct xfn_schema_row protocol = {.key = "protocol", .form = SHORT_FORM};
	static const struct xfn_schema_row port = {.key = "port", .form = SHORT_FORM};
	const char *slash = memchr(event->text, '/', event->len);
	struct xfn_yaml_event half = *event;
	int err;

	err = xfn_trigger_open(builder, event);
	if (err)
		return err;
	if (!slash) {
		xfn_builder_refuse(builder, event, row->form, NULL, "%s '%.*s' has no slash",
				   row->key, event->len < 80 ? (int)event->len : 80, event->text);
		return 0;
	}
	half.len = slash - event->text;
	err = xfn_read_protocol(builder, &protocol, &half);
	half.text = slash + 1;
	half.len = event->len - half.len - 1;
	half.column += slash - event->text + 1;
	return err ? err : xfn_read_port(builder, &port, &half);
}

/* ---- prefixes ----------------------------------------------------------------------------------- */

static int push_prefix(struct xfn_builder *builder, const struct xfn_yaml_event *event,
		       const struct xfn_prefix *prefix)
{
	struct xfn_manifest *manifest = builder->manifest;
	struct xfn_prefix *prefixes;

	if (manifest->prefix_count == XFN_MANIFEST_PREFIXES_MAX)
		return too_many(builder, event, "prefixes", XFN_MANIFEST_PREFIXES_MAX);
	prefixes = xfn_array_grow(manifest->prefixes, manifest->prefix_count, sizeof(*prefixes),
				  FIRST_PREFIXES);
	if (!prefixes)
		return -ENOMEM;
	manifest->prefixes = prefixes;
	prefixes[manifest->prefix_count++] = *prefix;
	return 0;
}

/* Read one prefix into @span, whose prefixes are the newest that there are. */
static int read_prefix(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event, struct xfn_prefix_span *span)
{
	struct xfn_unit_error unit_err;
	struct xfn_prefix prefix;
	int err;

	if (xfn_prefix_parse(event->text, event->len, &prefix, &unit_err)) {
		xfn_builder_refuse_unit(builder, row, event, &unit_err);
		return 0;
	}
	err = push_prefix(builder, event, &prefix);
	if (err)
		return err;
	if (!span->count)
		span->first = builder->manifest->prefix_count - 1;
	span->count++;
	return 0;
}

static bool is_any(const struct xfn_yaml_event *event)
{
	return event->len == 3 && !memcmp(event->text, "any", 3);
}

static int refuse_any(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	xfn_builder_refuse(builder, event, row->form, NULL, "'any' cannot be one of several");
	return 0;
}

int xfn_read_destination(struct xfn_builder *builder, const struct xfn_schema_row *row,
			 const struct xfn_yaml_event *event)
{
	struct xfn_trigger_spec *trigger = xfn_builder_trigger(builder);

	if (is_any(event) && builder->in_list)
		return refuse_any(builder, row, event);
	if (is_any(event)) {
		trigger->destination = XFN_DESTINATION_ANY;
		return 0;
	}
	trigger->destination = XFN_DESTINATION_LIST;
	return read_prefix(builder, row, event, &trigger->destinations);
}

int xfn_read_source(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	if (is_any(event))
		return builder->in_list ? refuse_any(builder, row, event) : 0;
	return read_prefix(builder, row, event, &xfn_builder_trigger(builder)->sources);
}

/* ---- VLAN --------------------------------------------------------------------------------------- */

int xfn_read_vlan(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	struct xfn_trigger_spec *trigger = xfn_builder_trigger(builder);
	struct xfn_unit_error err;
	__u64 vlan;

	if (!builder->in_list && event->len == 4 && !memcmp(event->text, "none", 4))
		return 0;
	if (xfn_count_parse(event->text, event->len, row->min, row->max, &vlan, &err)) {
		xfn_builder_refuse_unit(builder, row, event, &err);
		return 0;
	}
	trigger->vlan[builder->item] = vlan;
	trigger->vlan_tags = builder->item + 1;
	return 0;
}
