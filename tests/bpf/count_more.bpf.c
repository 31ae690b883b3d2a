/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Another build of the count of events, with a map more. */
#include <linux/types.h>

struct count {
	__u64 events;
};

#include "count.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} more SEC(".maps");
