/* SPDX-License-Identifier: BSD-2-Clause */
/* What an earlier xfnd left: instances that it goes on with, and others that it ends. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_bounds.h"
#include "engine_far_ends.h"
#include "engine_instances_private.h"
#include "engine_keeper.h"
#include "errnum.h"
#include "fd.h"
#include "netlink.h"
#include "veth.h"

#define FOLDER "instances"

static __u64 number_of(const json_t *json, const char *key)
{
	return (__u64)json_integer_value(json_object_get(json, key));
}

/* Ends what a file tells of, if it is still there. @engine: whose figures it has, or NULL. */
static void end_left(struct xfn_engine *engine, const json_t *json)
{
	const struct xfn_far_end_owner owner = {
		.identity = number_of(json, "identity"),
		.port = (__u32)number_of(json, "port"),
		.serial = (__u32)number_of(json, "serial"),
	};
	__u32 ifindex = (__u32)number_of(json, "ifindex");
	uid_t uid = (uid_t)number_of(json, "uid");
	bool awaited = json_is_true(json_object_get(json, "awaited"));
	int pidfd = xfn_process_open((pid_t)number_of(json, "pid"), number_of(json, "start_time"));

	if (pidfd >= 0)
		xfn_launcher_signal(pidfd, uid, awaited ? SIGTERM : SIGKILL);
	xfn_fd_close(&pidfd);
	if (xfn_uid_is_lone(uid) && !awaited)
		xfn_launcher_sweep(uid);
	if (engine && (json_is_true(json_object_get(json, "ready")) ||
		       json_is_true(json_object_get(json, "served"))))
		xfn_far_ends_end(engine, engine->instances->left, &owner, ifindex);
	xfn_veth_remove(ifindex);
}

/* One that was not served yet may not be open yet, either. */
static bool is_at_its_place(const struct xfn_engine *engine,
			    const struct xfn_model_function *function, __u32 port, __u32 ifindex,
			    bool served)
{
	if (xfn_is_listening(function->spec))
		return port == XFN_PORTS_MAX;
	return port < XFN_PORTS_MAX &&
	       engine->dataplane->port_lines[port].identity == function->identity &&
	       (!served || xfn_port_ifindex(engine->dataplane, port) == ifindex);
}

/* Goes on with it, if it is what the model wants. */
static bool adopt_left(struct xfn_engine *engine, const json_t *json)
{
	const struct xfn_model_function *function =
		xfn_member_function(engine, number_of(json, "identity"));
	const struct xfn_instance_left left = {
		.pid = (pid_t)number_of(json, "pid"),
		.start_time = number_of(json, "start_time"),
		.uid = (uid_t)number_of(json, "uid"),
		.restarts = (__u32)number_of(json, "restarts"),
		.served = json_is_true(json_object_get(json, "served")),
		.bare = json_is_true(json_object_get(json, "bare")),
		.busy_polls = json_is_true(json_object_get(json, "busy_polls")),
		.zero_copy = json_is_true(json_object_get(json, "zero_copy")),
		.awaited = json_is_true(json_object_get(json, "awaited")),
	};
	__u32 ifindex = (__u32)number_of(json, "ifindex"), port = (__u32)number_of(json, "port");
	struct xfn_member *member;

	if (!function || !json_is_true(json_object_get(json, "ready")) ||
	    !is_at_its_place(engine, function, port, ifindex, left.served))
		return false;
	member = xfn_member_add(engine, function, (__u32)number_of(json, "serial"));
	if (!member)
		return false;
	member->port = port;
	member->ifindex = ifindex;
	member->uid = left.uid;
	member->hash = number_of(json, "hash");
	member->awaited = left.awaited;
	if (json_object_get(json, "version"))
		member->version = (__u32)number_of(json, "version");
	if (!xfn_instance_adopt(member->instance, &left)) {
		xfn_far_ends_adopt(engine->instances->left, member);
		xfn_bounds_adopt(member);
		return true;
	}
	member->ifindex = 0; /* removed by whoever ends what is left */
	xfn_member_drop(member);
	return false;
}

/* Of a function that is no more it is removed with the first look at what the model wants. */
static void take_log(struct xfn_engine *engine, const char *path, const char *name, bool adopt)
{
	if (adopt)
		xfn_log_of(engine, strtoull(name, NULL, 10));
	else
		unlink(path);
}

static void take_file(struct xfn_engine *engine, const char *folder, const char *name, bool adopt)
{
	const char *suffix = strrchr(name, '.');
	char path[PATH_MAX];
	json_t *json;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (suffix && !strcmp(suffix, XFN_LOG_SUFFIX))
		take_log(engine, path, name, adopt);
	if (!suffix || strcmp(suffix, ".json"))
		return;
	json = json_load_file(path, 0, NULL);
	if (engine && json && number_of(json, "serial") > engine->instances->last_serial)
		engine->instances->last_serial = (__u32)number_of(json, "serial");
	if (!json || !adopt || !adopt_left(engine, json)) {
		if (json)
			end_left(engine, json);
		unlink(path);
		snprintf(strrchr(path, '.'), 5, ".out");
		unlink(path);
	}
	json_decref(json);
}

static void take_files(struct xfn_engine *engine, const char *folder, bool adopt)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		take_file(engine, folder, entry->d_name, adopt);
	if (dir)
		closedir(dir);
}

void xfn_instances_reset(const char *run_dir)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/" FOLDER, run_dir);
	take_files(NULL, folder, false);
	rmdir(folder);
}

static bool is_members(const void *context, __u32 ifindex)
{
	const struct xfn_engine *engine = context;
	const struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->ifindex == ifindex)
			return true;
	return false;
}

/*
 * Host's ends that no instance is at: an xfnd was killed before it could say whose they are. Those of another xfnd in
 * this network namespace are marked as its own.
 */
static void remove_strays(struct xfn_engine *engine)
{
	struct xfn_netlink_state state = {};
	size_t i;

	if (xfn_netlink_read(&state))
		return;
	for (i = 0; i < state.link_count; i++) {
		if (strncmp(state.links[i].name, XFN_PORT_NEAR_PREFIX,
			    strlen(XFN_PORT_NEAR_PREFIX)) ||
		    strcmp(state.links[i].kind, "veth"))
			continue;
		if (!is_members(engine, state.links[i].ifindex) &&
		    xfn_ready_ports_are_ours(engine->instances->ready, state.links[i].ifindex))
			xfn_veth_remove(state.links[i].ifindex);
	}
	xfn_netlink_state_fini(&state);
}

/* What an instance waits for an answer at: it goes on where the former xfnd left it. */
static bool take_channel(void *context, const struct xfn_keeper_stored *stored, int fd)
{
	struct xfn_engine *engine = context;
	struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next) {
		if (member->serial != stored->key)
			continue;
		xfn_instance_take_channel(member->instance, fd);
		return true;
	}
	xfn_instance_tell_stop(fd); /* it has lost its port, and may be nobody's to kill */
	return false;
}

/* Where nobody has the channel any more, they serve all the same. */
static void resume_unserved(struct xfn_engine *engine)
{
	struct xfn_member *member;

	for (member = engine->instances->first; member; member = member->next)
		xfn_instance_resume(member->instance);
}

static bool take_listener(void *context, const struct xfn_keeper_stored *stored, int fd)
{
	struct xfn_listen_place place;

	memcpy(&place, stored->note, sizeof(place));
	xfn_listen_take(context, &place, fd);
	return true;
}

int xfn_instances_open(struct xfn_engine *engine, bool adopt)
{
	struct xfn_instances *instances = calloc(1, sizeof(*instances));

	if (!instances)
		return -ENOMEM;
	engine->instances = instances;
	if (xfn_listen_open(engine) || xfn_ready_ports_open(engine, &instances->ready) ||
	    xfn_bounds_open(engine, &instances->bounds))
		return -ENOMEM;
	snprintf(instances->folder, sizeof(instances->folder), "%s/" FOLDER,
		 engine->options.run_dir);
	if (mkdir(instances->folder, 0700) < 0 && errno != EEXIST)
		return xfn_errno();
	instances->left = xfn_far_ends_find(engine);
	take_files(engine, instances->folder, adopt);
	xfn_bounds_sweep(engine);
	xfn_far_ends_settle(engine, instances->left);
	instances->left = NULL;
	xfn_keeping_each(engine, XFN_KEEPER_LISTENERS, take_listener, engine);
	xfn_keeping_each(engine, XFN_KEEPER_CHANNELS, take_channel, engine);
	resume_unserved(engine);
	xfn_instances_store(engine);
	remove_strays(engine);
	xfn_port_keep(engine->dataplane, is_members, engine);
	return 0;
}
