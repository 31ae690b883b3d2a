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
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_load.h"
#include "engine_instances.h"
#include "engine_read.h"
#include "errnum.h"
#include "exec.h"
#include "fd.h"
#include "journal.h"
#include "netlink.h"
#include "utf8.h"
#include "veth.h"

#define FOLDER "instances"

enum {
	PORT_MTU = 1774
}; /* with Ethernet header and one tag as long as a frame of libxfn's pool has room */

/*
 * An instance at its port. There are two at one port while one follows the other: the port is open for
 * the new one when that is ready, and the old one answers what it has and ends.
 */
struct member {
	struct xfn_engine *engine;
	struct member *next;
	struct xfn_instance *instance;
	__u64 identity; /* of the function */
	__u64 hash;     /* of what runs */
	__u32 serial;
	__u32 port;
	__u32 ifindex;  /* of the host's end; 0: there is none */
	int sockets_fd; /* the far end's, until it is ready */
	uid_t lone;     /* a user of its own, where it is to have one */
	uid_t uid;      /* as whom it runs */
	bool leaving;
};

struct xfn_instances {
	struct member *first;
	__u32 last_serial;
	int program_fd; /* for the host's ends; -1: not loaded yet */
	char folder[PATH_MAX];
};

/* ---- the model ------------------------------------------------------------------------------------------ */

static const struct xfn_model_function *function_of(const struct xfn_engine *engine, __u64 identity)
{
	size_t i;

	for (i = 0; i < engine->model->function_count; i++)
		if (engine->model->functions[i].identity == identity)
			return &engine->model->functions[i];
	return NULL;
}

static __u64 hash_of(const struct xfn_model_function *function)
{
	__u64 hash = xfn_exec_hash(function->set->manifest, function->spec);

	return hash ? hash ^ function->owner : 0;
}

static struct member *member_of(const struct xfn_engine *engine, __u64 identity)
{
	struct member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->identity == identity && !member->leaving)
			return member;
	return NULL;
}

bool xfn_instances_use(const struct xfn_engine *engine, __u32 port)
{
	const struct member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->port == port)
			return true;
	return false;
}

/* ---- a port's two ends ---------------------------------------------------------------------------------- */

static void remove_ends(struct member *member)
{
	struct xfn_dataplane *dataplane = member->engine->dataplane;

	xfn_fd_close(&member->sockets_fd);
	if (!member->ifindex)
		return;
	if (xfn_port_ifindex(dataplane, member->port) == member->ifindex)
		xfn_port_close(dataplane, member->port);
	xfn_port_detach(dataplane, member->ifindex);
	xfn_veth_remove(member->ifindex);
	member->ifindex = 0;
}

/* One program for all of them. */
static int near_program(struct xfn_engine *engine, struct xfn_fault *fault)
{
	struct xfn_instances *instances = engine->instances;

	if (instances->program_fd < 0)
		instances->program_fd = xfn_port_load_near(engine->dataplane, fault);
	return instances->program_fd;
}

static int make_ends(struct member *member, int *ret_netns_fd, struct xfn_fault *fault)
{
	struct xfn_engine *engine = member->engine;
	struct xfn_port_far far;
	char name[IFNAMSIZ];
	int program_fd = near_program(engine, fault), err;

	if (program_fd < 0)
		return program_fd;
	err = xfn_port_load_far(&far, fault);
	if (err)
		return err;
	snprintf(name, sizeof(name), XFN_PORT_NEAR_PREFIX "%u.%u", member->port,
		 member->serial % 100000);
	err = xfn_launcher_make_port(name, PORT_MTU, far.program_fd, &member->ifindex,
				     ret_netns_fd);
	if (!err) {
		member->sockets_fd = far.sockets_fd;
		far.sockets_fd = -1;
		err = xfn_port_attach(engine->dataplane, member->port, member->ifindex, program_fd);
	}
	xfn_port_close_far(&far);
	if (xfn_launcher_reason(err))
		xfn_fault_set(fault, "%s", xfn_launcher_reason(err));
	else if (err)
		xfn_fault_set(fault, "cannot make its port '%s': %s", name, strerror(-err));
	return err;
}

/* ---- what the instance asks for --------------------------------------------------------------------------- */

/* Another one at each start: what is left of the last is swept away meanwhile. */
static uid_t draw_uid(void)
{
	__u32 lot;

	if (getrandom(&lot, sizeof(lot), 0) != sizeof(lot))
		abort(); /* Linux answers so few bytes whole */
	return XFN_INSTANCE_UID_FIRST + lot % XFN_INSTANCE_UIDS;
}

static int prepare(void *context, struct xfn_launch *launch, struct xfn_fault *fault)
{
	struct member *member = context;
	const struct xfn_model_function *function = function_of(member->engine, member->identity);
	int err = function ? xfn_exec_user(&function->spec->exec, function->owner, draw_uid(),
					   launch, fault)
			   : -ENOENT;

	launch->netns_fd = -1;
	if (err)
		return err;
	member->uid = launch->uid;
	return make_ends(member, &launch->netns_fd, fault);
}

/* Those that it follows answer what they have, and end. */
static void release_others(struct member *ready)
{
	struct member *member = ready->engine->instances->first, *next;

	for (; member; member = next) {
		next = member->next; /* one that has ended already goes at once */
		if (member != ready && member->identity == ready->identity)
			xfn_instance_stop(member->instance);
	}
}

static int enter(void *context, int socket_fd)
{
	struct member *member = context;
	struct xfn_dataplane *dataplane = member->engine->dataplane;
	__u32 zero = 0;
	int err = 0;

	if (bpf_map_update_elem(member->sockets_fd, &zero, &socket_fd, 0))
		err = xfn_errno();
	if (!err && !member->leaving)
		err = xfn_port_open(dataplane, member->port, member->ifindex);
	if (!err)
		xfn_dataplane_barrier(dataplane); /* nothing is on its way to those before */
	if (!err)
		release_others(member);
	return err;
}

static bool leave(void *context)
{
	struct member *member = context;

	remove_ends(member);
	if (xfn_uid_is_lone(member->uid))
		xfn_launcher_sweep(member->uid);
	return !member->leaving;
}

static void drop(struct member *member)
{
	struct member **at = &member->engine->instances->first;

	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	xfn_instance_free(member->instance);
	xfn_fd_close(&member->sockets_fd);
	free(member);
}

static void stopped(void *context)
{
	struct member *member = context;
	struct xfn_engine *engine = member->engine;

	drop(member);
	xfn_ports_sweep(engine);
}

static void save(void *context, void *json)
{
	const struct member *member = context;

	json_object_set_new(json, "port", json_integer(member->port));
	json_object_set_new(json, "ifindex", json_integer(member->ifindex));
	json_object_set_new(json, "hash", json_integer((json_int_t)member->hash));
	json_object_set_new(json, "uid", json_integer(member->uid));
}

/* ---- making one -------------------------------------------------------------------------------------------- */

/* What the manifest gives, behind what xfnd does: XFN_FUNCTION. */
static const char **environment(const struct xfn_model_function *function, char *own,
				size_t own_bytes)
{
	struct xfn_text_span span = function->spec->exec.env;
	const char *const *given = xfn_manifest_texts(function->set->manifest, span);
	const char **env = calloc(span.count + 1, sizeof(*env));

	if (!env)
		return NULL;
	snprintf(own, own_bytes, "XFN_FUNCTION=%s/%s", function->spec->tenant,
		 function->spec->name);
	env[0] = own;
	if (span.count)
		memcpy(env + 1, given, span.count * sizeof(*env));
	return env;
}

static int make_instance(struct member *member, const struct xfn_model_function *function)
{
	const struct xfn_exec_spec *exec = &function->spec->exec;
	char own[2 * XFN_NAME_MAX + 32], label[XFN_LABEL_BYTES];
	const char **env = environment(function, own, sizeof(own));
	const struct xfn_launch launch = {
		.argv = xfn_manifest_texts(function->set->manifest, exec->argv),
		.argc = exec->argv.count,
		.env = env,
		.env_count = exec->env.count + 1,
		.directory = exec->directory ?: "/",
	};
	const struct xfn_instance_options options = {
		.loop = member->engine->options.loop,
		.journal = member->engine->options.journal,
		.name = xfn_function_label(function->spec, label),
		.folder = member->engine->instances->folder,
		.identity = member->identity,
		.serial = member->serial,
		.launch = &launch,
		.hooks = {.context = member,
			  .prepare = prepare,
			  .enter = enter,
			  .leave = leave,
			  .stopped = stopped,
			  .save = save},
	};
	int err = env ? xfn_instance_new(&options, &member->instance) : -ENOMEM;

	free(env);
	return err;
}

/* Adds one for @function, not started. NULL: no memory. */
static struct member *add_member(struct xfn_engine *engine,
				 const struct xfn_model_function *function, __u32 serial)
{
	struct xfn_instances *instances = engine->instances;
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	member->engine = engine;
	member->identity = function->identity;
	member->hash = hash_of(function);
	member->serial = serial;
	member->sockets_fd = -1;
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

static void start_one(struct xfn_engine *engine, const struct xfn_model_function *function)
{
	int port = xfn_port_of(engine->dataplane, function->identity);
	struct member *member;

	if (port < 0) {
		say(engine, function, "it has no port");
		return;
	}
	member = add_member(engine, function, ++engine->instances->last_serial);
	if (!member) {
		say(engine, function, strerror(ENOMEM));
		return;
	}
	member->port = (__u32)port;
	xfn_instance_start(member->instance);
}

static bool is_in(const struct member *member, enum xfn_instance_state state)
{
	struct xfn_instance_info info;

	xfn_instance_read(member->instance, &info);
	return info.state == state;
}

/* What takes events does so until another does, or until its function is no more. */
static void let_go(struct member *member, bool at_once)
{
	member->leaving = true;
	if (at_once || !is_in(member, XFN_INSTANCE_READY)) {
		if (xfn_port_ifindex(member->engine->dataplane, member->port) == member->ifindex)
			xfn_port_close(member->engine->dataplane, member->port);
		xfn_instance_stop(member->instance);
	}
}

/* Stopping may take some of them out of the list: begins again each time. */
static bool let_one_go(struct xfn_engine *engine)
{
	const struct xfn_model_function *function;
	struct member *member;
	bool wanted;

	for (member = engine->instances->first; member; member = member->next) {
		function = function_of(engine, member->identity);
		wanted = function && hash_of(function);
		if (wanted && (member->leaving || hash_of(function) == member->hash))
			continue;
		if (!wanted && is_in(member, XFN_INSTANCE_STOPPING))
			continue;
		let_go(member, !wanted);
		return true;
	}
	return false;
}

void xfn_instances_sync(struct xfn_engine *engine)
{
	const struct xfn_model_function *function;
	size_t i;

	while (let_one_go(engine))
		;
	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		if (function->spec->exec.argv.count && !member_of(engine, function->identity))
			start_one(engine, function);
	}
	xfn_ports_follow(engine);
	xfn_ports_sweep(engine);
}

void xfn_instances_renew(struct xfn_engine *engine)
{
	if (engine->instances)
		xfn_fd_close(&engine->instances->program_fd);
}

/* ---- what an earlier xfnd left ----------------------------------------------------------------------------- */

static __u64 number_of(const json_t *json, const char *key)
{
	return (__u64)json_integer_value(json_object_get(json, key));
}

/* Ends what a file tells of, if it is still there. */
static void end_left(const json_t *json)
{
	uid_t uid = (uid_t)number_of(json, "uid");
	int pidfd = xfn_process_open((pid_t)number_of(json, "pid"), number_of(json, "start_time"));

	if (pidfd >= 0)
		xfn_launcher_signal(pidfd, uid, SIGKILL);
	xfn_fd_close(&pidfd);
	if (xfn_uid_is_lone(uid))
		xfn_launcher_sweep(uid);
	xfn_veth_remove((__u32)number_of(json, "ifindex"));
}

/* Goes on with it, if it is what the model wants. */
static bool adopt_left(struct xfn_engine *engine, const json_t *json)
{
	const struct xfn_model_function *function =
		function_of(engine, number_of(json, "identity"));
	const struct xfn_instance_left left = {
		.pid = (pid_t)number_of(json, "pid"),
		.start_time = number_of(json, "start_time"),
		.uid = (uid_t)number_of(json, "uid"),
		.restarts = (__u32)number_of(json, "restarts"),
	};
	__u32 ifindex = (__u32)number_of(json, "ifindex"), port = (__u32)number_of(json, "port");
	struct member *member;

	if (!function || !json_is_true(json_object_get(json, "ready")) || port >= XFN_PORTS_MAX ||
	    engine->dataplane->port_lines[port].identity != function->identity ||
	    xfn_port_ifindex(engine->dataplane, port) != ifindex)
		return false;
	member = add_member(engine, function, (__u32)number_of(json, "serial"));
	if (!member)
		return false;
	member->port = port;
	member->ifindex = ifindex;
	member->uid = left.uid;
	member->hash = number_of(json, "hash");
	if (!xfn_instance_adopt(member->instance, &left))
		return true;
	member->ifindex = 0; /* removed by whoever ends what is left */
	drop(member);
	return false;
}

static void take_file(struct xfn_engine *engine, const char *folder, const char *name, bool adopt)
{
	const char *suffix = strrchr(name, '.');
	char path[PATH_MAX];
	json_t *json;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!suffix || strcmp(suffix, ".json"))
		return;
	json = json_load_file(path, 0, NULL);
	if (engine && json && number_of(json, "serial") > engine->instances->last_serial)
		engine->instances->last_serial = (__u32)number_of(json, "serial");
	if (!json || !adopt || !adopt_left(engine, json)) {
		if (json)
			end_left(json);
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
	const struct member *member;

	for (member = engine->instances->first; member; member = member->next)
		if (member->ifindex == ifindex)
			return true;
	return false;
}

/* Host's ends that no instance is at: an xfnd was killed before it could say whose they are. */
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
		if (!is_members(engine, state.links[i].ifindex))
			xfn_veth_remove(state.links[i].ifindex);
	}
	xfn_netlink_state_fini(&state);
}

int xfn_instances_open(struct xfn_engine *engine, bool adopt)
{
	struct xfn_instances *instances = calloc(1, sizeof(*instances));

	if (!instances)
		return -ENOMEM;
	engine->instances = instances;
	instances->program_fd = -1;
	snprintf(instances->folder, sizeof(instances->folder), "%s/" FOLDER,
		 engine->options.run_dir);
	if (mkdir(instances->folder, 0700) < 0 && errno != EEXIST)
		return xfn_errno();
	take_files(engine, instances->folder, adopt);
	remove_strays(engine);
	xfn_port_keep(engine->dataplane, is_members, engine);
	return 0;
}

void xfn_instances_close(struct xfn_engine *engine)
{
	if (!engine->instances)
		return;
	while (engine->instances->first)
		drop(engine->instances->first);
	xfn_fd_close(&engine->instances->program_fd);
	free(engine->instances);
	engine->instances = NULL;
}

/* ---- what there is to tell ----------------------------------------------------------------------------------- */

/* Bytes that are no UTF-8, and all control characters but newline and tab, become '?'. */
static json_t *text_json(char *text, size_t bytes)
{
	size_t i, step;

	for (i = 0; i < bytes; i += step) {
		step = xfn_utf8_length(text + i, bytes - i);
		if (step &&
		    (text[i] == '\n' || text[i] == '\t' || !xfn_utf8_is_control(text + i, step)))
			continue;
		step = 1;
		text[i] = '?';
	}
	return json_stringn(text, bytes);
}

int xfn_engine_logs(struct xfn_engine *engine, const char *name, __u64 after,
		    struct xfn_reply *reply)
{
	struct xfn_selection selection;
	struct xfn_instance_output output;
	const struct member *member;
	char *buffer;
	int err = xfn_selection_find(engine, name, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	member = member_of(engine, selection.functions->identity);
	if (!member)
		return xfn_reply_error(reply, 409, "no_instance", NULL,
				       "function '%s' is no program that xfnd starts", name);
	buffer = malloc(XFN_INSTANCE_OUTPUT_BYTES);
	if (!buffer)
		return -ENOMEM;
	xfn_instance_read_output(member->instance, after, buffer, &output);
	err = xfn_reply_json(reply, json_pack("{s:s, s:I, s:I, s:o}", "function", name, "first",
					      (json_int_t)output.first, "next",
					      (json_int_t)(output.first + output.bytes), "text",
					      text_json(buffer, output.bytes)));
	free(buffer);
	return err;
}

json_t *xfn_instance_json(const struct xfn_engine *engine,
			  const struct xfn_model_function *function)
{
	const struct member *member = member_of(engine, function->identity);
	struct xfn_instance_info info;
	char name[IF_NAMESIZE] = "";

	if (!member)
		return json_null();
	xfn_instance_read(member->instance, &info);
	if (member->ifindex)
		if_indextoname(member->ifindex, name);
	return json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:s, s:s}", "state",
			 xfn_instance_state_label(info.state), "pid", (json_int_t)info.pid, "uid",
			 (json_int_t)member->uid, "since",
			 xfn_time_json(info.since_ns) ?: json_null(), "restarts",
			 (json_int_t)info.restarts, "port", (json_int_t)member->port, "interface",
			 name, "last_end", info.last_end);
}
