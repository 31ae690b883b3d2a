/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits: what a function, and what each of its sources, may take. */
#include <netinet/in.h>
#include <stdio.h>

#include "builder.h"
#include "xfn/abi.h"

#define BURST_MAX_NS (86400 * XFN_NS_PER_S)

static const char *const excess_words[] = {"drop", "pass", "reply"};

const char *xfn_excess_label(enum xfn_excess excess)
{
	return excess_words[excess];
}

int xfn_read_excess(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	int word = xfn_read_word(builder, row, event, excess_words, 3, 3);

	if (word >= 0)
		xfn_builder_function(builder)->limit.excess = word;
	return 0;
}

/* A rate of 0 would switch the function off, for which there are clearer ways. */
int xfn_read_source_rate(struct xfn_builder *builder, const struct xfn_schema_row *row,
			 const struct xfn_yaml_event *event)
{
	static const struct xfn_unit_error nothing = {.problem = "admits nothing"};
	struct xfn_rate *rate = xfn_builder_field(builder, row);
	int err = xfn_read_rate(builder, row, event);

	if (!err && rate->period_ns && !rate->count)
		xfn_builder_refuse_unit(builder, row, event, &nothing);
	return err;
}

/* The power of two that is nearest above, or the most that there can be. */
static __u64 round_up(__u64 entries)
{
	__u64 power = XFN_SOURCE_ENTRIES_MIN;

	while (power < entries && power < XFN_SOURCE_ENTRIES_MAX)
		power *= 2;
	return power;
}

int xfn_read_entries(struct xfn_builder *builder, const struct xfn_schema_row *row,
		     const struct xfn_yaml_event *event)
{
	__u32 *entries = xfn_builder_field(builder, row);
	struct xfn_unit_error err;
	__u64 value;

	if (!xfn_count_parse(event->text, event->len, 0, ~0ULL, &value, &err)) {
		if (round_up(value) == value) {
			*entries = value;
			return 0;
		}
		err = (struct xfn_unit_error){.problem = "is not such a number"};
		snprintf(err.meant, sizeof(err.meant), "%llu", round_up(value));
	}
	xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

/* A burst is kept as the time that it takes to earn; that has to stay far from what 64 bits hold. */
static void check_burst(struct xfn_builder *builder, const struct xfn_frame *frame,
			struct xfn_rate rate, __u64 burst)
{
	struct xfn_place at = xfn_frame_key(frame, "burst");

	if (!at.line || !rate.count || burst <= rate.count * (BURST_MAX_NS / rate.period_ns))
		return;
	xfn_builder_refuse_at(builder, at, "at most what the rate admits in a day", NULL,
			      "burst %llu is too large for the rate", burst);
}

int xfn_limit_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	const struct xfn_limit_spec *limit = &xfn_builder_function(builder)->limit;
	bool rate = xfn_frame_key(frame, "rate").line;

	check_burst(builder, frame, limit->rate, limit->burst);
	builder->concurrency = xfn_frame_key(frame, "concurrency");
	if (frame->odd || rate)
		return 0;
	if (!xfn_frame_key(frame, "per_source").line && !builder->concurrency.line)
		xfn_builder_refuse_at(builder, frame->at,
				      "a rate, a per_source, or, with xsk, a concurrency", NULL,
				      "'rate' is missing in 'limit'");
	else if (xfn_frame_key(frame, "burst").line)
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "burst"), "a rate beside it",
				      "a source's burst belongs in 'per_source'",
				      "'burst' without 'rate'");
	return 0;
}

int xfn_per_source_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	const struct xfn_source_limit_spec *limit =
		&xfn_builder_function(builder)->limit.per_source;

	check_burst(builder, frame, limit->rate, limit->burst);
	return 0;
}

static void settle_source(struct xfn_function_spec *function)
{
	struct xfn_source_limit_spec *limit = &function->limit.per_source;

	if (!(function->given & XFN_GIVEN_SOURCE_BURST) && limit->rate.count)
		limit->burst = xfn_rate_default_burst(limit->rate);
	if (!(function->given & XFN_GIVEN_PREFIX4))
		limit->prefix4 = XFN_SOURCE_PREFIX4_DEFAULT;
	if (!(function->given & XFN_GIVEN_PREFIX6))
		limit->prefix6 = XFN_SOURCE_PREFIX6_DEFAULT;
	if (!(function->given & XFN_GIVEN_ENTRIES))
		limit->entries = XFN_SOURCE_ENTRIES_DEFAULT;
}

/* ---- what is said to those over the limit -------------------------------------------------------- */

/* Ports of the protocols that have words for it. */
#define PORT_DNS  53
#define PORT_COAP 5683

/* By the trigger's key, whatever the port; else by a port of its own. */
static int reply_of_trigger(const struct xfn_manifest *manifest,
			    const struct xfn_trigger_spec *trigger)
{
	const struct xfn_key_spec *key = xfn_manifest_key(manifest, trigger);
	int kind = key ? key->kind : XFN_KEY_NONE;

	if (kind == XFN_KEY_COAP_PATH)
		return XFN_REPLY_COAP;
	if (kind == XFN_KEY_DNS_NAME || kind == XFN_KEY_DNS_SUFFIX)
		return XFN_REPLY_DNS;
	if (trigger->port_lo != trigger->port_hi)
		return XFN_REPLY_NONE;
	if (trigger->port_lo == PORT_DNS)
		return XFN_REPLY_DNS;
	return trigger->port_lo == PORT_COAP ? XFN_REPLY_COAP : XFN_REPLY_NONE;
}

int xfn_function_reply(const struct xfn_manifest *manifest,
		       const struct xfn_function_spec *function,
		       const struct xfn_trigger_spec **ret_odd)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function);
	int kind = XFN_REPLY_NONE, other;

	*ret_odd = NULL;
	for (__u32 i = 0; i < function->trigger_count; i++) {
		if (triggers[i].protocol != IPPROTO_UDP)
			continue;
		other = reply_of_trigger(manifest, &triggers[i]);
		kind = kind ? kind : other;
		if (other != kind || !other) {
			*ret_odd = &triggers[i];
			return kind;
		}
	}
	return kind;
}

void xfn_limit_check_reply(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	const struct xfn_function_spec *function = xfn_builder_function(builder);
	const struct xfn_trigger_spec *odd;
	int kind;

	if (function->limit.excess != XFN_EXCESS_REPLY || !function->trigger_count)
		return;
	kind = xfn_function_reply(builder->manifest, function, &odd);
	if (odd)
		xfn_builder_refuse_at(builder, (struct xfn_place){odd->line, odd->column},
				      kind ? "UDP triggers of one protocol"
					   : "udp/53 or a DNS key, udp/5683 or a CoAP key",
				      "'excess: drop' says nothing to those over the limit",
				      "no reply is known for what this trigger takes");
	else if (!kind)
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "limit"),
				      "one for DNS (udp/53) or CoAP (udp/5683) among its triggers",
				      "'excess: drop' says nothing to those over the limit",
				      "'excess: reply' of a function without a UDP trigger");
}

void xfn_limit_settle(struct xfn_function_spec *function)
{
	if (xfn_has_rate(function) && !(function->given & XFN_GIVEN_BURST))
		function->limit.burst = xfn_rate_default_burst(function->limit.rate);
	if (function->given & XFN_GIVEN_PER_SOURCE)
		settle_source(function);
}
