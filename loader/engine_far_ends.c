/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "counters.h"
#include "engine_far_ends.h"
#include "engine_keeper.h"
#include "fd.h"
#include "received.h"

#define ROOM_FIRST 16

_Static_assert(sizeof(((struct xfn_port_losses *)0)->lost) >= XFN_KERNEL_LOSS_COUNT * sizeof(__u64),
	       "a word for each cause that the kernel tells of");

/* Two descriptors of one instance, by its serial number. */
enum part { SOCKET, LOST };
#define KEY(serial, part) ((__u64)(serial) << 1 | (part))

struct left {
	struct xfn_far_end_owner owner;
	struct xfn_far_end end;
};

struct xfn_far_ends_left {
	struct left *list;
	size_t count;
};

/* ---- of one instance ------------------------------------------------------------------------------------ */

void xfn_member_hold(struct xfn_member *member, int socket_fd)
{
	int copy = xfn_fd_copy(socket_fd);

	member->serves = true;
	if (copy >= 0)
		xfn_far_end_hold(&member->far, copy);
}

static void store(struct xfn_member *member, enum part part, int fd)
{
	const struct xfn_far_end_owner owner = {member->identity, member->port, member->serial};

	if (fd >= 0)
		xfn_keeping_store(member->engine, XFN_KEEPER_FAR_ENDS, KEY(member->serial, part),
				  fd, &owner, sizeof(owner));
}

void xfn_member_store_end(struct xfn_member *member)
{
	store(member, SOCKET, member->far.socket_fd);
	store(member, LOST, member->far.lost_fd);
}

static void drop(struct xfn_engine *engine, __u32 serial)
{
	xfn_keeping_drop(engine, XFN_KEEPER_FAR_ENDS, KEY(serial, SOCKET));
	xfn_keeping_drop(engine, XFN_KEEPER_FAR_ENDS, KEY(serial, LOST));
}

/* Words of our own, on a line that nobody else writes. */
static void add(__u64 *word, __u64 count)
{
	__atomic_store_n(word, *word + count, __ATOMIC_RELAXED);
}

/* What a far end says, but for what waits there. Returns how many wait. */
static __u64 add_far(const struct xfn_far_end *end, struct xfn_port_losses *losses)
{
	struct xfn_far_counts counts;

	xfn_far_end_read(end, &counts);
	add(&losses->received, counts.received);
	add(&losses->xsk_dropped, counts.dropped);
	add(&losses->xsk_ring_full, counts.ring_full);
	add(&losses->no_socket, counts.no_socket);
	add(&losses->unseen, !counts.seen);
	return counts.waiting;
}

/* What a host's end says; -errno where there is none. */
static int add_near(__u32 ifindex, struct xfn_port_losses *losses)
{
	struct xfn_sent sent;
	int err = xfn_interface_sent(ifindex, &sent);

	if (err)
		return err;
	add(&losses->taken, sent.packets);
	add(&losses->ring_full, sent.dropped);
	return 0;
}

static void settle(struct xfn_engine *engine, __u32 port, const struct xfn_far_end *end)
{
	struct xfn_port_losses *losses = &engine->dataplane->port_losses[port];

	add(&losses->left_behind, add_far(end, losses));
}

void xfn_member_settle_end(struct xfn_member *member)
{
	if (member->serves) {
		settle(member->engine, member->port, &member->far);
		drop(member->engine, member->serial);
	}
	member->serves = false;
	xfn_far_end_close(&member->far);
}

/* ---- when xfnd starts ----------------------------------------------------------------------------------- */

static struct left *find(const struct xfn_far_ends_left *left, __u32 serial)
{
	size_t i;

	for (i = 0; i < left->count; i++)
		if (left->list[i].owner.serial == serial)
			return &left->list[i];
	return NULL;
}

static struct left *find_or_add(struct xfn_far_ends_left *left,
				const struct xfn_far_end_owner *owner)
{
	struct left *one = find(left, owner->serial);

	if (one)
		return one;
	one = xfn_array_grow(left->list, left->count, sizeof(*one), ROOM_FIRST);
	if (!one)
		return NULL;
	left->list = one;
	one = &left->list[left->count++];
	*one = (struct left){.owner = *owner, .end = XFN_FAR_END_NONE};
	return one;
}

/* The keeper has what is taken until it is settled. */
static bool take(void *context, const struct xfn_keeper_stored *stored, int fd)
{
	struct left *one;
	struct xfn_far_end_owner owner;

	memcpy(&owner, stored->note, sizeof(owner));
	one = owner.port < XFN_PORTS_MAX ? find_or_add(context, &owner) : NULL;
	if (!one)
		return false;
	if (stored->key == KEY(owner.serial, SOCKET))
		xfn_far_end_hold(&one->end, fd);
	else
		one->end.lost_fd = fd;
	return true;
}

struct xfn_far_ends_left *xfn_far_ends_find(struct xfn_engine *engine)
{
	struct xfn_far_ends_left *left = calloc(1, sizeof(*left));

	if (left)
		xfn_keeping_each(engine, XFN_KEEPER_FAR_ENDS, take, left);
	return left;
}

void xfn_far_ends_adopt(struct xfn_far_ends_left *left, struct xfn_member *member)
{
	struct left *one = left ? find(left, member->serial) : NULL;

	member->serves = !member->listens;
	if (!one || one->owner.identity != member->identity)
		return;
	member->far = one->end;
	*one = left->list[--left->count];
}

void xfn_far_ends_end(struct xfn_engine *engine, const struct xfn_far_ends_left *left,
		      const struct xfn_far_end_owner *owner, __u32 ifindex)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	bool is_held = left && find(left, owner->serial);

	if (owner->port >= XFN_PORTS_MAX ||
	    dataplane->port_lines[owner->port].identity != owner->identity)
		return;
	if (xfn_port_ifindex(dataplane, owner->port) == ifindex)
		xfn_port_close(dataplane, owner->port);
	add(&dataplane->port_losses[owner->port].unseen, !is_held);
	xfn_port_settle_near(engine, owner->port, ifindex, is_held);
}

void xfn_far_ends_settle(struct xfn_engine *engine, struct xfn_far_ends_left *left)
{
	const struct xfn_port_line *lines = engine->dataplane->port_lines;
	struct left *one;
	size_t i;

	for (i = 0; left && i < left->count; i++) {
		one = &left->list[i];
		if (lines[one->owner.port].identity == one->owner.identity)
			settle(engine, one->owner.port, &one->end);
		drop(engine, one->owner.serial);
		xfn_far_end_close(&one->end);
	}
	if (left)
		xfn_free(left->list);
	free(left);
}

/* ---- what there is to tell ------------------------------------------------------------------------------ */

static int read_steered(const struct xfn_engine *engine, __u32 slot, __u64 *ret)
{
	struct xfn_function_counts counts;
	struct xfn_counter counter = {.index = slot, .sum = &counts};
	int err = xfn_counters_read(engine->dataplane, XFN_MAP_COUNTS, &counter, 1);

	*ret = err ? 0 : counts.verdicts[XFN_VERDICT_STEERED];
	return err;
}

int xfn_port_losses_begin(struct xfn_engine *engine, __u32 port, __u32 slot)
{
	struct xfn_port_losses *losses = &engine->dataplane->port_losses[port];
	__u64 steered;
	int err = read_steered(engine, slot, &steered);

	if (err)
		return err;
	memset(losses, 0, sizeof(*losses));
	losses->since = steered;
	return 0;
}

/* All instances of the port's, past and present. */
static void sum(const struct xfn_engine *engine, __u32 port, struct xfn_port_losses *ret)
{
	const struct xfn_member *member;

	*ret = engine->dataplane->port_losses[port];
	for (member = engine->instances->first; member; member = member->next) {
		if (member->port != port || !member->serves)
			continue;
		add_near(member->ifindex, ret);
		add_far(&member->far, ret);
	}
}

void xfn_port_losses_add(const struct xfn_engine *engine, __u32 port, __u64 *lost)
{
	struct xfn_port_losses all;
	int cause;

	sum(engine, port, &all);
	for (cause = 0; cause < XFN_KERNEL_LOSS_COUNT; cause++)
		lost[cause] += all.lost[cause];
	lost[XFN_LOSS_RING_FULL] += all.ring_full;
	lost[XFN_LOSS_XSK_DROPPED] += all.xsk_dropped;
	lost[XFN_LOSS_XSK_RING_FULL] += all.xsk_ring_full;
	lost[XFN_LOSS_NO_SOCKET] += all.no_socket;
	lost[XFN_LOSS_LEFT_BEHIND] += all.left_behind;
}

__u64 xfn_port_arrived(const struct xfn_engine *engine, __u32 port)
{
	struct xfn_port_losses all;
	__u64 count;
	int cause;

	sum(engine, port, &all);
	count = all.ring_full;
	for (cause = 0; cause < XFN_KERNEL_LOSS_COUNT; cause++)
		count += all.lost[cause];
	if (all.unseen)
		return count + all.taken;
	return count + all.received + all.xsk_dropped + all.xsk_ring_full + all.no_socket;
}

/* What was given to it and has not arrived, as far as is known. */
static int read_gap(const struct xfn_engine *engine, __u32 port, __u32 *ret)
{
	struct xfn_dataplane *dataplane = engine->dataplane;
	const struct xfn_port_losses *losses = &dataplane->port_losses[port];
	struct xfn_port_totals totals;
	__u64 steered;
	int err = read_steered(engine, dataplane->port_lines[port].function, &steered)
			  ?: xfn_port_read(dataplane, port, xfn_clock_ns(CLOCK_MONOTONIC), &totals);

	if (!err)
		*ret = (__u32)(steered - losses->since - totals.parked + losses->injected -
			       xfn_port_arrived(engine, port));
	return err;
}

int xfn_port_losses_resume(struct xfn_engine *engine, __u32 port)
{
	__u32 gap;
	int err = read_gap(engine, port, &gap);

	if (!err)
		add(&engine->dataplane->port_losses[port].since, gap);
	return err;
}

void xfn_port_settle_near(struct xfn_engine *engine, __u32 port, __u32 ifindex, bool is_held)
{
	struct xfn_port_losses *losses = &engine->dataplane->port_losses[port];
	__u32 gap;

	if (add_near(ifindex, losses) && !is_held && !read_gap(engine, port, &gap))
		add(&losses->taken, gap);
}
