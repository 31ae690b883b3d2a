/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any JSON as a revision's meta.json, with checksums that are right: reading it ends in a model or in a
 * refusal that has a reason, leaks nothing, and a model that passes the check names only slots that
 * there are.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../loader/engine_private.h"
#include "../../loader/revision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char manifest[] = "version: 1\n"
			       "functions:\n"
			       "  - {name: one, trigger: udp/7, kernel: a.o}\n"
			       "  - {name: two, tenant: t, trigger: udp/8, socket: existing}\n";
static const struct xfn_capacity capacity = {
	.triggers = 64, .functions = 4, .slot_bits = 8, .versions = 12, .histograms = 8};

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* On a memory file system: the revision is synced as any other. */
static const char *state_dir(void)
{
	static char dir[] = "/dev/shm/xfn-state-fuzz.XXXXXX";
	static bool made;

	if (!made) {
		check(mkdtemp(dir) != NULL);
		made = true;
	}
	return dir;
}

static void remove_state(void)
{
	xfn_revision_remove_all(state_dir());
	rmdir(state_dir());
}

static void check_slots(const struct xfn_model *model)
{
	size_t i;

	for (i = 0; i < model->function_count; i++) {
		check(model->functions[i].slot < capacity.functions);
		check(!model->functions[i].version ||
		      model->functions[i].version->slot < capacity.versions);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xfn_revision_file files[] = {
		{.name = "sets/main.yaml", .data = manifest, .size = sizeof(manifest) - 1},
		{.name = "objects/default.one.v1.o", .data = "object", .size = 6},
	};
	json_t *meta = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct xfn_model *model = NULL;
	struct xfn_fault fault = {};
	static bool registered;
	int err;

	if (!registered)
		registered = !atexit(remove_state);
	if (!json_is_object(meta)) {
		json_decref(meta);
		return 0;
	}
	check(!xfn_revision_write(state_dir(), 1, meta, files, 2, 0));
	json_decref(meta);
	err = xfn_state_read(state_dir(), 1, &model, &fault);
	check(err ? !model : model != NULL);
	check(err != -EBADMSG || fault.text[0]);
	if (!err && !xfn_model_check(model, &capacity, &fault))
		check_slots(model);
	xfn_model_free(model);
	return 0;
}
