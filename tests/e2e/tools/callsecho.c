/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callsecho [-acersw] INTERFACE
 *
 * An echo on an AF_XDP socket by system calls alone. It knows nothing of xfn.
 *
 *	-a  asks for another socket when it has one, and says what it got
 *	-c  closes first all descriptors that it has not opened, as daemons do
 *	-e  closes its socket on exec
 *	-r  receives only: it has no ring to send from, and writes "received" instead
 *	-s  sends only
 *	-w  waits for two seconds, when it is bound, before it takes anything
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_xdp.h>

#include "turn.h"

enum { FRAMES = 256, FRAME_BYTES = 2048 };

struct ring {
	__u32 *producer, *consumer;
	void *entries;
	__u32 mine;
};

static struct {
	int fd;
	bool another, closes, receives_only, sends_only, waits;
	int type;
	__u8 *memory;
	struct ring fill, completion, rx, tx;
} echo = {.type = SOCK_RAW};

static void fail(const char *what)
{
	fprintf(stderr, "callsecho: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set(int option, const void *value, socklen_t bytes)
{
	if (setsockopt(echo.fd, SOL_XDP, option, value, bytes))
		fail("set an option");
}

static void map_ring(struct ring *ring, const struct xdp_ring_offset *offsets, size_t entry_bytes,
		     __u64 where)
{
	__u8 *memory = mmap(NULL, offsets->desc + FRAMES * entry_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, echo.fd, (off_t)where);

	if (memory == MAP_FAILED)
		fail("map a ring");
	ring->producer = (__u32 *)(memory + offsets->producer);
	ring->consumer = (__u32 *)(memory + offsets->consumer);
	ring->entries = memory + offsets->desc;
}

static void make_rings(void)
{
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);
	int places = FRAMES;

	set(XDP_UMEM_FILL_RING, &places, sizeof(places));
	set(XDP_UMEM_COMPLETION_RING, &places, sizeof(places));
	if (!echo.sends_only)
		set(XDP_RX_RING, &places, sizeof(places));
	if (!echo.receives_only)
		set(XDP_TX_RING, &places, sizeof(places));
	if (getsockopt(echo.fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes))
		fail("get the offsets");
	map_ring(&echo.fill, &offsets.fr, sizeof(__u64), XDP_UMEM_PGOFF_FILL_RING);
	map_ring(&echo.completion, &offsets.cr, sizeof(__u64), XDP_UMEM_PGOFF_COMPLETION_RING);
	if (!echo.sends_only)
		map_ring(&echo.rx, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
	if (!echo.receives_only)
		map_ring(&echo.tx, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
}

static void give(__u64 address)
{
	((__u64 *)echo.fill.entries)[echo.fill.mine++ % FRAMES] = address;
	__atomic_store_n(echo.fill.producer, echo.fill.mine, __ATOMIC_RELEASE);
}

static void make(const char *interface)
{
	struct xdp_umem_reg pool = {.len = FRAMES * FRAME_BYTES, .chunk_size = FRAME_BYTES};
	struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
				       .sxdp_flags = XDP_COPY,
				       .sxdp_ifindex = if_nametoindex(interface)};
	__u64 i;

	echo.fd = socket(AF_XDP, echo.type, 0);
	if (echo.fd < 0)
		fail("make a socket");
	printf("closes on exec: %d\n", fcntl(echo.fd, F_GETFD) & FD_CLOEXEC);
	echo.memory =
		mmap(NULL, pool.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pool.addr = (__u64)(unsigned long)echo.memory;
	set(XDP_UMEM_REG, &pool, sizeof(pool));
	make_rings();
	if (bind(echo.fd, (struct sockaddr *)&address, sizeof(address)))
		fail("bind");
	for (i = 0; i < FRAMES; i++)
		give(i * FRAME_BYTES);
}

static void answer(const struct xdp_desc *desc)
{
	if (echo.receives_only) {
		printf("received\n");
		give(desc->addr / FRAME_BYTES * FRAME_BYTES);
		return;
	}
	turn(echo.memory + desc->addr);
	((struct xdp_desc *)echo.tx.entries)[echo.tx.mine++ % FRAMES] = *desc;
	__atomic_store_n(echo.tx.producer, echo.tx.mine, __ATOMIC_RELEASE);
	sendto(echo.fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
}

static void answer_all(void)
{
	while (__atomic_load_n(echo.rx.producer, __ATOMIC_ACQUIRE) != echo.rx.mine) {
		answer(&((struct xdp_desc *)echo.rx.entries)[echo.rx.mine++ % FRAMES]);
		__atomic_store_n(echo.rx.consumer, echo.rx.mine, __ATOMIC_RELEASE);
	}
}

static void reclaim(void)
{
	while (__atomic_load_n(echo.completion.producer, __ATOMIC_ACQUIRE) !=
	       echo.completion.mine) {
		give(((__u64 *)echo.completion.entries)[echo.completion.mine++ % FRAMES] /
		     FRAME_BYTES * FRAME_BYTES);
		__atomic_store_n(echo.completion.consumer, echo.completion.mine, __ATOMIC_RELEASE);
	}
}

static const char *read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "acersw")) != -1) {
		echo.another |= option == 'a';
		echo.closes |= option == 'c';
		echo.receives_only |= option == 'r';
		echo.sends_only |= option == 's';
		echo.waits |= option == 'w';
		if (option == 'e')
			echo.type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
	}
	if (optind + 1 == argc)
		return argv[optind];
	fprintf(stderr, "usage: callsecho [-acersw] INTERFACE\n");
	exit(2);
}

int main(int argc, char **argv)
{
	const char *interface = read_options(argc, argv);
	struct pollfd poller = {.events = POLLIN};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (echo.closes)
		close_range(3, ~0U, 0);
	make(interface);
	if (echo.another && socket(AF_XDP, SOCK_RAW, 0) < 0)
		printf("another: %s\n", strerror(errno));
	if (echo.another && socket(AF_XDP, SOCK_RAW, 0) < 0)
		printf("yet another: %s\n", strerror(errno));
	if (echo.waits)
		sleep(2);
	poller.fd = echo.fd;
	for (;;) {
		poll(&poller, 1, 1000);
		if (!echo.sends_only)
			answer_all();
		if (!echo.receives_only)
			reclaim();
	}
}
