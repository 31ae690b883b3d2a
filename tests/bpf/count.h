/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_COUNT_H
#define XFN_TESTS_COUNT_H
/*
 * A handler that counts its events twice: in a private map and in .bss. The reply says both, at
 * offsets 16 and 24. The includer defines struct count: how its member is called is part of its type.
 */
#include <xfn/handler.h>

#define COUNT_AT 16

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} seen SEC(".maps");

static __u64 in_bss;

XFN_HANDLER(count, XFN_MESSAGE_ANY)
{
	__u32 zero = 0;
	__u64 *in_map = bpf_map_lookup_elem(&seen, &zero);
	__u64 counts[2];

	if (!in_map)
		return XFN_ABORT;
	counts[0] = __sync_add_and_fetch(in_map, 1);
	counts[1] = __sync_add_and_fetch(&in_bss, 1);
	return xfn_write(event, COUNT_AT, counts, sizeof(counts)) ? XFN_ABORT : XFN_REPLY;
}

#endif
