/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane_load.h"
#include "engine_instances.h"
#include "engine_ports_ready.h"
#include "fd.h"
#include "loop.h"
#include "veth.h"

/* After a start, and after each: making one keeps xfnd busy for as long as a start takes. */
#define PAUSE_NS 250000000ULL
#define AGAIN_NS 10000000000ULL
enum { NAME_TRIES = 8 };

struct xfn_ready_ports {
	struct xfn_engine *engine;
	struct xfn_source *timer;
	int program_fd; /* for the host's ends; -1: not loaded yet */
	unsigned wanted, count;
	struct xfn_port_ends ends[XFN_READY_PORTS_MAX];
	char owner[PATH_MAX]; /* the run directory */
};

/* ---- one ----------------------------------------------------------------------------------------------- */

static void remove_ends(struct xfn_port_ends *ends)
{
	xfn_fd_close(&ends->netns_fd);
	xfn_fd_close(&ends->sockets_fd);
	xfn_fd_close(&ends->lost_fd);
	xfn_veth_remove(ends->ifindex);
}

/* One program for all of them. */
static int near_program(struct xfn_ready_ports *ports, struct xfn_fault *fault)
{
	if (ports->program_fd < 0)
		ports->program_fd = xfn_port_load_near(ports->engine->dataplane, fault);
	return ports->program_fd;
}

/* By lot, since another xfnd in this network namespace draws as well. */
static int make_pair(int far_program_fd, char *name, struct xfn_port_ends *ends)
{
	int tries, err = -EEXIST;
	__u32 lot;

	for (tries = 0; tries < NAME_TRIES && err == -EEXIST; tries++) {
		if (getrandom(&lot, sizeof(lot), 0) != sizeof(lot))
			return -EIO;
		snprintf(name, IFNAMSIZ, XFN_PORT_NEAR_PREFIX "%x", lot);
		err = xfn_launcher_make_port(name, XFN_PORT_MTU, far_program_fd, &ends->ifindex,
					     &ends->netns_fd);
	}
	return err;
}

static int make_with(struct xfn_ready_ports *ports, int program_fd, struct xfn_port_far *far,
		     struct xfn_port_ends *ret, struct xfn_fault *fault)
{
	struct xfn_port_ends ends = {.netns_fd = -1, .sockets_fd = -1, .lost_fd = -1};
	char name[IFNAMSIZ];
	int err = make_pair(far->program_fd, name, &ends);

	if (!err)
		err = xfn_veth_mark(ends.ifindex, ports->owner)
			      ?: xfn_port_attach(ends.ifindex, program_fd);
	if (err) {
		remove_ends(&ends);
		xfn_fault_set(fault, "cannot make its port '%s': %s", name, strerror(-err));
		return err;
	}
	ends.sockets_fd = far->sockets_fd;
	ends.lost_fd = far->lost_fd;
	far->sockets_fd = far->lost_fd = -1;
	*ret = ends;
	return 0;
}

static int make(struct xfn_ready_ports *ports, struct xfn_port_ends *ret, struct xfn_fault *fault)
{
	struct xfn_port_far far;
	int program_fd = near_program(ports, fault), err;

	if (program_fd < 0)
		return program_fd;
	err = xfn_port_load_far(&far, fault);
	if (err)
		return err;
	err = make_with(ports, program_fd, &far, ret, fault);
	xfn_port_close_far(&far);
	if (xfn_launcher_reason(err))
		xfn_fault_set(fault, "%s", xfn_launcher_reason(err));
	return err;
}

/* ---- those that stand by ----------------------------------------------------------------------------------- */

static void remove_all(struct xfn_ready_ports *ports)
{
	while (ports->count)
		remove_ends(&ports->ends[--ports->count]);
}

/* What goes wrong here goes wrong at the next start, too, which says so. */
static void on_timer(void *context)
{
	struct xfn_ready_ports *ports = context;
	struct xfn_fault fault = {};
	__u64 next = PAUSE_NS;

	if (ports->count >= ports->wanted)
		return;
	if (!xfn_instances_start_now(ports->engine)) {
		if (make(ports, &ports->ends[ports->count], &fault))
			next = AGAIN_NS;
		else
			ports->count++;
	}
	if (ports->count < ports->wanted)
		xfn_timer_set(ports->timer, next);
}

void xfn_ready_ports_set(struct xfn_ready_ports *ports, unsigned count)
{
	if (ports->wanted == count)
		return;
	ports->wanted = count;
	while (ports->count > count)
		remove_ends(&ports->ends[--ports->count]);
	xfn_timer_set(ports->timer, ports->count < count ? PAUSE_NS : XFN_TIMER_OFF);
}

void xfn_ready_ports_renew(struct xfn_ready_ports *ports)
{
	remove_all(ports);
	xfn_fd_close(&ports->program_fd);
	if (ports->wanted)
		xfn_timer_set(ports->timer, PAUSE_NS);
}

int xfn_ready_ports_take(struct xfn_ready_ports *ports, struct xfn_port_ends *ret,
			 struct xfn_fault *fault)
{
	if (ports->wanted)
		xfn_timer_set(ports->timer, PAUSE_NS);
	while (ports->count) {
		*ret = ports->ends[--ports->count];
		if (xfn_ready_ports_are_ours(ports, ret->ifindex))
			return 0;
		remove_ends(ret); /* somebody has taken it away */
	}
	return make(ports, ret, fault);
}

bool xfn_ready_ports_are_ours(const struct xfn_ready_ports *ports, __u32 ifindex)
{
	return xfn_veth_is_marked(ifindex, ports->owner);
}

/* ---- their life -------------------------------------------------------------------------------------------- */

int xfn_ready_ports_open(struct xfn_engine *engine, struct xfn_ready_ports **ret)
{
	struct xfn_ready_ports *ports = calloc(1, sizeof(*ports));
	int err;

	if (!ports)
		return -ENOMEM;
	ports->engine = engine;
	ports->program_fd = -1;
	if (!realpath(engine->options.run_dir, ports->owner))
		snprintf(ports->owner, sizeof(ports->owner), "%s", engine->options.run_dir);
	err = xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, on_timer, ports,
				 &ports->timer);
	if (err) {
		free(ports);
		return err;
	}
	*ret = ports;
	return 0;
}

void xfn_ready_ports_close(struct xfn_ready_ports *ports)
{
	if (!ports)
		return;
	remove_all(ports);
	xfn_fd_close(&ports->program_fd);
	xfn_source_free(ports->timer);
	free(ports);
}
