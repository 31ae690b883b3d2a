/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_NEXT_H
#define XFN_BPF_NEXT_H
/*
 * The way out of what is nobody's, that is of every verdict charged to the interface alone: to the
 * program that `attach --next` named, with the packet as it came, or else to the stack. The verdict
 * is counted already; what that program does is its own business.
 */
#include "account.h"

/* Given by the loader: there may be such a program. Without it the verifier takes the call away. */
const volatile __u8 xfn_has_next;

/* Returns @action, which is XDP_PASS, where there is no such program. */
static __always_inline int give_to_next(struct xdp_md *ctx, int action)
{
	if (!XFN_DRY && xfn_has_next)
		bpf_tail_call(ctx, &xfn_next_progs, xfn_interface_slot);
	return action;
}

#endif
