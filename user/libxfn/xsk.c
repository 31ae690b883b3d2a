/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "errnum.h"
#include "xsk.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

#define KICK_AGAIN_NS (XSK_KICK_AGAIN_US * 1000ULL)

__u64 xsk_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

/* ---- making ------------------------------------------------------------------------------------------ */

static int set(int fd, int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, SOL_XDP, option, value, bytes) ? xfn_errno() : 0;
}

static int set_sizes(const struct xsk *xsk)
{
	static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING,
				    XDP_TX_RING};
	int places = (int)xsk->frames, err = 0;
	size_t i;

	for (i = 0; i < sizeof(rings) / sizeof(rings[0]) && !err; i++)
		err = set(xsk->fd, rings[i], &places, sizeof(places));
	return err;
}

static int map_ring(const struct xsk *xsk, const struct xdp_ring_offset *offsets,
		    size_t entry_bytes, off_t where, struct xsk_ring *ring)
{
	size_t bytes = offsets->desc + xsk->frames * entry_bytes;
	__u8 *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, xsk->fd,
			    where);

	if (memory == MAP_FAILED)
		return xfn_errno();
	*ring = (struct xsk_ring){
		.producer = (__u32 *)(memory + offsets->producer),
		.consumer = (__u32 *)(memory + offsets->consumer),
		.flags = (__u32 *)(memory + offsets->flags),
		.entries = memory + offsets->desc,
		.memory = memory,
		.memory_bytes = bytes,
	};
	return 0;
}

static int map_rings(struct xsk *xsk)
{
	struct xdp_mmap_offsets offsets;
	socklen_t bytes = sizeof(offsets);

	if (getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes))
		return xfn_errno();
	return map_ring(xsk, &offsets.fr, sizeof(__u64), XDP_UMEM_PGOFF_FILL_RING, &xsk->fill)
		       ?: map_ring(xsk, &offsets.cr, sizeof(__u64),
				   (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, &xsk->completion)
		       ?: map_ring(xsk, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING,
				   &xsk->rx)
		       ?: map_ring(xsk, &offsets.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING,
				   &xsk->tx);
}

/*
 * As many frames as are asked for, or the nearest power of two that may be locked: pools are counted
 * against RLIMIT_MEMLOCK for all processes of a user together.
 */
static int register_pool(struct xsk *xsk)
{
	struct xdp_umem_reg pool = {.addr = (__u64)(unsigned long)xsk->pool,
				    .chunk_size = XSK_FRAME_BYTES};
	int err;

	do {
		pool.len = (__u64)xsk->frames * XSK_FRAME_BYTES;
		err = set(xsk->fd, XDP_UMEM_REG, &pool, sizeof(pool));
	} while (err == -ENOBUFS && xsk->frames > XSK_FRAMES_MIN && (xsk->frames /= 2));
	return err;
}

static int make_pool(struct xsk *xsk)
{
	void *memory;

	xsk->pool_bytes = (size_t)xsk->frames * XSK_FRAME_BYTES;
	memory = mmap(NULL, xsk->pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		return xfn_errno();
	xsk->pool = memory;
	return register_pool(xsk);
}

static void give_all(struct xsk *xsk, __u32 spares)
{
	__u32 i;

	xsk->spares_max = spares < XSK_SPARES_MAX ? spares : XSK_SPARES_MAX;
	if (xsk->spares_max > xsk->frames / 2)
		xsk->spares_max = xsk->frames / 2;
	for (i = 0; i < xsk->frames; i++)
		xsk_give(xsk, (__u64)i * XSK_FRAME_BYTES);
}

int xsk_prepare(struct xsk *xsk, int fd, __u32 frames, __u32 spares)
{
	int err;

	memset(xsk, 0, sizeof(*xsk));
	xsk->fd = fd;
	xsk->frames = frames;
	xsk->need_wakeup = true;
	err = make_pool(xsk) ?: set_sizes(xsk) ?: map_rings(xsk);
	if (err)
		xsk_close(xsk);
	else
		give_all(xsk, spares);
	return err;
}

int xsk_bind(struct xsk *xsk, __u32 ifindex, __u32 queue)
{
	struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
				       .sxdp_flags = XDP_COPY,
				       .sxdp_ifindex = ifindex,
				       .sxdp_queue_id = queue};

	if (xsk->need_wakeup)
		address.sxdp_flags |= XDP_USE_NEED_WAKEUP;
	if (bind(xsk->fd, (const struct sockaddr *)&address, sizeof(address)))
		return xfn_errno();
	return 0;
}

int xsk_open(struct xsk *xsk, int fd, __u32 ifindex, __u32 frames, __u32 spares)
{
	int err = xsk_prepare(xsk, fd, frames, spares);

	if (err)
		return err;
	err = xsk_bind(xsk, ifindex, 0);
	if (err)
		xsk_close(xsk);
	return err;
}

void xsk_close(struct xsk *xsk)
{
	struct xsk_ring *const rings[] = {&xsk->fill, &xsk->completion, &xsk->rx, &xsk->tx};
	size_t i;

	for (i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (rings[i]->memory)
			munmap(rings[i]->memory, rings[i]->memory_bytes);
	if (xsk->pool)
		munmap(xsk->pool, xsk->pool_bytes);
	memset(xsk, 0, sizeof(*xsk));
}

/* ---- frames -------------------------------------------------------------------------------------------- */

unsigned xsk_receive(struct xsk *xsk, struct xdp_desc *descs, unsigned max)
{
	struct xsk_ring *rx = &xsk->rx;
	__u32 there = __atomic_load_n(rx->producer, __ATOMIC_ACQUIRE) - rx->mine;
	const struct xdp_desc *entries = rx->entries;
	unsigned i, count = there < max ? there : max;

	for (i = 0; i < count; i++)
		descs[i] = entries[(rx->mine + i) & (xsk->frames - 1)];
	rx->mine += count;
	__atomic_store_n(rx->consumer, rx->mine, __ATOMIC_RELEASE);
	return count;
}

void xsk_give(struct xsk *xsk, __u64 address)
{
	struct xsk_ring *fill = &xsk->fill;
	__u64 *entries = fill->entries, start = address / XSK_FRAME_BYTES * XSK_FRAME_BYTES;

	if (xsk->spares < xsk->spares_max) {
		xsk->spare[xsk->spares++] = start;
		return;
	}
	entries[fill->mine & (xsk->frames - 1)] = start;
	fill->mine++;
	__atomic_store_n(fill->producer, fill->mine, __ATOMIC_RELEASE);
}

bool xsk_take_spare(struct xsk *xsk, __u64 *ret_address)
{
	if (!xsk->spares)
		return false;
	*ret_address = xsk->spare[--xsk->spares];
	return true;
}

void xsk_spare_none(struct xsk *xsk)
{
	xsk->spares_max = 0;
	while (xsk->spares)
		xsk_give(xsk, xsk->spare[--xsk->spares]);
}

void xsk_send(struct xsk *xsk, __u64 address, __u32 bytes)
{
	struct xsk_ring *tx = &xsk->tx;
	struct xdp_desc *entries = tx->entries;

	entries[tx->mine & (xsk->frames - 1)] = (struct xdp_desc){.addr = address, .len = bytes};
	tx->mine++;
	__atomic_store_n(tx->producer, tx->mine, __ATOMIC_RELEASE);
	xsk->unsent++;
}

/* Frames that were sent are for the next packets. Returns how many they were. */
static unsigned reclaim(struct xsk *xsk)
{
	struct xsk_ring *done = &xsk->completion;
	__u32 there = __atomic_load_n(done->producer, __ATOMIC_ACQUIRE) - done->mine, i;
	const __u64 *entries = done->entries;

	for (i = 0; i < there; i++)
		xsk_give(xsk, entries[(done->mine + i) & (xsk->frames - 1)]);
	done->mine += there;
	__atomic_store_n(done->consumer, done->mine, __ATOMIC_RELEASE);
	xsk->unsent -= there;
	return there;
}

/* Replies that the kernel has not taken for certain: its index may lag behind what it did. */
static __u32 waiting(const struct xsk *xsk)
{
	__u32 queued = xsk->tx.mine - __atomic_load_n(xsk->tx.consumer, __ATOMIC_ACQUIRE);

	return queued < xsk->unsent ? queued : xsk->unsent;
}

/*
 * One call moves 32 frames or fewer, and what it returns says nothing: with a full completion ring 6.1 and
 * 6.12 return 0 and have sent none, 6.18 says EAGAIN. So what is seen to move counts; while nothing does,
 * it is tried again after a while, not in a circle.
 */
unsigned xsk_kick(struct xsk *xsk)
{
	__u32 left, before;
	__u64 now;

	reclaim(xsk);
	left = waiting(xsk);
	if (!left)
		return 0;
	now = xsk_now_ns();
	if (xsk->is_stuck && now - xsk->kicked_ns < KICK_AGAIN_NS)
		return left;
	do {
		before = left;
		sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		xsk->kicks++;
		reclaim(xsk);
		left = waiting(xsk);
	} while (left && left < before);
	xsk->is_stuck = left;
	xsk->kicked_ns = now;
	return left;
}
