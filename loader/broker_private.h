/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BROKER_PRIVATE_H
#define XFN_BROKER_PRIVATE_H

/* What the broker is asked and answers; for broker.c and broker_answer.c only. */

#include <net/if.h>

#include "broker.h"

enum xfn_broker_op {
	XFN_BROKER_PROGRAM,
	XFN_BROKER_MAP,
	XFN_BROKER_BTF,
	XFN_BROKER_PROGRAM_NAME,
	XFN_BROKER_FEATURES,
	XFN_BROKER_OP_COUNT,
};

/* One datagram, with at most one descriptor beside it. */
struct xfn_broker_question {
	__u32 op;
	__u32 number;        /* a slot, or an id */
	char name[IFNAMSIZ]; /* terminated */
};

struct xfn_broker_answer {
	__s32 err; /* 0 or -errno */
	__u32 tx_queues;
	char name[XFN_PROG_NAME_BYTES];
	struct xfn_interface_features features;
};

/*
 * Answers. @fd: what came with the question, or -1; stays the caller's. *ret_fd: what goes with the
 * answer, or -1.
 */
void xfn_broker_answer(const struct xfn_broker_question *question, int fd,
		       struct xfn_broker_answer *answer, int *ret_fd);

#endif
