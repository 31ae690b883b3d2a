/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "errnum.h"
#include "manifest.h"
#include "../../loader/dataplane_load.h"
#include "../../loader/dry.h"
#include "../../loader/engine_private.h"
#include "../../loader/handler.h"
#include "../../loader/policy.h"

enum { CAPACITY_TRIGGERS = 2000, CAPACITY_FUNCTIONS = 64 };

#define BPFFS      "/sys/fs/bpf"
#define PIN_PREFIX "xfn_bpf_test_"

static const struct xfn_ruleset_interface interfaces[] = {{"test0", 0}, {"test1", 1}};
static struct xfn_ruleset_address addresses[4];

/* ---- life -------------------------------------------------------------------------------------- */

static void make_addresses(void)
{
	static const struct {
		const char *text;
		__u8 kind;
	} texts[] = {
		{"192.0.2.1", XFN_ADDRESS_OWN},
		{"192.0.2.255", XFN_ADDRESS_BROADCAST},
		{"2001:db8::1", XFN_ADDRESS_OWN},
		{"fe80::1", XFN_ADDRESS_OWN},
	};
	unsigned i;

	for (i = 0; i < 4; i++) {
		addresses[i].family = strchr(texts[i].text, ':') ? AF_INET6 : AF_INET;
		addresses[i].kind = texts[i].kind;
		inet_pton(addresses[i].family, texts[i].text, addresses[i].addr);
	}
}

static int mount_bpffs(void)
{
	struct statfs info;

	if (!statfs(BPFFS, &info) && info.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, NULL))
		return xfn_errno();
	fprintf(stderr, "mounted a bpffs at %s\n", BPFFS);
	return 0;
}

/* A process that was killed and that nobody waits for has an entry in /proc, but no program. */
static bool is_running(const char *pid)
{
	char path[64], program[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	return readlink(path, program, sizeof(program)) >= 0;
}

/* What a run that was killed left behind. */
static void remove_leftovers(void)
{
	DIR *dir = opendir(BPFFS);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PIN_PREFIX, strlen(PIN_PREFIX)) ||
		    is_running(entry->d_name + strlen(PIN_PREFIX)))
			continue;
		snprintf(path, sizeof(path), BPFFS "/%s", entry->d_name);
		xfn_pin_remove_tree(path);
	}
	if (dir)
		closedir(dir);
}

/* Objects are in the folder that holds tests/bpf, where the program is: build/tests/bpf/bpf_test. */
static void find_build_dir(struct harness *harness)
{
	ssize_t length =
		readlink("/proc/self/exe", harness->build_dir, sizeof(harness->build_dir) - 1);
	char *slash;
	int i;

	harness->build_dir[length > 0 ? length : 0] = '\0';
	for (i = 0; i < 3; i++) {
		slash = strrchr(harness->build_dir, '/');
		if (slash)
			*slash = '\0';
	}
}

int harness_open(struct harness *harness)
{
	const char *scale = getenv("XFN_TEST_SCALE");
	struct xfn_capacity capacity = xfn_capacity_of(CAPACITY_TRIGGERS, CAPACITY_FUNCTIONS);
	struct xfn_fault fault = {""};
	bool adopted = false;
	__u32 slot;
	int err = mount_bpffs();

	remove_leftovers();
	memset(harness, 0, sizeof(*harness));
	harness->scale = scale ? atof(scale) : 1;
	find_build_dir(harness);
	make_addresses();
	snprintf(harness->pin_dir, sizeof(harness->pin_dir), BPFFS "/" PIN_PREFIX "%d", getpid());
	if (!err)
		err = xfn_dataplane_open(harness->pin_dir, &capacity, &harness->dataplane, &adopted,
					 &fault);
	for (slot = 0; slot < 2 && !err; slot++) {
		err = xfn_dataplane_load_slot(harness->dataplane, slot, &fault);
		if (!err)
			xfn_dataplane_set_mac(harness->dataplane, slot, (const __u8 *)FRAME_MAC);
		if (!err)
			err = xfn_dry_open(harness->dataplane, slot, &harness->dry[slot], &fault);
	}
	if (err)
		fprintf(stderr, "cannot make a data plane below %s: %s %s\n", harness->pin_dir,
			strerror(-err), fault.text);
	return err;
}

void harness_close(struct harness *harness)
{
	struct xfn_fault fault;

	xfn_dry_close(harness->dry[0]);
	xfn_dry_close(harness->dry[1]);
	xfn_ruleset_free(harness->ruleset);
	xfn_manifest_free(harness->manifest);
	xfn_dataplane_close(harness->dataplane);
	if (harness->pin_dir[0] && xfn_dataplane_remove(harness->pin_dir, &fault))
		fprintf(stderr, "%s\n", fault.text);
}

unsigned harness_scaled(const struct harness *harness, unsigned number, unsigned least)
{
	unsigned scaled = (unsigned)(number * harness->scale);

	return scaled > least ? scaled : least;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static void fail_with(const char *what, const struct xfn_diag_list *diags)
{
	test_expect(false, "%s: %s", what,
		    diags->count ? diags->items[0].message : "failed without a reason");
}

/* As the daemon makes it, with handlers in the slots of their functions, timed where that is asked for. */
static struct xfn_function_config config_of(const struct xfn_function_spec *spec, __u32 slot)
{
	struct xfn_version version = {.slot = slot, .histogram = XFN_HISTOGRAM_NONE};
	struct xfn_model_function function = {.spec = spec};
	struct xfn_function_config config;

	if (spec->given & XFN_GIVEN_SAMPLE)
		version.histogram = slot;
	if (spec->delivery == XFN_DELIVER_KERNEL)
		function.version = &version;
	config = xfn_function_config_of(&function);
	/* Of a redirect that is the element of xfn_targets. */
	if (XFN_FUNCTION_DELIVERY_OF(config.limit) >= XFN_DELIVERY_REDIRECTS)
		config.target = XFN_TARGET(XFN_SAMPLE_NEVER, slot);
	return config;
}

void harness_ruleset_input(const struct harness *harness, struct xfn_ruleset_input *ret)
{
	*ret = (struct xfn_ruleset_input){
		.interfaces = interfaces,
		.interface_count = 2,
		.addresses = addresses,
		.address_count = 4,
		.slot_bits = harness->dataplane->capacity.slot_bits,
		.rules_max = harness->dataplane->capacity.triggers,
		.functions_max = harness->dataplane->capacity.functions,
		.start_seed = 1,
		.key_seed = harness->dataplane->rules.key_seed,
	};
}

static struct xfn_ruleset *compile(const struct harness *harness,
				   const struct xfn_manifest *manifest, struct xfn_diag_list *diags)
{
	struct xfn_ruleset_function functions[HARNESS_FUNCTIONS] = {};
	const struct xfn_function_spec *spec;
	struct xfn_ruleset *ruleset = NULL;
	struct xfn_ruleset_input input;
	__u32 i;

	for (i = 0; i < manifest->function_count && i < HARNESS_FUNCTIONS; i++) {
		spec = &manifest->functions[i];
		functions[i] = (struct xfn_ruleset_function){
			.files = manifest->files,
			.owner = spec->name,
			.slot = i,
			.sample = XFN_TARGET_SAMPLE(config_of(spec, i).target),
			.triggers = xfn_function_triggers(manifest, spec),
			.trigger_count = spec->trigger_count,
			.prefixes = manifest->prefixes,
			.keys = manifest->keys,
		};
	}
	harness_ruleset_input(harness, &input);
	input.functions = functions;
	input.function_count = i;
	return xfn_ruleset_compile(&input, diags, &ruleset) ? NULL : ruleset;
}

/*
 * Nothing but TEST_RUN, on this thread, runs the programs: the idle generation is always quiet, and
 * need not be waited for.
 */
static int idle_generation(struct harness *harness)
{
	harness->dataplane->idle_is_quiet = true;
	return xfn_dataplane_idle(harness->dataplane);
}

void harness_apply_ruleset(struct harness *harness, const struct xfn_ruleset *ruleset)
{
	int generation = idle_generation(harness);
	long stored = xfn_ruleset_store(ruleset, &harness->dataplane->rules, generation);

	test_expect(stored >= 0, "store the ruleset: %ld", stored);
	xfn_dataplane_flip(harness->dataplane, ++harness->revision);
}

/* Function N's line and policy into the idle generation; those that are not in the manifest: nothing. */
static void set_function(struct harness *harness, const struct xfn_manifest *manifest,
			 int generation, __u32 i)
{
	struct xfn_function_config config = {};
	struct xfn_policy_config policy = {};
	int err;

	if (i < manifest->function_count) {
		config = config_of(&manifest->functions[i], i);
		policy = xfn_policy_config_of(manifest, &manifest->functions[i]);
	}
	xfn_dataplane_set_function(harness->dataplane, generation, i, &config);
	err = xfn_dataplane_set_policy(harness->dataplane, generation, i, true, &policy);
	test_expect(!err, "policy of function %u: %s", i, strerror(-err));
}

static bool apply(struct harness *harness, const char *text, struct xfn_diag_list *diags)
{
	struct xfn_manifest *manifest = NULL;
	struct xfn_ruleset *ruleset = NULL;
	int generation = idle_generation(harness);
	__u32 i;

	if (!xfn_manifest_parse("test.yaml", text, strlen(text), diags, &manifest))
		ruleset = compile(harness, manifest, diags);
	if (!ruleset) {
		xfn_manifest_free(manifest);
		return false;
	}
	for (i = 0; i < HARNESS_FUNCTIONS; i++)
		set_function(harness, manifest, generation, i);
	harness_apply_ruleset(harness, ruleset);
	xfn_ruleset_free(harness->ruleset);
	xfn_manifest_free(harness->manifest);
	harness->ruleset = ruleset;
	harness->manifest = manifest;
	return true;
}

bool harness_try_apply(struct harness *harness, const char *text)
{
	struct xfn_diag_list diags;
	bool applied;

	xfn_diag_list_init(&diags);
	applied = apply(harness, text, &diags);
	xfn_diag_list_fini(&diags);
	return applied;
}

bool harness_apply(struct harness *harness, const char *text)
{
	struct xfn_diag_list diags;
	bool applied;

	xfn_diag_list_init(&diags);
	applied = apply(harness, text, &diags);
	if (!applied)
		fail_with("apply", &diags);
	xfn_diag_list_fini(&diags);
	return applied;
}

/* ---- handlers ---------------------------------------------------------------------------------- */

void *harness_read_file(const struct harness *harness, const char *name, size_t *ret_bytes)
{
	char path[sizeof(harness->build_dir) + 128];
	struct stat info;
	void *bytes = NULL;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", harness->build_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &info) && (bytes = malloc(info.st_size + 1))) {
		*ret_bytes = read(fd, bytes, info.st_size);
		((char *)bytes)[info.st_size] = '\0';
	}
	test_expect(bytes, "cannot read '%s'", path);
	if (fd >= 0)
		close(fd);
	return bytes;
}

bool harness_enter_handler(struct harness *harness, __u32 slot, const char *object)
{
	struct xfn_handler_request request = {
		.tenant = "default",
		.name = "test",
		.path = object,
		.version_slot = slot,
		.histogram_slot = slot,
	};
	struct xfn_fault fault;
	int fd, err;

	request.object = harness_read_file(harness, object, &request.object_bytes);
	if (!request.object)
		return false;
	fd = xfn_handler_load(harness->dataplane, &request, &fault);
	free((void *)request.object);
	if (!test_expect(fd >= 0, "load %s: %s", object, fault.text))
		return false;
	err = bpf_map_update_elem(harness->dataplane->map_fd[XFN_MAP_HANDLERS], &slot, &fd, 0);
	close(fd);
	return test_expect(!err, "enter %s: %s", object, strerror(errno));
}

void harness_clear_handler(struct harness *harness, __u32 slot)
{
	bpf_map_delete_elem(harness->dataplane->map_fd[XFN_MAP_HANDLERS], &slot);
}
