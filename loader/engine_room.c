/* SPDX-License-Identifier: BSD-2-Clause */
/* Room: how much the data plane has to hold, for a change or for what was on disk. */
#include <errno.h>

#include "engine_private.h"

struct xfn_capacity xfn_capacity_of_model(const struct xfn_model *model)
{
	const struct xfn_capacity_spec *spec;
	__u64 triggers = XFN_CAPACITY_TRIGGERS_DEFAULT, functions = XFN_CAPACITY_FUNCTIONS_DEFAULT;
	size_t i;

	for (i = 0; i < model->set_count; i++) {
		spec = &model->sets[i]->manifest->capacity;
		triggers = spec->triggers > triggers ? spec->triggers : triggers;
		functions = spec->functions > functions ? spec->functions : functions;
	}
	return xfn_capacity_of(triggers, functions);
}

struct xfn_capacity xfn_capacity_with(const struct xfn_capacity *have, __u32 triggers,
				      __u32 functions, __u32 attach_type)
{
	struct xfn_capacity wanted = *have;

	if (triggers > have->triggers || functions > have->functions)
		wanted = xfn_capacity_of(triggers > have->triggers ? triggers : have->triggers,
					 functions > have->functions ? functions : have->functions);
	wanted.attach_type = attach_type;
	return wanted;
}

static int refuse_room(struct xfn_change *change, const struct xfn_capacity *wanted)
{
	const struct xfn_capacity *have = &change->engine->dataplane->capacity;

	return xfn_change_refuse(
		change, -ENOSPC, 422, "over_capacity",
		"there has to be room for %u triggers and %u functions, the data plane in use has "
		"room for %u and %u: detach all interfaces and apply an empty manifest first, or "
		"xfnd --reset",
		wanted->triggers, wanted->functions, have->triggers, have->functions);
}

int xfn_change_make_room(struct xfn_change *change, const struct xfn_capacity *wanted, bool dry)
{
	struct xfn_engine *engine = change->engine;
	const struct xfn_capacity *have = &engine->dataplane->capacity;
	bool roomy = wanted->triggers <= have->triggers && wanted->functions <= have->functions;

	if (roomy && wanted->attach_type == have->attach_type)
		return 0;
	if (xfn_engine_is_empty(engine))
		return dry ? 0 : xfn_engine_grow(engine, wanted, &change->fault);
	return roomy ? xfn_change_refuse_attach_type(change, wanted->attach_type)
		     : refuse_room(change, wanted);
}
