/* SPDX-License-Identifier: BSD-2-Clause */
/* Is it up, where is it attached, what does it run, what is wrong: GET /v1/status. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine_guard.h"
#include "engine_keeper.h"
#include "engine_read.h"

#define NS_PER_S 1000000000ULL

/* ---- the process --------------------------------------------------------------------------------- */

/* Since the process started; 0 where /proc does not say (proc(5), stat, field 22). */
static __u64 uptime_ns(void)
{
	char line[1024];
	unsigned long long ticks = 0;
	const char *at = NULL;
	struct timespec now;
	FILE *file = fopen("/proc/self/stat", "re");
	int field;

	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		at = strrchr(line, ')'); /* field 2 may hold anything */
	fclose(file);
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1 || clock_gettime(CLOCK_BOOTTIME, &now))
		return 0;
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec -
	       ticks * (NS_PER_S / (__u64)sysconf(_SC_CLK_TCK));
}

/* ---- interfaces ---------------------------------------------------------------------------------- */

static json_t *interface_json(const struct xfn_engine *engine, const char *name, bool generic,
			      __u64 packets, const char *state)
{
	const struct xfn_attachment *attachment = xfn_model_attachment(engine->model, name);

	return json_pack("{s:s, s:s, s:b, s:o, s:I, s:s}", "name", name, "mode",
			 xfn_mode_label(generic), "coexist", attachment && attachment->coexist,
			 "next", xfn_engine_next_json(engine, name), "packets", (json_int_t)packets,
			 "state", state);
}

static int add_attached(const struct xfn_engine *engine, json_t *list)
{
	const struct xfn_dataplane *dataplane = engine->dataplane;
	const struct xfn_dataplane_interface *interface;
	__u64 packets;
	__u32 slot;
	int err = 0;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++) {
		interface = &dataplane->interface[slot];
		if (!interface->used)
			continue;
		err = xfn_interface_counts(dataplane, slot, &packets, NULL);
		if (!err &&
		    json_array_append_new(
			    list,
			    interface_json(engine, interface->name, interface->generic, packets,
					   xfn_dataplane_link_is_live(dataplane, slot) ? "attached"
										       : "gone")))
			err = -ENOMEM;
	}
	return err;
}

/* Those that are wanted and not there. */
static int add_waiting(const struct xfn_engine *engine, json_t *list)
{
	const struct xfn_attachment *attachment;
	size_t i;

	for (i = 0; i < engine->model->attachment_count; i++) {
		attachment = &engine->model->attachments[i];
		if (xfn_dataplane_find(engine->dataplane, attachment->name) < 0 &&
		    json_array_append_new(list, interface_json(engine, attachment->name,
							       attachment->generic, 0, "waiting")))
			return -ENOMEM;
	}
	return 0;
}

static json_t *interfaces_json(const struct xfn_engine *engine, int *err)
{
	json_t *list = json_array();

	*err = list ? add_attached(engine, list) : -ENOMEM;
	if (!*err)
		*err = add_waiting(engine, list);
	return list;
}

/* ---- functions and triggers ---------------------------------------------------------------------- */

static json_t *deliveries_json(const struct xfn_model *model)
{
	__u64 counts[XFN_DELIVERIES] = {};
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < model->function_count; i++)
		counts[model->functions[i].spec->delivery]++;
	for (i = XFN_DELIVER_KERNEL; i < XFN_DELIVERIES && object; i++)
		json_object_set_new(object, xfn_delivery_label(i), json_integer(counts[i]));
	return object;
}

static json_t *capacity_json(const struct xfn_engine *engine)
{
	const struct xfn_capacity *capacity = &engine->dataplane->capacity;
	const struct xfn_ruleset *ruleset = engine->ruleset;
	__u64 used = ruleset ? (__u64)ruleset->rule_count + ruleset->address_count : 0;

	/* In the maps a trigger takes an entry for each pair of prefixes, and an address takes one. */
	return json_pack("{s:I, s:I, s:I, s:I}", "triggers", (json_int_t)capacity->triggers,
			 "triggers_used", (json_int_t)used, "functions",
			 (json_int_t)capacity->functions, "functions_used",
			 (json_int_t)engine->model->function_count);
}

/* ---- warnings ------------------------------------------------------------------------------------ */

static void warn(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(json_t *list, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(list, json_string(text));
}

static void warn_interfaces(const struct xfn_engine *engine, json_t *list)
{
	const struct xfn_dataplane *dataplane = engine->dataplane;
	__u32 slot;
	size_t i;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (dataplane->interface[slot].used && !xfn_dataplane_link_is_live(dataplane, slot))
			warn(list, "interface '%s' is gone; it is attached again when it returns",
			     dataplane->interface[slot].name);
	for (i = 0; i < engine->model->attachment_count; i++)
		if (xfn_dataplane_find(dataplane, engine->model->attachments[i].name) < 0)
			warn(list, "interface '%s' is not there; it is attached when it appears",
			     engine->model->attachments[i].name);
}

static void warn_next(const struct xfn_engine *engine, json_t *list)
{
	const struct xfn_attachment *attachment;
	size_t i;
	int slot;

	for (i = 0; i < engine->model->attachment_count; i++) {
		attachment = &engine->model->attachments[i];
		slot = xfn_dataplane_find(engine->dataplane, attachment->name);
		if (attachment->next[0] && slot >= 0 &&
		    !xfn_engine_next_runs(engine, slot, attachment))
			warn(list,
			     "next '%s' of interface '%s' is not there: what is nobody's passes to "
			     "the stack",
			     attachment->next, attachment->name);
	}
}

static void warn_functions(const struct xfn_engine *engine, json_t *list)
{
	char label[XFN_LABEL_BYTES], words[XFN_UNSERVED_WORDS];
	const struct xfn_model_function *first;
	size_t count = xfn_unserved_count(engine, &first, words);

	if (count == 1)
		warn(list, "function '%s' is not served: %s",
		     xfn_function_label(first->spec, label), words);
	else if (count)
		warn(list, "%zu functions are not served, such as '%s': %s", count,
		     xfn_function_label(first->spec, label), words);
	if (engine->ruleset && engine->ruleset->waiting_count)
		warn(list, "%u trigger%s for an interface that is not attached",
		     engine->ruleset->waiting_count,
		     engine->ruleset->waiting_count == 1 ? " waits" : "s wait");
}

static void warn_keeper(const struct xfn_engine *engine, json_t *list)
{
	json_t *keeper = xfn_keeping_json(engine);
	const char *state = json_string_value(json_object_get(keeper, "state"));

	if (state && strcmp(state, "running"))
		warn(list, "the keeper %s: no event waits for a function that is not there",
		     !strcmp(state, "stuck") ? "does not answer" : "is not there");
	json_decref(keeper);
}

static json_t *warnings_json(const struct xfn_engine *engine)
{
	__u64 live = xfn_dataplane_revision(engine->dataplane);
	json_t *list = json_array();

	if (!list)
		return NULL;
	if (engine->model->off)
		warn(list,
		     "xfn is OFF: every function is switched off, by user %u with '%s'; on again "
		     "with 'xfn on'",
		     engine->model->off->spec.uid, engine->model->off->spec.command);
	if (live != engine->model->revision)
		warn(list, "the kernel runs revision %llu, xfnd knows revision %llu", live,
		     engine->model->revision);
	warn_interfaces(engine, list);
	warn_next(engine, list);
	warn_functions(engine, list);
	warn_keeper(engine, list);
	return list;
}

/* ---- the switch ---------------------------------------------------------------------------------- */

/* {"mode","uid","time","command"}, or null. */
static json_t *off_json(const struct xfn_edit *off)
{
	if (!off)
		return json_null();
	return json_pack("{s:s, s:I, s:o, s:s}", "mode", xfn_off_label(off), "uid",
			 (json_int_t)off->spec.uid, "time", xfn_time_json(off->spec.time_ns),
			 "command", off->spec.command);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

int xfn_engine_status(struct xfn_engine *engine, struct xfn_reply *reply)
{
	const struct xfn_ruleset *ruleset = engine->ruleset;
	const struct xfn_dataplane *dataplane = engine->dataplane;
	__u64 live = dataplane->rules.control->live;
	json_t *interfaces;
	int err;

	interfaces = interfaces_json(engine, &err);
	if (err) {
		json_decref(interfaces);
		return err;
	}
	return xfn_reply_json(
		reply,
		json_pack("{s:s, s:I, s:I, s:I, s:i, s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:o, s:o, "
			  "s:o, s:o}",
			  "version", XFN_VERSION, "pid", (json_int_t)getpid(), "uptime_ns",
			  (json_int_t)uptime_ns(), "revision", (json_int_t)XFN_LIVE_REVISION(live),
			  "generation", (int)XFN_LIVE_GENERATION(live), "pending",
			  xfn_pending_json(engine), "interfaces", interfaces, "functions",
			  (json_int_t)engine->model->function_count, "deliveries",
			  deliveries_json(engine->model), "sets",
			  (json_int_t)engine->model->set_count, "triggers",
			  (json_int_t)(ruleset ? ruleset->trigger_count : 0), "triggers_waiting",
			  (json_int_t)(ruleset ? ruleset->waiting_count : 0), "capacity",
			  capacity_json(engine), "off", off_json(engine->model->off), "keeper",
			  xfn_keeping_counts_json(engine), "warnings", warnings_json(engine)));
}
