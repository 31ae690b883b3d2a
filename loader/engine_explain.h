/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_EXPLAIN_H
#define XFN_ENGINE_EXPLAIN_H

/*
 * What the files behind explain share: engine_explain.c reads the question, runs the packet and
 * answers; the others say in words what was found.
 */

#include <jansson.h>

#include "dry.h"
#include "engine_read.h"
#include "packet.h"

/* A frame that is given as bytes may be longer than what the notation makes. */
#define XFN_EXPLAIN_FRAME_MAX XFN_DRY_FRAME_MAX

struct xfn_explain {
	struct xfn_engine *engine;
	struct xfn_packet packet; /* as written, or read back from the frame */
	bool is_readable;         /* the frame could be read back */
	__u32 slot;               /* of the interface */
	__u8 frame[XFN_EXPLAIN_FRAME_MAX];
	size_t frame_bytes;
	struct xfn_dry_result result;
	const struct xfn_model_function *function; /* whose trigger matched, or NULL */
	const struct xfn_ruleset_trigger *trigger; /* which matched, or NULL */
	__u32 on_port; /* triggers for the protocol and port, the matched one too */
};

/* Says whether a trigger matched: then function, config and limiter state of the report count. */
bool xfn_explain_has_matched(const struct xfn_explain *explain);

/* "pass", "drop", "redirect", ...; "handler" or "next" where that program decides. */
const char *xfn_explain_action(const struct xfn_explain *explain);

const char *xfn_verdict_label(__u32 verdict);

/* New references; NULL: no memory. */
/* [{"stage","result","detail"}], from parse to account; stages that it did not come to are left out. */
json_t *xfn_explain_stages(const struct xfn_explain *explain);
/* What cannot be known, a sentence each. */
json_t *xfn_explain_unknown(const struct xfn_explain *explain);
/*
 * Other triggers for the packet's protocol and port, and why each did not match:
 * [{"function","file","line","why"}]. How many were not listed goes to *ret_more, how many there are,
 * with the one that matched, to explain->on_port.
 */
json_t *xfn_explain_others(struct xfn_explain *explain, __u32 *ret_more);

#endif
