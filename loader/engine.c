/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "engine.h"

/* Says of everything that it is not there yet. Weak: what is there takes its place one by one. */
#define NOT_YET __attribute__((weak))

static int not_yet(struct xfn_reply *reply, const char *what)
{
	return xfn_reply_error(reply, 501, "not_yet", NULL, "cannot %s: not yet supported", what);
}

struct xfn_engine {
	int nothing;
};

NOT_YET int xfn_engine_open(const struct xfn_engine_options *options, struct xfn_engine **ret)
{
	struct xfn_engine *engine = calloc(1, sizeof(*engine));

	(void)options;
	if (!engine)
		return -ENOMEM;
	*ret = engine;
	return 0;
}

NOT_YET void xfn_engine_close(struct xfn_engine *engine)
{
	free(engine);
}

NOT_YET int xfn_engine_reset(const struct xfn_engine_options *options)
{
	(void)options;
	return -ENOSYS;
}

NOT_YET int xfn_engine_attach(struct xfn_engine *engine, const struct xfn_attach_request *request,
			      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	(void)engine;
	(void)request;
	(void)actor;
	return not_yet(reply, "attach");
}

NOT_YET int xfn_engine_detach(struct xfn_engine *engine, const char *interface,
			      const struct xfn_actor *actor, struct xfn_reply *reply)
{
	(void)engine;
	(void)interface;
	(void)actor;
	return not_yet(reply, "detach");
}

NOT_YET int xfn_engine_plan(struct xfn_engine *engine, const struct xfn_apply_request *request,
			    const struct xfn_actor *actor, struct xfn_reply *reply)
{
	(void)engine;
	(void)request;
	(void)actor;
	return not_yet(reply, "plan");
}

NOT_YET int xfn_engine_apply(struct xfn_engine *engine, const struct xfn_apply_request *request,
			     const struct xfn_actor *actor, struct xfn_reply *reply)
{
	(void)engine;
	(void)request;
	(void)actor;
	return not_yet(reply, "apply");
}

NOT_YET int xfn_engine_swap(struct xfn_engine *engine, const char *function,
			    const struct xfn_upload *object, const struct xfn_actor *actor,
			    struct xfn_reply *reply)
{
	(void)engine;
	(void)function;
	(void)object;
	(void)actor;
	return not_yet(reply, "swap");
}

NOT_YET int xfn_engine_status(struct xfn_engine *engine, struct xfn_reply *reply)
{
	(void)engine;
	return not_yet(reply, "read the status");
}

NOT_YET int xfn_engine_functions(struct xfn_engine *engine, struct xfn_reply *reply)
{
	(void)engine;
	return not_yet(reply, "list functions");
}

NOT_YET int xfn_engine_function(struct xfn_engine *engine, const char *function,
				struct xfn_reply *reply)
{
	(void)engine;
	(void)function;
	return not_yet(reply, "show a function");
}

NOT_YET int xfn_engine_stats(struct xfn_engine *engine, const char *function,
			     struct xfn_reply *reply)
{
	(void)engine;
	(void)function;
	return not_yet(reply, "read counters");
}

NOT_YET int xfn_engine_latency(struct xfn_engine *engine, const struct xfn_latency_query *query,
			       struct xfn_reply *reply)
{
	(void)engine;
	(void)query;
	return not_yet(reply, "read latencies");
}

NOT_YET int xfn_engine_audit(struct xfn_engine *engine, struct xfn_reply *reply)
{
	(void)engine;
	return not_yet(reply, "audit");
}

NOT_YET int xfn_engine_doctor(struct xfn_engine *engine, const char *interface,
			      struct xfn_reply *reply)
{
	(void)engine;
	(void)interface;
	return not_yet(reply, "check the host");
}

NOT_YET int xfn_engine_manifest(struct xfn_engine *engine, const char *set, struct xfn_reply *reply)
{
	(void)engine;
	(void)set;
	return not_yet(reply, "show the manifest");
}
