/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "world.h"
#include "object.h"
#include "diag.h"
#include "errnum.h"
#include "manifest.h"
#include "sample.h"
#include "../../loader/dataplane_load.h"
#include "../../loader/handler.h"
#include "../../loader/mounts.h"

#define BPFFS     "/sys/fs/bpf"
#define WORLD_MAC "\x02\x00\x00\x00\x00\x01"
#define CPUS_MAX  1024

#define WORLD_TEXT_BYTES 32

/* ---- rules ------------------------------------------------------------------------------------- */

struct rules {
	struct xfn_trigger_spec *triggers;
	struct xfn_prefix *prefixes;
	struct xfn_key_spec *keys;
	char (*texts)[WORLD_TEXT_BYTES]; /* of the keys */
	struct xfn_ruleset_function *functions;
};

static void rules_fini(struct rules *rules)
{
	free(rules->triggers);
	free(rules->prefixes);
	free(rules->keys);
	free(rules->texts);
	free(rules->functions);
}

static int rules_init(struct rules *rules, __u32 triggers, __u32 functions)
{
	rules->triggers = calloc(triggers, sizeof(*rules->triggers));
	rules->prefixes = calloc(triggers, sizeof(*rules->prefixes));
	rules->keys = calloc(triggers, sizeof(*rules->keys));
	rules->texts = calloc(triggers, sizeof(*rules->texts));
	rules->functions = calloc(functions, sizeof(*rules->functions));
	return rules->triggers && rules->prefixes && rules->keys && rules->texts && rules->functions
		       ? 0
		       : -ENOMEM;
}

static struct xfn_prefix prefix_of(__u32 address, __u8 plen)
{
	struct xfn_prefix prefix = {.family = AF_INET, .plen = plen};

	address = htonl(plen ? address & ~0U << (32 - plen) : 0);
	memcpy(prefix.addr, &address, sizeof(address));
	return prefix;
}

static void make_key(struct rules *rules, enum world_kind kind, __u32 i)
{
	static const __u8 kinds[] = {
		[WORLD_PATHS] = XFN_KEY_COAP_PATH,
		[WORLD_NAMES] = XFN_KEY_DNS_NAME,
		[WORLD_SUFFIXES] = XFN_KEY_DNS_SUFFIX,
		[WORLD_BYTES] = XFN_KEY_BYTES,
	};
	struct xfn_key_spec *key = &rules->keys[i];
	char *text = rules->texts[i];
	__u32 number = htonl(i);

	*key = (struct xfn_key_spec){.kind = kinds[kind], .text = text};
	if (kind == WORLD_PATHS)
		snprintf(text, WORLD_TEXT_BYTES, "/sensors/%u", i);
	else if (kind == WORLD_NAMES)
		snprintf(text, WORLD_TEXT_BYTES, "a%u.x", i);
	else if (kind == WORLD_SUFFIXES)
		snprintf(text, WORLD_TEXT_BYTES, "%.*s", 2 * (int)i + 1, "a.a.a.a.a.a.a.a");
	memcpy(key->value, &number, sizeof(number));
	memset(key->mask, 0xff, sizeof(number));
	key->value_bytes = key->mask_bytes = sizeof(number);
	rules->triggers[i].key = i + 1;
}

/*
 * Of WORLD_SHADOW the last trigger is for all of 192.0.0.0/2; those before it are for longer and
 * longer prefixes around the destination, but from another source.
 */
static void make_trigger(struct rules *rules, enum world_kind kind, __u32 i, __u32 triggers)
{
	struct xfn_trigger_spec *trigger = &rules->triggers[i];

	*trigger = (struct xfn_trigger_spec){
		.protocol = IPPROTO_UDP,
		.destination = kind == WORLD_ONE || kind >= WORLD_PATHS ? XFN_DESTINATION_OWN
									: XFN_DESTINATION_LIST,
		.port_lo = WORLD_PORT,
		.port_hi = WORLD_PORT,
		.line = i + 1,
		.column = 1,
	};
	if (kind >= WORLD_PATHS)
		make_key(rules, kind, i);
	if (trigger->destination == XFN_DESTINATION_OWN)
		return;
	trigger->destinations = (struct xfn_prefix_span){.first = i, .count = 1};
	rules->prefixes[i] = prefix_of(WORLD_DST + i, 32);
	if (kind == WORLD_SHADOW) /* neighbours of the address that packets go to, then all */
		rules->prefixes[i] = i + 1 == triggers ? prefix_of(WORLD_DST, 2)
						       : prefix_of(WORLD_DST ^ 16 << i, 30 - i);
}

static int compile(struct world *world, struct rules *rules)
{
	static const struct xfn_ruleset_interface interface = {"bench0", 0};
	const struct xfn_capacity *capacity = &world->dataplane->capacity;
	struct xfn_ruleset_address own = {.family = AF_INET, .kind = XFN_ADDRESS_OWN};
	struct xfn_ruleset_input input = {
		.functions = rules->functions,
		.function_count = world->functions,
		.interfaces = &interface,
		.interface_count = 1,
		.addresses = &own,
		.address_count = 1,
		.slot_bits = capacity->slot_bits,
		.rules_max = capacity->triggers,
		.functions_max = capacity->functions,
		.start_seed = 1,
		.key_seed = world->dataplane->rules.key_seed,
	};
	__u32 address = htonl(WORLD_OWN);
	struct xfn_diag_list diags;
	int err;

	memcpy(own.addr, &address, sizeof(address));
	xfn_diag_list_init(&diags);
	err = xfn_ruleset_compile(&input, &diags, &world->ruleset);
	if (err)
		fprintf(stderr, "bench: cannot compile: %s\n",
			diags.count ? diags.items[0].message : strerror(-err));
	xfn_diag_list_fini(&diags);
	return err;
}

static int fill(struct world *world, enum world_kind kind)
{
	static const char *const files[] = {"bench"};
	__u32 i, first, next, count = world->functions;
	struct rules rules = {};
	long stored;
	int err = rules_init(&rules, world->triggers, count);

	for (i = 0; i < world->triggers && !err; i++)
		make_trigger(&rules, kind, i, world->triggers);
	for (i = 0; i < count && !err; i++) {
		first = (__u64)world->triggers * i / count;
		next = (__u64)world->triggers * (i + 1) / count;
		rules.functions[i] = (struct xfn_ruleset_function){
			.files = files,
			.owner = "function",
			.slot = i,
			.triggers = rules.triggers + first,
			.trigger_count = next - first,
			.prefixes = rules.prefixes,
			.keys = rules.keys,
		};
	}
	if (!err)
		err = compile(world, &rules);
	rules_fini(&rules);
	if (err)
		return err;
	stored = xfn_ruleset_store(world->ruleset, &world->dataplane->rules, 1);
	if (stored < 0)
		return (int)stored;
	world->dataplane->idle_is_quiet = true;
	xfn_dataplane_flip(world->dataplane, 1);
	return 0;
}

/* ---- handlers ---------------------------------------------------------------------------------- */

static int enter_handler(struct world *world, __u32 slot, const char *object)
{
	struct xfn_handler_request request = {
		.tenant = "default",
		.name = "bench",
		.path = object,
		.version_slot = slot,
		.histogram_slot = slot,
	};
	struct xfn_fault fault = {""};
	int fd, err = 0;

	request.object = object_read(object, &request.object_bytes);
	if (!request.object)
		return -ENOENT;
	fd = xfn_handler_load(world->dataplane, &request, &fault);
	free((void *)request.object);
	if (fd < 0) {
		fprintf(stderr, "bench: cannot load '%s': %s\n", object, fault.text);
		return fd;
	}
	if (bpf_map_update_elem(world->dataplane->map_fd[XFN_MAP_HANDLERS], &slot, &fd, 0))
		err = xfn_errno();
	close(fd);
	return err;
}

/* ---- life -------------------------------------------------------------------------------------- */

int world_open(struct world *world, enum world_kind kind, __u32 triggers, __u32 functions)
{
	static unsigned number;
	struct xfn_capacity capacity = xfn_capacity_of(triggers + 16, functions + 2);
	struct xfn_fault fault = {""};
	bool adopted = false;
	int err;

	memset(world, 0, sizeof(*world));
	world->triggers = triggers;
	world->functions = functions;
	snprintf(world->pin_dir, sizeof(world->pin_dir), BPFFS "/xfn_bench_%d_%u", getpid(),
		 number++);
	err = xfn_dataplane_open(world->pin_dir, &capacity, &world->dataplane, &adopted, &fault);
	if (!err)
		err = xfn_dataplane_load_slot(world->dataplane, 0, &fault);
	if (!err) {
		xfn_dataplane_set_mac(world->dataplane, 0, (const __u8 *)WORLD_MAC);
		err = fill(world, kind);
	}
	if (!err)
		err = enter_handler(world, WORLD_ECHO, "examples/echo/echo.bpf.o");
	if (!err)
		err = enter_handler(world, WORLD_DROP, "tests/bench/drop.bpf.o");
	if (err)
		fprintf(stderr, "bench: cannot make a data plane below %s: %s %s\n", world->pin_dir,
			strerror(-err), fault.text);
	return err;
}

void world_close(struct world *world)
{
	struct xfn_fault fault;

	xfn_ruleset_free(world->ruleset);
	xfn_dataplane_close(world->dataplane);
	if (world->pin_dir[0] && xfn_dataplane_remove(world->pin_dir, &fault))
		fprintf(stderr, "bench: %s\n", fault.text);
}

/* ---- what functions are told ------------------------------------------------------------------- */

static struct xfn_function_config config_of(const struct world_config *config)
{
	__u32 threshold = config->sample ? 0xffffffffU / config->sample : XFN_SAMPLE_NEVER;
	struct xfn_function_config value = {
		.limit = XFN_FUNCTION_DELIVERY(config->delivery),
		.target = XFN_TARGET(threshold, config->handler),
	};
	__u64 interval;

	if (config->disabled)
		value.limit |= XFN_FUNCTION_DISABLED | XFN_FUNCTION_OFF_DROP;
	if (config->source_rate)
		value.limit |= XFN_FUNCTION_PER_SOURCE;
	if (!config->rate)
		return value;
	interval = 1000000000ULL * XFN_TIME_FRACTION / config->rate;
	value.limit |= XFN_FUNCTION_LIMITED | interval;
	value.burst = interval * config->burst;
	return value;
}

/* The limit of each source: as many cells as by default, and fresh ones each time. */
static void set_source_limit(struct world *world, const struct world_config *config,
			     unsigned generation)
{
	struct xfn_policy_config policy = {
		.interval = 1000000000ULL * XFN_TIME_FRACTION / config->source_rate,
		.mask4 = ~0ULL,
		.cells = XFN_POLICY_CELLS(0, XFN_SOURCE_ENTRIES_DEFAULT - 1),
	};
	int err;

	policy.burst = policy.interval * config->burst;
	err = xfn_dataplane_set_policy(world->dataplane, generation, 0, false, &policy);
	if (err)
		fprintf(stderr, "bench: no cells for sources: %s\n", strerror(-err));
}

void world_set(struct world *world, const struct world_config *config)
{
	struct xfn_function_config value = config_of(config);
	struct xfn_ruleset_maps *rules = &world->dataplane->rules;
	unsigned generation = XFN_LIVE_GENERATION(rules->control->live);
	__u32 i, list, chunk;

	for (i = 0; i < world->functions; i++) {
		xfn_dataplane_set_function(world->dataplane, generation, i, &value);
		__atomic_store_n(&world->dataplane->functions[i].arrival, 0, __ATOMIC_RELAXED);
	}
	if (config->source_rate)
		set_source_limit(world, config, generation);
	chunk = generation * XFN_PORT_CHUNKS + WORLD_PORT / XFN_PORTS_PER_CHUNK;
	list = rules->ports[chunk].list[WORLD_PORT % XFN_PORTS_PER_CHUNK];
	rules->probes[generation * XFN_PROBE_WORDS + list].head.sample =
		XFN_TARGET_SAMPLE(value.target);
}

__u64 world_count(const struct world *world, __u32 function, enum xfn_verdict verdict)
{
	struct xfn_function_counts counts[CPUS_MAX];
	unsigned cpu;
	__u64 sum = 0;

	if (world->dataplane->cpus > CPUS_MAX ||
	    bpf_map_lookup_elem(world->dataplane->map_fd[XFN_MAP_COUNTS], &function, counts))
		return 0;
	for (cpu = 0; cpu < world->dataplane->cpus; cpu++)
		sum += counts[cpu].verdicts[verdict];
	return sum;
}
