/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NEXT_COUNT_H
#define NEXT_COUNT_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define DROPPED_PORT 9999

enum { NEXT_ALL, NEXT_UDP, NEXT_FRAGMENTS, NEXT_NOT_IP, NEXT_COUNTERS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NEXT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} next_counts SEC(".maps");

static __always_inline void next_add(__u32 which)
{
	__u64 *count = bpf_map_lookup_elem(&next_counts, &which);

	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline int next_count_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = (void *)(ip + 1);

	next_add(NEXT_ALL);
	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) {
		next_add(NEXT_NOT_IP);
		return XDP_PASS;
	}
	if (ip->frag_off & bpf_htons(0x3fff)) {
		next_add(NEXT_FRAGMENTS);
		return XDP_PASS;
	}
	if (ip->protocol != IPPROTO_UDP || ip->ihl != 5 || (void *)(udp + 1) > end)
		return XDP_PASS;
	next_add(NEXT_UDP);
	return udp->dest == bpf_htons(DROPPED_PORT) ? XDP_DROP : XDP_PASS;
}

#endif
