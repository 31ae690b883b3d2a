/* SPDX-License-Identifier: BSD-2-Clause */
/* What a plan shows: how the next model differs from the live one. */
#include <stdio.h>
#include <string.h>

#include "engine_private.h"
#include "trigger_set.h"
#include "units.h"

#define TEXT_BYTES 320

struct diff {
	json_t *changes;
	const char *name; /* of the function at hand */
};

static void add(struct diff *diff, const char *op, const char *kind, const char *from,
		const char *to)
{
	json_array_append_new(diff->changes,
			      json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "op", op, "kind", kind,
					"name", diff->name, "from", from, "to", to));
}

static void compare(struct diff *diff, const char *kind, const char *from, const char *to)
{
	if (strcmp(from, to))
		add(diff, "change", kind, from, to);
}

/* ---- parts of a function in words ------------------------------------------------------------------ */

/* "20/s burst 2" */
static void rate_text(struct xfn_rate limit, __u64 limit_burst, char *text, size_t size)
{
	char rate[32], burst[32];

	snprintf(text, size, "%s burst %s", xfn_rate_print(limit, rate, sizeof(rate)),
		 xfn_count_print(limit_burst, burst, sizeof(burst)));
}

/* What stands behind the rate of all sources together, or alone: "per source 20/s burst 2 (...)". */
static void source_text(const struct xfn_function_spec *spec, char *text, size_t size)
{
	const struct xfn_source_limit_spec *limit = &spec->limit.per_source;
	char rate[64];

	text[0] = '\0';
	if (!(spec->given & XFN_GIVEN_PER_SOURCE))
		return;
	rate_text(limit->rate, limit->burst, rate, sizeof(rate));
	snprintf(text, size, "per source %s /%u /%u entries %u ", rate, limit->prefix4,
		 limit->prefix6, limit->entries);
}

static void concurrency_text(const struct xfn_function_spec *spec, char *text, size_t size)
{
	text[0] = '\0';
	if (spec->limit.concurrency)
		snprintf(text, size, "concurrency %u ", spec->limit.concurrency);
}

static void limit_text(const struct xfn_function_spec *spec, char *text)
{
	char rate[64] = "", source[128], concurrency[32];

	if (!(spec->given & XFN_GIVEN_LIMIT)) {
		snprintf(text, TEXT_BYTES, "none");
		return;
	}
	if (xfn_has_rate(spec))
		rate_text(spec->limit.rate, spec->limit.burst, rate, sizeof(rate));
	source_text(spec, source, sizeof(source));
	concurrency_text(spec, concurrency, sizeof(concurrency));
	snprintf(text, TEXT_BYTES, "%s%s%s%sexcess %s%s", rate, rate[0] ? " " : "", source,
		 concurrency, xfn_excess_label(spec->limit.excess),
		 spec->limit.packets ? " packets" : "");
}

static const char *enabled_text(const struct xfn_function_spec *spec)
{
	if (spec->enabled)
		return "true";
	return spec->disabled_drops ? "false, packets dropped" : "false";
}

static void latency_text(const struct xfn_function_spec *spec, char *text)
{
	char deadline[32];

	snprintf(text, TEXT_BYTES, "sample 1/%u deadline %s", spec->latency.sample,
		 xfn_duration_print(spec->latency.deadline_ns, deadline, sizeof(deadline)));
}

static void objective_text(const struct xfn_function_spec *spec, char *text)
{
	char p99[32], loss[32];

	snprintf(text, TEXT_BYTES, "p99 %s loss %s",
		 spec->objective.p99_ns
			 ? xfn_duration_print(spec->objective.p99_ns, p99, sizeof(p99))
			 : "any",
		 spec->given & XFN_GIVEN_LOSS
			 ? xfn_percent_print(spec->objective.loss_ppm, loss, sizeof(loss))
			 : "any");
}

/* The program and its arguments; cut where there is no room, so not for comparing. */
static void command_text(const struct xfn_model_function *function, char *text, size_t size)
{
	const struct xfn_text_span span = function->spec->exec.argv;
	const char *const *argv = xfn_manifest_texts(function->set->manifest, span);
	size_t used = 0;
	bool plain;
	__u32 i;

	snprintf(text, size, "%s", xfn_is_awaited(function->spec) ? "existing" : "");
	for (i = 0; i < span.count && used < size; i++) {
		plain = argv[i][0] && !strpbrk(argv[i], " '\"");
		used += snprintf(text + used, size - used, plain ? "%s%s" : "%s'%s'", i ? " " : "",
				 argv[i]);
	}
}

/* "2,3", or "any". */
static void cpus_text(const struct xfn_function_spec *spec, char *text)
{
	int used = sprintf(text, "%s", spec->socket.cpu_count ? "" : "any");
	__u16 i;

	for (i = 0; i < spec->socket.cpu_count; i++)
		used += sprintf(text + used, "%s%u", i ? "," : "", spec->socket.cpus[i]);
}

/* Where it delivers to, behind the word for how. */
static void delivery_text(const struct xfn_model_function *function, char *text)
{
	const struct xfn_function_spec *spec = function->spec;
	const __u8 *mac = spec->netdev.mac;
	int used = snprintf(text, TEXT_BYTES, "%s", xfn_delivery_label(spec->delivery));

	if (spec->delivery == XFN_DELIVER_NETDEV)
		used += snprintf(text + used, TEXT_BYTES - used, " %s", spec->netdev.interface);
	if (spec->delivery == XFN_DELIVER_NETDEV && spec->given & XFN_GIVEN_MAC)
		snprintf(text + used, TEXT_BYTES - used, " mac %02x:%02x:%02x:%02x:%02x:%02x",
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (xfn_has_process(spec)) {
		text[used++] = ' ';
		command_text(function, text + used, TEXT_BYTES - used);
		return;
	}
	if (spec->socket.cpu_count) {
		used += snprintf(text + used, TEXT_BYTES - used, " cpus ");
		cpus_text(spec, text + used);
	}
}

static void version_text(const struct xfn_model_function *function, char *text)
{
	if (function->version)
		snprintf(text, TEXT_BYTES, "v%u", function->version->number);
	else
		snprintf(text, TEXT_BYTES, "none");
}

static void triggers_text(const struct xfn_function_spec *spec, char *text)
{
	snprintf(text, TEXT_BYTES, "%u trigger%s", spec->trigger_count,
		 spec->trigger_count == 1 ? "" : "s");
}

/* ---- are they the same? ---------------------------------------------------------------------------- */

/* In the same order, as a rule. */
static bool are_in_order(const struct xfn_model_function *a, const struct xfn_model_function *b)
{
	const struct xfn_manifest *am = a->set->manifest, *bm = b->set->manifest;
	const struct xfn_trigger_spec *at = xfn_function_triggers(am, a->spec);
	const struct xfn_trigger_spec *bt = xfn_function_triggers(bm, b->spec);
	__u32 i;

	for (i = 0; i < a->spec->trigger_count; i++)
		if (!xfn_trigger_equal(am, &at[i], bm, &bt[i]))
			return false;
	return true;
}

/* In any order: what it is decides which trigger wins, not where it stands. */
static bool are_as_sets(const struct xfn_model_function *a, const struct xfn_model_function *b)
{
	const struct xfn_manifest *am = a->set->manifest, *bm = b->set->manifest;
	const struct xfn_trigger_spec *bt = xfn_function_triggers(bm, b->spec);
	struct xfn_trigger_set set;
	__u32 i;

	if (xfn_trigger_set_init(&set, am, a->spec))
		return false;
	for (i = 0; i < b->spec->trigger_count; i++)
		if (xfn_trigger_set_remove(&set, bm, &bt[i]))
			break;
	xfn_trigger_set_fini(&set);
	return i == b->spec->trigger_count;
}

static bool triggers_equal(const struct xfn_model_function *a, const struct xfn_model_function *b)
{
	if (a->spec->trigger_count != b->spec->trigger_count)
		return false;
	return are_in_order(a, b) || are_as_sets(a, b);
}

/* ---- programs --------------------------------------------------------------------------------------- */

static bool same_command(const struct xfn_model_function *a, const struct xfn_model_function *b)
{
	const struct xfn_text_span of_a = a->spec->exec.argv, of_b = b->spec->exec.argv;
	const char *const *at = xfn_manifest_texts(a->set->manifest, of_a);
	const char *const *bt = xfn_manifest_texts(b->set->manifest, of_b);
	__u32 i = 0;

	while (i < of_a.count && i < of_b.count && !strcmp(at[i], bt[i]))
		i++;
	return i == of_a.count && i == of_b.count;
}

/* The function's variable of the same name as @variable, as NAME=VALUE; NULL: it has none. */
static const char *find_variable(const struct xfn_model_function *function, const char *variable)
{
	const struct xfn_text_span span = function->spec->exec.env;
	const char *const *env = xfn_manifest_texts(function->set->manifest, span);
	size_t name = strcspn(variable, "=") + 1;
	__u32 i;

	for (i = 0; i < span.count; i++)
		if (!strncmp(env[i], variable, name))
			return env[i];
	return NULL;
}

/*
 * Adds those of @function that @other has not, as @op, or, where @op is NULL, has with another value. Values
 * may be secrets, and plans are printed in many places: they are not told.
 */
static void diff_variables(struct diff *diff, const char *op,
			   const struct xfn_model_function *function,
			   const struct xfn_model_function *other)
{
	const struct xfn_text_span span = function->spec->exec.env;
	const char *const *env = xfn_manifest_texts(function->set->manifest, span), *there;
	char name[TEXT_BYTES], changed[TEXT_BYTES + 32];
	__u32 i;

	for (i = 0; i < span.count; i++) {
		there = find_variable(other, env[i]);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(env[i], "="), env[i]);
		snprintf(changed, sizeof(changed), "%s, another value", name);
		if (!there && op)
			add(diff, op, "env", op[0] == 'a' ? NULL : name,
			    op[0] == 'a' ? name : NULL);
		else if (there && !op && strcmp(there, env[i]))
			add(diff, "change", "env", name, changed);
	}
}

/* What it may take of this host. */
static void diff_bounds(struct diff *diff, const struct xfn_exec_spec *a,
			const struct xfn_exec_spec *b)
{
	char before[XFN_UNIT_TEXT_MAX], after[XFN_UNIT_TEXT_MAX];

	compare(diff, "memory",
		a->memory ? xfn_bytes_print(a->memory, before, sizeof(before)) : "a share",
		b->memory ? xfn_bytes_print(b->memory, after, sizeof(after)) : "a share");
	snprintf(before, sizeof(before), "%u", a->processes);
	snprintf(after, sizeof(after), "%u", b->processes);
	compare(diff, "processes", before, after);
	compare(diff, "cpu", a->cpu ? xfn_cpu_print(a->cpu, before, sizeof(before)) : "any",
		b->cpu ? xfn_cpu_print(b->cpu, after, sizeof(after)) : "any");
}

static void park_text(const struct xfn_function_spec *function, char *text)
{
	char age[XFN_UNIT_TEXT_MAX];

	snprintf(text, TEXT_BYTES, "%u events, %s", function->xsk.park_events,
		 xfn_duration_print(function->xsk.park_age_ns, age, sizeof(age)));
}

/* Of two functions that are programs. */
static void diff_program(struct diff *diff, const struct xfn_model_function *from,
			 const struct xfn_model_function *to)
{
	const struct xfn_function_spec *a = from->spec, *b = to->spec;
	char before[TEXT_BYTES], after[TEXT_BYTES];

	if (!same_command(from, to)) {
		command_text(from, before, sizeof(before));
		command_text(to, after, sizeof(after));
		add(diff, "change", "exec", before, after);
	}
	diff_variables(diff, "add", to, from);
	diff_variables(diff, NULL, to, from);
	diff_variables(diff, "remove", from, to);
	compare(diff, "directory", a->exec.directory ?: "/", b->exec.directory ?: "/");
	compare(diff, "user", a->exec.user ?: "who applies", b->exec.user ?: "who applies");
	diff_bounds(diff, &a->exec, &b->exec);
	compare(diff, "busy_poll", a->xsk.busy_poll ? "true" : "false",
		b->xsk.busy_poll ? "true" : "false");
	compare(diff, "need_wakeup", a->xsk.need_wakeup ? "true" : "false",
		b->xsk.need_wakeup ? "true" : "false");
	compare(diff, "oneway", a->xsk.one_way ? "true" : "false",
		b->xsk.one_way ? "true" : "false");
	park_text(a, before);
	park_text(b, after);
	compare(diff, "park", before, after);
	compare(diff, "send", a->xsk.send_any ? "any" : "own", b->xsk.send_any ? "any" : "own");
	compare(diff, "notify", a->socket.notify ? "true" : "false",
		b->socket.notify ? "true" : "false");
	compare(diff, "reply_from", a->socket.pktinfo ? "pktinfo" : "its address",
		b->socket.pktinfo ? "pktinfo" : "its address");
	compare(diff, "scale", a->scale_min ? "min 1" : "min 0", b->scale_min ? "min 1" : "min 0");
	cpus_text(a, before);
	cpus_text(b, after);
	compare(diff, "cpus", before, after);
}

static void diff_delivery(struct diff *diff, const struct xfn_model_function *from,
			  const struct xfn_model_function *to)
{
	char before[TEXT_BYTES], after[TEXT_BYTES];

	if (from->spec->delivery == to->spec->delivery && xfn_has_process(from->spec) &&
	    xfn_has_process(to->spec)) {
		diff_program(diff, from, to);
		return;
	}
	delivery_text(from, before);
	delivery_text(to, after);
	compare(diff, "delivery", before, after);
}

/* ---- functions -------------------------------------------------------------------------------------- */

static void diff_parts(struct diff *diff, const struct xfn_model_function *from,
		       const struct xfn_model_function *to,
		       void (*describe)(const struct xfn_function_spec *, char *), const char *kind)
{
	char before[TEXT_BYTES], after[TEXT_BYTES];

	describe(from->spec, before);
	describe(to->spec, after);
	compare(diff, kind, before, after);
}

static void diff_function(struct diff *diff, const struct xfn_model_function *from,
			  const struct xfn_model_function *to)
{
	char before[TEXT_BYTES], after[TEXT_BYTES];

	diff_delivery(diff, from, to);
	compare(diff, "enabled", enabled_text(from->spec), enabled_text(to->spec));
	diff_parts(diff, from, to, limit_text, "limit");
	diff_parts(diff, from, to, latency_text, "latency");
	diff_parts(diff, from, to, objective_text, "objective");
	/* Paths are compared whole: `show` and the revision on disk tell them. */
	if (from->version && to->version) {
		compare(diff, "object", from->spec->kernel.object, to->spec->kernel.object);
		compare(diff, "program", from->spec->kernel.program ?: "",
			to->spec->kernel.program ?: "");
	}
	compare(diff, "description", from->spec->description ?: "", to->spec->description ?: "");
	if (from->version != to->version) {
		version_text(from, before);
		version_text(to, after);
		add(diff, "change", "handler", before, after);
	} else if (from->by_hand && !to->by_hand) {
		version_text(from, after);
		snprintf(before, sizeof(before), "v%u by command", from->version->number);
		add(diff, "change", "handler", before, after);
	}
	if (!triggers_equal(from, to)) {
		triggers_text(from->spec, before);
		triggers_text(to->spec, after);
		add(diff, "change", "triggers", before, after);
	}
}

static void add_function(struct diff *diff, const char *op,
			 const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	char text[4 * TEXT_BYTES], triggers[TEXT_BYTES], limit[TEXT_BYTES], delivery[TEXT_BYTES];
	bool added = op[0] == 'a';

	triggers_text(spec, triggers);
	limit_text(spec, limit);
	delivery_text(function, delivery);
	snprintf(text, sizeof(text), "%s, %s, limit %s", delivery, triggers, limit);
	add(diff, op, "function", added ? NULL : text, added ? text : NULL);
}

static void diff_functions(struct diff *diff, struct xfn_model *live, struct xfn_model *next,
			   const char *set)
{
	const struct xfn_model_function *function, *other;
	char label[XFN_LABEL_BYTES];
	size_t i;

	for (i = 0; i < next->function_count; i++) {
		function = &next->functions[i];
		other = xfn_model_function(live, function->spec->tenant, function->spec->name);
		diff->name = xfn_function_label(function->spec, label);
		if (!other)
			add_function(diff, "add", function);
		else if (!set || !strcmp(function->set->manifest->set, set))
			diff_function(diff, other, function);
	}
	for (i = 0; i < live->function_count; i++) {
		function = &live->functions[i];
		diff->name = xfn_function_label(function->spec, label);
		if (!xfn_model_function(next, function->spec->tenant, function->spec->name))
			add_function(diff, "remove", function);
	}
}

/* Whose an attached interface is, in words. */
static void owner_text(const struct xfn_attachment *attachment, char *text)
{
	if (attachment->set[0])
		snprintf(text, TEXT_BYTES, "of set %s", attachment->set);
	else
		snprintf(text, TEXT_BYTES, "attached by command");
}

/* How an interface is attached, in words. */
static void manner_text(const struct xfn_attachment *attachment, char *text)
{
	snprintf(text, TEXT_BYTES, "%s%s%s%.120s", attachment->generic ? "generic" : "native",
		 attachment->coexist ? ", beside others" : "", attachment->next[0] ? ", next " : "",
		 attachment->next);
}

static void diff_attachments(struct diff *diff, const struct xfn_model *live,
			     const struct xfn_model *next)
{
	const struct xfn_attachment *attachment, *other;
	char before[TEXT_BYTES], after[TEXT_BYTES];
	size_t i;

	for (i = 0; i < next->attachment_count; i++) {
		attachment = &next->attachments[i];
		other = xfn_model_attachment(live, attachment->name);
		diff->name = attachment->name;
		if (!other) {
			manner_text(attachment, after);
			add(diff, "add", "interface", NULL, after);
			continue;
		}
		owner_text(other, before);
		owner_text(attachment, after);
		compare(diff, "interface", before, after);
		compare(diff, "next", other->next[0] ? other->next : "none",
			attachment->next[0] ? attachment->next : "none");
	}
	for (i = 0; i < live->attachment_count; i++) {
		attachment = &live->attachments[i];
		diff->name = attachment->name;
		if (xfn_model_attachment(next, attachment->name))
			continue;
		manner_text(attachment, before);
		add(diff, "remove", "interface", before, NULL);
	}
}

/* ---- everything ------------------------------------------------------------------------------------- */

static const char *switch_text(const struct xfn_edit *off)
{
	if (!off)
		return "on";
	return off->spec.drop ? "off, packets dropped" : "off";
}

static void diff_switch(struct diff *diff, const struct xfn_model *live,
			const struct xfn_model *next)
{
	diff->name = "every function";
	compare(diff, "switch", switch_text(live->off), switch_text(next->off));
}

json_t *xfn_model_diff(struct xfn_model *live, struct xfn_model *next, const char *set)
{
	struct diff diff = {.changes = json_array()};

	if (!diff.changes)
		return NULL;
	diff_switch(&diff, live, next);
	diff_attachments(&diff, live, next);
	diff_functions(&diff, live, next, set);
	return diff.changes;
}
