/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_REDIRECT_H
#define XFN_BPF_REDIRECT_H
/*
 * Deliveries by redirect: to an interface, and to the stack of another CPU. The map is asked first, which
 * only notes the target: where there is none, the packet goes on as it came. What becomes of a packet
 * behind the redirect is told by tracepoints: bpf/xfn_losses.bpf.c.
 */
#include "classify.h"
#include "parse.h"

/* One more in the book of a device or a CPU. */
static __always_inline void count_handed(__u32 index)
{
	__u64 *handed = bpf_map_lookup_elem(&xfn_handed, &index);

	if (handed && !XFN_DRY)
		(*handed)++; /* per CPU, and NAPI does not nest: no race */
}

static __always_inline struct xfn_target *target_of(const struct match *match)
{
	__u32 index = XFN_TARGET_HANDLER(match->config.target);

	return bpf_map_lookup_elem(&xfn_targets, &index);
}

static __always_inline int give_to_interface(const struct match *match)
{
	struct xfn_target *target = target_of(match);

	if (!target || bpf_redirect_map(&xfn_devs, target->device, 0) != XDP_REDIRECT)
		return XFN_VERDICT_NO_TARGET;
	count_handed(XFN_HANDED_DEVICE(target->device));
	return XFN_VERDICT_STEERED;
}

/*
 * The one delivery that changes the packet: the Ethernet addresses, as a bridge's neighbour would write
 * them. It is steered, not routed: TTL and hop limit stay, tags stay. Behind the verdict, so that whoever
 * watches sees the packet as it came. A global function, which keeps the frame of its caller small.
 */
__noinline int xfn_address(struct xdp_md *ctx, __u32 index)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct xfn_target *target = bpf_map_lookup_elem(&xfn_targets, &index);
	struct ethernet_header *ethernet = data;

	if (!target || (void *)(ethernet + 1) > data_end)
		return -1; /* steered, and parsed: never taken */
	__builtin_memcpy(ethernet->dst, target->dst_mac, sizeof(ethernet->dst));
	__builtin_memcpy(ethernet->src, target->src_mac, sizeof(ethernet->src));
	return 0;
}

/* 32 bits of a flow, the same as long as the maps live. */
static __always_inline __u32 flow_hash(__u64 seed, const struct packet *packet)
{
	__u64 ports =
		(__u64)packet->l4_proto << 32 | (__u32)packet->src_port << 16 | packet->dst_port;
	__u64 a = xfn_hash_round(xfn_hash_round(seed, ports), packet->dst[0]);
	__u64 b = xfn_hash_round(xfn_hash_round(~seed, packet->src[0]), packet->dst[1]);

	return (__u32)xfn_hash_round(a, xfn_hash_round(b, packet->src[1]));
}

static __always_inline int give_to_cpu(const struct packet *packet, const struct match *match)
{
	struct xfn_target *target = target_of(match);
	const struct xfn_secrets *secrets;
	__u32 index, cpu, zero = 0;

	secrets = bpf_map_lookup_elem(&xfn_secrets, &zero);
	if (!target || !secrets)
		return XFN_VERDICT_NO_TARGET;
	index = (__u64)flow_hash(secrets->flow_seed, packet) * target->cpu_count >> 32;
	cpu = target->cpu[index & (XFN_TARGET_CPUS_MAX - 1)];
	if (bpf_redirect_map(&xfn_cpus, cpu, 0) != XDP_REDIRECT)
		return XFN_VERDICT_NO_TARGET;
	count_handed(XFN_HANDED_CPU(cpu));
	return XFN_VERDICT_STEERED;
}

#endif
