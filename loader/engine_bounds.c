/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_load.h"
#include "engine_bounds.h"
#include "engine_private.h"
#include "journal.h"
#include "loop.h"
#include "units.h"

enum { MEMORY_SHARE = 4 }; /* a quarter of this host's memory is as much as one gets unasked */

static const __u64 AGAIN_NS = 100000000;

struct xfn_bounds {
	struct xfn_engine *engine;
	struct xfn_source *again; /* timer: what was killed is to be removed */
};

static void on_again(void *context)
{
	struct xfn_bounds *bounds = context;

	xfn_bounds_sweep(bounds->engine);
}

int xfn_bounds_open(struct xfn_engine *engine, struct xfn_bounds **ret)
{
	struct xfn_bounds *bounds = calloc(1, sizeof(*bounds));
	int err;

	if (!bounds)
		return -ENOMEM;
	bounds->engine = engine;
	err = xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_again, bounds,
				 &bounds->again);
	if (err)
		free(bounds);
	else
		*ret = bounds;
	return err;
}

void xfn_bounds_close(struct xfn_bounds *bounds)
{
	if (!bounds)
		return;
	xfn_source_free(bounds->again);
	free(bounds);
}

/* ---- what it may take -------------------------------------------------------------------------------- */

static __u64 default_memory(void)
{
	return (__u64)sysconf(_SC_PHYS_PAGES) / MEMORY_SHARE * (__u64)sysconf(_SC_PAGESIZE);
}

struct xfn_cgroup_bounds xfn_bounds_of(const struct xfn_function_spec *spec)
{
	return (struct xfn_cgroup_bounds){
		.memory_bytes = spec->exec.memory ?: default_memory(),
		.tasks = spec->exec.processes,
		.cpu_percent = spec->exec.cpu,
	};
}

static bool has(const struct xfn_engine *engine, __u32 controller)
{
	return xfn_cgroups_controllers(engine->options.cgroups) & controller;
}

/*
 * Where a cgroup counts what is in memory, what it has only reserved is not held against it: many a language's
 * runtime reserves much more than it takes.
 */
static void limit(const struct xfn_engine *engine, const struct xfn_cgroup_bounds *bounds,
		  struct xfn_launch *launch)
{
	launch->tasks = bounds->tasks;
	launch->data_bytes = bounds->memory_bytes;
	if (has(engine, XFN_CGROUP_MEMORY) && launch->data_bytes < default_memory())
		launch->data_bytes = default_memory();
}

/* ---- its cgroup -------------------------------------------------------------------------------------- */

static const struct xfn_cgroups *cgroups_of(const struct xfn_member *member)
{
	return member->cgroup[0] ? member->engine->options.cgroups : NULL;
}

void xfn_bounds_name(struct xfn_member *member, const struct xfn_function_spec *spec)
{
	if (member->engine->options.cgroups && !member->awaited)
		snprintf(member->cgroup, sizeof(member->cgroup), "%s.%s.%u", spec->tenant,
			 spec->name, member->serial);
}

/* The cgroup may be that of a former process, of which something has yet to end. */
static void note_kills(struct xfn_member *member)
{
	xfn_cgroup_read_kills(cgroups_of(member), member->cgroup, &member->kills_before);
}

int xfn_bounds_prepare(struct xfn_member *member, const struct xfn_function_spec *spec,
		       struct xfn_launch *launch, struct xfn_fault *fault)
{
	const struct xfn_cgroups *cgroups = cgroups_of(member);
	struct xfn_cgroup_bounds bounds = xfn_bounds_of(spec);
	int err;

	limit(member->engine, &bounds, launch);
	if (!cgroups)
		return 0;
	err = xfn_cgroup_make(cgroups, member->cgroup, &bounds, &launch->cgroup_fd);
	if (err)
		xfn_fault_set(fault, "cgroup '%s/%s': %s", xfn_cgroups_path(cgroups),
			      member->cgroup, strerror(-err));
	note_kills(member);
	return err;
}

/* It has none where an xfnd without cgroups has started it. */
void xfn_bounds_adopt(struct xfn_member *member)
{
	const struct xfn_cgroups *cgroups = cgroups_of(member);
	const struct xfn_model_function *function =
		xfn_member_function(member->engine, member->identity);
	struct xfn_cgroup_bounds bounds;

	if (!cgroups || !function)
		return;
	bounds = xfn_bounds_of(function->spec);
	xfn_cgroup_bound(cgroups, member->cgroup, &bounds);
	note_kills(member);
}

void xfn_bounds_drop(const struct xfn_member *member)
{
	const struct xfn_cgroups *cgroups = cgroups_of(member);

	if (cgroups && xfn_cgroup_remove(cgroups, member->cgroup))
		xfn_timer_set(member->engine->instances->bounds->again, AGAIN_NS);
}

/* One without a process has none: there it is to be removed. */
static bool is_members(const void *context, const char *name)
{
	const struct xfn_engine *engine = context;
	const struct xfn_member *member;
	struct xfn_instance_info info;

	for (member = engine->instances->first; member; member = member->next) {
		xfn_instance_read(member->instance, &info);
		if (info.pid && !strcmp(member->cgroup, name))
			return true;
	}
	return false;
}

void xfn_bounds_sweep(struct xfn_engine *engine)
{
	if (engine->options.cgroups &&
	    xfn_cgroups_sweep(engine->options.cgroups, is_members, engine) == -EBUSY)
		xfn_timer_set(engine->instances->bounds->again, AGAIN_NS);
}

/* ---- what there is to tell --------------------------------------------------------------------------- */

void xfn_bounds_path(const struct xfn_member *member, char *path, size_t bytes)
{
	const struct xfn_cgroups *cgroups = cgroups_of(member);

	path[0] = '\0';
	if (cgroups)
		snprintf(path, bytes, "%s/%s", xfn_cgroups_path(cgroups), member->cgroup);
	if (access(path, F_OK) < 0)
		path[0] = '\0';
}

void xfn_bounds_read(const struct xfn_member *member, struct xfn_cgroup_use *ret)
{
	xfn_cgroup_read(cgroups_of(member), member->cgroup, ret);
}

static bool is_more(__u64 figure, __u64 before)
{
	return figure != XFN_CGROUP_UNKNOWN && figure != before;
}

void xfn_bounds_explain(const struct xfn_member *member, char *text, size_t bytes)
{
	const struct xfn_cgroup_kills *before = &member->kills_before;
	struct xfn_cgroup_kills kills;
	char bound[XFN_UNIT_TEXT_MAX];
	struct xfn_cgroup_use use;

	text[0] = '\0';
	xfn_cgroup_read_kills(cgroups_of(member), member->cgroup, &kills);
	xfn_bounds_read(member, &use);
	if (is_more(kills.by_bound, before->by_bound))
		snprintf(text, bytes, ": it wanted more than its %s of memory",
			 xfn_bytes_print(use.memory_bytes_max, bound, sizeof(bound)));
	else if (is_more(kills.processes, before->processes))
		snprintf(text, bytes, ": this host was out of memory");
}

/* ---- what is asked for in vain ----------------------------------------------------------------------- */

static const struct {
	__u32 controller, given;
	const char *name;
	const char *instead; /* what holds it, where no cgroup does */
} kinds[] = {
	{XFN_CGROUP_MEMORY, XFN_GIVEN_MEMORY, "memory",
	 "what each of its processes reserves is held to it, not all together"},
	{XFN_CGROUP_PIDS, XFN_GIVEN_PROCESSES, "processes",
	 "it holds only programs that run as a user of their own"},
	{XFN_CGROUP_CPU, XFN_GIVEN_CPU, "cpu", "it holds nothing"},
};

static void warn(const struct xfn_model_function *function, size_t kind, json_t *warnings)
{
	char label[XFN_LABEL_BYTES];

	json_array_append_new(
		warnings,
		json_sprintf("'%s' of function '%s': xfnd has no cgroup that counts it, so %s; see "
			     "xfnd --cgroup",
			     kinds[kind].name, xfn_function_label(function->spec, label),
			     kinds[kind].instead));
}

void xfn_bounds_warn(const struct xfn_change *change, json_t *warnings)
{
	const struct xfn_model_function *function;
	size_t i, kind;

	for (i = 0; i < change->next->function_count; i++) {
		function = &change->next->functions[i];
		for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
			if (function->spec->given & kinds[kind].given &&
			    !has(change->engine, kinds[kind].controller))
				warn(function, kind, warnings);
	}
}
