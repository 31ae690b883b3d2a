/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet generator of the bench. It writes the whole frame anew each time, since BPF_PROG_TEST_RUN
 * feeds a changed packet back in, and live frames have old contents. Then `drive_call` tail-calls the
 * program that is measured, and `drive_send` sends the frame to an interface.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "drive.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_drive);
} bench_drive SEC(".maps");

/* The program under test, in slot 0. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_target SEC(".maps");

static __always_inline __u32 draw(struct bench_drive *drive)
{
	__u64 x = drive->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	drive->random = x;
	return x >> 32;
}

static __always_inline void aim(struct bench_drive *drive, void *data)
{
	__u32 dst = drive->dst_first, sum;

	dst += (__u64)draw(drive) * drive->dst_count >> 32;
	sum = drive->sum + (dst >> 16) + (dst & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__be32 *)(data + DRIVE_DST_OFFSET) = bpf_htonl(dst);
	*(__be16 *)(data + DRIVE_SUM_OFFSET) = bpf_htons(~sum);
}

static __always_inline struct bench_drive *write_frame(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	struct bench_drive *drive = bpf_map_lookup_elem(&bench_drive, &zero);
	int i;

	if (!drive || data + DRIVE_FRAME_BYTES > end)
		return (void *)0;
#pragma unroll
	for (i = 0; i < DRIVE_FRAME_BYTES / 8; i++)
		((__u64 *)data)[i] = drive->frame[i];
	if (data + 2 * DRIVE_FRAME_BYTES <= end) {
#pragma unroll
		for (i = DRIVE_FRAME_BYTES / 8; i < DRIVE_WORDS; i++)
			((__u64 *)data)[i] = drive->frame[i];
	}
	if (drive->dst_count)
		aim(drive, data);
	return drive;
}

static __always_inline void note_time(struct bench_drive *drive)
{
	drive->last_ns = bpf_ktime_get_ns();
	if (!drive->first_ns)
		drive->first_ns = drive->last_ns;
}

SEC("xdp")
int drive_call(struct xdp_md *ctx)
{
	struct bench_drive *drive = write_frame(ctx);

	if (drive && drive->timed)
		note_time(drive);
	if (drive)
		bpf_tail_call(ctx, &bench_target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int drive_send(struct xdp_md *ctx)
{
	struct bench_drive *drive = write_frame(ctx);

	if (!drive)
		return XDP_ABORTED;
	drive->sent++;
	return bpf_redirect(drive->ifindex, 0);
}

static int is_due(__u32 turn, struct bench_drive **drive)
{
	(*drive)->spins++;
	return bpf_ktime_get_ns() >= (*drive)->next_ns;
}

/*
 * Bursts at their times. It spins, since a call per burst waits for a grace period of RCU; the softirqs of
 * those who receive run on this CPU when a burst is sent, and what they take it spins less.
 */
SEC("xdp")
int drive_pace(struct xdp_md *ctx)
{
	struct bench_drive *drive = write_frame(ctx);

	if (!drive)
		return XDP_ABORTED;
	if (drive->sent % drive->burst == 0) {
		if (!drive->next_ns)
			drive->next_ns = bpf_ktime_get_ns();
		bpf_loop(DRIVE_SPINS_MAX, is_due, &drive, 0);
		drive->next_ns += drive->step_ns;
	}
	drive->sent++;
	return drive->ifindex ? bpf_redirect(drive->ifindex, 0) : XDP_DROP;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
