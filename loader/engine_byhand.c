/* SPDX-License-Identifier: BSD-2-Clause */
/* What was changed by command since the last apply: kept, undone, or asked about. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_apply.h"
#include "engine_read.h"

#define SHOWN_MAX 40

/* What becomes of an edit; the labels are in JSON. */
enum fate { ASKS, KEPT, UNDONE, TAKEN_OVER, UNFIT };
static const char *const fate_labels[] = {"asks", "kept", "undone", "taken_over", "unfit"};

/* The edits of the live set, and where each of them ends. */
struct by_hand {
	struct xfn_edit **edits;
	enum xfn_edit_fate *fates;
	size_t count;
	size_t open; /* that the manifest says otherwise */
};

/* ---- fates ------------------------------------------------------------------------------------------ */

static const struct xfn_function_spec *find_spec(const struct xfn_manifest *manifest,
						 const struct xfn_edit *edit)
{
	size_t i;

	for (i = 0; i < manifest->function_count; i++)
		if (xfn_edit_is_of(edit, &manifest->functions[i]))
			return &manifest->functions[i];
	return NULL;
}

/* A swapped handler is in the manifest by now if the manifest's object is just that one. */
static enum xfn_edit_fate fate_of_swap(const struct xfn_apply *apply, const struct xfn_edit *edit)
{
	const struct xfn_function_spec *spec = find_spec(apply->written->manifest, edit);
	const struct xfn_model_function *function;
	const struct xfn_upload *object;

	if (!spec || spec->delivery != XFN_DELIVER_KERNEL)
		return XFN_EDIT_UNFIT;
	function = xfn_model_function(apply->change.engine->model, spec->tenant, spec->name);
	object = xfn_apply_file(apply, spec->kernel.object);
	if (!function || !function->by_hand ||
	    (object && xfn_version_is(function->version, object, spec->kernel.program)))
		return XFN_EDIT_NEEDLESS;
	return XFN_EDIT_APPLIED;
}

static int find_fates(const struct xfn_apply *apply, struct by_hand *by_hand, struct xfn_set **kept)
{
	size_t i;
	int err = xfn_set_new(apply->written, by_hand->edits, by_hand->count, by_hand->fates, kept);

	for (i = 0; i < by_hand->count && !err; i++) {
		if (by_hand->edits[i]->spec.kind == XFN_EDIT_SWAP)
			by_hand->fates[i] = fate_of_swap(apply, by_hand->edits[i]);
		by_hand->open += by_hand->fates[i] == XFN_EDIT_APPLIED;
	}
	return err;
}

/* Swaps that are no longer ones by hand leave the set. */
static void drop_swaps(struct xfn_set *set, const struct by_hand *by_hand)
{
	size_t from, to = 0, i = 0;

	for (from = 0; from < set->edit_count; from++) {
		while (by_hand->edits[i] != set->edits[from])
			i++;
		if (by_hand->fates[i] == XFN_EDIT_APPLIED)
			set->edits[to++] = set->edits[from];
		else
			xfn_edit_put(set->edits[from]);
	}
	set->edit_count = to;
}

/* ---- saying ----------------------------------------------------------------------------------------- */

/* "function 'web': limit 50k/s by command" */
static char *describe(const struct xfn_apply *apply, const struct xfn_edit *edit, char *buf,
		      size_t size)
{
	const struct xfn_edit_spec *spec = &edit->spec;
	const struct xfn_function_spec names = {.tenant = spec->tenant, .name = spec->function};
	const struct xfn_model_function *function;
	char label[XFN_LABEL_BYTES], words[XFN_EDIT_WORDS_BYTES];

	function = xfn_model_function(apply->change.engine->model, spec->tenant, spec->function);
	if (spec->kind == XFN_EDIT_SWAP && function && function->version)
		snprintf(buf, size, "function '%s' runs v%u, which came by command",
			 xfn_function_label(&names, label), function->version->number);
	else
		snprintf(buf, size, "function '%s': %s, by command",
			 xfn_function_label(&names, label), xfn_edit_print(edit, words));
	return buf;
}

static enum fate fate_of(const struct xfn_apply_request *request, enum xfn_edit_fate fate)
{
	if (fate != XFN_EDIT_APPLIED)
		return fate == XFN_EDIT_NEEDLESS ? TAKEN_OVER : UNFIT;
	if (request->keep)
		return KEPT;
	return request->overwrite ? UNDONE : ASKS;
}

static void list(struct xfn_apply *apply, const struct by_hand *by_hand)
{
	char text[512];
	enum fate fate;
	size_t i;

	for (i = 0; i < by_hand->count; i++) {
		fate = fate_of(apply->request, by_hand->fates[i]);
		if (fate == UNFIT)
			xfn_apply_warn(apply, "%s: it no longer fits and is dropped",
				       describe(apply, by_hand->edits[i], text, sizeof(text)));
		if (json_array_size(apply->by_hand) < SHOWN_MAX)
			json_array_append_new(apply->by_hand,
					      xfn_edit_json(by_hand->edits[i], fate_labels[fate]));
	}
	if (by_hand->count > SHOWN_MAX)
		xfn_apply_warn(apply, "%zu more changes by command are not listed",
			       by_hand->count - SHOWN_MAX);
}

/* The first that is open, and how many more there are. */
static char *describe_open(const struct xfn_apply *apply, const struct by_hand *by_hand, char *buf,
			   size_t size)
{
	size_t i = 0, length;

	while (by_hand->fates[i] != XFN_EDIT_APPLIED)
		i++;
	describe(apply, by_hand->edits[i], buf, size);
	length = strlen(buf);
	if (by_hand->open > 1)
		snprintf(buf + length, size - length, ", and %zu more change%s", by_hand->open - 1,
			 by_hand->open == 2 ? "" : "s");
	return buf;
}

/* ---- deciding --------------------------------------------------------------------------------------- */

/* Revisions of before have no edit for a handler that was swapped: its function alone says so. */
static const struct xfn_model_function *find_swapped(const struct xfn_apply *apply)
{
	const struct xfn_manifest *manifest = apply->written->manifest;
	const struct xfn_model_function *function;
	const struct xfn_function_spec *spec;
	const struct xfn_upload *object;
	size_t i;

	for (i = 0; i < manifest->function_count; i++) {
		spec = &manifest->functions[i];
		function =
			xfn_model_function(apply->change.engine->model, spec->tenant, spec->name);
		if (!function || !function->by_hand || spec->delivery != XFN_DELIVER_KERNEL ||
		    strcmp(function->set->manifest->set, manifest->set))
			continue;
		object = xfn_apply_file(apply, spec->kernel.object);
		if (object && !xfn_version_is(function->version, object, spec->kernel.program))
			return function;
	}
	return NULL;
}

static int ask(struct xfn_apply *apply, const struct by_hand *by_hand)
{
	const struct xfn_apply_request *request = apply->request;
	const struct xfn_model_function *swapped = NULL;
	char text[512], label[XFN_LABEL_BYTES];

	if (request->keep || request->overwrite)
		return 0;
	if (!by_hand->open)
		swapped = find_swapped(apply);
	if (!by_hand->open && !swapped)
		return 0;
	if (swapped)
		snprintf(text, sizeof(text), "function '%s' runs v%u, which came by command",
			 xfn_function_label(swapped->spec, label), swapped->version->number);
	else
		describe_open(apply, by_hand, text, sizeof(text));
	if (request->dry) {
		xfn_apply_warn(apply, "%s: apply wants --keep or --overwrite", text);
		return 0;
	}
	return xfn_change_refuse(&apply->change, -EEXIST, 409, "changed_by_hand",
				 "%s: apply --keep leaves it so, --overwrite makes it as the "
				 "manifest says",
				 text);
}

int xfn_apply_decide(struct xfn_apply *apply)
{
	const struct xfn_set *live =
		xfn_model_set(apply->change.engine->model, apply->written->manifest->set);
	struct by_hand by_hand = {};
	struct xfn_set *kept = NULL;
	int err;

	if (live && live->edit_count) {
		by_hand.edits = live->edits;
		by_hand.count = live->edit_count;
	}
	by_hand.fates = calloc(by_hand.count + 1, sizeof(*by_hand.fates));
	err = by_hand.fates ? find_fates(apply, &by_hand, &kept) : -ENOMEM;
	if (!err) {
		drop_swaps(kept, &by_hand);
		list(apply, &by_hand);
		err = ask(apply, &by_hand);
	}
	if (!err && apply->request->keep)
		apply->set = xfn_set_get(kept);
	else if (!err)
		err = xfn_set_new(apply->written, NULL, 0, NULL, &apply->set);
	xfn_set_put(kept);
	free(by_hand.fates);
	return err;
}

bool xfn_apply_keeps_version(const struct xfn_apply *apply,
			     const struct xfn_model_function *function)
{
	return function->by_hand && apply->request->keep;
}

bool xfn_apply_is_live(const struct xfn_apply *apply)
{
	const struct xfn_set *live =
		xfn_model_set(apply->change.engine->model, apply->written->manifest->set);

	if (!live || live->edit_count != apply->set->edit_count)
		return false;
	return !live->edit_count || live->written == apply->written ||
	       (live->written->text.sum == apply->written->text.sum &&
		live->written->text.size == apply->written->text.size);
}
