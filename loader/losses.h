/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOSSES_H
#define XFN_LOSSES_H

/*
 * The programs on the kernel's tracepoints that count what becomes of redirected packets
 * (bpf/xfn_losses.bpf.c). A tracepoint is of the whole host, so they are attached only while some
 * function delivers by redirect.
 *
 * Their links are pinned as DIR/losses/PROGRAM, so they go on while no xfnd runs; a new one takes them
 * over as they are, so that no packet is missed.
 */

#include "dataplane.h"

/* Of redirects to what. */
enum xfn_losses_of {
	XFN_LOSSES_OF_NOTHING,
	XFN_LOSSES_OF_PORTS, /* a tracepoint that tells of failures alone: what goes well costs nothing */
	XFN_LOSSES_OF_ALL, /* ports, interfaces, CPUs */
};

/*
 * Attaches what is not attached. Returns 0, or -errno with a reason in the fault: the kernel has no BTF,
 * or tracepoints of another form; then nothing is attached.
 */
int xfn_losses_attach(const struct xfn_dataplane *dataplane, enum xfn_losses_of of,
		      struct xfn_fault *fault);

/* True if all are attached: then what they count is complete from the first packet on. */
bool xfn_losses_are_attached(const struct xfn_dataplane *dataplane, enum xfn_losses_of of);

/* Lets go of the tracepoints that are not for @kept. Returns 0 or -errno. */
int xfn_losses_detach(const struct xfn_dataplane *dataplane, enum xfn_losses_of kept);

/* Reads the counters of XFN_HANDED_...; zeros where they cannot be read. */
void xfn_losses_read(const struct xfn_dataplane *dataplane, __u32 index,
		     struct xfn_handed_counts *ret);

/* "queue_full" and so on. */
const char *xfn_loss_label(enum xfn_loss cause);

#endif
