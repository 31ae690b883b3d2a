/* SPDX-License-Identifier: BSD-2-Clause */
/* The next model, made of an earlier revision's: what still runs is not touched. */
#include <errno.h>

#include "engine_guard.h"

/* ---- versions ---------------------------------------------------------------------------------- */

static void take_version(struct xfn_model_function *function, struct xfn_version *version)
{
	xfn_version_put(function->draining);
	function->draining = function->version;
	function->version = xfn_version_get(version);
}

/*
 * The handler that the revision had. One whose program is in the kernel yet is taken as it is; else its
 * bytes are loaded again, as a new version.
 */
static int restore_version(struct xfn_change *change, struct xfn_model_function *function,
			   struct xfn_version *wanted)
{
	struct xfn_upload object;

	if (!wanted) {
		xfn_version_put(function->version);
		function->version = NULL;
		return 0;
	}
	if (xfn_version_is_alike(function->version, wanted))
		return 0;
	if (wanted->program_fd >= 0) {
		take_version(function, wanted);
		return 0;
	}
	object = (struct xfn_upload){.name = function->spec->kernel.object ?: "revision",
				     .data = wanted->object,
				     .size = wanted->object_bytes};
	return xfn_change_load(change, function, &object, wanted->program);
}

/* ---- functions --------------------------------------------------------------------------------- */

/* Its predecessor is what is wanted: the two change places, and neither has lost a count. */
static int change_places(struct xfn_change *change, const struct xfn_model_function *live,
			 const struct xfn_model_function *wanted)
{
	struct xfn_model_function function = *live;

	function.set = wanted->set;
	function.spec = wanted->spec;
	function.version = live->draining;
	function.draining = live->version;
	function.program_version = 0;
	return xfn_model_add_function(change->next, &function);
}

/* One that is gone from the live model, and whose slot and counters were kept for this. */
static bool was_kept(const struct xfn_change *change, const struct xfn_model *wanted)
{
	return wanted == change->engine->pending.before;
}

static int add(struct xfn_change *change, const struct xfn_model *model,
	       const struct xfn_model_function *wanted)
{
	struct xfn_model_function *live =
		xfn_model_function(change->engine->model, wanted->spec->tenant, wanted->spec->name);

	if (live && wanted->version && xfn_version_is_alike(live->draining, wanted->version) &&
	    !xfn_version_is_alike(live->version, wanted->version))
		return change_places(change, live, wanted);
	if (live)
		return xfn_change_keep_function(change, live, wanted->set, wanted->spec);
	if (was_kept(change, model))
		return xfn_change_keep_function(change, wanted, NULL, NULL);
	return xfn_change_add_function(change, wanted->set, wanted->spec);
}

static int restore_function(struct xfn_change *change, const struct xfn_model *model,
			    const struct xfn_model_function *wanted)
{
	struct xfn_model_function *function;
	int err = add(change, model, wanted);

	if (err)
		return err;
	function = &change->next->functions[change->next->function_count - 1];
	function->by_hand = wanted->by_hand;
	function->owner = wanted->owner;
	return restore_version(change, function, wanted->version);
}

/* ---- interfaces -------------------------------------------------------------------------------- */

static int restore_attachment(struct xfn_change *change, const struct xfn_attachment *wanted)
{
	const struct xfn_attachment *live =
		xfn_model_attachment(change->engine->model, wanted->name);

	if (live && live->generic != wanted->generic)
		return xfn_change_refuse(change, -EBUSY, 409, "attached",
					 "interface '%s' is attached in %s mode, expected %s: "
					 "xfn detach %s first",
					 live->name, live->generic ? "generic" : "native",
					 wanted->generic ? "generic" : "native", live->name);
	if (live && live->coexist != wanted->coexist)
		return xfn_change_refuse(change, -EBUSY, 409, "attached",
					 "interface '%s' is attached %s --coexist, expected %s it: "
					 "xfn detach %s first",
					 live->name, live->coexist ? "with" : "without",
					 wanted->coexist ? "with" : "without", live->name);
	return xfn_model_add_attachment(change->next, wanted);
}

/*
 * With a revision that is taken back goes its switch of everything. A confirmed one stays as it is,
 * whichever revision comes back: off is for emergencies, and ends by `xfn on` alone.
 */
static void restore_off(struct xfn_change *change, const struct xfn_model *wanted)
{
	const struct xfn_model *before = change->engine->pending.before;

	if (change->reverts)
		xfn_model_set_off(change->next, before ? before->off : wanted->off);
}

int xfn_change_restore(struct xfn_change *change, struct xfn_model *wanted)
{
	size_t i;
	int err = 0;

	restore_off(change, wanted);
	for (i = 0; i < wanted->set_count && !err; i++)
		err = xfn_model_add_set(change->next, wanted->sets[i]);
	for (i = 0; i < wanted->attachment_count && !err; i++)
		err = restore_attachment(change, &wanted->attachments[i]);
	for (i = 0; i < wanted->function_count && !err; i++)
		err = restore_function(change, wanted, &wanted->functions[i]);
	return err;
}
