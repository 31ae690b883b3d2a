/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine's readers share: selecting functions, reading their counters, saying their state. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counters.h"
#include "engine_instances.h"
#include "engine_read.h"
#include "port.h"
#include "targets.h"

/* ---- selecting ----------------------------------------------------------------------------------- */

/* The name that was probably meant, or "", into @buf, which has room for XFN_LABEL_BYTES. */
static void suggest(const struct xfn_model *model, const char *name, char *buf)
{
	const struct xfn_function_spec *spec;
	char text[XFN_LABEL_BYTES];
	const char *best, *label;
	size_t i;

	buf[0] = '\0';
	/* One by one: the nearest of the nearest, without an array of all labels. */
	for (i = 0; i < model->function_count; i++) {
		spec = model->functions[i].spec;
		label = xfn_function_label(spec, text);
		best = xfn_suggest(name, (const char *const[]){buf[0] ? buf : NULL, label}, 2);
		if (best == label || !strcmp(spec->name, name)) /* or another tenant's */
			snprintf(buf, XFN_LABEL_BYTES, "%s", label);
	}
}

static int refuse_name(const struct xfn_model *model, const char *name, struct xfn_reply *reply)
{
	char meant[XFN_LABEL_BYTES];
	int err;

	suggest(model, name, meant);
	err = xfn_reply_error(reply, 404, "no_such_function", NULL, "no function '%s'%s%s%s", name,
			      meant[0] ? "; did you mean '" : "", meant, meant[0] ? "'?" : "");
	if (!err)
		err = xfn_reply_error_set(reply, "hint", json_string("xfn ls"));
	return err ?: 1;
}

int xfn_selection_find(struct xfn_engine *engine, const char *name, struct xfn_reply *reply,
		       struct xfn_selection *ret)
{
	struct xfn_model *model = engine->model;

	if (!name) {
		*ret = (struct xfn_selection){model->functions, model->function_count};
		return 0;
	}
	ret->functions = xfn_model_function_named(model, name);
	ret->count = 1;
	return ret->functions ? 0 : refuse_name(model, name, reply);
}

/* ---- counters ------------------------------------------------------------------------------------ */

const struct xfn_version *xfn_function_version(const struct xfn_model_function *function,
					       enum xfn_version_role role)
{
	return role == XFN_VERSION_LIVE ? function->version : function->draining;
}

const char *xfn_version_role_label(enum xfn_version_role role)
{
	return role == XFN_VERSION_LIVE ? "live" : "draining";
}

int xfn_selection_counts(const struct xfn_dataplane *dataplane,
			 const struct xfn_selection *selection, struct xfn_function_counts **ret)
{
	struct xfn_function_counts *counts = calloc(selection->count + 1, sizeof(*counts));
	struct xfn_counter *counters = calloc(selection->count + 1, sizeof(*counters));
	size_t i;
	int err = counts && counters ? 0 : -ENOMEM;

	for (i = 0; i < selection->count && !err; i++)
		counters[i] = (struct xfn_counter){selection->functions[i].slot, &counts[i]};
	if (!err)
		err = xfn_counters_read(dataplane, XFN_MAP_COUNTS, counters, selection->count);
	free(counters);
	if (err)
		free(counts);
	else
		*ret = counts;
	return err;
}

int xfn_selection_versions(const struct xfn_dataplane *dataplane,
			   const struct xfn_selection *selection, xfn_version_pair **ret)
{
	xfn_version_pair *pairs = calloc(selection->count + 1, sizeof(*pairs));
	struct xfn_counter *counters =
		calloc((selection->count + 1) * XFN_VERSION_ROLES, sizeof(*counters));
	const struct xfn_version *version;
	size_t i, count = 0;
	int role, err = pairs && counters ? 0 : -ENOMEM;

	for (i = 0; i < selection->count && !err; i++) {
		for (role = 0; role < XFN_VERSION_ROLES; role++) {
			version = xfn_function_version(&selection->functions[i], role);
			if (version)
				counters[count++] =
					(struct xfn_counter){version->slot, &pairs[i][role]};
		}
	}
	if (!err)
		err = xfn_counters_read(dataplane, XFN_MAP_OUTCOMES, counters, count);
	free(counters);
	if (err)
		free(pairs);
	else
		*ret = pairs;
	return err;
}

void xfn_versions_sum(const struct xfn_model_function *function, const xfn_version_pair versions,
		      struct xfn_retired *ret)
{
	int role, outcome;

	*ret = function->retired;
	for (role = 0; role < XFN_VERSION_ROLES; role++) {
		ret->invocations += versions[role].invocations;
		ret->reply_bytes += versions[role].reply_bytes;
		for (outcome = 0; outcome < XFN_OUTCOME_COUNT; outcome++)
			ret->outcomes[outcome] += versions[role].outcomes[outcome];
	}
}

__u64 xfn_counts_sum(const __u64 *counts, size_t count)
{
	__u64 sum = 0;

	while (count--)
		sum += *counts++;
	return sum;
}

int xfn_interface_counts(const struct xfn_dataplane *dataplane, __u32 slot, __u64 *packets,
			 struct xfn_interface_verdicts *verdicts)
{
	struct xfn_counter counter = {slot, packets};
	int err = packets ? xfn_counters_read(dataplane, XFN_MAP_PACKETS, &counter, 1) : 0;

	counter.sum = verdicts;
	if (!err && verdicts)
		err = xfn_counters_read(dataplane, XFN_MAP_VERDICTS, &counter, 1);
	return err;
}

/* ---- words ------------------------------------------------------------------------------------------ */

char *xfn_version_print_number(__u32 number, char *buf)
{
	snprintf(buf, XFN_VERSION_TEXT, "v%u", number);
	return buf;
}

char *xfn_version_print(const struct xfn_version *version, char *buf)
{
	return xfn_version_print_number(version->number, buf);
}

static bool is_attached(const struct xfn_dataplane *dataplane)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (dataplane->interface[slot].used)
			return true;
	return false;
}

/* An instance is ready, and its port open; or they wait for one. */
static bool takes_events(const struct xfn_dataplane *dataplane,
			 const struct xfn_model_function *function)
{
	int port = xfn_port_of(dataplane, function->identity);

	return port >= 0 && (xfn_port_ifindex(dataplane, (__u32)port) ||
			     dataplane->port_lines[port].flags & XFN_PORT_PARKS);
}

static bool has_target(const struct xfn_engine *engine, const struct xfn_model_function *function)
{
	if (function->spec->delivery == XFN_DELIVER_NETDEV)
		return xfn_targets_has_device(engine->dataplane, function->slot);
	if (function->spec->delivery == XFN_DELIVER_SOCKET)
		/* Else the stack finds the socket, or does not. */
		return !xfn_has_program(function->spec) || xfn_instances_serve(engine, function);
	if (function->spec->delivery == XFN_DELIVER_XSK)
		return takes_events(engine->dataplane, function);
	return function->version && engine->entered && engine->entered[function->version->slot];
}

const char *xfn_function_state(const struct xfn_engine *engine,
			       const struct xfn_model_function *function, __u32 waiting)
{
	const struct xfn_function_spec *spec = function->spec;

	if (!spec->enabled || (xfn_has_rate(spec) && !spec->limit.rate.count))
		return "disabled";
	if (!has_target(engine, function))
		return "no_target";
	if (!is_attached(engine->dataplane) ||
	    (spec->trigger_count && waiting >= spec->trigger_count))
		return "waiting";
	return "live";
}

bool xfn_function_unserved(const struct xfn_engine *engine,
			   const struct xfn_model_function *function, char *words)
{
	const struct xfn_function_spec *spec = function->spec;
	const char *state = xfn_function_state(engine, function, 0);
	enum xfn_health health = xfn_instances_health(engine, function, words);

	if (!strcmp(state, "disabled"))
		return false;
	if (health >= XFN_HEALTH_AILING)
		return true;
	if (strcmp(state, "no_target"))
		return false;
	if (spec->delivery == XFN_DELIVER_NETDEV)
		snprintf(words, XFN_UNSERVED_WORDS, "interface '%s' is not there",
			 spec->netdev.interface);
	else if (!words[0])
		snprintf(words, XFN_UNSERVED_WORDS, "%s",
			 spec->delivery == XFN_DELIVER_KERNEL ? "its handler is not in the kernel"
							      : "it has no program");
	return true;
}

size_t xfn_unserved_count(const struct xfn_engine *engine,
			  const struct xfn_model_function **ret_first, char *words)
{
	const struct xfn_model *model = engine->model;
	char others[XFN_UNSERVED_WORDS];
	size_t i, count = 0;

	for (i = 0; i < model->function_count; i++) {
		if (!xfn_function_unserved(engine, &model->functions[i], count ? others : words))
			continue;
		if (!count++)
			*ret_first = &model->functions[i];
	}
	return count;
}

int xfn_waiting_count(const struct xfn_engine *engine, __u32 **ret)
{
	const struct xfn_ruleset *ruleset = engine->ruleset;
	__u32 *counts = calloc(engine->dataplane->capacity.functions + 1, sizeof(*counts)), i;

	if (!counts)
		return -ENOMEM;
	for (i = 0; ruleset && i < ruleset->waiting_count; i++)
		counts[ruleset->triggers[ruleset->waiting[i]].function]++;
	*ret = counts;
	return 0;
}

const char *xfn_mode_label(bool generic)
{
	return xfn_attach_mode_label(generic ? XFN_ATTACH_GENERIC : XFN_ATTACH_NATIVE);
}

json_t *xfn_time_json(__u64 realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000ULL);
	struct tm utc;
	char text[40], whole[24];

	if (!realtime_ns || !gmtime_r(&seconds, &utc))
		return NULL;
	strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%03lluZ", whole, realtime_ns / 1000000ULL % 1000);
	return json_string(text);
}

json_t *xfn_edit_json(const struct xfn_edit *edit, const char *fate)
{
	const struct xfn_edit_spec *spec = &edit->spec;
	char words[XFN_EDIT_WORDS_BYTES];

	return json_pack("{s:s?, s:s?, s:s, s:s, s:I, s:o, s:s, s:s*}", "function", spec->function,
			 "tenant", spec->tenant, "kind", xfn_edit_label(spec->kind), "what",
			 xfn_edit_print(edit, words), "uid", (json_int_t)spec->uid, "time",
			 xfn_time_json(spec->time_ns), "command", spec->command, "fate", fate);
}
