/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: reaches for the data plane's own maps. */
#include <xfn/handler.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_function);
} xfn_functions SEC(".maps");

XFN_HANDLER(thief, XFN_MESSAGE_ANY)
{
	__u32 zero = 0;
	struct xfn_function *function = bpf_map_lookup_elem(&xfn_functions, &zero);

	if (function)
		function->arrival = 0;
	return XFN_DROP;
}
