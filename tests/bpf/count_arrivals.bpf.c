/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A count of arrivals: as large as that of events, and another type. */
#include <linux/types.h>

struct count {
	__u64 arrivals;
};

#include "count.h"
