/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KEEPER_WIRE_H
#define KEEPER_WIRE_H

/* A veth pair in a network namespace of the test's own, with a program that parks what is sent (park.bpf.c). */

#include "keeper_fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>

#include "../../loader/clock.h"
#include "xfn/channel.h"
#include "xfn/park.h"

#define HOST      "xfnk0"
#define PEER      "xfnk1"
#define MINUTE_NS 60000000000ULL

enum {
	SLOT = 9,       /* of the interface */
	FUNCTION = 300, /* its slot */
	FRAME_BYTES = 61,
	IDENTITY = 77,
};

/* The interface, its program, and a socket at its other end to send with. */
struct wire {
	struct bpf_object *object;
	int program, parking, meta, sender;
	__u32 ifindex;
};

/* False: no right to make one. */
static inline bool make_netns(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

static inline void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static inline void make_wire(struct wire *wire)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const char *build = getenv("BUILD") ?: "build";
	char path[4096];

	run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"); /* it would talk */
	run("ip link add " HOST " numrxqueues 2 numtxqueues 2 type veth peer name " PEER
	    " numtxqueues 1 && ip link set " HOST " up && ip link set " PEER " up");
	snprintf(path, sizeof(path), "%s/tests/bpf/park.bpf.o", build);
	wire->ifindex = if_nametoindex(HOST);
	wire->object = bpf_object__open_file(path, NULL);
	assert_non_null(wire->object);
	assert_int_equal(bpf_object__load(wire->object), 0);
	wire->program = bpf_program__fd(bpf_object__find_program_by_name(wire->object, "park"));
	wire->parking = bpf_object__find_map_fd_by_name(wire->object, "test_parking");
	wire->meta = bpf_object__find_map_fd_by_name(wire->object, "test_meta");
	assert_int_equal(bpf_xdp_attach((int)wire->ifindex, wire->program, 0, NULL), 0);
	wire->sender = socket(AF_PACKET, SOCK_RAW, 0);
	address.sll_ifindex = (int)if_nametoindex(PEER);
	assert_int_equal(bind(wire->sender, (struct sockaddr *)&address, sizeof(address)), 0);
}

static inline void remove_wire(struct wire *wire)
{
	close(wire->sender);
	bpf_object__close(wire->object);
	if (if_nametoindex(HOST))
		run("ip link del " HOST);
}

/* What the program writes in front of each packet from now on. */
static inline void set_meta(const struct wire *wire, const struct xfn_park_meta *meta)
{
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(wire->meta, &zero, meta, 0), 0);
}

static inline struct xfn_park_meta meta_of(__u64 identity, __u64 seen_ns)
{
	struct xfn_park_meta meta = {.magic = XFN_PARK_MAGIC,
				     .identity = identity,
				     .seen_ns = seen_ns,
				     .function = FUNCTION,
				     .interface = SLOT};

	meta.check = xfn_park_check(&meta);
	return meta;
}

/* Events of that function that are as old as said. */
static inline void address(const struct wire *wire, __u64 identity, __u64 age_ns)
{
	struct xfn_park_meta meta = meta_of(identity, xfn_clock_ns(CLOCK_MONOTONIC) - age_ns);

	set_meta(wire, &meta);
}

/* Frames whose bytes are @first, @first + 1, ...: of @bytes each. */
static inline void send_frames(const struct wire *wire, unsigned first, unsigned count,
			       size_t bytes)
{
	__u8 frame[2048];
	unsigned i;

	for (i = first; i < first + count; i++) {
		memset(frame, (int)i, bytes);
		memset(frame, 2, ETH_ALEN); /* no group */
		assert_int_equal(send(wire->sender, frame, bytes, 0), bytes);
	}
}

/* What becomes of a packet on queue 0: XDP_DROP, no socket is there. It is not sent on. */
static inline __u32 verdict_of(const struct wire *wire)
{
	const __u8 frame[FRAME_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));

	assert_int_equal(bpf_prog_test_run_opts(wire->program, &options), 0);
	return options.retval;
}

#endif
