/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests as fast as one CPU can make them, and the replies that come back in the same time. Live frames,
 * so the client costs next to nothing, and what is counted is the server's doing: the other CPU is its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"
#include "errnum.h"
#include "object.h"
#include "sample.h"

enum { PAYLOAD_BYTES_MAX = 2 * DRIVE_FRAME_BYTES - 42, PACKETS_A_CALL = 1000000, CPUS_MAX = 1024 };

static __u32 read_hex(const char *text, __u8 *ret)
{
	__u32 count = 0;
	unsigned byte;

	while (count < PAYLOAD_BYTES_MAX && sscanf(text + 2 * count, "%2x", &byte) == 1)
		ret[count++] = (__u8)byte;
	return count;
}

static __u64 read_arrived(const struct bpf_object *floor)
{
	__u64 values[CPUS_MAX] = {}, sum = 0;
	__u32 zero = 0;
	int i, cpus = libbpf_num_possible_cpus();

	if (cpus <= CPUS_MAX)
		bpf_map_lookup_elem(object_map(floor, "bench_arrived"), &zero, values);
	for (i = 0; i < CPUS_MAX; i++)
		sum += values[i];
	return sum;
}

static int run(struct drive *drive, const struct bpf_object *floor, const char *name,
	       double seconds)
{
	__u64 begin = now_ns(), arrived = read_arrived(floor), sent = drive->control->sent;
	double elapsed = 0;
	int err = 0;

	while (elapsed < seconds && !err) {
		err = drive_send(drive, PACKETS_A_CALL);
		elapsed = (now_ns() - begin) / 1e9;
	}
	if (err)
		return err;
	record_begin("flood", name);
	record_number("sent", (drive->control->sent - sent) / elapsed);
	record_number("replies", (read_arrived(floor) - arrived) / elapsed);
	record_number("seconds", elapsed);
	record_end();
	return 0;
}

int bench_flood(int argc, char **argv)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	struct bpf_object *floor = NULL;
	struct drive drive = {};
	struct in_addr dst;
	__u8 payload[PAYLOAD_BYTES_MAX];
	__u32 bytes;
	int err, link_fd = -1;

	if (argc != 7 || inet_pton(AF_INET, argv[3], &dst) != 1) {
		fprintf(stderr, "usage: bench flood NAME CLIENT_IF DST PORT PAYLOAD_HEX SECONDS\n");
		return 2;
	}
	bytes = read_hex(argv[5], payload);
	err = drive_open(&drive) ?: object_load("floor", NULL, NULL, &floor);
	if (!err) {
		drive_frame(&drive, mac, ntohl(dst.s_addr), (__u16)atoi(argv[4]), payload, bytes);
		drive.control->ifindex = if_nametoindex(argv[2]);
		link_fd = bpf_link_create(object_program(floor, "floor_count"),
					  (int)drive.control->ifindex, BPF_XDP, &options);
		err = link_fd < 0 ? xfn_errno() : run(&drive, floor, argv[1], atof(argv[6]));
	}
	if (err)
		fprintf(stderr, "bench: flood: %s\n", strerror(-err));
	if (link_fd >= 0)
		close(link_fd);
	bpf_object__close(floor);
	drive_close(&drive);
	return err ? 1 : 0;
}
