/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions as a whole and their deliveries; and the interfaces to attach to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"

#define FIRST_FUNCTIONS 16
#define FIRST_ATTACH    4

static const char *const mode_words[] = {"native", "generic"};

const char *xfn_delivery_label(enum xfn_delivery delivery)
{
	static const char *const labels[] = {"none", "kernel", "socket", "netdev", "xsk"};

	return labels[delivery];
}

const char *xfn_attach_mode_label(enum xfn_attach_mode mode)
{
	return mode_words[mode];
}

/* ---- functions ---------------------------------------------------------------------------------- */

struct xfn_function_spec *xfn_builder_function(struct xfn_builder *builder)
{
	return &builder->manifest->functions[builder->manifest->function_count - 1];
}

int xfn_function_open(struct xfn_builder *builder, const struct xfn_yaml_event *event)
{
	struct xfn_manifest *manifest = builder->manifest;
	struct xfn_function_spec *functions;

	functions = xfn_array_grow(manifest->functions, manifest->function_count,
				   sizeof(*functions), FIRST_FUNCTIONS);
	if (!functions)
		return -ENOMEM;
	manifest->functions = functions;
	functions[manifest->function_count++] = (struct xfn_function_spec){
		.tenant = "default",
		.enabled = true,
		.exec = {.processes = XFN_PROCESSES_DEFAULT},
		.xsk = {.need_wakeup = true,
			.park_events = XFN_PARK_EVENTS_DEFAULT,
			.park_age_ns = XFN_PARK_AGE_DEFAULT_NS},
		.latency = {XFN_LATENCY_SAMPLE_DEFAULT, XFN_DEADLINE_DEFAULT_NS},
		.scale_min = 1,
		.trigger_first = manifest->trigger_count,
		.line = event->line,
		.column = event->column,
	};
	builder->delivery = NULL;
	builder->concurrency = (struct xfn_place){0};
	builder->starts = false;
	return 0;
}

static bool comes_after(struct xfn_place a, struct xfn_place b)
{
	return a.line > b.line || (a.line == b.line && a.column > b.column);
}

static void check_triggers(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	struct xfn_place one = xfn_frame_key(frame, "trigger");
	struct xfn_place several = xfn_frame_key(frame, "triggers");

	if (one.line && several.line)
		xfn_builder_refuse_at(builder, comes_after(one, several) ? one : several,
				      "one of the two", NULL,
				      "a function with both 'trigger' and 'triggers'");
	else if (!one.line && !several.line && !frame->odd &&
		 !xfn_frame_key(frame, "triggers_from").line)
		xfn_builder_refuse_at(builder, frame->at, "'trigger' or 'triggers'",
				      "'triggers: []' says that there are none yet",
				      "a function without a trigger");
}

static void refuse_no_delivery(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	if (!builder->delivery && !frame->odd)
		xfn_builder_refuse_at(builder, frame->at, "one of kernel, socket, xsk, netdev",
				      NULL, "a function without a delivery");
}

int xfn_function_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	struct xfn_function_spec *function = xfn_builder_function(builder);

	function->trigger_count = builder->manifest->trigger_count - function->trigger_first;
	xfn_limit_settle(function);
	check_triggers(builder, frame);
	xfn_limit_check_reply(builder, frame);
	xfn_exec_check(builder, frame);
	if (!xfn_frame_key(frame, "deliver").line)
		refuse_no_delivery(builder, frame);
	return 0;
}

/* ---- deliveries --------------------------------------------------------------------------------- */

void xfn_delivery_note(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	char hint[96];

	if (builder->delivery && row->takes) {
		snprintf(hint, sizeof(hint), "the first is '%s' in line %u", builder->delivery->key,
			 builder->delivery_line);
		xfn_builder_refuse(builder, event, "exactly one delivery", hint,
				   "'%s' is a second delivery of the same function", row->key);
		return;
	}
	if (builder->delivery)
		return;
	builder->delivery = row;
	builder->delivery_line = event->line;
	xfn_builder_function(builder)->delivery = row->delivery;
}

int xfn_deliver_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	refuse_no_delivery(builder, frame);
	return 0;
}

int xfn_read_disabled(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	static const char *const words[] = {"pass", "drop"};
	int word = xfn_read_word(builder, row, event, words, 2, 2);

	if (word >= 0)
		xfn_builder_function(builder)->disabled_drops = word;
	return 0;
}

/* ---- attach ------------------------------------------------------------------------------------- */

struct xfn_attach_spec *xfn_builder_attach(struct xfn_builder *builder)
{
	return &builder->manifest->attach[builder->manifest->attach_count - 1];
}

int xfn_attach_open(struct xfn_builder *builder, const struct xfn_yaml_event *event)
{
	struct xfn_manifest *manifest = builder->manifest;
	struct xfn_attach_spec *attach;

	attach = xfn_array_grow(manifest->attach, manifest->attach_count, sizeof(*attach),
				FIRST_ATTACH);
	if (!attach)
		return -ENOMEM;
	manifest->attach = attach;
	attach[manifest->attach_count++] = (struct xfn_attach_spec){
		.mode = XFN_ATTACH_NATIVE, .line = event->line, .column = event->column};
	return 0;
}

int xfn_read_attach(struct xfn_builder *builder, const struct xfn_schema_row *row,
		    const struct xfn_yaml_event *event)
{
	static const struct xfn_schema_row interface = {
		.section = XFN_SECTION_ATTACH,
		.key = "interface",
		.offset = offsetof(struct xfn_attach_spec, interface),
		.form = "the name of an interface, such as eth0",
	};
	int err = xfn_attach_open(builder, event);

	(void)row;
	return err ? err : xfn_read_interface(builder, &interface, event);
}

int xfn_read_mode(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event)
{
	int word = xfn_read_word(builder, row, event, mode_words, 2, 2);

	if (word >= 0)
		xfn_builder_attach(builder)->mode = word;
	return 0;
}

/* ---- twins -------------------------------------------------------------------------------------- */

/* NULL, where a name was refused, is before every name. */
static int compare_names(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

static int compare_functions(const void *a, const void *b)
{
	const struct xfn_function_spec *x = *(const struct xfn_function_spec *const *)a;
	const struct xfn_function_spec *y = *(const struct xfn_function_spec *const *)b;
	int order = compare_names(x->tenant, y->tenant);

	if (!order)
		order = compare_names(x->name, y->name);
	return order ? order : (x > y) - (x < y);
}

static bool are_twins(const struct xfn_function_spec *a, const struct xfn_function_spec *b)
{
	return a->name && b->name && !strcmp(a->name, b->name) && !strcmp(a->tenant, b->tenant);
}

static int find_function_twins(struct xfn_builder *builder)
{
	const struct xfn_manifest *manifest = builder->manifest;
	size_t count = manifest->function_count;
	const struct xfn_function_spec **sorted;
	char hint[64];

	if (count < 2)
		return 0;
	sorted = xfn_realloc(NULL, count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &manifest->functions[i];
	qsort(sorted, count, sizeof(*sorted), compare_functions);
	for (size_t i = 1; i < count; i++) {
		if (!are_twins(sorted[i - 1], sorted[i]))
			continue;
		snprintf(hint, sizeof(hint), "the first is in line %u", sorted[i - 1]->line);
		xfn_builder_refuse_at(builder,
				      (struct xfn_place){sorted[i]->line, sorted[i]->column},
				      "a name of its own in its tenant", hint,
				      "function '%s' is there twice", sorted[i]->name);
	}
	xfn_free(sorted);
	return 0;
}

/* At most XFN_ATTACH_MAX of them: each with each. */
static void find_attach_twins(struct xfn_builder *builder)
{
	const struct xfn_manifest *manifest = builder->manifest;
	char hint[64];

	for (size_t i = 1; i < manifest->attach_count; i++) {
		const struct xfn_attach_spec *attach = &manifest->attach[i];
		size_t first = 0;

		while (first < i &&
		       (compare_names(manifest->attach[first].interface, attach->interface) ||
			!attach->interface))
			first++;
		if (first == i)
			continue;
		snprintf(hint, sizeof(hint), "the first is in line %u",
			 manifest->attach[first].line);
		xfn_builder_refuse_at(builder, (struct xfn_place){attach->line, attach->column},
				      "each interface once", hint, "interface '%s' is there twice",
				      attach->interface);
	}
}

int xfn_builder_find_twins(struct xfn_builder *builder)
{
	find_attach_twins(builder);
	return find_function_twins(builder);
}
