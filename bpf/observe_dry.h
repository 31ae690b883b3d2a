/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_OBSERVE_H
#define XFN_BPF_OBSERVE_H
/*
 * In place of observe.h: a dry run, for `xfn explain`. The stages are the live ones; what they find
 * goes into a map of the variant's own, and nothing else is written: no counter, no limiter, no
 * random state, no event. It stops before the handler, unless the handler was given to it alone.
 */
#include "sighting.h"

#define XFN_DRY 1

/*
 * 1 in xfn_run.bpf.c: xfnd gave it private maps of events and handlers, so it may go as far as the
 * handler. At compile time, since 6.1 counts the stack of calls that are never made.
 */
#ifndef XFN_RUNS_HANDLER
#define XFN_RUNS_HANDLER 0
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_report);
} xfn_report SEC(".maps");

static __always_inline struct xfn_report *report(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&xfn_report, &zero);
}

static __always_inline void observe_verdict(struct xdp_md *ctx, const struct packet *packet,
					    const struct match *match, __u32 verdict)
{
	struct xfn_report *to = report();

	if (!to)
		return;
	sighting_fill(&to->seen, packet, match, verdict);
	to->config = match->config;
	to->runs++;
}

static __always_inline void observe_limiter(__u64 arrival, __u64 now)
{
	struct xfn_report *to = report();

	if (!to)
		return;
	to->arrival = arrival;
	to->now = now;
}

static __always_inline void observe_source(__u64 arrival, __u64 now)
{
	struct xfn_report *to = report();

	if (!to)
		return;
	to->source_arrival = arrival;
	to->source_now = now;
}

static __always_inline int observe_runs_handler(void)
{
	return XFN_RUNS_HANDLER;
}

#endif
