/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nobody locks themselves out: a change that would take an established TCP session of this host is
 * refused, unless it is forced or reverts by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine_guard.h"
#include "sessions.h"

#define SESSIONS_TOLD 20 /* in an answer */
#define SESSIONS_SAID 3  /* in a sentence */

/*
 * Whether packets of an established session that reach a function may not reach their socket, told from
 * the very words that the data plane goes by:
 *   disabled            they pass; but with rate 0 they are dropped
 *   to a socket, be it by another CPU
 *                       they pass, since of TCP the limit counts what opens a connection; with
 *                       `packets` it counts them too, and drops those in excess unless they are to pass
 *   any other delivery  they are the function's
 */
static bool takes_sessions(const struct xfn_model_function *function)
{
	__u64 limit = xfn_function_config_of(function).limit;
	__u32 delivery = XFN_FUNCTION_DELIVERY_OF(limit);

	if (limit & XFN_FUNCTION_DISABLED)
		return limit & XFN_FUNCTION_OFF_DROP;
	if (delivery != XFN_DELIVERY_SOCKET && delivery != XFN_DELIVERY_CPU)
		return true;
	return limit & XFN_FUNCTION_PACKETS && !(limit & XFN_FUNCTION_EXCESS_PASS);
}

/* While everything is off no function decides: all packets pass, or all are dropped. */
static bool slot_takes(const void *context, __u32 slot)
{
	const struct xfn_model *model = context;
	const struct xfn_model_function *function = xfn_model_function_in_slot(model, slot);

	if (function && model->off)
		return model->off->spec.drop;
	return function && takes_sessions(function);
}

/* ---- looking ----------------------------------------------------------------------------------- */

struct look {
	struct xfn_change *change;
	const struct xfn_ruleset *ruleset;
	struct xfn_session_world world;
	struct xfn_session_port ports[XFN_INTERFACES_MAX];
};

/* The one that the command came over is told first: it is the one that matters most. */
static int tell(struct xfn_change *change, json_t *session, bool own)
{
	int err = 0;

	if (own)
		err = json_array_insert_new(change->sessions, 0, session);
	else if (json_array_size(change->sessions) < SESSIONS_TOLD)
		err = json_array_append_new(change->sessions, session);
	else
		json_decref(session);
	return err ? -ENOMEM : 0;
}

static int judge(void *context, const struct xfn_session *session)
{
	const struct look *look = context;
	const struct xfn_entry *entry = xfn_session_taken(&look->world, session);
	const struct xfn_ruleset_trigger *trigger;
	struct xfn_change *change = look->change;
	const struct xfn_model_function *function;
	char label[XFN_LABEL_BYTES], text[XFN_SESSION_TEXT];
	bool own;

	if (!entry)
		return 0;
	function = xfn_model_function_in_slot(change->next, entry->function);
	trigger = &look->ruleset->triggers[entry->rule];
	own = xfn_session_is(session, change->actor ? change->actor->ssh : NULL);
	change->session_count++;
	return tell(change,
		    json_pack("{s:s, s:s, s:s, s:i, s:b}", "session",
			      xfn_session_print(session, text), "function",
			      xfn_function_label(function->spec, label), "file",
			      look->ruleset->names[trigger->file], "line", (int)trigger->line,
			      "own", own),
		    own);
}

static void add_ports(struct look *look)
{
	struct xfn_wire wires[XFN_INTERFACES_MAX];
	__u32 count = xfn_change_wires(look->change, wires), i;

	for (i = 0; i < count; i++)
		look->ports[i] = (struct xfn_session_port){.ifindex = wires[i].ifindex,
							   .slot = wires[i].slot,
							   .fresh = wires[i].fresh};
	look->world.ports = look->ports;
	look->world.port_count = count;
}

/* Most rulesets have no rule for TCP: then there is nothing to look at. */
static bool has_tcp(const struct xfn_ruleset *ruleset)
{
	__u32 at;

	for (at = XFN_PORT_COUNT; at < 2 * XFN_PORT_COUNT; at++)
		if (ruleset->ports[at / XFN_PORTS_PER_CHUNK].list[at % XFN_PORTS_PER_CHUNK])
			return true;
	return false;
}

int xfn_sessions_look(struct xfn_change *change, const struct xfn_ruleset *ruleset)
{
	const struct xfn_engine *engine = change->engine;
	struct xfn_netlink_state state = {0};
	struct look look = {
		.change = change,
		.ruleset = ruleset,
		.world = {.state = &state,
			  .live = {engine->ruleset, slot_takes, engine->model},
			  .next = {ruleset, slot_takes, change->next},
			  .route = xfn_session_route},
	};
	int err;

	json_decref(change->sessions);
	change->sessions = json_array();
	change->session_count = 0;
	if (!change->sessions)
		return -ENOMEM;
	if (change->yields || !has_tcp(ruleset))
		return 0;
	add_ports(&look);
	err = xfn_netlink_read(&state);
	if (!err)
		err = xfn_sessions_read(judge, &look);
	xfn_netlink_state_fini(&state);
	return err;
}

/* ---- refusing and warning ---------------------------------------------------------------------- */

static void describe(const json_t *session, char *text, size_t size)
{
	snprintf(text, size, "%s%s", json_string_value(json_object_get(session, "session")),
		 json_is_true(json_object_get(session, "own")) ? ", which this command came over,"
							       : "");
}

static int refuse(struct xfn_change *change)
{
	const json_t *first = json_array_get(change->sessions, 0);
	char text[SESSIONS_SAID * (XFN_SESSION_TEXT + 40)] = "", one[XFN_SESSION_TEXT + 40],
						      more[64] = "";
	size_t i, at = 0;

	for (i = 0; i < json_array_size(change->sessions) && i < SESSIONS_SAID; i++) {
		describe(json_array_get(change->sessions, i), one, sizeof(one));
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "", one);
	}
	if (change->session_count > i)
		snprintf(more, sizeof(more), " and %zu more", change->session_count - i);
	change->consent = "--confirm 60s";
	return xfn_change_refuse(
		change, -EBUSY, 409, "sessions",
		"function '%s' (%s:%lld) would take established sessions: %s%s; --confirm DURATION "
		"takes it back by itself unless confirmed, --force does it all the same",
		json_string_value(json_object_get(first, "function")),
		json_string_value(json_object_get(first, "file")),
		json_integer_value(json_object_get(first, "line")), text, more);
}

int xfn_sessions_guard(struct xfn_change *change, const struct xfn_ruleset *ruleset)
{
	bool forced = !change->actor || change->actor->force || change->confirm_ns;
	int err = xfn_sessions_look(change, ruleset);

	if (forced)
		return err == -ENOMEM ? err : 0; /* not knowing is no reason then */
	if (err && err != -ENOMEM) {
		change->consent = "--force";
		return xfn_change_refuse(
			change, err, 409, "sessions_unknown",
			"established TCP sessions cannot be read, and triggers of TCP might take "
			"one: %s; --force does it all the same",
			strerror(-err));
	}
	if (err || !change->session_count)
		return err;
	return refuse(change);
}

void xfn_sessions_warn(const struct xfn_change *change, json_t *warnings)
{
	bool forced = change->actor && (change->actor->force || change->confirm_ns);
	const json_t *session;
	char text[600], one[XFN_SESSION_TEXT + 40];
	size_t i;

	json_array_foreach (change->sessions, i, session) {
		describe(session, one, sizeof(one));
		snprintf(text, sizeof(text), "%s %s function '%s' (%s:%lld)%s", one,
			 change->dry ? "would go to" : "goes to",
			 json_string_value(json_object_get(session, "function")),
			 json_string_value(json_object_get(session, "file")),
			 json_integer_value(json_object_get(session, "line")),
			 forced || !change->dry ? ""
						: ": apply wants --confirm DURATION or --force");
		json_array_append_new(warnings, json_string(text));
	}
	if (change->session_count > json_array_size(change->sessions)) {
		snprintf(text, sizeof(text), "%zu more established sessions, too",
			 change->session_count - json_array_size(change->sessions));
		json_array_append_new(warnings, json_string(text));
	}
}

json_t *xfn_sessions_warnings(const struct xfn_change *change)
{
	json_t *warnings = json_array();

	if (warnings)
		xfn_sessions_warn(change, warnings);
	return warnings;
}
