/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_COEXIST_PRIVATE_H
#define XFN_COEXIST_PRIVATE_H

/* What the process is asked and answers; for coexist.c and coexist_answer.c only. */

#include "aide.h"
#include "coexist.h"

enum xfn_coexist_op {
	XFN_COEXIST_ATTACH,
	XFN_COEXIST_FIND,
	XFN_COEXIST_DETACH,
	XFN_COEXIST_OP_COUNT,
};

/* With the descriptors of xfn_packets and xfn_entry_progs, in this order. */
struct xfn_coexist_question {
	__u32 op;
	__u32 ifindex;
	__u32 slot;
	__u32 generic;
};

#define XFN_COEXIST_REASON_BYTES 512

/* ATTACH and FIND: with the descriptor of the root. */
struct xfn_coexist_answer {
	__s32 err;                             /* 0 or -errno */
	char reason[XFN_COEXIST_REASON_BYTES]; /* terminated; "": the number says it all */
};

/* *ret_fd: what goes with the answer, or -1. */
void xfn_coexist_answer(const struct xfn_coexist_question *question, const int fds[2],
			struct xfn_coexist_answer *answer, int *ret_fd);

#endif
