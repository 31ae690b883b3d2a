/* SPDX-License-Identifier: BSD-2-Clause */
/* What `apply` does with a manifest, part by part: parse, compile, store into an idle generation. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "diag.h"
#include "errnum.h"
#include "manifest.h"
#include "sample.h"
#include "../../loader/dataplane.h"

#define TEXT_BYTES_MAX (64U << 20)

struct times {
	struct samples parse, compile, store, store_again;
};

static char *read_text(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(TEXT_BYTES_MAX) : NULL;

	if (text)
		*ret_size = fread(text, 1, TEXT_BYTES_MAX, file);
	else
		fprintf(stderr, "bench: cannot read '%s': %s\n", path, strerror(errno));
	if (file)
		fclose(file);
	return text;
}

static struct xfn_ruleset_function *list_functions(const struct xfn_manifest *manifest)
{
	struct xfn_ruleset_function *functions =
		calloc(manifest->function_count, sizeof(*functions));
	size_t i;

	for (i = 0; functions && i < manifest->function_count; i++)
		functions[i] = (struct xfn_ruleset_function){
			.files = manifest->files,
			.owner = manifest->functions[i].name,
			.slot = i,
			.triggers = xfn_function_triggers(manifest, &manifest->functions[i]),
			.trigger_count = manifest->functions[i].trigger_count,
			.prefixes = manifest->prefixes,
			.keys = manifest->keys,
		};
	return functions;
}

static int compile(const struct xfn_manifest *manifest, const struct xfn_dataplane *dataplane,
		   struct xfn_ruleset **ret)
{
	static const struct xfn_ruleset_interface interface = {"bench0", 0};
	struct xfn_ruleset_address own = {
		.family = AF_INET, .kind = XFN_ADDRESS_OWN, .addr = {198, 18, 0, 1}};
	struct xfn_ruleset_input input = {
		.functions = list_functions(manifest),
		.function_count = manifest->function_count,
		.interfaces = &interface,
		.interface_count = 1,
		.addresses = &own,
		.address_count = 1,
		.slot_bits = dataplane->capacity.slot_bits,
		.rules_max = dataplane->capacity.triggers,
		.functions_max = dataplane->capacity.functions,
		.start_seed = 1,
		.key_seed = dataplane->rules.key_seed, /* the store wants that one */
	};
	struct xfn_diag_list diags;
	int err = -ENOMEM;

	xfn_diag_list_init(&diags);
	if (input.functions)
		err = xfn_ruleset_compile(&input, &diags, ret);
	xfn_diag_list_fini(&diags);
	free((void *)input.functions);
	return err;
}

static int run_once(const char *text, size_t size, struct xfn_dataplane *dataplane,
		    struct times *times)
{
	struct xfn_manifest *manifest = NULL;
	struct xfn_ruleset *ruleset = NULL;
	struct xfn_diag_list diags;
	__u64 begin = now_ns(), parsed, compiled, stored, again;
	int err;

	xfn_diag_list_init(&diags);
	err = xfn_manifest_parse("bench.yaml", text, size, &diags, &manifest);
	parsed = now_ns();
	if (!err)
		err = compile(manifest, dataplane, &ruleset);
	compiled = now_ns();
	if (!err && xfn_ruleset_store(ruleset, &dataplane->rules, 1) < 0)
		err = -EINVAL;
	stored = now_ns();
	if (!err && xfn_ruleset_store(ruleset, &dataplane->rules, 1) < 0)
		err = -EINVAL;
	again = now_ns();
	samples_add(&times->parse, (parsed - begin) / 1e6);
	samples_add(&times->compile, (compiled - parsed) / 1e6);
	samples_add(&times->store, (stored - compiled) / 1e6);
	samples_add(&times->store_again, (again - stored) / 1e6);
	memset(dataplane->rules.entries, 0,
	       sizeof(struct xfn_entry) << (dataplane->rules.slot_bits + 1));
	xfn_ruleset_free(ruleset);
	xfn_manifest_free(manifest);
	xfn_diag_list_fini(&diags);
	return err;
}

static int run_file(const char *path, struct xfn_dataplane *dataplane)
{
	struct times *times = calloc(1, sizeof(*times));
	int i, rounds = bench_is_quick() ? 3 : 11, err = 0;
	size_t size = 0;
	char *text = read_text(path, &size);

	if (!times || !text)
		err = -ENOMEM;
	for (i = 0; i < rounds && !err; i++)
		err = run_once(text, size, dataplane, times);
	if (!err) {
		record_begin("compile", path);
		record_samples("parse", &times->parse);
		record_samples("compile", &times->compile);
		record_samples("store", &times->store);
		record_samples("again", &times->store_again);
		record_end();
	} else {
		fprintf(stderr, "bench: '%s': %s\n", path, strerror(-err));
	}
	free(text);
	free(times);
	return err;
}

int bench_compile(int argc, char **argv)
{
	struct xfn_capacity capacity = xfn_capacity_of(110000, 1024);
	struct xfn_dataplane *dataplane = NULL;
	struct xfn_fault fault = {""};
	const char *pin_dir = "/sys/fs/bpf/xfn_bench_compile";
	bool adopted = false;
	int i, err = xfn_dataplane_open(pin_dir, &capacity, &dataplane, &adopted, &fault);

	if (err)
		fprintf(stderr, "bench: cannot make a data plane: %s\n", fault.text);
	for (i = 1; i < argc && !err; i++)
		err = run_file(argv[i], dataplane);
	xfn_dataplane_close(dataplane);
	if (xfn_dataplane_remove(pin_dir, &fault))
		fprintf(stderr, "bench: %s\n", fault.text);
	return err ? 1 : 0;
}
