/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_PRIVATE_H
#define XFN_ENGINE_PRIVATE_H

/* What the files of the engine share with each other. */

#include "dataplane.h"
#include "engine.h"
#include "model.h"
#include "ruleset.h"

struct xfn_netlink;
struct xfn_source;

struct xfn_engine {
	struct xfn_engine_options options; /* strings are the caller's */
	struct xfn_dataplane *dataplane;
	struct xfn_model *model;     /* the live one */
	struct xfn_ruleset *ruleset; /* the live one; NULL before the first */
	struct xfn_netlink *netlink; /* watches links and addresses */
	struct xfn_source *on_netlink;
	struct xfn_set *parsed; /* the manifest last sent, so that it is parsed once */
	bool has_barrier_map;
};

#endif
