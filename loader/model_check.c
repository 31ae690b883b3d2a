/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a model that was read from disk fits the maps: its numbers become indices. Checksums tell
 * damage, not a revision of another host, nor one that somebody mended by hand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_load.h"
#include "model.h"

/* One kind of slot: each is below @count and of one owner. */
struct owners {
	const char *what;
	bool *taken;
	__u32 count;
};

struct check {
	struct owners functions, versions, histograms;
	struct xfn_fault *fault;
};

static int owners_init(struct owners *owners, const char *what, __u32 count)
{
	owners->what = what;
	owners->count = count;
	owners->taken = calloc(count ?: 1, sizeof(*owners->taken));
	return owners->taken ? 0 : -ENOMEM;
}

static int take(struct check *check, struct owners *owners, const struct xfn_function_spec *spec,
		__u32 slot)
{
	char label[XFN_LABEL_BYTES];

	if (slot >= owners->count) {
		xfn_fault_set(check->fault, "meta.json: function '%s' has %s %u, expected below %u",
			      xfn_function_label(spec, label), owners->what, slot, owners->count);
		return -EBADMSG;
	}
	if (owners->taken[slot]) {
		xfn_fault_set(check->fault,
			      "meta.json: function '%s' has %s %u, which is another's",
			      xfn_function_label(spec, label), owners->what, slot);
		return -EBADMSG;
	}
	owners->taken[slot] = true;
	return 0;
}

static int take_version(struct check *check, const struct xfn_function_spec *spec,
			const struct xfn_version *version)
{
	int err;

	if (!version)
		return 0;
	err = take(check, &check->versions, spec, version->slot);
	if (!err && version->histogram != XFN_HISTOGRAM_NONE)
		err = take(check, &check->histograms, spec, version->histogram);
	return err;
}

static int take_function(struct check *check, const struct xfn_model_function *function)
{
	int err = take(check, &check->functions, function->spec, function->slot);

	if (!err && function->histogram != XFN_HISTOGRAM_NONE)
		err = take(check, &check->histograms, function->spec, function->histogram);
	if (!err)
		err = take_version(check, function->spec, function->version);
	return err ?: take_version(check, function->spec, function->draining);
}

int xfn_model_check(const struct xfn_model *model, const struct xfn_capacity *capacity,
		    struct xfn_fault *fault)
{
	struct check check = {.fault = fault};
	size_t i;
	int err = owners_init(&check.functions, "slot", capacity->functions) ?:
		  owners_init(&check.versions, "a version in slot", capacity->versions) ?:
		  owners_init(&check.histograms, "histogram", capacity->histograms);

	for (i = 0; i < model->function_count && !err; i++)
		err = take_function(&check, &model->functions[i]);
	free(check.functions.taken);
	free(check.versions.taken);
	free(check.histograms.taken);
	return err;
}
