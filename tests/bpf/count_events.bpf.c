/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A count of events. */
#include <linux/types.h>

struct count {
	__u64 events;
};

#include "count.h"
