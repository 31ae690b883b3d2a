/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: a map that pins itself. */
#include <xfn/handler.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} everywhere SEC(".maps");

XFN_HANDLER(pinner, XFN_MESSAGE_ANY)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&everywhere, &zero) ? XFN_REPLY : XFN_DROP;
}
