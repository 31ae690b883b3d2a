/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to tell of the processes of functions that xfnd starts. */
#include <net/if.h>
#include <stdio.h>

#include "engine_bounds.h"
#include "engine_read.h"
#include "process_use.h"

static json_t *figure(__u64 value)
{
	return value == XFN_USE_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

/* How near it is to what it may take. Others may run as its user, unless that is its own. */
static json_t *uses_json(const struct xfn_member *member, pid_t pid)
{
	bool lone = xfn_uid_is_lone(member->uid) && !member->awaited;
	struct xfn_process_use use;
	struct xfn_cgroup_use all;

	if (!pid)
		return json_null();
	xfn_process_use_read(pid, &use);
	xfn_bounds_read(member, &all);
	if (all.tasks == XFN_CGROUP_UNKNOWN && lone)
		all.tasks = xfn_process_tasks_of(member->uid);
	if (all.tasks_max == XFN_CGROUP_UNKNOWN)
		all.tasks_max = use.tasks_max;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu_ms",
			 figure(all.cpu_ms == XFN_CGROUP_UNKNOWN ? use.cpu_ms : all.cpu_ms),
			 "throttled_ms", figure(all.throttled_ms), "memory_bytes",
			 figure(all.memory_bytes), "memory_bytes_max", figure(all.memory_bytes_max),
			 "resident_bytes", figure(use.resident_bytes), "data_bytes",
			 figure(use.data_bytes), "data_bytes_max", figure(use.data_bytes_max),
			 "files", figure(use.files), "files_max", figure(use.files_max), "tasks",
			 figure(all.tasks), "tasks_max", figure(all.tasks_max));
}

json_t *xfn_instance_json(const struct xfn_engine *engine,
			  const struct xfn_model_function *function)
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);
	struct xfn_instance_info info;
	char name[IF_NAMESIZE] = "", version[XFN_VERSION_TEXT], cgroup[PATH_MAX];
	json_t *object;

	if (!member)
		return json_null();
	xfn_instance_read(member->instance, &info);
	object = json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:s}", "state",
			   xfn_instance_state_label(info.state), "version",
			   xfn_version_print_number(member->version, version), "pid",
			   (json_int_t)info.pid, "uid", (json_int_t)member->uid, "since",
			   xfn_time_json(info.since_ns) ?: json_null(), "restarts",
			   (json_int_t)info.restarts, "last_end", info.last_end);
	if (!object)
		return NULL;
	json_object_set_new(object, "uses", uses_json(member, info.pid));
	xfn_bounds_path(member, cgroup, sizeof(cgroup));
	json_object_set_new(object, "cgroup", *cgroup ? json_string(cgroup) : json_null());
	if (member->listens)
		return object;
	if (member->ifindex)
		if_indextoname(member->ifindex, name);
	json_object_set_new(object, "port", json_integer(member->port));
	json_object_set_new(object, "interface", json_string(name));
	json_object_set_new(object, "busy_poll", json_boolean(info.busy_polls));
	json_object_set_new(object, "zero_copy", json_boolean(info.zero_copy));
	return object;
}

bool xfn_instances_serve(const struct xfn_engine *engine, const struct xfn_model_function *function)
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);

	return member &&
	       (xfn_member_is_in(member, XFN_INSTANCE_READY) ||
		xfn_member_is_in(member, XFN_INSTANCE_IDLE) || xfn_member_has_others(member));
}

const char *xfn_instances_state(const struct xfn_engine *engine,
				const struct xfn_model_function *function)
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);
	struct xfn_instance_info info;

	if (!member)
		return NULL;
	xfn_instance_read(member->instance, &info);
	return xfn_instance_state_label(info.state);
}

static enum xfn_health health_of(const struct xfn_instance_info *info)
{
	switch (info->state) {
	case XFN_INSTANCE_READY:
		return XFN_HEALTH_READY;
	case XFN_INSTANCE_PARKED:
		return XFN_HEALTH_PARKED;
	case XFN_INSTANCE_WAITING:
		return XFN_HEALTH_AILING;
	case XFN_INSTANCE_STARTING:
		return info->restarts ? XFN_HEALTH_AILING : XFN_HEALTH_ABSENT;
	default:
		return XFN_HEALTH_ABSENT;
	}
}

/* What awaits it is said by name: the rest of what is to be typed is its user's. */
static const char *absence(const struct xfn_member *member, enum xfn_instance_state state)
{
	if (state == XFN_INSTANCE_STARTING)
		return "its program starts";
	if (state != XFN_INSTANCE_IDLE)
		return "its program is told to end";
	return member->awaited ? "no program has come by xfn run"
			       : "its program starts with the first event";
}

enum xfn_health xfn_instances_health(const struct xfn_engine *engine,
				     const struct xfn_model_function *function,
				     char words[XFN_HEALTH_WORDS])
{
	const struct xfn_member *member = xfn_member_of(engine, function->identity);
	struct xfn_instance_info info;
	enum xfn_health health;

	words[0] = '\0';
	if (!member)
		return XFN_HEALTH_NONE;
	xfn_instance_read(member->instance, &info);
	health = health_of(&info);
	if (health == XFN_HEALTH_ABSENT)
		snprintf(words, XFN_HEALTH_WORDS, "%s", absence(member, info.state));
	else if (health != XFN_HEALTH_READY)
		snprintf(words, XFN_HEALTH_WORDS, "its program %s: %s%s",
			 health == XFN_HEALTH_PARKED
				 ? "ended again and again, and is tried again after 5 min"
				 : "ended, and is started again",
			 info.last_end,
			 xfn_member_has_others(member) ? "; the one before it goes on" : "");
	return health;
}
