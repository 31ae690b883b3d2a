/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_DRIVE_H
#define XFN_BENCH_DRIVE_H
/* What the bench tells its packet generator; one element of the map bench_drive, mapped. */
#include <linux/types.h>

#define DRIVE_FRAME_BYTES 64 /* a short frame; a long one has twice as many bytes */
#define DRIVE_WORDS       16 /* of the template, 8 bytes each */
#define DRIVE_DST_OFFSET  30 /* of the IPv4 destination in an untagged frame */
#define DRIVE_SUM_OFFSET  24 /* of the IPv4 header checksum */

#define DRIVE_SPINS_MAX (1 << 20)

struct bench_drive {
	__u64 frame[DRIVE_WORDS];
	__u32 dst_first; /* host order: the destination is one of dst_count from here on, at random */
	__u32 dst_count; /* 1: always the same; 0: as the template has it */
	__u32 sum;       /* of the IPv4 header but for destination and checksum, not folded */
	__u32 ifindex;   /* to send to */
	__u64 random;    /* state of the generator; not 0 */
	__u64 sent;
	__u64 timed;             /* 1: note when the first and the last frame were made */
	__u64 first_ns, last_ns; /* CLOCK_MONOTONIC */
	/* drive_pace(): every step_ns so many packets; ifindex 0: they are made and dropped. */
	__u64 burst, step_ns, next_ns;
	__u64 spins; /* turns of its waiting: what is left of its CPU */
};

#endif
