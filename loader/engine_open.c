/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's beginning and end: what is pinned is adopted, what is on disk is applied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "activity.h"
#include "alloc.h"
#include "cgroup.h"
#include "dataplane_load.h"
#include "doctor.h"
#include "engine_deliver.h"
#include "engine_guard.h"
#include "engine_instances.h"
#include "engine_keeper.h"
#include "engine_lost.h"
#include "engine_ports_ready.h"
#include "engine_trace.h"
#include "handler.h"
#include "journal.h"
#include "loop.h"
#include "mounts.h"
#include "netlink.h"
#include "revision.h"
#include "targets.h"

const struct xfn_revision_bounds xfn_revisions_kept = {.count = 32, .bytes = 1ULL << 30};

static void say(struct xfn_engine *engine, const char *type, const char *text)
{
	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = type}, "%s",
			text);
}

static void say_started(struct xfn_engine *engine, const char *how)
{
	size_t count = engine->model->function_count;

	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "start"},
			"revision %llu %s: %zu function%s", engine->model->revision, how, count,
			count == 1 ? "" : "s");
}

static int say_fault(struct xfn_engine *engine, int err, const struct xfn_fault *fault)
{
	say(engine, "error", fault->text[0] ? fault->text : strerror(-err));
	return err;
}

/* What libbpf warns of is either handled here or told in the reply: it has no place in the log. */
static int ignore_print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* ---- programs of a model that was read ----------------------------------------------------------- */

static void take_program(struct xfn_engine *engine, struct xfn_version *version)
{
	if (!version)
		return;
	version->program_fd = xfn_handler_in_slot(engine->dataplane, version->slot);
	if (version->program_fd < 0)
		version->program_fd = -1;
}

static bool has_handler(void *context, const char *tenant, const char *name)
{
	const struct xfn_model_function *function = xfn_model_function(context, tenant, name);

	return function && function->version;
}

/* Versions whose programs are in the kernel already; pins are mended where a kill left them undone. */
static void adopt_programs(struct xfn_engine *engine)
{
	struct xfn_model_function *function;
	size_t i;

	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		take_program(engine, function->version);
		take_program(engine, function->draining);
		if (function->version && function->version->program_fd >= 0)
			xfn_handler_pin_maps(engine->dataplane, function->spec->tenant,
					     function->spec->name, function->version->program_fd);
	}
	xfn_handler_unpin_unless(engine->dataplane, has_handler, engine->model);
}

/* Slots in use at this moment, by whoever: what no model names is swept at the first change. */
static void find_entered(struct xfn_engine *engine)
{
	__u32 slot, id;

	for (slot = 0; slot < engine->dataplane->capacity.versions; slot++)
		engine->entered[slot] = !bpf_map_lookup_elem(
			engine->dataplane->map_fd[XFN_MAP_HANDLERS], &slot, &id);
}

static void load_program(struct xfn_engine *engine, const struct xfn_model_function *function)
{
	struct xfn_version *version = function->version;
	struct xfn_handler_request request;
	struct xfn_fault fault = {};

	if (!version)
		return;
	request = (struct xfn_handler_request){
		.tenant = function->spec->tenant,
		.name = function->spec->name,
		.path = "revision",
		.object = version->object,
		.object_bytes = version->object_bytes,
		.program = version->program,
		.version_slot = version->slot,
		.histogram_slot = version->histogram,
	};
	version->program_fd = xfn_handler_load(engine->dataplane, &request, &fault);
	if (version->program_fd >= 0) {
		xfn_handler_pin_maps(engine->dataplane, function->spec->tenant,
				     function->spec->name, version->program_fd);
		return;
	}
	say_fault(engine, version->program_fd, &fault);
	version->program_fd = -1;
}

/* On an empty data plane counters begin at zero, those of former versions too. */
static void load_programs(struct xfn_engine *engine)
{
	struct xfn_model_function *function;
	size_t i;

	for (i = 0; i < engine->model->function_count; i++) {
		function = &engine->model->functions[i];
		memset(&function->retired, 0, sizeof(function->retired));
		xfn_version_put(function->draining);
		function->draining = NULL;
		load_program(engine, function);
	}
}

/* ---- opening ----------------------------------------------------------------------------------------- */

static int say_unreadable(struct xfn_engine *engine, __u64 revision, int err,
			  const struct xfn_fault *fault)
{
	char text[4400];

	snprintf(text, sizeof(text), "cannot read revision %llu in '%s': %s", revision,
		 engine->options.state_dir, fault->text[0] ? fault->text : strerror(-err));
	say(engine, "error", text);
	return err;
}

static int read_model(struct xfn_engine *engine, __u64 revision)
{
	struct xfn_fault fault = {};
	int err;

	if (!revision) {
		engine->model = xfn_model_new();
		return engine->model ? 0 : -ENOMEM;
	}
	err = xfn_state_read(engine->options.state_dir, revision, &engine->model, &fault);
	return err ? say_unreadable(engine, revision, err, &fault) : 0;
}

/* The slots of a model that was read have to be in the maps that there are. */
static int check_model(struct xfn_engine *engine)
{
	struct xfn_fault fault = {};
	int err = xfn_model_check(engine->model, &engine->dataplane->capacity, &fault);

	return err ? say_unreadable(engine, engine->model->revision, err, &fault) : 0;
}

/* The map's number wins: a revision that was written and did not go live is taken away. */
static int adopt(struct xfn_engine *engine)
{
	__u64 revision = xfn_dataplane_revision(engine->dataplane);
	int err = read_model(engine, revision);

	if (!err)
		err = check_model(engine);
	if (err)
		return err;
	adopt_programs(engine);
	say_started(engine, "adopted");
	return 0;
}

/* What is known of the data plane's slots, for one that was just opened. */
static int alloc_flags(struct xfn_engine *engine)
{
	__u32 count = engine->dataplane->capacity.versions;

	free(engine->entered);
	free(engine->named);
	free(engine->targets);
	engine->entered = calloc(count, sizeof(*engine->entered));
	engine->named = calloc(count, sizeof(*engine->named));
	engine->targets = calloc(1, sizeof(*engine->targets));
	if (!engine->entered || !engine->named || !engine->targets)
		return -ENOMEM;
	xfn_targets_init(engine->targets, engine->dataplane);
	return 0;
}

int xfn_engine_prepare(const struct xfn_engine_options *options)
{
	struct xfn_bpffs bpffs;
	char error[512];
	int err = xfn_bpffs_ensure(options->pin_dir, &bpffs, error, sizeof(error));

	if (err)
		xfn_journal_add(options->journal, &(struct xfn_journal_event){.type = "error"},
				"%s", error);
	else if (bpffs.mounted)
		xfn_journal_add(options->journal, &(struct xfn_journal_event){.type = "mount"},
				"mounted bpffs at '%s'", bpffs.path);
	return err;
}

static int open_dataplane(struct xfn_engine *engine, const struct xfn_capacity *capacity)
{
	struct xfn_fault fault = {};
	bool adopted;
	int err = xfn_dataplane_open(engine->options.pin_dir, capacity, &engine->dataplane,
				     &adopted, &fault);

	return err ? say_fault(engine, err, &fault) : alloc_flags(engine);
}

/* The newest on disk, and the newest that need not be confirmed any more; 0: none. */
static int find_confirmed(const char *state_dir, __u64 *ret_latest, __u64 *ret_confirmed)
{
	__u64 *numbers = NULL;
	size_t count = 0, i;
	json_t *record;
	bool unconfirmed = true;
	int err = xfn_revision_list(state_dir, &numbers, &count);

	*ret_confirmed = 0;
	*ret_latest = count ? numbers[0] : 0;
	for (i = 0; i < count && !err && unconfirmed; i++) {
		*ret_confirmed = numbers[i]; /* damaged: reading it says so */
		if (xfn_record_read(state_dir, numbers[i], &record))
			break;
		unconfirmed = xfn_record_is_unconfirmed(state_dir, numbers[i], record);
		if (unconfirmed)
			*ret_confirmed = 0;
		json_decref(record);
	}
	free(numbers);
	return err;
}

/*
 * What was pending before a reboot is taken back by it, as a revision of its own. Where that cannot be
 * written, the confirmed one goes by its own number.
 */
static void take_back_pending(struct xfn_engine *engine, __u64 latest)
{
	__u64 confirmed = engine->model->revision;
	struct xfn_model next = *engine->model;
	struct xfn_change change = {
		.engine = engine,
		.next = &next,
		.reverts = latest,
		.restores = confirmed,
		.reason = "not confirmed before everything started anew",
	};
	int err;

	next.revision = latest + 1;
	err = xfn_record_write(&change);
	if (!err)
		engine->model->revision = next.revision;
	if (next.by_name != engine->model->by_name)
		free(next.by_name); /* an index of its own, made on the way */
	xfn_journal_add(engine->options.journal,
			&(struct xfn_journal_event){.type = err ? "error" : "revert"},
			"revision %llu was not confirmed before everything started anew: revision "
			"%llu is live again%s%s",
			latest, confirmed, err ? ", under its own number: " : "",
			err ? strerror(-err) : "");
}

/* Nothing is pinned: a first start, or one after a reboot, with the last revisions on disk. */
static int open_fresh(struct xfn_engine *engine)
{
	struct xfn_capacity capacity;
	__u64 latest = 0, revision = 0;
	int err = find_confirmed(engine->options.state_dir, &latest, &revision);

	if (!err)
		err = read_model(engine, revision);
	if (err)
		return err;
	capacity = xfn_capacity_of_model(engine->model);
	if (engine->model->no_attach_type)
		capacity.attach_type = 0;
	err = open_dataplane(engine, &capacity);
	if (!err)
		err = check_model(engine);
	if (err || !latest)
		return err;
	load_programs(engine);
	if (latest != revision)
		take_back_pending(engine, latest);
	say_started(engine, "applied from disk");
	return 0;
}

/* No revision ever went live: a start after a reboot, or a first change, was cut short. */
static int start_over(struct xfn_engine *engine)
{
	struct xfn_fault fault = {};
	int err;

	xfn_dataplane_close(engine->dataplane);
	engine->dataplane = NULL;
	err = xfn_dataplane_remove(engine->options.pin_dir, &fault);
	return err ? say_fault(engine, err, &fault) : open_fresh(engine);
}

/* Packets go on under what is pinned; this xfnd takes it over as it is. */
static int open_pinned(struct xfn_engine *engine)
{
	struct xfn_capacity any = xfn_capacity_of(0, 0);
	int err = open_dataplane(engine, &any);

	if (!err && !xfn_dataplane_revision(engine->dataplane))
		return start_over(engine);
	if (!err)
		err = adopt(engine);
	if (!err)
		find_entered(engine);
	return err;
}

int xfn_engine_open(const struct xfn_engine_options *options, struct xfn_engine **ret)
{
	struct xfn_engine *engine = calloc(1, sizeof(*engine));
	bool pinned = xfn_dataplane_is_pinned(options->pin_dir);
	int err;

	if (!engine)
		return -ENOMEM;
	engine->options = *options;
	libbpf_set_print(ignore_print);
	err = pinned ? open_pinned(engine) : open_fresh(engine);
	if (!err)
		err = xfn_keeping_open(engine) ?: xfn_instances_open(engine, pinned);
	if (!err)
		err = xfn_pending_open(engine);
	if (!err)
		err = xfn_engine_watch(engine) ?:
		      xfn_engine_watch_next(engine) ?:
		      xfn_removal_watch(engine);
	if (!err && engine->model->revision)
		err = xfn_engine_adopt_switches(engine);
	if (err) {
		xfn_engine_close(engine);
		return err;
	}
	if (engine->model->revision) {
		xfn_revision_prune(options->state_dir, engine->model->revision,
				   &xfn_revisions_kept);
		xfn_engine_refresh(engine); /* says itself what goes wrong */
		xfn_lost_begin(engine, NULL);
		xfn_instances_sync(engine);
		xfn_pending_resume(engine);
	}
	*ret = engine;
	return 0;
}

void xfn_engine_close(struct xfn_engine *engine)
{
	if (!engine)
		return;
	xfn_instances_close(engine);
	xfn_keeping_close(engine);
	xfn_netlink_close(engine->netlink);
	xfn_source_free(engine->refresh);
	xfn_source_free(engine->next_retry);
	xfn_source_free(engine->pending.timer);
	xfn_model_free(engine->pending.before);
	xfn_source_free(engine->look);
	xfn_activity_free(engine->activity);
	xfn_ruleset_free(engine->ruleset);
	xfn_model_free(engine->model);
	xfn_written_put(engine->parsed);
	xfn_dataplane_close(engine->dataplane);
	free(engine->entered);
	free(engine->named);
	free(engine->targets);
	xfn_free(engine->lost_bases);
	free(engine);
}

int xfn_engine_reset(const struct xfn_engine_options *options)
{
	struct xfn_fault fault = {};
	int err;

	xfn_instances_reset(options->run_dir);
	xfn_keeping_reset(options->run_dir);
	err = xfn_dataplane_remove(options->pin_dir, &fault);
	if (fault.text[0])
		fprintf(stderr, "xfnd: %s\n", fault.text);
	return err ?: xfn_revision_remove_all(options->state_dir);
}

/* ---- room --------------------------------------------------------------------------------------------- */

bool xfn_engine_is_empty(const struct xfn_engine *engine)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (engine->dataplane->interface[slot].used)
			return false;
	return !engine->model->function_count && !engine->pending.revision;
}

/* New maps, still without a function: what is off stays off. */
static void flip_empty(struct xfn_engine *engine)
{
	enum xfn_off off = xfn_off_of(engine->model->off);

	xfn_dataplane_set_off(engine->dataplane, 0, off);
	xfn_dataplane_set_off(engine->dataplane, 1, off);
	xfn_dataplane_flip(engine->dataplane, engine->model->revision);
}

/* There was no room for as much as was asked for: back to what there is at a start. */
static void open_usual(struct xfn_engine *engine)
{
	struct xfn_capacity usual = xfn_capacity_of(0, 0);
	struct xfn_fault fault = {};
	bool adopted;
	int err = xfn_dataplane_open(engine->options.pin_dir, &usual, &engine->dataplane, &adopted,
				     &fault);

	if (!err) {
		flip_empty(engine);
		return;
	}
	say_fault(engine, err, &fault);
	exit(EXIT_FAILURE); /* nothing is attached, nothing runs: a new start begins from disk */
}

int xfn_engine_grow(struct xfn_engine *engine, const struct xfn_capacity *capacity,
		    struct xfn_fault *fault)
{
	bool adopted;
	int err;

	xfn_engine_trace_end(engine, "closing");
	xfn_instances_renew(engine);
	xfn_dataplane_close(engine->dataplane);
	engine->dataplane = NULL;
	err = xfn_dataplane_remove(engine->options.pin_dir, fault);
	if (!err)
		err = xfn_dataplane_open(engine->options.pin_dir, capacity, &engine->dataplane,
					 &adopted, fault);
	/* Numbers go on: the model is of a revision that is on disk. */
	if (!err && engine->model->revision)
		flip_empty(engine);
	if (err)
		open_usual(engine);
	return alloc_flags(engine) ?: err;
}

/* ---- doctor ------------------------------------------------------------------------------------------- */

static bool names_vlan(const struct xfn_model *model)
{
	const struct xfn_manifest *manifest;
	size_t i, j;

	for (i = 0; i < model->set_count; i++) {
		manifest = model->sets[i]->manifest;
		for (j = 0; j < manifest->trigger_count; j++)
			if (manifest->triggers[j].vlan_tags)
				return true;
	}
	return false;
}

static bool has_sockets(const struct xfn_model *model)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (model->functions[i].spec->delivery == XFN_DELIVER_SOCKET)
			return true;
	return false;
}

static bool has_programs(const struct xfn_model *model)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (xfn_has_program(model->functions[i].spec))
			return true;
	return false;
}

static struct xfn_doctor_next next_for_doctor(const struct xfn_engine *engine, __u32 slot)
{
	const struct xfn_attachment *attachment =
		xfn_model_attachment(engine->model, engine->dataplane->interface[slot].name);

	if (!attachment || !attachment->next[0])
		return (struct xfn_doctor_next){};
	return (struct xfn_doctor_next){attachment->next,
					xfn_engine_next_runs(engine, slot, attachment)};
}

int xfn_engine_doctor(struct xfn_engine *engine, const char *interface, struct xfn_reply *reply)
{
	struct xfn_doctor_next next[XFN_INTERFACES_MAX];
	const char *attached[XFN_INTERFACES_MAX], **targets;
	__u32 keeper_pid;
	int keeper = xfn_keeping_check(engine, &keeper_pid);
	struct xfn_doctor_options options = {
		.interface = interface,
		.keeper = keeper,
		.keeper_pid = keeper_pid,
		.attached = attached,
		.next = next,
		.off = xfn_off_label(engine->model->off),
		.vlans = names_vlan(engine->model),
		.sockets = has_sockets(engine->model),
		.programs = has_programs(engine->model),
		.cgroup = xfn_cgroups_path(engine->options.cgroups),
		.controllers = xfn_cgroups_controllers(engine->options.cgroups),
		.pin_dir = engine->options.pin_dir};
	char label[XFN_LABEL_BYTES], why[XFN_UNSERVED_WORDS];
	const struct xfn_model_function *unserved;
	struct xfn_link link;
	int slot, err;

	if (interface && xfn_link_find(interface, &link) == -ENODEV)
		return xfn_reply_error(reply, 404, "no_such_interface", NULL,
				       "no interface '%s' in this network namespace", interface);
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (engine->dataplane->interface[slot].used) {
			next[options.attached_count] = next_for_doctor(engine, slot);
			attached[options.attached_count++] =
				engine->dataplane->interface[slot].name;
		}
	options.functions = engine->model->function_count;
	options.unserved = xfn_unserved_count(engine, &unserved, why);
	if (options.unserved) {
		options.unserved_name = xfn_function_label(unserved->spec, label);
		options.unserved_why = why;
	}
	err = xfn_deliveries_doctor(engine->model, &options, &targets);
	if (err)
		return err;
	options.port_mtu = XFN_PORT_MTU;
	err = xfn_reply_json(reply, xfn_doctor_run(&options));
	free(targets);
	return err;
}
