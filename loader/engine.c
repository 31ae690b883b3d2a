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

NOT_YET int xfn_engine_manifest(struct xfn_engine *engine, const char *set, struct xfn_reply *reply)
{
	(void)engine;
	(void)set;
	return not_yet(reply, "show the manifest");
}
