/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_OBSERVE_H
#define XFN_BPF_OBSERVE_H
/*
 * In place of observe.h: for `xfn trace`, everything is done as ever, and the packets that a filter
 * lets through are copied into a ring. A full ring loses records, which are counted, and delays nothing.
 */
#include "sighting.h"

#define XFN_DRY 0

const volatile struct xfn_trace_filter xfn_filter = {
	.verdicts = ~0U,
	.function = XFN_TRACE_ANY,
	.snap_bytes = 128,
};

/* Interface slot; given by the loader, see account.h. */
extern const volatile __u32 xfn_interface_slot;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} xfn_records SEC(".maps");

/* Records that found no room, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} xfn_lost SEC(".maps");

static __always_inline int is_wanted(const struct packet *packet, const struct match *match,
				     __u32 verdict)
{
	if (!(xfn_filter.verdicts >> (verdict & 31) & 1))
		return 0;
	if (xfn_filter.function != XFN_TRACE_ANY &&
	    (verdict >= XFN_FUNCTION_VERDICT_COUNT || match->slot != xfn_filter.function))
		return 0;
	if (!xfn_filter.ip_version)
		return 1;
	return packet->ip_version == xfn_filter.ip_version &&
	       !((packet->src[0] & xfn_filter.src_mask[0]) ^ xfn_filter.src[0]) &&
	       !((packet->src[1] & xfn_filter.src_mask[1]) ^ xfn_filter.src[1]);
}

/* How much of a packet is copied, 1 to @snap, in a form whose bounds 6.1's verifier sees. */
static __always_inline __u32 bytes_to_copy(__u32 bytes, __u32 snap)
{
	__u32 last = bytes - 1;

	if (last > snap - 1)
		last = snap - 1;
	barrier_var(last);
	if (last > XFN_TRACE_SNAP_MAX - 1)
		last = XFN_TRACE_SNAP_MAX - 1;
	return last + 1;
}

static __always_inline void count_lost(void)
{
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&xfn_lost, &zero);

	if (lost)
		(*lost)++; /* per CPU, and NAPI does not nest */
}

static __always_inline void observe_verdict(struct xdp_md *ctx, const struct packet *packet,
					    const struct match *match, __u32 verdict)
{
	__u32 snap = xfn_filter.snap_bytes, bytes;
	struct xfn_trace_record *record;

	if (!is_wanted(packet, match, verdict))
		return;
	record = bpf_ringbuf_reserve(&xfn_records, sizeof(*record) + snap, 0);
	if (!record) {
		count_lost();
		return;
	}
	sighting_fill(&record->seen, packet, match, verdict);
	record->time_ns = bpf_ktime_get_ns();
	record->interface = xfn_interface_slot;
	record->version = XFN_TARGET_HANDLER(match->config.target);
	record->reserved = 0;
	bytes = bytes_to_copy(packet->bytes, snap);
	record->captured = bpf_xdp_load_bytes(ctx, 0, record + 1, bytes) ? 0 : bytes;
	/* xfnd looks by itself, at its own pace: no wake-up, whose cost the packet would bear. */
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void observe_limiter(__u64 arrival, __u64 now)
{
}

static __always_inline void observe_source(__u64 arrival, __u64 now)
{
}

static __always_inline int observe_runs_handler(void)
{
	return 0;
}

#endif
