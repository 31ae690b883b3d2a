/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TRACE_H
#define XFN_TRACE_H

/*
 * A trace's kernel side: on every attached interface the tracing ingress program in the place of the
 * plain one, and one ring that all of them write to (bpf/observe_trace.h).
 *
 * The swap is one update of the interface's slot in xfn_entry_progs: a packet meets the one or the
 * other, and none is lost. The plain programs stay loaded and go back at the end. The ring is held by
 * the tracing programs and by the descriptors here, so that it ends with them; where xfnd dies, the
 * next start loads plain programs, and ring and programs are gone.
 */

#include "dataplane.h"
#include "xfn/observe.h"

#define XFN_TRACE_RING_BYTES (1U << 20)

struct xfn_trace;

/* @record and @frame are borrowed; frame has record->captured bytes. */
typedef void xfn_trace_fn(void *context, const struct xfn_trace_record *record, const __u8 *frame);

/*
 * Loads for all attached interfaces, then swaps in. Returns 0; -ENODEV: none is attached; or -errno
 * with the reason in @fault, and everything is as before. @dataplane must outlive the trace.
 */
int xfn_trace_start(struct xfn_dataplane *dataplane, const struct xfn_trace_filter *filter,
		    struct xfn_trace **ret, struct xfn_fault *fault);

/* Hands at most @max records that are in the ring to @fn, oldest first. Returns how many, or -errno. */
int xfn_trace_drain(struct xfn_trace *trace, unsigned max, xfn_trace_fn *fn, void *context);

/* Records that found the ring full so far. */
__u64 xfn_trace_lost(const struct xfn_trace *trace);

/* Puts the plain programs back and waits until no run of a tracing one is under way. */
void xfn_trace_stop(struct xfn_trace *trace);

/* Stops, if that was not done, and frees. Takes NULL. */
void xfn_trace_close(struct xfn_trace *trace);

#endif
