/* SPDX-License-Identifier: BSD-2-Clause */
/* Parking sockets: AF_XDP sockets that the client made, each with a pool here and one queue of an interface. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keeper_private.h"
#include "xfn/park.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

enum {
	BATCH = 64,
	BIND_TRIES = 250,
	BIND_AGAIN_NS = 1000000,
};

static struct xfn_park_socket *find(struct xfn_parks *parks, const struct xfn_keeper_park *words)
{
	__u32 i;

	for (i = 0; i < parks->count; i++)
		if (parks->sockets[i].words.slot == words->slot &&
		    parks->sockets[i].words.queue == words->queue)
			return &parks->sockets[i];
	return NULL;
}

/* ---- opening and closing --------------------------------------------------------------------------- */

/* The kernel lets go of a queue a moment after the last descriptor of its last pool was closed. */
static int bind_patiently(struct xsk *xsk, const struct xfn_keeper_park *words)
{
	const struct timespec pause = {.tv_nsec = BIND_AGAIN_NS};
	int err, tries;

	for (tries = 1;; tries++) {
		err = xsk_bind(xsk, words->ifindex, words->queue);
		if (err != -EBUSY || tries == BIND_TRIES)
			return err;
		nanosleep(&pause, NULL);
	}
}

int xfn_parks_open(struct xfn_parks *parks, struct xfn_keeper_park *words, int fd)
{
	struct xfn_park_socket *park = &parks->sockets[parks->count];
	int err;

	if (words->slot >= XFN_INTERFACES_MAX || words->queue >= XFN_PARK_QUEUES)
		return -EINVAL;
	if (find(parks, words))
		return -EEXIST;
	if (parks->count == XFN_KEEPER_PARKS_MAX)
		return -ENOSPC;
	err = xsk_prepare(&park->xsk, fd, XFN_KEEPER_FRAMES_MAX, 0);
	if (err)
		return err;
	err = bind_patiently(&park->xsk, words);
	if (err) {
		xsk_close(&park->xsk);
		return err;
	}
	words->frames = park->xsk.frames;
	park->words = *words;
	park->fd = fd;
	parks->count++;
	return 0;
}

/* rx_fill_ring_empty_descs is not among them: it counts what rx_dropped has. */
static __u64 lost_of(const struct xfn_park_socket *park)
{
	struct xdp_statistics statistics = {0};
	socklen_t bytes = sizeof(statistics);

	if (getsockopt(park->fd, SOL_XDP, XDP_STATISTICS, &statistics, &bytes))
		return 0;
	return statistics.rx_dropped + statistics.rx_ring_full;
}

__u64 xfn_parks_lost(const struct xfn_parks *parks)
{
	__u64 lost = parks->lost;
	__u32 i;

	for (i = 0; i < parks->count; i++)
		lost += lost_of(&parks->sockets[i]);
	return lost;
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* In aligned chunks, behind the kernel's headroom: what else is said is not touched. */
static bool is_inside(const struct xsk *xsk, const struct xdp_desc *desc)
{
	__u64 place = desc->addr % XSK_FRAME_BYTES;

	return desc->addr < (__u64)xsk->frames * XSK_FRAME_BYTES &&
	       place >= sizeof(struct xfn_park_meta) && place + desc->len <= XSK_FRAME_BYTES;
}

static void read_batch(struct xfn_park_socket *park, struct xfn_inboxes *inboxes,
		       const struct xdp_desc *descs, unsigned count)
{
	struct xsk *xsk = &park->xsk;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (is_inside(xsk, &descs[i]))
			xfn_inboxes_put(inboxes, park->words.slot, xsk->pool + descs[i].addr,
					descs[i].len);
		else
			inboxes->counts.count[XFN_KEEPER_UNREADABLE]++;
		xsk_give(xsk, descs[i].addr);
	}
}

static void read_park(struct xfn_park_socket *park, struct xfn_inboxes *inboxes)
{
	struct xdp_desc descs[BATCH];
	__u32 done = 0;
	unsigned count;

	do {
		count = xsk_receive(&park->xsk, descs, BATCH);
		read_batch(park, inboxes, descs, count);
		done += count;
	} while (count == BATCH && done < park->xsk.frames);
}

void xfn_parks_read(struct xfn_parks *parks, struct xfn_inboxes *inboxes)
{
	__u32 i;

	for (i = 0; i < parks->count; i++)
		read_park(&parks->sockets[i], inboxes);
}

int xfn_parks_close(struct xfn_parks *parks, struct xfn_inboxes *inboxes,
		    const struct xfn_keeper_park *words)
{
	struct xfn_park_socket *park = find(parks, words);

	if (!park)
		return -ENOENT;
	read_park(park, inboxes);
	parks->lost += lost_of(park);
	xsk_close(&park->xsk);
	close(park->fd);
	parks->count--;
	memmove(park, park + 1, (size_t)(&parks->sockets[parks->count] - park) * sizeof(*park));
	return 0;
}
