/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare [--linger] COUNTS: drops or echoes on an AF_XDP socket by plain system calls, without libxfn: what libxfn is
 * compared with. It does no more than has to be done: batches of 64 with one store to each ring, no look
 * at headers, no kick where the kernel asks for none. The socket and the interface are found as libxfn
 * finds them (xfn/channel.h).
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <xfn/channel.h>

#include "counts.h"
#include "linger.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

enum {
	READY = 1,     /* enum xfn_channel_type, at first */
	FRAMES = 4096, /* as many as libxfn has, and places in each ring */
	FRAME_BYTES = 2048,
	BATCH = 64,
	UDP_PAYLOAD = 42, /* behind Ethernet, IPv4 and UDP */
	MAC_BYTES = 6,
	ADDRESS = 26,
	ADDRESS_BYTES = 4,
	PORT = 34,
	PORT_BYTES = 2,
};

struct ring {
	__u32 *producer, *consumer, *flags;
	void *entries;
	__u32 mine;
};

static int fd;
static char *pool;
static struct ring fill, done, rx, tx;

/* ---- opening -------------------------------------------------------------------------------------- */

static int set(int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, SOL_XDP, option, value, bytes);
}

static int map_ring(struct ring *ring, const struct xdp_ring_offset *offsets, size_t entry_bytes,
		    off_t where)
{
	char *memory = mmap(NULL, offsets->desc + FRAMES * entry_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, fd, where);

	if (memory == MAP_FAILED)
		return -1;
	*ring = (struct ring){.producer = (__u32 *)(memory + offsets->producer),
			      .consumer = (__u32 *)(memory + offsets->consumer),
			      .flags = (__u32 *)(memory + offsets->flags),
			      .entries = memory + offsets->desc};
	return 0;
}

static int make_rings(void)
{
	struct xdp_umem_reg memory = {.len = (__u64)FRAMES * FRAME_BYTES,
				      .chunk_size = FRAME_BYTES};
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);
	int places = FRAMES;

	pool = mmap(NULL, memory.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memory.addr = (__u64)(unsigned long)pool;
	return set(XDP_UMEM_REG, &memory, sizeof(memory)) ||
	       set(XDP_UMEM_FILL_RING, &places, sizeof(places)) ||
	       set(XDP_UMEM_COMPLETION_RING, &places, sizeof(places)) ||
	       set(XDP_RX_RING, &places, sizeof(places)) ||
	       set(XDP_TX_RING, &places, sizeof(places)) ||
	       getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes) ||
	       map_ring(&fill, &offsets.fr, sizeof(__u64), XDP_UMEM_PGOFF_FILL_RING) ||
	       map_ring(&done, &offsets.cr, sizeof(__u64), (off_t)XDP_UMEM_PGOFF_COMPLETION_RING) ||
	       map_ring(&rx, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING) ||
	       map_ring(&tx, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
}

static void give_all(void)
{
	__u64 *entries = fill.entries;

	for (; fill.mine < FRAMES; fill.mine++)
		entries[fill.mine] = (__u64)fill.mine * FRAME_BYTES;
	__atomic_store_n(fill.producer, fill.mine, __ATOMIC_RELEASE);
}

static int bind_socket(void)
{
	struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
				       .sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};

	address.sxdp_ifindex = if_nametoindex(getenv(XFN_ENV_INTERFACE));
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* An xfnd that does not see by itself that a socket is bound is told; others take nothing, and need not. */
static void say_ready(int channel)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION, .type = READY};
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec piece = {&message, sizeof(message)};
	struct msghdr header = {.msg_iov = &piece,
				.msg_iovlen = 1,
				.msg_control = room,
				.msg_controllen = sizeof(room)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(int));
	sendmsg(channel, &header, MSG_NOSIGNAL);
}

/* ---- serving -------------------------------------------------------------------------------------- */

static void swap(char *a, char *b, size_t bytes)
{
	char kept[MAC_BYTES];

	memcpy(kept, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, kept, bytes);
}

static void turn(char *frame)
{
	swap(frame, frame + MAC_BYTES, MAC_BYTES);
	swap(frame + ADDRESS, frame + ADDRESS + ADDRESS_BYTES, ADDRESS_BYTES);
	swap(frame + PORT, frame + PORT + PORT_BYTES, PORT_BYTES);
}

static void give(__u64 address)
{
	((__u64 *)fill.entries)[fill.mine++ & (FRAMES - 1)] = address & ~(__u64)(FRAME_BYTES - 1);
}

static void reclaim(void)
{
	__u32 end = __atomic_load_n(done.producer, __ATOMIC_ACQUIRE);

	if (done.mine == end)
		return;
	for (; done.mine != end; done.mine++)
		give(((__u64 *)done.entries)[done.mine & (FRAMES - 1)]);
	__atomic_store_n(done.consumer, done.mine, __ATOMIC_RELEASE);
	__atomic_store_n(fill.producer, fill.mine, __ATOMIC_RELEASE);
}

/* Up to BATCH packets. Returns how many. */
static __u32 serve(void)
{
	const struct xdp_desc *descs = rx.entries;
	__u32 there = __atomic_load_n(rx.producer, __ATOMIC_ACQUIRE) - rx.mine, i, sent = tx.mine;
	__u32 count = there < BATCH ? there : BATCH;

	for (i = 0; i < count; i++) {
		struct xdp_desc desc = descs[rx.mine++ & (FRAMES - 1)];

		if (pool[desc.addr + UDP_PAYLOAD] == BENCH_DROP) {
			give(desc.addr);
			continue;
		}
		turn(pool + desc.addr);
		((struct xdp_desc *)tx.entries)[tx.mine++ & (FRAMES - 1)] = desc;
	}
	__atomic_store_n(rx.consumer, rx.mine, __ATOMIC_RELEASE);
	__atomic_store_n(fill.producer, fill.mine, __ATOMIC_RELEASE);
	if (tx.mine != sent)
		__atomic_store_n(tx.producer, tx.mine, __ATOMIC_RELEASE);
	return count;
}

static void kick(void)
{
	__u32 sent = __atomic_load_n(tx.consumer, __ATOMIC_ACQUIRE);

	if (sent != tx.mine && (*(volatile __u32 *)tx.flags & XDP_RING_NEED_WAKEUP))
		sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
	reclaim();
}

static void serve_for_ever(struct bench_counts *counts, bool lingers)
{
	struct pollfd wait_for = {.fd = fd, .events = POLLIN};
	__u64 since_ns = 0;
	__u32 count;

	for (;;) {
		count = serve();
		counts->received += count;
		kick();
		if (lingers && linger(&since_ns, count))
			continue;
		if (!count && tx.mine == __atomic_load_n(tx.consumer, __ATOMIC_ACQUIRE))
			poll(&wait_for, 1, -1);
	}
}

int main(int argc, char **argv)
{
	const char *socket_fd = getenv(XFN_ENV_SOCKET), *channel = getenv(XFN_ENV_CHANNEL);
	bool lingers = argc == 3 && !strcmp(argv[1], "--linger");
	struct bench_counts *counts = argc == 2 + lingers ? counts_open(argv[1 + lingers]) : NULL;

	if (!counts || !socket_fd)
		return 2;
	counts->pid = (__u64)getpid();
	fd = atoi(socket_fd);
	if (make_rings())
		return 1;
	give_all();
	if (bind_socket()) {
		fprintf(stderr, "bare: %s\n", strerror(errno));
		return 1;
	}
	if (channel)
		say_ready(atoi(channel));
	serve_for_ever(counts, lingers);
}
