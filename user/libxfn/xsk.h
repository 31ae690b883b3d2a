/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_XSK_H
#define XFN_XSK_H

/*
 * The rings of one AF_XDP socket with a pool of its own (Documentation/networking/af_xdp.rst). There are
 * as many places in each ring as frames in the pool: so none can be full, whatever lags behind.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/if_xdp.h>
#include <linux/types.h>

#define XSK_FRAMES_MIN    64
#define XSK_FRAMES_MAX    4096
#define XSK_FRAME_BYTES   2048
#define XSK_KICK_AGAIN_US 50
#define XSK_SPARES_MAX    64

/* One ring. The kernel's side of it is read with acquire, ours is written with release. */
struct xsk_ring {
	__u32 *producer;
	__u32 *consumer;
	__u32 *flags;
	void *entries;
	void *memory;
	size_t memory_bytes;
	__u32 mine; /* our index: of the producer or of the consumer */
};

struct xsk {
	int fd;
	__u8 *pool;
	size_t pool_bytes;
	__u32 frames;     /* a power of two */
	bool need_wakeup; /* before it is bound: whether it is to be so, as it is by default */
	struct xsk_ring fill, completion, rx, tx;
	__u32 unsent;    /* in tx or on their way: not completed yet */
	bool is_stuck;   /* the last kick moved nothing */
	__u64 kicked_ns; /* CLOCK_MONOTONIC, last time */
	__u64 kicks;
	/* Frames that the kernel does not get, so that there are some for what comes another way. */
	__u32 spares, spares_max;
	__u64 spare[XSK_SPARES_MAX];
};

/*
 * Gives the unbound socket @fd a pool of @frames, a power of two, or of fewer where so many may not be
 * locked, and rings, which are mapped before it is bound: 6.1 refuses it behind. Up to @spares frames, XSK_SPARES_MAX
 * and half of the pool at most, are kept from the kernel until xsk_spare_none(). On failure -errno; the
 * descriptor stays the caller's.
 */
int xsk_prepare(struct xsk *xsk, int fd, __u32 frames, __u32 spares);
/* Binds it, in copy mode. On failure -errno; it may be tried again. */
int xsk_bind(struct xsk *xsk, __u32 ifindex, __u32 queue);
/* Both, with queue 0. */
int xsk_open(struct xsk *xsk, int fd, __u32 ifindex, __u32 frames, __u32 spares);
void xsk_close(struct xsk *xsk); /* not the descriptor */

/* Frames that arrived: fills @descs, up to @max. They are the caller's until xsk_give() or xsk_send(). */
unsigned xsk_receive(struct xsk *xsk, struct xdp_desc *descs, unsigned max);
/* Whether there are any. */
static inline bool xsk_has(const struct xsk *xsk)
{
	return __atomic_load_n(xsk->rx.producer, __ATOMIC_ACQUIRE) != xsk->rx.mine;
}
/* A frame goes back for the next packet. @address: anywhere in it. */
void xsk_give(struct xsk *xsk, __u64 address);
/* Takes a frame that was kept, as if a packet had come in it: where it begins. False: there is none. */
bool xsk_take_spare(struct xsk *xsk, __u64 *ret_address);
/* From now on none is kept: the kernel gets them all. */
void xsk_spare_none(struct xsk *xsk);
/* Queues a frame to be sent. xsk_kick() tells the kernel. */
void xsk_send(struct xsk *xsk, __u64 address, __u32 bytes);
/*
 * Takes back what was sent, and tells the kernel of what is queued, as long as that gets on. Returns how many
 * frames it has yet to take: then it wants to be called again, after XSK_KICK_AGAIN_US.
 */
unsigned xsk_kick(struct xsk *xsk);

/* CLOCK_MONOTONIC */
__u64 xsk_now_ns(void);

#endif
