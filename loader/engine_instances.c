/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes of functions that xfnd starts: made, replaced and ended as the live model wants it. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_load.h"
#include "engine_bounds.h"
#include "engine_far_ends.h"
#include "engine_instances_private.h"
#include "engine_keeper.h"
#include "engine_read.h"
#include "errnum.h"
#include "exec.h"
#include "fd.h"
#include "fnv.h"
#include "inject.h"
#include "journal.h"
#include "veth.h"
#include "xfn/channel.h"

/* ---- the model ------------------------------------------------------------------------------------------ */

const struct xfn_model_function *xfn_member_function(const struct xfn_engine *engine,
						     __u64 identity)
{
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (engine->model->functions[i].identity == identity)
			return &engine->model->functions[i];
	return NULL;
}

static __u64 hash_of(const struct xfn_engine *engine, const struct xfn_model_function *function)
{
	__u64 listen_hash = xfn_listen_hash(engine, function->identity);
	__u64 hash = xfn_exec_hash(function->set->manifest, function->spec);

	if (!hash || xfn_is_awaited(function->spec))
		return hash;
	return hash ^ function->owner ^ listen_hash;
}

struct xfn_member *xfn_member_of(const struct xfn_engine *engine, __u64 identity)
{
	struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->identity == identity && !member->leaving)
			return member;
	return NULL;
}

/* Another instance of the same function, an older one. */
bool xfn_member_has_others(const struct xfn_member *than)
{
	const struct xfn_member *member;

	for (member = than->engine->instances->first; member; member = member->next)
		if (member != than && member->identity == than->identity)
			return true;
	return false;
}

bool xfn_instances_use(const struct xfn_engine *engine, __u32 port)
{
	const struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->port == port)
			return true;
	return false;
}

/* ---- a port's two ends ---------------------------------------------------------------------------------- */

/* From now on events go elsewhere, or wait. */
static void close_port(struct xfn_member *member)
{
	struct xfn_dataplane *dataplane = member->engine->dataplane;

	if (member->ifindex && xfn_port_ifindex(dataplane, member->port) == member->ifindex)
		xfn_port_close(dataplane, member->port);
}

/* What was on its way is there, or is not, when the interface is gone. */
static void remove_ends(struct xfn_member *member)
{
	xfn_fd_close(&member->sockets_fd);
	close_port(member);
	if (member->ifindex) {
		if (member->serves)
			xfn_port_settle_near(member->engine, member->port, member->ifindex,
					     member->far.socket_fd >= 0);
		xfn_veth_remove(member->ifindex);
		xfn_port_remove_end(member->engine->dataplane, member->ifindex);
	}
	member->ifindex = 0;
	xfn_member_settle_end(member);
}

static void shut(void *context)
{
	close_port(context);
}

static int take_ends(struct xfn_member *member, int *ret_netns_fd, struct xfn_fault *fault)
{
	struct xfn_engine *engine = member->engine;
	struct xfn_port_ends ends;
	int err = xfn_ready_ports_take(engine->instances->ready, &ends, fault);

	if (err)
		return err;
	member->ifindex = ends.ifindex;
	member->sockets_fd = ends.sockets_fd;
	member->far.lost_fd = ends.lost_fd;
	*ret_netns_fd = ends.netns_fd;
	return xfn_port_add_end(engine->dataplane, member->port, member->ifindex);
}

/* ---- what the instance asks for --------------------------------------------------------------------------- */

static void release_others(struct xfn_member *member);

/*
 * Where they cannot be bound while the one before has them, which it got from an xfnd that is gone, it has to end
 * first.
 */
static int take_sockets(struct xfn_member *member, struct xfn_launch *launch,
			struct xfn_fault *fault)
{
	int err = xfn_listen_prepare(member->engine, member->identity, launch, fault);

	launch->listens = true;
	if (err == -EADDRINUSE && xfn_member_has_others(member)) {
		release_others(member);
		err = -EAGAIN;
	}
	return err;
}

/*
 * Of one that an event waits for. To have them made and pinned is most of what a program takes to start, and for a
 * start there is as much room in the keeper.
 */
enum { FRAMES_ON_DEMAND = 1024 };

static int prepare(void *context, struct xfn_launch *launch, struct xfn_fault *fault)
{
	struct xfn_member *member = context;
	const struct xfn_model_function *function =
		xfn_member_function(member->engine, member->identity);
	int err = function ? 0 : -ENOENT;

	launch->netns_fd = launch->cgroup_fd = -1;
	if (!err && !member->awaited)
		err = xfn_exec_user(&function->spec->exec, function->owner, xfn_uid_draw(), launch,
				    fault);
	if (err)
		return err;
	member->uid = launch->uid;
	launch->frames = function->spec->scale_min ? XFN_LAUNCH_FRAMES_MAX : FRAMES_ON_DEMAND;
	if (member->listens) {
		err = take_sockets(member, launch, fault);
	} else {
		xfn_keeping_let_wait(member->engine, member->identity, true);
		err = take_ends(member, &launch->netns_fd, fault);
	}
	return err ?: xfn_bounds_prepare(member, function->spec, launch, fault);
}

static void explain(void *context, char *text, size_t bytes)
{
	xfn_bounds_explain(context, text, bytes);
}

/* Of those that are awaited, the last one is whom the user wants. */
static bool follows(const struct xfn_member *ready, const struct xfn_member *other)
{
	return other != ready && other->identity == ready->identity &&
	       !(other->awaited && other->serial > ready->serial);
}

/* Those that it follows answer what they have, and end. */
static void release_others(struct xfn_member *ready)
{
	struct xfn_member *member = ready->engine->instances->first, *next;

	for (; member; member = next) {
		next = member->next; /* one that has ended already goes at once */
		if (follows(ready, member))
			xfn_instance_stop(member->instance);
	}
}

static int enter(void *context, int socket_fd)
{
	struct xfn_member *member = context;
	__u32 zero = 0;
	int err = 0;

	if (member->listens)
		return 0;
	if (bpf_map_update_elem(member->sockets_fd, &zero, &socket_fd, 0))
		err = xfn_errno();
	else
		xfn_member_hold(member, socket_fd);
	return err;
}

/* Behind the pass nothing is on its way to those before, nor to where events wait. */
static int open_port(void *context, int *ret_inbox_fd)
{
	struct xfn_member *member = context;
	struct xfn_engine *engine = member->engine;
	int err = 0;

	if (member->listens) {
		release_others(member);
		return 0;
	}
	if (!member->leaving)
		err = xfn_port_open(engine->dataplane, member->port, member->ifindex);
	if (err)
		return err;
	xfn_dataplane_pass(engine->dataplane);
	*ret_inbox_fd = member->leaving ? -1 : xfn_keeping_take(engine, member->identity);
	release_others(member);
	return 0;
}

static void inject(void *context, int inbox_fd)
{
	struct xfn_member *member = context;
	__u32 count = 0;
	int err = xfn_inject_inbox(inbox_fd, member->ifindex, &count);

	member->engine->dataplane->port_losses[member->port].injected += count;
	if (err)
		xfn_journal_add(member->engine->options.journal,
				&(struct xfn_journal_event){.type = "error"},
				"only %u of the events that waited could be sent on: %s", count,
				strerror(-err));
}

/* What is asked of the keeper waits until what waited there is handed over. */
static void keep(void *context, int channel_fd)
{
	struct xfn_member *member = context;

	if (member->serves)
		xfn_member_store_end(member);
	if (channel_fd >= 0)
		xfn_keeping_store(member->engine, XFN_KEEPER_CHANNELS, member->serial, channel_fd,
				  NULL, 0);
	else
		xfn_keeping_drop(member->engine, XFN_KEEPER_CHANNELS, member->serial);
}

static void give_up(void *context)
{
	struct xfn_member *member = context;

	xfn_keeping_let_wait(member->engine, member->identity, false);
}

/* One that is awaited, and has not come, does for all. */
static bool is_needless(const struct xfn_member *gone)
{
	const struct xfn_member *member;

	for (member = gone->engine->instances->first; member; member = member->next)
		if (member != gone && member->awaited && !member->leaving &&
		    member->identity == gone->identity &&
		    !xfn_member_is_in(member, XFN_INSTANCE_STOPPING))
			return gone->awaited;
	return false;
}

static bool leave(void *context)
{
	struct xfn_member *member = context;

	remove_ends(member);
	keep(member, -1);
	if (xfn_uid_is_lone(member->uid) && !member->awaited)
		xfn_launcher_sweep(member->uid);
	xfn_bounds_drop(member);
	return !member->leaving && !is_needless(member);
}

/* What comes wakes it; where it has no sockets to wait at, trying to start it says why. */
static void idle(void *context)
{
	struct xfn_member *member = context;

	if (member->awaited) {
		xfn_keeping_let_wait(member->engine, member->identity, true);
		return;
	}
	/* Of one that was given up nothing has waited until now. */
	if (!member->listens)
		xfn_keeping_let_wait(member->engine, member->identity, true);
	if (member->listens ? xfn_listen_watch(member->engine, member->identity, true) != 0
			    : xfn_keeping_is_wanted(member->engine, member->identity))
		xfn_instance_wake(member->instance);
}

void xfn_instances_wake(struct xfn_engine *engine, __u64 identity)
{
	struct xfn_member *member = xfn_member_of(engine, identity);

	xfn_listen_watch(engine, identity, false);
	if (member)
		xfn_instance_wake(member->instance);
}

void xfn_member_drop(struct xfn_member *member)
{
	struct xfn_member **at = &member->engine->instances->first;

	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	xfn_instance_free(member->instance);
	xfn_fd_close(&member->sockets_fd);
	xfn_far_end_close(&member->far);
	free(member);
}

static void stopped(void *context)
{
	struct xfn_member *member = context;
	struct xfn_engine *engine = member->engine;

	xfn_member_drop(member);
	xfn_ports_sweep(engine);
	xfn_logs_sweep(engine);
}

bool xfn_may_run(const struct xfn_model_function *function, uid_t uid)
{
	return !uid || uid == geteuid() || uid == function->owner;
}

static void save(void *context, void *json)
{
	const struct xfn_member *member = context;

	json_object_set_new(json, "port", json_integer(member->port));
	json_object_set_new(json, "ifindex", json_integer(member->ifindex));
	json_object_set_new(json, "hash", json_integer((json_int_t)member->hash));
	json_object_set_new(json, "uid", json_integer(member->uid));
	json_object_set_new(json, "version", json_integer(member->version));
}

/* ---- making one -------------------------------------------------------------------------------------------- */

/* What xfnd gives whatever the delivery is: which function of which version it is. */
struct own_environment {
	char function[2 * XFN_NAME_MAX + 32];
	char version[32];
};
enum { OWN_ENVIRONMENT = 2 };

/* What the manifest gives, behind that. */
static const char **environment(const struct xfn_model_function *function,
				struct own_environment *own)
{
	struct xfn_text_span span = function->spec->exec.env;
	const char *const *given = xfn_manifest_texts(function->set->manifest, span);
	const char **env = calloc(span.count + OWN_ENVIRONMENT, sizeof(*env));

	if (!env)
		return NULL;
	snprintf(own->function, sizeof(own->function), XFN_ENV_FUNCTION "=%s/%s",
		 function->spec->tenant, function->spec->name);
	snprintf(own->version, sizeof(own->version), XFN_ENV_VERSION "=%u",
		 function->program_version);
	env[0] = own->function;
	env[1] = own->version;
	if (span.count)
		memcpy(env + OWN_ENVIRONMENT, given, span.count * sizeof(*env));
	return env;
}

static int make_instance(struct xfn_member *member, const struct xfn_model_function *function)
{
	const struct xfn_exec_spec *exec = &function->spec->exec;
	struct own_environment own;
	char label[XFN_LABEL_BYTES];
	const char **env = environment(function, &own);
	const struct xfn_launch launch = {
		.argv = xfn_manifest_texts(function->set->manifest, exec->argv),
		.argc = exec->argv.count,
		.env = env,
		.env_count = exec->env.count + OWN_ENVIRONMENT,
		.directory = exec->directory ?: "/",
		.flags = (function->spec->xsk.busy_poll ? XFN_LAUNCH_BUSY_POLL : 0) |
			 (function->spec->xsk.need_wakeup ? 0 : XFN_LAUNCH_NO_WAKEUP),
	};
	const struct xfn_instance_options options = {
		.loop = member->engine->options.loop,
		.journal = member->engine->options.journal,
		.name = xfn_function_label(function->spec, label),
		.folder = member->engine->instances->folder,
		.spool = xfn_log_of(member->engine, member->identity),
		.identity = member->identity,
		.serial = member->serial,
		.on_demand = !function->spec->scale_min || member->awaited,
		.awaited = member->awaited,
		.notifies = function->spec->socket.notify,
		.launch = &launch,
		.hooks = {.context = member,
			  .prepare = prepare,
			  .explain = explain,
			  .enter = enter,
			  .shut = shut,
			  .open = open_port,
			  .inject = inject,
			  .keep = keep,
			  .give_up = give_up,
			  .leave = leave,
			  .idle = idle,
			  .stopped = stopped,
			  .save = save},
	};
	int err = env && options.spool ? xfn_instance_new(&options, &member->instance) : -ENOMEM;

	free(env);
	return err;
}

/* Adds one for @function, not started. NULL: no memory. */
struct xfn_member *xfn_member_add(struct xfn_engine *engine,
				  const struct xfn_model_function *function, __u32 serial)
{
	struct xfn_instances *instances = engine->instances;
	struct xfn_member *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	member->engine = engine;
	member->identity = function->identity;
	member->hash = hash_of(engine, function);
	member->version = function->program_version;
	member->listens = xfn_is_listening(function->spec);
	member->awaited = xfn_is_awaited(function->spec);
	member->port = XFN_PORTS_MAX;
	member->serial = serial;
	member->sockets_fd = -1;
	member->far = XFN_FAR_END_NONE;
	xfn_bounds_name(member, function->spec);
	if (make_instance(member, function)) {
		free(member);
		return NULL;
	}
	member->next = instances->first;
	instances->first = member;
	return member;
}

/* ---- as the model wants it -------------------------------------------------------------------------------- */

static void say(struct xfn_engine *engine, const struct xfn_model_function *function,
		const char *text)
{
	char label[XFN_LABEL_BYTES];

	xfn_journal_add(
		engine->options.journal,
		&(struct xfn_journal_event){.type = "error",
					    .function = xfn_function_label(function->spec, label)},
		"cannot be started: %s", text);
}

void xfn_member_start(struct xfn_engine *engine, const struct xfn_model_function *function)
{
	bool listens = xfn_is_listening(function->spec);
	int port = listens ? XFN_PORTS_MAX : xfn_port_of(engine->dataplane, function->identity);
	struct xfn_member *member;

	if (port < 0) {
		say(engine, function, "it has no port");
		return;
	}
	member = xfn_member_add(engine, function, ++engine->instances->last_serial);
	if (!member) {
		say(engine, function, strerror(ENOMEM));
		return;
	}
	member->port = (__u32)port;
	if (xfn_member_has_others(member)) /* which nobody watches for while that one runs */
		xfn_instance_wake(member->instance);
	xfn_instance_start(member->instance);
}

bool xfn_member_is_in(const struct xfn_member *member, enum xfn_instance_state state)
{
	struct xfn_instance_info info;

	xfn_instance_read(member->instance, &info);
	return info.state == state;
}

/* What takes events does so until another does, or until its function is no more. */
static void let_go(struct xfn_member *member, bool at_once)
{
	member->leaving = true;
	if (at_once || !xfn_member_is_in(member, XFN_INSTANCE_READY)) {
		close_port(member);
		xfn_instance_stop(member->instance);
	}
}

/* A rollback may make it another user's. */
static bool may_stay(const struct xfn_member *member, const struct xfn_model_function *function)
{
	return !member->awaited || xfn_member_is_in(member, XFN_INSTANCE_IDLE) ||
	       xfn_may_run(function, member->uid);
}

/* Stopping may take some of them out of the list: begins again each time. */
static bool let_one_go(struct xfn_engine *engine)
{
	const struct xfn_model_function *function;
	struct xfn_member *member;
	bool wanted;

	for (member = engine->instances->first; member; member = member->next) {
		function = xfn_member_function(engine, member->identity);
		wanted = function && hash_of(engine, function) && may_stay(member, function);
		if (wanted && (member->leaving || hash_of(engine, function) == member->hash))
			continue;
		if (!wanted && xfn_member_is_in(member, XFN_INSTANCE_STOPPING))
			continue;
		let_go(member, !wanted);
		return true;
	}
	return false;
}

/* As it is wanted now; one that is idle may have got other sockets to wait at. */
static void settle_demand(struct xfn_member *member, const struct xfn_model_function *function)
{
	xfn_instance_set_on_demand(member->instance, !function->spec->scale_min);
	if (xfn_member_is_in(member, XFN_INSTANCE_IDLE))
		idle(member);
}

static bool needs_ports(const struct xfn_engine *engine)
{
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (xfn_has_program(engine->model->functions[i].spec) &&
		    !xfn_is_listening(engine->model->functions[i].spec))
			return true;
	return false;
}

void xfn_instances_sync(struct xfn_engine *engine)
{
	const struct xfn_model_function *function;
	struct xfn_member *member;
	size_t i;

	xfn_listen_sync(engine, xfn_instances_wake);
	xfn_ready_ports_set(engine->instances->ready,
			    needs_ports(engine) ? engine->options.ready_ports : 0);
	while (let_one_go(engine))
		;
	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		if (!xfn_has_process(function->spec))
			continue;
		member = xfn_member_of(engine, function->identity);
		if (member)
			settle_demand(member, function);
		else
			xfn_member_start(engine, function);
	}
	xfn_ports_follow(engine);
	xfn_keeping_follow(engine);
	xfn_ports_sweep(engine);
	xfn_logs_sweep(engine);
}

static void keep_listener(void *context, __u64 key, const struct xfn_listen_place *place, int fd)
{
	xfn_keeping_store(context, XFN_KEEPER_LISTENERS, key, fd, place, sizeof(*place));
}

static void drop_listener(void *context, __u64 key)
{
	xfn_keeping_drop(context, XFN_KEEPER_LISTENERS, key);
}

void xfn_instances_store(struct xfn_engine *engine)
{
	const struct xfn_listen_store store = {engine, keep_listener, drop_listener};
	struct xfn_member *member;
	int fd;

	xfn_listen_set_store(engine, &store);
	for (member = engine->instances->first; member; member = member->next) {
		fd = xfn_instance_channel(member->instance);
		if (member->serves)
			xfn_member_store_end(member);
		if (fd >= 0)
			xfn_keeping_store(engine, XFN_KEEPER_CHANNELS, member->serial, fd, NULL, 0);
	}
}

void xfn_instances_renew(struct xfn_engine *engine)
{
	if (engine->instances)
		xfn_ready_ports_renew(engine->instances->ready);
}

bool xfn_instances_start_now(const struct xfn_engine *engine)
{
	const struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (xfn_member_is_in(member, XFN_INSTANCE_STARTING))
			return true;
	return false;
}

void xfn_instances_close(struct xfn_engine *engine)
{
	if (!engine->instances)
		return;
	while (engine->instances->first)
		xfn_member_drop(engine->instances->first);
	xfn_ready_ports_close(engine->instances->ready);
	xfn_logs_close(engine);
	xfn_bounds_close(engine->instances->bounds);
	free(engine->instances);
	engine->instances = NULL;
	xfn_listen_close(engine);
}
