/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The real ingress program with a bad memory: one count in so many is left out. The audit must find
 * it, whichever book it is missing from.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Which counts: of verdicts that ingress gives last, or of `handled`, which it gives to a handler. */
#define FORGET_VERDICT 1
#define FORGET_HANDLED 2

const volatile __u32 forget_which;
const volatile __u32 forget_every = 1; /* one in so many */

/* Calls of account() and count_verdict() from elsewhere come here first. */
#define account       faithful_account
#define count_verdict faithful_count_verdict
#include "../../bpf/account.h"
#undef account
#undef count_verdict

__u32 forget_turn; /* racy between CPUs, and no matter: it forgets enough */

static __always_inline int forgets(__u32 which)
{
	if (forget_which != which)
		return 0;
	if (++forget_turn < forget_every)
		return 0;
	forget_turn = 0;
	return 1;
}

static __always_inline void count_verdict(const struct packet *packet, const struct match *match,
					  __u32 verdict, __u64 by)
{
	if (!forgets(FORGET_HANDLED))
		faithful_count_verdict(packet, match, verdict, by);
}

static __always_inline int account(struct xdp_md *ctx, const struct generation *generation,
				   const struct packet *packet, const struct match *match,
				   __u32 verdict)
{
	if (forgets(FORGET_VERDICT))
		return action_of(ctx, generation, packet, match, verdict);
	return faithful_account(ctx, generation, packet, match, verdict);
}

#include "../../bpf/xfn_ingress.bpf.c"
