/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to tell of the keeper: is it there, and what has become of what it was given. */
#include <errno.h>

#include "engine_keeper_private.h"

static const char *const labels[] = {
#define X(NAME, label, meaning) [XFN_KEEPER_##NAME] = #label,
	XFN_KEEPER_COUNTERS(X)
#undef X
};

int xfn_keeping_check(const struct xfn_engine *engine, __u32 *ret_pid)
{
	const struct xfn_keeping *keeping = engine->keeping;
	struct xfn_keeper_counts counts;

	*ret_pid = keeping->pid;
	if (!keeping->keeper)
		return keeping->err ?: -ENOENT;
	if (!xfn_keeper_counts(keeping->keeper, 0, &counts))
		return 0;
	return xfn_keeper_is_stuck(keeping->keeper) ? -ETIMEDOUT : -EPIPE;
}

static const char *state_of(const struct xfn_keeping *keeping)
{
	if (keeping->keeper && !xfn_keeper_is_stuck(keeping->keeper))
		return "running";
	if (keeping->keeper || keeping->err == -ETIMEDOUT)
		return "stuck";
	return keeping->err ? "gone" : NULL;
}

json_t *xfn_keeping_json(const struct xfn_engine *engine)
{
	const char *state = state_of(engine->keeping);

	if (!state)
		return json_null();
	return json_pack("{s:I, s:s}", "pid", (json_int_t)engine->keeping->pid, "state", state);
}

int xfn_keeping_read_all(struct xfn_engine *engine, struct xfn_keeper_counts *ret)
{
	struct xfn_keeping *keeping = engine->keeping;

	if (!keeping->keeper || xfn_keeper_counts(keeping->keeper, 0, ret))
		return -EPIPE;
	keeping->now = *ret;
	return 0;
}

json_t *xfn_keeping_counts_json(struct xfn_engine *engine)
{
	const struct xfn_keeping *keeping = engine->keeping;
	struct xfn_keeper_counts all = {};
	json_t *object;
	int i;

	xfn_keeping_read_all(engine, &all);
	object = xfn_keeping_json(engine);
	if (!json_is_object(object))
		return object;
	for (i = 0; i < XFN_KEEPER_COUNTER_COUNT; i++)
		json_object_set_new(object, labels[i],
				    json_integer((json_int_t)(keeping->before.count[i] +
							      keeping->now.count[i])));
	json_object_set_new(object, "waiting", json_integer((json_int_t)all.waiting));
	return object;
}

__u64 xfn_keeping_adrift(const struct xfn_keeper_counts *all)
{
	return all->count[XFN_KEEPER_UNKNOWN] + all->count[XFN_KEEPER_UNREADABLE] +
	       all->count[XFN_KEEPER_LOST];
}

int xfn_keeping_read(struct xfn_engine *engine, __u64 identity, struct xfn_kept *ret)
{
	struct xfn_keeping_function *kept = xfn_keeping_find(engine->keeping, identity);
	struct xfn_keeper_counts all;

	if (!kept)
		return -ENOENT;
	*ret = (struct xfn_kept){.since = kept->since, .lost = kept->lost};
	if (engine->keeping->keeper &&
	    !xfn_keeper_counts(engine->keeping->keeper, identity, &ret->counts)) {
		kept->now = xfn_kept_sums_of(&ret->counts);
		if (!xfn_keeping_read_all(engine, &all))
			ret->adrift = xfn_keeping_adrift(&all);
	}
	ret->sums = xfn_kept_sums_add(kept->before, kept->now);
	return 0;
}
