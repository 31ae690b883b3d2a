/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_SIGHTING_H
#define XFN_BPF_SIGHTING_H
/* What the observing variants of the ingress program have in common. */
#include "maps.bpf.h"
#include "packet.h"
#include "xfn/observe.h"

static __always_inline void sighting_fill(struct xfn_sighting *seen, const struct packet *packet,
					  const struct match *match, __u32 verdict)
{
	seen->meta = packet->meta;
	seen->dst[0] = packet->dst[0];
	seen->dst[1] = packet->dst[1];
	seen->src[0] = packet->src[0];
	seen->src[1] = packet->src[1];
	seen->src_port = packet->src_port;
	seen->dst_port = packet->dst_port;
	seen->l3_offset = packet->l3_offset;
	seen->l4_offset = packet->l4_offset;
	seen->payload_offset = packet->payload_offset;
	seen->payload_bytes = packet->payload_bytes;
	seen->ip_version = packet->ip_version;
	seen->l4_proto = packet->l4_proto;
	seen->tcp_flags = packet->tcp_flags;
	seen->group = packet->group;
	seen->bytes = packet->bytes;
	seen->verdict = verdict;
	seen->function = match->slot;
	seen->rule = match->rule;
}

#endif
