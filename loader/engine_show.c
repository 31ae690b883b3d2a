/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything about one function: GET /v1/functions/NAME. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "engine_bounds.h"
#include "engine_read.h"
#include "key.h"
#include "targets.h"
#include "units.h"

/* Of a long list the first are shown, and how many there are in all. */
#define SHOWN_MAX 100

/* Sets @key to @value, which is taken over; NULL is left out. Returns 0 or -ENOMEM. */
static int put(json_t *object, const char *key, json_t *value)
{
	if (!value)
		return -ENOMEM;
	return json_object_set_new_nocheck(object, key, value) ? -ENOMEM : 0;
}

static int put_text(json_t *object, const char *key, const char *text)
{
	return text ? put(object, key, json_string(text)) : 0;
}

static int put_count(json_t *object, const char *key, __u64 count)
{
	return put(object, key, json_integer((json_int_t)count));
}

/* ---- triggers ------------------------------------------------------------------------------------ */

static json_t *prefixes_json(const struct xfn_manifest *manifest, struct xfn_prefix_span span)
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, span);
	char text[XFN_UNIT_TEXT_MAX];
	json_t *list = json_array();
	__u32 i;

	for (i = 0; i < span.count && i < SHOWN_MAX && list; i++) {
		if (json_array_append_new(list, json_string(xfn_prefix_print(&prefixes[i], text,
									     sizeof(text))))) {
			json_decref(list);
			return NULL;
		}
	}
	if (list && span.count > SHOWN_MAX) {
		snprintf(text, sizeof(text), "and %u more", span.count - SHOWN_MAX);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static int put_destination(json_t *object, const struct xfn_manifest *manifest,
			   const struct xfn_trigger_spec *trigger)
{
	switch (trigger->destination) {
	case XFN_DESTINATION_OWN:
		return put_text(object, "destination", "own");
	case XFN_DESTINATION_ANY:
		return put_text(object, "destination", "any");
	}
	return put(object, "destination", prefixes_json(manifest, trigger->destinations));
}

static int put_vlan(json_t *object, const struct xfn_trigger_spec *trigger)
{
	if (trigger->vlan_tags == 1)
		return put_count(object, "vlan", trigger->vlan[0]);
	if (trigger->vlan_tags == 2)
		return put(object, "vlan",
			   json_pack("[i, i]", (int)trigger->vlan[0], (int)trigger->vlan[1]));
	return 0;
}

static json_t *bytes_json(const struct xfn_key_spec *key)
{
	char value[2 * XFN_KEY_BYTES_MAX + 1], mask[2 * XFN_KEY_BYTES_MAX + 1];

	return json_pack("{s: I, s: s, s: s}", "offset", (json_int_t)key->offset, "value",
			 xfn_key_hex_print(key->value, key->value_bytes, value), "mask",
			 xfn_key_hex_print(key->mask, key->value_bytes, mask));
}

static json_t *key_json(const struct xfn_key_spec *key)
{
	json_t *value = key->kind == XFN_KEY_BYTES ? bytes_json(key) : json_string(key->text);

	return json_pack("{s: o}", xfn_key_label(key->kind), value);
}

static int fill_trigger(json_t *object, const struct xfn_manifest *manifest,
			const struct xfn_trigger_spec *trigger)
{
	char ports[XFN_UNIT_TEXT_MAX];
	int err = put_text(object, "protocol", xfn_protocol_label(trigger->protocol));

	xfn_ports_print(trigger->port_lo, trigger->port_hi, ports, sizeof(ports));
	err = err ?: put_text(object, "port", ports);
	err = err ?: put_destination(object, manifest, trigger);
	if (!err && trigger->sources.count)
		err = put(object, "source", prefixes_json(manifest, trigger->sources));
	err = err ?: put_vlan(object, trigger);
	err = err ?: put_text(object, "interface", trigger->interface);
	if (!err && trigger->key)
		err = put(object, "key", key_json(xfn_manifest_key(manifest, trigger)));
	/* Of the manifest itself, which the function names, where no other file is named. */
	if (!err && trigger->file)
		err = put_text(object, "file", manifest->files[trigger->file]);
	return err ?: put_count(object, "line", trigger->line);
}

static json_t *triggers_json(const struct xfn_model_function *function)
{
	const struct xfn_manifest *manifest = function->set->manifest;
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function->spec);
	json_t *list = json_array(), *object;
	__u32 i;

	for (i = 0; i < function->spec->trigger_count && i < SHOWN_MAX && list; i++) {
		object = json_object();
		if (!object || json_array_append_new(list, object) ||
		    fill_trigger(object, manifest, &triggers[i])) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- settings, and which of them are defaults ------------------------------------------------------ */

/* Names of those of @rows whose bit is not in @given. */
struct setting {
	__u32 bit;
	const char *name;
};

static json_t *defaults_json(__u32 given, const struct setting *rows, size_t count)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < count && list; i++) {
		if (!(given & rows[i].bit) &&
		    json_array_append_new(list, json_string(rows[i].name))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

#define DEFAULTS(given, rows) defaults_json(given, rows, sizeof(rows) / sizeof((rows)[0]))

static json_t *per_source_json(const struct xfn_function_spec *spec)
{
	static const struct setting settings[] = {
		{XFN_GIVEN_SOURCE_BURST, "burst"},
		{XFN_GIVEN_PREFIX4, "prefix4"},
		{XFN_GIVEN_PREFIX6, "prefix6"},
		{XFN_GIVEN_ENTRIES, "entries"},
	};
	const struct xfn_source_limit_spec *limit = &spec->limit.per_source;
	char rate[XFN_UNIT_TEXT_MAX];

	if (!(spec->given & XFN_GIVEN_PER_SOURCE))
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "rate",
			 xfn_rate_print(limit->rate, rate, sizeof(rate)), "burst",
			 (json_int_t)limit->burst, "prefix4", (json_int_t)limit->prefix4, "prefix6",
			 (json_int_t)limit->prefix6, "entries", (json_int_t)limit->entries,
			 "defaults", DEFAULTS(spec->given, settings));
}

/* Of the rate of all sources together; without one there is no burst, so none is left out. */
json_t *xfn_limit_json(const struct xfn_function_spec *spec)
{
	static const struct setting settings[] = {
		{XFN_GIVEN_BURST, "burst"},
		{XFN_GIVEN_EXCESS, "excess"},
		{XFN_GIVEN_PACKETS, "packets"},
	};
	char rate[XFN_UNIT_TEXT_MAX];
	bool has_rate = xfn_has_rate(spec);

	if (!(spec->given & XFN_GIVEN_LIMIT))
		return json_null();
	return json_pack(
		"{s:s?, s:o, s:s, s:b, s:o, s:o, s:o}", "rate",
		has_rate ? xfn_rate_print(spec->limit.rate, rate, sizeof(rate)) : NULL, "burst",
		has_rate ? json_integer((json_int_t)spec->limit.burst) : json_null(), "excess",
		xfn_excess_label(spec->limit.excess), "packets", spec->limit.packets, "concurrency",
		spec->limit.concurrency ? json_integer(spec->limit.concurrency) : json_null(),
		"per_source", per_source_json(spec), "defaults",
		DEFAULTS(spec->given | (has_rate ? 0 : XFN_GIVEN_BURST), settings));
}

static json_t *latency_json(const struct xfn_function_spec *spec)
{
	static const struct setting settings[] = {
		{XFN_GIVEN_SAMPLE, "sample"},
		{XFN_GIVEN_DEADLINE, "deadline"},
	};
	char deadline[XFN_UNIT_TEXT_MAX];

	return json_pack("{s:I, s:s, s:o}", "sample", (json_int_t)spec->latency.sample, "deadline",
			 xfn_duration_print(spec->latency.deadline_ns, deadline, sizeof(deadline)),
			 "defaults", DEFAULTS(spec->given, settings));
}

static json_t *objective_json(const struct xfn_function_spec *spec)
{
	char text[XFN_UNIT_TEXT_MAX];
	json_t *object;

	if (!(spec->given & (XFN_GIVEN_P99 | XFN_GIVEN_LOSS)))
		return json_null();
	object = json_object();
	if (spec->given & XFN_GIVEN_P99)
		put_text(object, "p99",
			 xfn_duration_print(spec->objective.p99_ns, text, sizeof(text)));
	if (spec->given & XFN_GIVEN_LOSS)
		put_text(object, "loss",
			 xfn_percent_print(spec->objective.loss_ppm, text, sizeof(text)));
	return object;
}

static json_t *defaults_of_function(const struct xfn_function_spec *spec)
{
	static const struct setting settings[] = {
		{XFN_GIVEN_TENANT, "tenant"},
		{XFN_GIVEN_ENABLED, "enabled"},
	};

	return DEFAULTS(spec->given, settings);
}

static json_t *kernel_json(const struct xfn_model_function *function)
{
	const struct xfn_kernel_spec *kernel = &function->spec->kernel;

	if (function->spec->delivery != XFN_DELIVER_KERNEL)
		return json_null();
	return json_pack("{s:s, s:s*, s:b}", "object", kernel->object, "program", kernel->program,
			 "changed_by_command", function->by_hand);
}

static json_t *mac_json(const __u8 *mac)
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return json_string(text);
}

/* With the MAC that packets get, whether given or found; null while the interface is not there. */
static json_t *netdev_json(const struct xfn_engine *engine,
			   const struct xfn_model_function *function)
{
	const struct xfn_target *target = xfn_targets_of(engine->dataplane, function->slot);

	if (function->spec->delivery != XFN_DELIVER_NETDEV)
		return json_null();
	return json_pack("{s:s, s:o, s:b}", "interface", function->spec->netdev.interface, "mac",
			 target ? mac_json((const __u8 *)target->dst_mac) : json_null(),
			 "mac_given", !!(function->spec->given & XFN_GIVEN_MAC));
}

/* Arguments whole; of variables the names alone: any reader may ask, and values may be secrets. */
static json_t *texts_json(const struct xfn_manifest *manifest, struct xfn_text_span span,
			  bool names)
{
	const char *const *texts = xfn_manifest_texts(manifest, span);
	json_t *list = json_array(), *text;
	__u32 i;

	for (i = 0; i < span.count && list; i++) {
		text = names ? json_stringn(texts[i], strcspn(texts[i], "="))
			     : json_string(texts[i]);
		if (json_array_append_new(list, text)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* clang-format off */
#define BOUNDS_SETTINGS                                                                           \
	{XFN_GIVEN_MEMORY, "memory_bytes"}, {XFN_GIVEN_PROCESSES, "processes"},                   \
	{XFN_GIVEN_CPU, "cpu_percent"}
/* clang-format on */

/* What it is started with: "exec", "env", "directory", "user", and what it may take. NULL: no memory. */
static json_t *program_json(const struct xfn_model_function *function)
{
	const struct xfn_exec_spec *exec = &function->spec->exec;
	const struct xfn_manifest *manifest = function->set->manifest;

	const struct xfn_cgroup_bounds bounds = xfn_bounds_of(function->spec);

	return json_pack("{s:o, s:o, s:s, s:s?, s:I, s:I, s:o}", "exec",
			 texts_json(manifest, exec->argv, false), "env",
			 texts_json(manifest, exec->env, true), "directory", exec->directory ?: "/",
			 "user", exec->user, "memory_bytes", (json_int_t)bounds.memory_bytes,
			 "processes", (json_int_t)bounds.tasks, "cpu_percent",
			 exec->cpu ? json_integer(exec->cpu) : json_null());
}

/* @object with what @more has, whose reference goes. NULL: no memory. */
static json_t *with(json_t *object, json_t *more)
{
	if (object && more && !json_object_update(object, more)) {
		json_decref(more);
		return object;
	}
	json_decref(object);
	json_decref(more);
	return NULL;
}

static json_t *cpus_json(const struct xfn_socket_spec *socket)
{
	json_t *cpus = json_array();
	__u16 i;

	for (i = 0; i < socket->cpu_count; i++)
		json_array_append_new(cpus, json_integer(socket->cpus[i]));
	return cpus;
}

static json_t *socket_json(const struct xfn_engine *engine,
			   const struct xfn_model_function *function)
{
	static const struct setting settings[] = {
		BOUNDS_SETTINGS, {XFN_GIVEN_NOTIFY, "notify"}, {XFN_GIVEN_SCALE, "scale_min"}};
	const struct xfn_function_spec *spec = function->spec;
	json_t *object;

	if (spec->delivery != XFN_DELIVER_SOCKET)
		return json_null();
	object = json_pack("{s:b, s:o}", "existing", !xfn_has_program(spec), "cpus",
			   cpus_json(&spec->socket));
	if (!xfn_has_program(spec))
		return object;
	object = with(object, program_json(function));
	object = with(object,
		      json_pack("{s:o}", "sockets", xfn_listen_json(engine, function->identity)));
	return with(object, json_pack("{s:b, s:s?, s:I, s:o}", "notify", spec->socket.notify,
				      "reply_from", spec->socket.pktinfo ? "pktinfo" : NULL,
				      "scale_min", (json_int_t)spec->scale_min, "defaults",
				      DEFAULTS(spec->given, settings)));
}

static json_t *xsk_json(const struct xfn_model_function *function)
{
	static const struct setting settings[] = {BOUNDS_SETTINGS,
						  {XFN_GIVEN_ONE_WAY, "oneway"},
						  {XFN_GIVEN_BUSY_POLL, "busy_poll"},
						  {XFN_GIVEN_NEED_WAKEUP, "need_wakeup"},
						  {XFN_GIVEN_PARK_EVENTS, "park_events"},
						  {XFN_GIVEN_PARK_AGE, "park_age_ns"},
						  {XFN_GIVEN_SCALE, "scale_min"}};
	const struct xfn_function_spec *spec = function->spec;

	if (spec->delivery != XFN_DELIVER_XSK)
		return json_null();
	return with(program_json(function),
		    json_pack("{s:b, s:b, s:b, s:b, s:s, s:I, s:I, s:I, s:o}", "existing",
			      spec->xsk.existing, "oneway", spec->xsk.one_way, "busy_poll",
			      spec->xsk.busy_poll, "need_wakeup", spec->xsk.need_wakeup, "send",
			      spec->xsk.send_any ? "any" : "own", "park_events",
			      (json_int_t)spec->xsk.park_events, "park_age_ns",
			      (json_int_t)spec->xsk.park_age_ns, "scale_min",
			      (json_int_t)spec->scale_min, "defaults",
			      DEFAULTS(spec->given, settings)));
}

/* ---- versions ------------------------------------------------------------------------------------ */

/* What the kernel made of the program; left out where it cannot be asked. */
static int put_program(json_t *object, int program_fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int err;

	if (program_fd < 0 || bpf_obj_get_info_by_fd(program_fd, &info, &size))
		return 0;
	err = put_text(object, "program", info.name);
	err = err ?: put_count(object, "xlated_bytes", info.xlated_prog_len);
	err = err ?: put_count(object, "jited_bytes", info.jited_prog_len);
	return err ?: put_count(object, "verified_insns", info.verified_insns);
}

static json_t *version_json(const struct xfn_engine *engine, const struct xfn_version *version,
			    enum xfn_version_role role)
{
	json_t *object = json_object(), *loaded = xfn_time_json(version->loaded_ns);
	char id[XFN_VERSION_TEXT];
	int err = object ? 0 : -ENOMEM;

	err = err ?: put_text(object, "id", xfn_version_print(version, id));
	err = err ?: put_text(object, "state", xfn_version_role_label(role));
	err = err ?: put(object, "loaded", loaded ?: json_null());
	err = err ?: put_count(object, "object_bytes", version->object_bytes);
	err = err ?: put_program(object, version->program_fd);
	err = err ?: put(object, "entered", json_boolean(engine->entered[version->slot]));
	err = err
		      ?: put(object, "measured",
			     json_boolean(version->histogram != XFN_HISTOGRAM_NONE));
	if (!err)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *versions_json(const struct xfn_engine *engine,
			     const struct xfn_model_function *function)
{
	const struct xfn_version *version;
	json_t *list = json_array();
	char id[XFN_VERSION_TEXT];
	int role;

	if (function->program_version)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "id",
					xfn_version_print_number(function->program_version, id),
					"state", xfn_version_role_label(XFN_VERSION_LIVE)));
	for (role = 0; role < XFN_VERSION_ROLES && list; role++) {
		version = xfn_function_version(function, role);
		if (version && json_array_append_new(list, version_json(engine, version, role))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- private maps ---------------------------------------------------------------------------------- */

static json_t *map_json(const char *name, const char *path)
{
	json_t *object = json_pack("{s:s, s:s}", "name", name, "pin", path);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (object && fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size)) {
		put_count(object, "entries_max", info.max_entries);
		put_count(object, "key_bytes", info.key_size);
		put_count(object, "value_bytes", info.value_size);
	}
	if (fd >= 0)
		close(fd);
	return object;
}

/* Those that are pinned, in the order of their names. */
static json_t *maps_json(const struct xfn_dataplane *dataplane,
			 const struct xfn_function_spec *spec)
{
	char folder[PATH_MAX / 2], path[PATH_MAX];
	json_t *list = json_array();
	struct dirent **entries;
	int count, i;

	if (snprintf(folder, sizeof(folder), "%s/functions/%s/%s", dataplane->dir, spec->tenant,
		     spec->name) >= (int)sizeof(folder))
		return list;
	count = scandir(folder, &entries, NULL, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && list)
			json_array_append_new(list, map_json(entries[i]->d_name, path));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return list;
}

/* ---- by hand ---------------------------------------------------------------------------------------- */

/* What was changed by command, the first of it. */
static json_t *by_hand_json(const struct xfn_model_function *function)
{
	const struct xfn_set *set = function->set;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < set->edit_count && list; i++) {
		if (!xfn_edit_is_of(set->edits[i], function->spec) ||
		    json_array_size(list) == SHOWN_MAX)
			continue;
		if (json_array_append_new(list, xfn_edit_json(set->edits[i], NULL))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static int fill_function(json_t *object, const struct xfn_engine *engine,
			 const struct xfn_model_function *function, __u32 waiting)
{
	const struct xfn_function_spec *spec = function->spec;
	const struct xfn_manifest *manifest = function->set->manifest;
	int err = put_text(object, "name", spec->name);

	err = err ?: put_text(object, "tenant", spec->tenant);
	err = err ?: put_text(object, "set", manifest->set);
	err = err ?: put_text(object, "description", spec->description);
	err = err ?: put_text(object, "state", xfn_function_state(engine, function, waiting));
	err = err ?: put(object, "enabled", json_boolean(spec->enabled));
	err = err ?: put_text(object, "disabled", spec->disabled_drops ? "drop" : "pass");
	err = err ?: put(object, "by_hand", by_hand_json(function));
	err = err ?: put_text(object, "delivery", xfn_delivery_label(spec->delivery));
	err = err ?: put(object, "kernel", kernel_json(function));
	err = err ?: put(object, "socket", socket_json(engine, function));
	err = err ?: put(object, "netdev", netdev_json(engine, function));
	err = err ?: put(object, "xsk", xsk_json(function));
	err = err ?: put(object, "instance", xfn_instance_json(engine, function));
	err = err ?: put(object, "limit", xfn_limit_json(spec));
	err = err ?: put(object, "latency", latency_json(spec));
	err = err ?: put(object, "objective", objective_json(spec));
	err = err ?: put(object, "defaults", defaults_of_function(spec));
	err = err ?: put_text(object, "file", manifest->file);
	err = err ?: put_count(object, "line", spec->line);
	err = err ?: put(object, "versions", versions_json(engine, function));
	err = err ?: put(object, "maps", maps_json(engine->dataplane, spec));
	err = err ?: put_count(object, "trigger_count", spec->trigger_count);
	err = err ?: put_count(object, "triggers_waiting", waiting);
	return err ?: put(object, "triggers", triggers_json(function));
}

int xfn_engine_function(struct xfn_engine *engine, const char *function, struct xfn_reply *reply)
{
	struct xfn_selection selection;
	json_t *object;
	__u32 *waiting;
	int err = xfn_selection_find(engine, function ?: "", reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	err = xfn_waiting_count(engine, &waiting);
	if (err)
		return err;
	object = json_object();
	err = object ? fill_function(object, engine, selection.functions,
				     waiting[selection.functions->slot])
		     : -ENOMEM;
	free(waiting);
	if (!err)
		return xfn_reply_json(reply, object);
	json_decref(object);
	return err;
}
