/* SPDX-License-Identifier: BSD-2-Clause */
/* Parking sockets: one for each queue of each attached interface, as long as some function's events may wait. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine_keeper_private.h"
#include "fd.h"
#include "interface.h"
#include "launcher.h"
#include "park.h"

static void unpark(struct xfn_engine *engine, __u32 slot, __u32 queues)
{
	struct xfn_keeping *keeping = engine->keeping;
	__u32 queue;

	for (queue = 0; queue < queues; queue++) {
		xfn_park_leave(engine->dataplane, slot, queue);
		if (keeping->keeper)
			xfn_keeper_park_close(keeping->keeper, slot, queue);
	}
	keeping->parks[slot] = (struct xfn_keeping_park){};
}

static int park_queue(struct xfn_engine *engine, __u32 slot, __u32 queue, __u32 ifindex)
{
	const struct xfn_keeper_park words = {.slot = slot, .queue = queue, .ifindex = ifindex};
	__u32 frames;
	int fd, err = xfn_launcher_make_socket(&fd);

	if (err)
		return err;
	err = xfn_keeper_park_open(engine->keeping->keeper, &words, fd, &frames);
	if (!err) {
		err = xfn_park_enter(engine->dataplane, slot, queue, fd);
		if (err)
			xfn_keeper_park_close(engine->keeping->keeper, slot, queue);
	}
	close(fd);
	return err;
}

/* A queue behind one that cannot be parked from is not tried; all that is tried again after a while. */
static void park_interface(struct xfn_engine *engine, __u32 slot,
			   const struct xfn_dataplane_interface *interface)
{
	struct xfn_keeping_park *park = &engine->keeping->parks[slot];
	struct xfn_interface_facts facts;
	__u32 queues = 1;
	int err = 0;

	if (park->failed && !engine->keeping->tries_again)
		return;
	if (!xfn_interface_read(interface->name, &facts) && facts.rx_queues)
		queues = facts.rx_queues < XFN_PARK_QUEUES ? facts.rx_queues : XFN_PARK_QUEUES;
	park->ifindex = interface->ifindex;
	while (park->queues < queues && !err) {
		err = park_queue(engine, slot, park->queues, interface->ifindex);
		park->queues += !err;
	}
	if (err && !park->failed)
		xfn_keeping_say(engine, interface->name,
				"events of functions that take none cannot wait: no parking socket "
				"on a queue; "
				"tried again",
				strerror(-err));
	park->failed = err;
	if (err)
		xfn_timer_set(engine->keeping->retry, RETRY_MAX_NS);
}

void xfn_keeping_follow_interfaces(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	struct xfn_keeping_park *park;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		park = &engine->keeping->parks[slot];
		if (park->ifindex && (!interface->used || park->ifindex != interface->ifindex))
			unpark(engine, slot, park->queues);
	}
	/* One that is at another place now is free to be bound. */
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++) {
		interface = &engine->dataplane->interface[slot];
		if (interface->used && engine->keeping->keeper && engine->keeping->function_count)
			park_interface(engine, slot, interface);
	}
}

void xfn_keeping_unpark_all(struct xfn_engine *engine)
{
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		unpark(engine, slot, engine->keeping->parks[slot].queues);
}

/* Their elements in the map are there as long as they are. */
void xfn_keeping_adopt_parks(struct xfn_engine *engine)
{
	const struct xfn_dataplane_interface *interface;
	struct xfn_keeper_message message;
	struct xfn_keeping_park *park;
	__u32 index = 0, slot, queue;
	int fd, err;

	while (!xfn_keeper_list(engine->keeping->keeper, XFN_KEEPER_PARKS, index, &message, &fd)) {
		slot = message.park.slot % XFN_INTERFACES_MAX;
		queue = message.park.queue;
		interface = &engine->dataplane->interface[slot];
		park = &engine->keeping->parks[slot];
		err = interface->used && interface->ifindex == message.park.ifindex &&
				      queue == park->queues
			      ? xfn_park_enter(engine->dataplane, slot, queue, fd)
			      : -ENODEV;
		xfn_fd_close(&fd);
		if (!err) {
			park->ifindex = message.park.ifindex;
			park->queues = queue + 1;
			index++;
		} else if (xfn_keeper_park_close(engine->keeping->keeper, message.park.slot,
						 queue)) {
			return;
		}
	}
}
