/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The limiter of bpf/limiter.h by itself, with the time given from outside, so that arrival times
 * can be replayed. Returns what it returns: 1 admitted, 0 refused.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "limiter.h"

static __u64 replayed_clock(void);
#define bpf_ktime_get_ns() replayed_clock()
#include "../../bpf/limiter.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limiter_step);
} steps SEC(".maps");

static __always_inline struct limiter_step *current_step(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&steps, &zero);
}

static __always_inline __u64 replayed_clock(void)
{
	struct limiter_step *step = current_step();

	return step ? step->clock_ns : 0;
}

SEC("xdp")
int limiter(struct xdp_md *ctx)
{
	struct limiter_step *step = current_step();

	struct limiter limit;

	if (!step)
		return XDP_ABORTED;
	limit = (struct limiter){step->now, step->interval, step->burst};
	return limiter_admit(&limit, &step->arrival);
}

/* The same with two times. */
SEC("xdp")
int pair(struct xdp_md *ctx)
{
	struct limiter_step *step = current_step();
	struct limiter limit;

	if (!step)
		return XDP_ABORTED;
	limit = (struct limiter){step->now, step->interval, step->burst};
	return limiter_admit_pair(&limit, &step->arrival, &step->other);
}

char limiter_license[] SEC("license") = "Dual BSD/GPL";
