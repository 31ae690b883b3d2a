/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <string.h>

#include "policy.h"

__u64 xfn_rate_interval(struct xfn_rate rate)
{
	return (rate.period_ns * XFN_TIME_FRACTION + rate.count / 2) / rate.count;
}

__u64 xfn_burst_time(__u64 burst, __u64 interval)
{
	return burst > XFN_BURST_MAX / interval ? XFN_BURST_MAX : burst * interval;
}

__u32 xfn_rate_wait_s(struct xfn_rate rate)
{
	__u64 second = XFN_NS_PER_S * XFN_TIME_FRACTION;

	return rate.count ? (xfn_rate_interval(rate) + second - 1) / second : 1;
}

static void rate_config(const struct xfn_limit_spec *limit, struct xfn_function_config *config)
{
	__u64 interval;

	/* As a limit it refuses all, too: `xfn on --direct`, which takes DISABLED away, opens nothing. */
	if (!limit->rate.count) {
		config->limit |= XFN_FUNCTION_DISABLED | XFN_FUNCTION_OFF_DROP |
				 XFN_FUNCTION_LIMITED | XFN_FUNCTION_PACKETS |
				 XFN_LIMIT_INTERVAL_MASK;
		return;
	}
	interval = xfn_rate_interval(limit->rate);
	config->limit |= XFN_FUNCTION_LIMITED | (interval & XFN_LIMIT_INTERVAL_MASK);
	config->burst = xfn_burst_time(limit->burst, interval);
}

void xfn_limit_config_of(const struct xfn_function_spec *spec, struct xfn_function_config *config)
{
	const struct xfn_limit_spec *limit = &spec->limit;

	if (xfn_has_rate(spec))
		rate_config(limit, config);
	if (spec->given & XFN_GIVEN_PER_SOURCE)
		config->limit |= XFN_FUNCTION_PER_SOURCE;
	if (limit->excess == XFN_EXCESS_PASS)
		config->limit |= XFN_FUNCTION_EXCESS_PASS;
	if (limit->excess == XFN_EXCESS_REPLY)
		config->limit |= XFN_FUNCTION_EXCESS_REPLY;
	if (limit->packets)
		config->limit |= XFN_FUNCTION_PACKETS;
}

/* The first @bits of @bytes bytes set. */
static void set_mask(void *mask, unsigned bytes, unsigned bits)
{
	__u8 *at = mask;
	unsigned i;

	for (i = 0; i<bytes; i++, bits -= bits> 8 ? 8 : bits)
		at[i] = bits >= 8 ? 0xff : (__u8)(0xff00 >> bits);
}

static void source_policy(const struct xfn_source_limit_spec *limit,
			  struct xfn_policy_config *policy)
{
	policy->interval = xfn_rate_interval(limit->rate);
	policy->burst = xfn_burst_time(limit->burst, policy->interval);
	set_mask(&policy->mask4, 4, limit->prefix4);
	set_mask(policy->mask6, sizeof(policy->mask6), limit->prefix6);
	policy->cells = XFN_POLICY_CELLS(0, limit->entries - 1);
}

struct xfn_policy_config xfn_policy_config_of(const struct xfn_manifest *manifest,
					      const struct xfn_function_spec *spec)
{
	struct xfn_policy_config policy = {};
	const struct xfn_trigger_spec *odd;

	if (spec->given & XFN_GIVEN_PER_SOURCE)
		source_policy(&spec->limit.per_source, &policy);
	if (spec->limit.excess == XFN_EXCESS_REPLY)
		policy.reply = XFN_POLICY_REPLY(xfn_function_reply(manifest, spec, &odd),
						xfn_rate_wait_s(spec->limit.rate),
						xfn_rate_wait_s(spec->limit.per_source.rate));
	return policy;
}
