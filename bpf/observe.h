/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_OBSERVE_H
#define XFN_BPF_OBSERVE_H
/*
 * Places where a variant of the ingress program does something else: observe_dry.h and
 * observe_trace.h take this file's place by coming first. The live program is watched by nobody:
 * here every hook is nothing at all, at compile time, so that it costs not one instruction.
 */
#include <linux/bpf.h>
#include "packet.h"

/* 1 where nothing outside the variant's own maps may be changed. */
#define XFN_DRY 0

/* Called with each packet's verdict; twice for an event whose handler turns out to be missing. */
static __always_inline void observe_verdict(struct xdp_md *ctx, const struct packet *packet,
					    const struct match *match, __u32 verdict)
{
}

/* In a dry run: what a limiter would have been asked. Times in 1/16 ns. */
static __always_inline void observe_limiter(__u64 arrival, __u64 now)
{
}

/* The same of a source's limiter: the time of the emptier of its two cells. */
static __always_inline void observe_source(__u64 arrival, __u64 now)
{
}

/* In a dry run, 1: the handler is called all the same, with maps of its own. */
static __always_inline int observe_runs_handler(void)
{
	return 0;
}

#endif
