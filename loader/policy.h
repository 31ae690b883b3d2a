/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_POLICY_H
#define XFN_POLICY_H

/* Limits as the data plane reads them: from what a manifest says to words in 1/16 ns. */

#include <linux/types.h>

#include "manifest.h"
#include "xfn/abi.h"

/* The time between two events, in 1/16 ns, rounded to the nearest; @rate.count is not 0. */
__u64 xfn_rate_interval(struct xfn_rate rate);

/* A burst as the time that it takes to earn, in 1/16 ns. */
__u64 xfn_burst_time(__u64 burst, __u64 interval);

/* Seconds until one more event is admitted, of a rate that is used up: rounded up, 1 to 60; 1 for no rate. */
__u32 xfn_rate_wait_s(struct xfn_rate rate);

/* Flags and interval of a limit, added to @config->limit, and the burst. */
void xfn_limit_config_of(const struct xfn_function_spec *spec, struct xfn_function_config *config);

/* What the function's line has no room for. All zeros where there is neither. */
struct xfn_policy_config xfn_policy_config_of(const struct xfn_manifest *manifest,
					      const struct xfn_function_spec *spec);

#endif
