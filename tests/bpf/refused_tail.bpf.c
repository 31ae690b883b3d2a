/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refused: a tail call, through a program array of its own. */
#include <xfn/handler.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} elsewhere SEC(".maps");

XFN_HANDLER(leaver, XFN_MESSAGE_ANY)
{
	bpf_tail_call(event->ctx, &elsewhere, 0);
	return XFN_DROP;
}
