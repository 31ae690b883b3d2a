/* SPDX-License-Identifier: BSD-2-Clause */
/* The way every change takes from a model to the kernel: try, write, fill, flip, clean up. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "dataplane_load.h"
#include "engine_deliver.h"
#include "engine_guard.h"
#include "engine_instances.h"
#include "engine_lost.h"
#include "errnum.h"
#include "fnv.h"
#include "handler.h"
#include "journal.h"
#include "policy.h"
#include "revision.h"

/* ---- what the data plane is told of a function ---------------------------------------------------- */

__u32 xfn_sample_threshold(__u32 sample)
{
	if (!sample)
		return XFN_SAMPLE_NEVER;
	return (__u32)((1ULL << 32) / sample - 1);
}

struct xfn_function_config xfn_function_config_of(const struct xfn_model_function *function)
{
	const struct xfn_function_spec *spec = function->spec;
	struct xfn_function_config config = {};
	__u32 sample = XFN_SAMPLE_NEVER, handler = XFN_RULESET_NONE;

	config.limit = XFN_FUNCTION_DELIVERY(xfn_delivery_of(spec));
	xfn_limit_config_of(spec, &config);
	if (!spec->enabled)
		config.limit = (config.limit & ~XFN_FUNCTION_OFF_DROP) | XFN_FUNCTION_DISABLED |
			       (spec->disabled_drops ? XFN_FUNCTION_OFF_DROP : 0);
	/* A version whose program could not be loaded leaves its slot empty: no_target. */
	if (function->version) {
		handler = function->version->slot;
		if (function->version->histogram != XFN_HISTOGRAM_NONE)
			sample = xfn_sample_threshold(spec->latency.sample);
	}
	config.target = XFN_TARGET(sample, handler);
	return config;
}

/* ---- compiling ------------------------------------------------------------------------------------- */

struct sources {
	struct xfn_ruleset_function *functions;
	struct xfn_ruleset_interface interfaces[XFN_INTERFACES_MAX];
	struct xfn_ruleset_address *addresses;
	char (*owners)[XFN_NAME_MAX + 16];
};

static void sources_fini(struct sources *sources)
{
	free(sources->functions);
	free(sources->addresses);
	free(sources->owners);
}

static int add_functions(const struct xfn_model *model, struct sources *sources)
{
	const struct xfn_model_function *function;
	size_t i;

	sources->functions = calloc(model->function_count + 1, sizeof(*sources->functions));
	sources->owners = calloc(model->function_count + 1, sizeof(*sources->owners));
	if (!sources->functions || !sources->owners)
		return -ENOMEM;
	for (i = 0; i < model->function_count; i++) {
		function = &model->functions[i];
		snprintf(sources->owners[i], sizeof(sources->owners[i]), "function '%s'",
			 function->spec->name);
		sources->functions[i] = (struct xfn_ruleset_function){
			.files = function->set->manifest->files,
			.owner = sources->owners[i],
			.slot = function->slot,
			.sample = XFN_TARGET_SAMPLE(xfn_function_config_of(function).target),
			.triggers = xfn_function_triggers(function->set->manifest, function->spec),
			.trigger_count = function->spec->trigger_count,
			.prefixes = function->set->manifest->prefixes,
			.keys = function->set->manifest->keys,
		};
	}
	return 0;
}

static __u32 add_interfaces(const struct xfn_wire *wires, __u32 count,
			    struct xfn_ruleset_interface *interfaces)
{
	__u32 i;

	for (i = 0; i < count; i++)
		interfaces[i] = (struct xfn_ruleset_interface){.name = wires[i].name,
							       .slot = wires[i].slot};
	return count;
}

static __u64 surroundings_of(const struct xfn_ruleset_input *input)
{
	__u64 hash = XFN_FNV_START;
	__u32 i;

	hash = xfn_fnv(hash, input->addresses, input->address_count * sizeof(*input->addresses));
	for (i = 0; i < input->interface_count; i++) {
		hash = xfn_fnv(hash, &input->interfaces[i].slot, sizeof(input->interfaces[i].slot));
		hash = xfn_fnv(hash, input->interfaces[i].name,
			       strlen(input->interfaces[i].name) + 1);
	}
	return hash;
}

int xfn_change_compile(struct xfn_change *change, struct xfn_ruleset **ret)
{
	const struct xfn_model *model = change->next;
	const struct xfn_capacity *capacity = &change->capacity;
	struct xfn_wire wires[XFN_INTERFACES_MAX];
	__u32 wire_count = xfn_change_wires(change, wires);
	struct sources sources = {};
	struct xfn_ruleset_input input = {
		.slot_bits = capacity->slot_bits,
		.rules_max = capacity->triggers,
		.functions_max = capacity->functions,
		.start_seed = 1,
		.key_seed = change->engine->dataplane->rules.key_seed,
	};
	int err = xfn_listen_check_model(model, &change->diags) ?: add_functions(model, &sources);

	if (!err)
		err = xfn_wires_addresses(wires, wire_count, &sources.addresses,
					  &input.address_count);
	if (!err) {
		input.functions = sources.functions;
		input.function_count = model->function_count;
		input.interfaces = sources.interfaces;
		input.interface_count = add_interfaces(wires, wire_count, sources.interfaces);
		input.addresses = sources.addresses;
		change->surroundings = xfn_deliveries_hash(model, surroundings_of(&input));
		err = xfn_ruleset_compile(&input, &change->diags, ret);
	}
	sources_fini(&sources);
	if (err == -EINVAL && !change->code)
		change->code = "invalid_triggers";
	return err;
}

/* ---- into the idle generation ----------------------------------------------------------------------- */

static int store_functions(struct xfn_engine *engine, const struct xfn_model *model,
			   unsigned generation)
{
	static const struct xfn_function_config nothing;
	static const struct xfn_policy_config no_policy;
	struct xfn_dataplane *dataplane = engine->dataplane;
	const struct xfn_model_function *function;
	struct xfn_function_config config;
	bool *used = calloc(dataplane->capacity.functions, sizeof(*used));
	int err = used ? 0 : -ENOMEM;
	__u32 slot;
	size_t i;

	for (i = 0; i < model->function_count && !err; i++) {
		function = &model->functions[i];
		config = xfn_function_config_of(function);
		err = xfn_delivery_enter(engine, function, generation, &config);
		used[function->slot] = true;
		xfn_dataplane_set_function(dataplane, generation, function->slot, &config);
	}
	for (slot = 0; slot < dataplane->capacity.functions && !err; slot++)
		if (!used[slot]) {
			xfn_dataplane_set_function(dataplane, generation, slot, &nothing);
			xfn_dataplane_set_policy(dataplane, generation, slot, false, &no_policy);
		}
	free(used);
	return err;
}

/* A slot that changes hands starts from zero: limiter, counters, cells of sources. */
static int welcome_function(struct xfn_dataplane *dataplane, unsigned generation,
			    const struct xfn_model_function *function)
{
	struct xfn_function *line = &dataplane->functions[function->slot];
	struct xfn_policy_config policy =
		xfn_policy_config_of(function->set->manifest, function->spec);
	bool same = line->identity == function->identity;
	int err;

	err = xfn_dataplane_set_policy(dataplane, generation, function->slot, same, &policy);
	if (err || same)
		return err;
	err = xfn_dataplane_zero(dataplane, XFN_MAP_COUNTS, function->slot);
	if (err)
		return err;
	__atomic_store_n(&line->arrival, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&line->identity, function->identity, __ATOMIC_RELAXED);
	return 0;
}

static int welcome_version(struct xfn_engine *engine, const struct xfn_version *version)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	unsigned stage;
	int err;

	if (!version || version->program_fd < 0 || engine->entered[version->slot])
		return 0;
	err = xfn_dataplane_zero(dataplane, XFN_MAP_OUTCOMES, version->slot);
	for (stage = 0; stage < XFN_STAGE_COUNT && !err; stage++)
		if (version->histogram != XFN_HISTOGRAM_NONE)
			err = xfn_dataplane_zero(dataplane, XFN_MAP_HISTOGRAMS,
						 version->histogram * XFN_STAGE_COUNT + stage);
	if (!err && bpf_map_update_elem(dataplane->map_fd[XFN_MAP_HANDLERS], &version->slot,
					&version->program_fd, 0))
		err = xfn_errno();
	if (!err)
		engine->entered[version->slot] = true;
	return err;
}

static void name_versions(struct xfn_engine *engine, const struct xfn_model *model)
{
	const struct xfn_version *version;
	size_t i;

	for (i = 0; model && i < model->function_count; i++) {
		version = model->functions[i].version;
		if (version)
			engine->named[version->slot] = true;
		version = model->functions[i].draining;
		if (version)
			engine->named[version->slot] = true;
	}
}

/*
 * Empties version slots that neither the live model names nor the one that it may be taken back to;
 * their programs are quiet. The next model may have given such a slot to a new version: that one is
 * welcomed to it after.
 */
static void sweep_versions(struct xfn_engine *engine)
{
	__u32 slot, count = engine->dataplane->capacity.versions;

	memset(engine->named, 0, count * sizeof(*engine->named));
	name_versions(engine, engine->model);
	name_versions(engine, engine->pending.before);
	for (slot = 0; slot < count; slot++) {
		if (!engine->entered[slot] || engine->named[slot])
			continue;
		bpf_map_delete_elem(engine->dataplane->map_fd[XFN_MAP_HANDLERS], &slot);
		engine->entered[slot] = false;
	}
}

/* All that the idle generation holds. */
static int fill(struct xfn_engine *engine, const struct xfn_model *model,
		struct xfn_ruleset *ruleset, unsigned generation)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	long stored;
	size_t i;
	int err = 0;

	for (i = 0; i < model->function_count && !err; i++) {
		err = welcome_function(dataplane, generation, &model->functions[i]);
		if (!err)
			err = welcome_version(engine, model->functions[i].version);
	}
	if (!err)
		err = store_functions(engine, model, generation);
	if (err)
		return err;
	xfn_ports_carry(engine, model, generation);
	xfn_dataplane_sweep_sources(dataplane);
	xfn_deliveries_listen(engine, model);
	stored = xfn_ruleset_store(ruleset, &dataplane->rules, generation);
	if (stored < 0)
		return (int)stored;
	xfn_dataplane_set_off(engine->dataplane, generation, xfn_off_of(model->off));
	return 0;
}

int xfn_engine_install(struct xfn_engine *engine, const struct xfn_change *change,
		       struct xfn_ruleset *ruleset)
{
	const struct xfn_model *model = change->next;
	int generation = xfn_dataplane_idle(engine->dataplane), err;

	if (generation < 0)
		return generation;
	sweep_versions(engine);
	err = fill(engine, model, ruleset, generation);
	if (err) {
		xfn_deliveries_forget(engine);
		xfn_ports_sweep(engine);
		return err;
	}
	xfn_dataplane_flip(engine->dataplane, model->revision);
	xfn_deliveries_settle(engine, model);
	xfn_ruleset_free(engine->ruleset);
	engine->ruleset = ruleset;
	engine->surroundings = change->surroundings;
	return 0;
}

/* ---- behind the flip --------------------------------------------------------------------------------- */

/* What goes wrong here is said and does no harm: pins are for tools, and are mended at the next start. */
static void settle_pins(struct xfn_engine *engine, struct xfn_model *old)
{
	const struct xfn_model_function *function, *before;
	struct xfn_model *live = engine->model;
	size_t i;
	int err;

	for (i = 0; i < live->function_count; i++) {
		function = &live->functions[i];
		if (!function->version || function->version->program_fd < 0)
			continue;
		before = xfn_model_function(old, function->spec->tenant, function->spec->name);
		if (before && before->version == function->version)
			continue;
		err = xfn_handler_pin_maps(engine->dataplane, function->spec->tenant,
					   function->spec->name, function->version->program_fd);
		if (err)
			xfn_journal_add(engine->options.journal,
					&(struct xfn_journal_event){
						.type = "error", .function = function->spec->name},
					"cannot pin its maps: %s", strerror(-err));
	}
	for (i = 0; i < old->function_count; i++) {
		function = &old->functions[i];
		before = xfn_model_function(live, function->spec->tenant, function->spec->name);
		if (!before || (!before->version && function->version))
			xfn_handler_unpin_maps(engine->dataplane, function->spec->tenant,
					       function->spec->name);
	}
}

/* A start on an empty bpffs applies the newest revision: one that did not go live must not be it. */
static void forget_revision(struct xfn_engine *engine)
{
	if (engine->model->revision)
		xfn_revision_prune(engine->options.state_dir, engine->model->revision,
				   &xfn_revisions_kept);
	else
		xfn_revision_remove_all(engine->options.state_dir);
}

static int write_revision(struct xfn_change *change)
{
	int err = xfn_record_write(change);

	if (!err)
		return 0;
	return xfn_change_refuse(change, err, 500, "state",
				 "cannot write revision %llu in '%s': %s", change->next->revision,
				 change->engine->options.state_dir, strerror(-err));
}

/* The next model is the live one: what is left of the old one goes. */
static void settle(struct xfn_change *change)
{
	struct xfn_engine *engine = change->engine;
	struct xfn_model *old = engine->model;
	bool parts = xfn_change_parts(change);

	engine->model = change->next;
	change->next = NULL;
	xfn_engine_detach_unwanted(engine);
	xfn_engine_settle_next(engine, engine->model);
	xfn_engine_settle_vlans(engine);
	settle_pins(engine, old);
	xfn_lost_begin(engine, old);
	xfn_pending_settle(change, old);
	xfn_revision_prune(engine->options.state_dir, engine->model->revision, &xfn_revisions_kept);
	xfn_instances_sync(engine);
	if (parts)
		xfn_engine_refresh(engine); /* the rules still know the addresses of what is gone */
}

/*
 * Interfaces are let go behind the flip, and their addresses with them: what rules for these kept from
 * others, such as those for any address, is theirs then. So the guard looks at both.
 */
static int guard_sessions(struct xfn_change *change, const struct xfn_ruleset *ruleset)
{
	__u64 surroundings = change->surroundings;
	struct xfn_ruleset *after = NULL;
	int err = xfn_sessions_guard(change, ruleset);

	if (err || !xfn_change_parts(change))
		return err;
	change->parted = true;
	err = xfn_change_compile(change, &after) ?: xfn_sessions_guard(change, after);
	change->parted = false;
	change->surroundings = surroundings;
	xfn_ruleset_free(after);
	return err;
}

int xfn_change_commit(struct xfn_change *change)
{
	struct xfn_engine *engine = change->engine;
	bool slots[XFN_INTERFACES_MAX] = {};
	struct xfn_ruleset *ruleset = NULL;
	int err;

	change->next->revision = engine->model->revision + 1;
	err = xfn_pending_guard(change) ?: xfn_removal_guard(change);
	if (!err)
		err = xfn_change_attach(change, slots);
	if (!err)
		err = xfn_change_compile(change, &ruleset);
	if (!err)
		err = guard_sessions(change, ruleset);
	if (!err)
		err = write_revision(change);
	if (!err)
		err = xfn_change_link(change, slots);
	if (!err)
		err = xfn_engine_install(engine, change, ruleset);
	if (err == -ENOSPC && !change->code)
		xfn_change_refuse(change, err, 422, "over_capacity",
				  "functions deliver to more than there is room for: %d places, "
				  "%d of them interfaces, what is live and what is to be together",
				  XFN_TARGETS_MAX, XFN_DEVICES_MAX);
	if (err) {
		xfn_change_unattach(change, slots);
		xfn_ruleset_free(ruleset);
		forget_revision(engine);
		return err;
	}
	settle(change);
	return 0;
}

int xfn_change_commit_as(struct xfn_change *change, __u64 revision)
{
	struct xfn_ruleset *ruleset = NULL;
	int err;

	change->next->revision = revision;
	err = xfn_change_compile(change, &ruleset);
	if (!err && change->beside)
		err = xfn_sessions_guard(change, ruleset);
	if (!err)
		err = xfn_engine_install(change->engine, change, ruleset);
	if (err) {
		xfn_ruleset_free(ruleset);
		return err;
	}
	settle(change);
	return 0;
}

bool xfn_change_goes_beside(const struct xfn_change *change)
{
	/* Two pending at once are refused, as for any other change. */
	return change->engine->pending.revision && !change->confirm_ns;
}

int xfn_change_commit_switch(struct xfn_change *change, const struct xfn_edit_spec *spec)
{
	struct xfn_engine *engine = change->engine;
	int err;

	if (!change->beside)
		return xfn_change_commit(change);
	err = xfn_change_commit_as(change, engine->model->revision);
	return err ?: xfn_pending_switch(engine, spec);
}
