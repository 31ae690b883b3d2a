/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For the clsact of a sender, which has no VLAN interface: tags that lie beside the packet, as hardware
 * and the stack have them, and not in it, as whoever writes whole frames has. The way back takes them off.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define OUTER 10
#define INNER 20

/* What is no IPv4 goes untagged, so that the two sides find each other. */
static __always_inline int is_ours(struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP);
}

SEC("one")
int push_one(struct __sk_buff *skb)
{
	if (is_ours(skb))
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), OUTER);
	return TC_ACT_OK;
}

SEC("two")
int push_two(struct __sk_buff *skb)
{
	if (!is_ours(skb))
		return TC_ACT_OK;
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), INNER);
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), OUTER);
	return TC_ACT_OK;
}

SEC("pop")
int pop_all(struct __sk_buff *skb)
{
	if (!skb->vlan_present)
		return TC_ACT_OK;
	bpf_skb_vlan_pop(skb);
	if (skb->vlan_present || skb->protocol == bpf_htons(ETH_P_8021Q))
		bpf_skb_vlan_pop(skb);
	return TC_ACT_OK;
}

char push_vlan_license[] SEC("license") = "Dual BSD/GPL";
