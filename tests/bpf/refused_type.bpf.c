/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: of another type than XDP. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int classifier(struct __sk_buff *skb)
{
	return 0;
}

char refused_license[] SEC("license") = "Dual BSD/GPL";
