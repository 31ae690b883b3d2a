/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits: what a function, and what each of its sources, may take. */
#include <stdio.h>

#include "builder.h"

#define BURST_MAX_NS (86400 * XFN_NS_PER_S)

static const char *const excess_words[] = {"drop", "pass", "reply"};

const char *xfn_excess_label(enum xfn_excess excess)
{
	return excess_words[excess];
}

int xfn_read_excess(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	int word = xfn_read_word(builder, row, event, excess_words, 2, 3);

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
	if (frame->odd || rate)
		return 0;
	if (!xfn_frame_key(frame, "per_source").line)
		xfn_builder_refuse_at(builder, frame->at, "a rate, a per_source, or both", NULL,
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

void xfn_limit_settle(struct xfn_function_spec *function)
{
	if (xfn_has_rate(function) && !(function->given & XFN_GIVEN_BURST))
		function->limit.burst = xfn_rate_default_burst(function->limit.rate);
	if (function->given & XFN_GIVEN_PER_SOURCE)
		settle_source(function);
}
