/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The data plane: one packet from top to bottom. Each stage says "go on" or gives a verdict. */
#include "maps.bpf.h"
#include "packet.h"
#include "parse.h"
#include "classify.h"
#include "police.h"
#include "account.h"
#include "steer.h"
#include "next.h"

SEC("xdp")
int xfn_ingress(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 slot = xfn_interface_slot;
	struct xfn_interface *interface = bpf_map_lookup_elem(&xfn_interfaces, &slot);
	struct generation generation;
	struct packet packet = {};
	struct match match = {};
	int verdict, action;

	if (!interface || generation_read(&generation))
		return XDP_PASS; /* both arrays have this element: never taken */
	verdict = parse(data, data_end, interface->mac, slot, &packet);
	if (verdict == XFN_GO_ON)
		verdict = classify(ctx, &generation, &packet, &match);
	if (verdict != XFN_GO_ON) { /* nobody's: a way out of its own, which carries no match */
		observe_verdict(ctx, &packet, &match, verdict);
		action = account(ctx, &generation, &packet, &(struct match){}, verdict);
		return give_to_next(ctx, action);
	}
	verdict = police(&generation, &packet, &match);
	if (verdict == XFN_GO_ON)
		verdict = steer(ctx, &generation, &packet, &match);
	observe_verdict(ctx, &packet, &match, verdict);
	return account(ctx, &generation, &packet, &match, verdict);
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
