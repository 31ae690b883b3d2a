/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FOLLOW_H
#define XFN_FOLLOW_H

/* Answers that go on: the journal, line by line, and the stream of figures for a live view. */

#include "api.h"

struct xfn_request;

/*
 * One JSON object a line (application/x-ndjson): what the journal holds after `after=SEQ`, and with
 * `follow` also what comes. Empty lines mean nothing. Returns 0 or -errno.
 */
int xfn_follow_journal(struct xfn_api *api, struct xfn_request *request);

/*
 * Server-sent events: `stats` every `interval_ms` (1,000 by default, 100 to 60,000), and `journal`
 * as it happens, both with the JSON of their own paths as data. Returns 0 or -errno.
 */
int xfn_follow_stats(struct xfn_api *api, struct xfn_request *request);

/*
 * One JSON object a line for each packet of a trace (engine_trace.h), of `function`, `verdict`, `from`,
 * up to `count` and `for`. Returns 0, also where @reply holds a refusal, or -errno.
 */
int xfn_follow_trace(struct xfn_api *api, struct xfn_request *request, struct xfn_reply *reply);

#endif
