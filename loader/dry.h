/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DRY_H
#define XFN_DRY_H

/*
 * Dry runs: the real ingress program on one packet, with nothing changed by it
 * (bpf/observe_dry.h), and a handler on one packet with maps of its own.
 *
 * BPF_PROG_TEST_RUN runs the program on a copy of the packet, on this thread's CPU, attached to nothing.
 */

#include "dataplane.h"
#include "handler.h"
#include "xfn/observe.h"

#define XFN_DRY_FRAME_MIN 14   /* the kernel's: an Ethernet header */
#define XFN_DRY_FRAME_MAX 3400 /* what fits into the page that the kernel runs it on */

struct xfn_dry_frame {
	const void *bytes;
	__u32 size; /* XFN_DRY_FRAME_MIN to XFN_DRY_FRAME_MAX */
};

struct xfn_dry_result {
	struct xfn_report report; /* .seen.verdict is no_target where `handled` met an empty slot */
	__u32 action;             /* enum xdp_action; of no meaning with `handled` */
};

/*
 * What ingress of interface slot @slot would do with a frame. The slot's program is loaded, run once
 * and let go. Returns 0 or -errno with the reason in @fault. Every map is as before.
 */
int xfn_dry_run(const struct xfn_dataplane *dataplane, __u32 slot,
		const struct xfn_dry_frame *frame, struct xfn_dry_result *ret,
		struct xfn_fault *fault);

/* The same with a program that stays loaded, for many frames. */
struct xfn_dry;
int xfn_dry_open(const struct xfn_dataplane *dataplane, __u32 slot, struct xfn_dry **ret,
		 struct xfn_fault *fault);
int xfn_dry_step(struct xfn_dry *dry, const struct xfn_dry_frame *frame,
		 struct xfn_dry_result *ret);
void xfn_dry_close(struct xfn_dry *dry); /* takes NULL */

/* What a handler did with a packet. */
struct xfn_dry_handler {
	bool ran;                     /* false: ingress did not give it the packet */
	int outcome;                  /* enum xfn_outcome, or -1: it counted none */
	__u32 action;                 /* enum xdp_action */
	__u32 size;                   /* of the frame behind it */
	__u8 bytes[4096];             /* the frame */
	struct xfn_handler_maps maps; /* private ones of the handler, which were empty */
};

/*
 * Loads the handler of @request a second time, with empty maps, and runs ingress and the handler on a
 * frame. Of the request, version_slot is where the live one is; histogram_slot is ignored.
 * Returns 0 or -errno with the reason in @fault. Every map is as before.
 */
int xfn_dry_run_handler(const struct xfn_dataplane *dataplane, __u32 slot,
			const struct xfn_handler_request *request,
			const struct xfn_dry_frame *frame, struct xfn_dry_handler *ret,
			struct xfn_fault *fault);

#endif
