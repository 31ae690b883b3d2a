/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "fd.h"
#include "port.h"
#include "xfn/flight.h"
#include "xfn_port.skel.h"
#include "xfn_port_rx.skel.h"

static int put(const struct xfn_dataplane *dataplane, enum xfn_map map, __u32 key, __u32 value)
{
	int fd = dataplane->map_fd[map];

	return bpf_map_update_elem(fd, &key, &value, 0) ? xfn_errno() : 0;
}

static int take(const struct xfn_dataplane *dataplane, enum xfn_map map, __u32 key)
{
	int fd = dataplane->map_fd[map];

	return bpf_map_delete_elem(fd, &key) && errno != ENOENT ? xfn_errno() : 0;
}

/* ---- whose it is --------------------------------------------------------------------------------- */

/*
 * Epochs last an eighth of the deadline or more, a power of two: so what is told as a timeout is up to a
 * quarter of the deadline late, and at most XFN_PORT_EPOCHS_OLD epochs are young.
 */
static void set_epochs(struct xfn_port_line *line, __u64 deadline_ns)
{
	__u32 shift = XFN_TOKEN_UNIT_BITS;

	while (deadline_ns > (__u64)XFN_PORT_EPOCHS_OLD << shift)
		shift++;
	line->epoch_shift = shift;
	line->deadline_epochs = (__u32)((deadline_ns + (1ULL << shift) - 1) >> shift);
}

static void set_owner(struct xfn_port_line *line, const struct xfn_port_owner *owner)
{
	line->function = owner->function;
	line->flags = owner->flags | (line->flags & XFN_PORT_PARKS);
	line->concurrency = owner->concurrency;
	line->histogram = owner->histogram;
	set_epochs(line, owner->deadline_ns);
}

/* XFN_PORT_RULES_MAX of them. */
static struct xfn_port_rule *rules_of(struct xfn_dataplane *dataplane, unsigned generation,
				      __u32 port)
{
	return &dataplane->port_rules[(generation * XFN_PORTS_MAX + port) * XFN_PORT_RULES_MAX];
}

static void clear_rules(struct xfn_dataplane *dataplane, __u32 port)
{
	unsigned generation;

	for (generation = 0; generation < 2; generation++)
		memset(rules_of(dataplane, generation, port), 0,
		       XFN_PORT_RULES_MAX * sizeof(struct xfn_port_rule));
}

int xfn_port_claim(struct xfn_dataplane *dataplane, __u32 port, const struct xfn_port_owner *owner)
{
	struct xfn_port_line *line = &dataplane->port_lines[port];
	int err = xfn_dataplane_zero(dataplane, XFN_MAP_PORT_COUNTS, port);

	if (err)
		return err;
	clear_rules(dataplane, port);
	memset(line, 0, sizeof(*line));
	set_owner(line, owner);
	__atomic_store_n(&line->identity, owner->identity, __ATOMIC_RELEASE);
	return 0;
}

void xfn_port_adjust(struct xfn_dataplane *dataplane, __u32 port,
		     const struct xfn_port_owner *owner)
{
	struct xfn_port_line *line = &dataplane->port_lines[port], before = *line;
	__u64 word;
	int i;

	set_owner(line, owner);
	if (before.epoch_shift == line->epoch_shift &&
	    before.deadline_epochs == line->deadline_epochs &&
	    !((before.flags ^ line->flags) & XFN_PORT_ONE_WAY))
		return;
	for (i = 0; i < XFN_PORT_EPOCHS; i++) {
		word = __atomic_exchange_n(&line->epochs[i], 0, __ATOMIC_RELAXED);
		flight_time_out(line, XFN_EPOCH_OPEN(word));
	}
	__atomic_store_n(&line->epoch, 0, __ATOMIC_RELAXED);
}

void xfn_port_set_parks(struct xfn_dataplane *dataplane, __u32 port, bool parks)
{
	struct xfn_port_line *line = &dataplane->port_lines[port];
	__u32 flags = line->flags & ~XFN_PORT_PARKS;

	__atomic_store_n(&line->flags, flags | (parks ? XFN_PORT_PARKS : 0), __ATOMIC_RELAXED);
}

void xfn_port_free(struct xfn_dataplane *dataplane, __u32 port)
{
	__atomic_store_n(&dataplane->port_lines[port].identity, 0, __ATOMIC_RELEASE);
}

int xfn_port_of(const struct xfn_dataplane *dataplane, __u64 identity)
{
	int port;

	for (port = 0; port < XFN_PORTS_MAX; port++)
		if (dataplane->port_lines[port].identity == identity)
			return port;
	return -ENOENT;
}

int xfn_port_set_rules(struct xfn_dataplane *dataplane, unsigned generation, __u32 port,
		       const struct xfn_port_rule *rules, __u32 count)
{
	struct xfn_port_rule *to = rules_of(dataplane, generation, port);

	if (count > XFN_PORT_RULES_MAX)
		return -E2BIG;
	memset(to, 0, XFN_PORT_RULES_MAX * sizeof(*to));
	memcpy(to, rules, count * sizeof(*to));
	return 0;
}

void xfn_port_carry_rules(struct xfn_dataplane *dataplane, unsigned generation, __u32 port)
{
	memcpy(rules_of(dataplane, generation, port), rules_of(dataplane, !generation, port),
	       XFN_PORT_RULES_MAX * sizeof(struct xfn_port_rule));
}

/* ---- whether it takes events ----------------------------------------------------------------------- */

int xfn_port_open(struct xfn_dataplane *dataplane, __u32 port, __u32 ifindex)
{
	return put(dataplane, XFN_MAP_PORT_DEVS, port, ifindex);
}

__u32 xfn_port_ifindex(const struct xfn_dataplane *dataplane, __u32 port)
{
	__u32 ifindex;

	return bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_PORT_DEVS], &port, &ifindex) ? 0
											  : ifindex;
}

int xfn_port_close(struct xfn_dataplane *dataplane, __u32 port)
{
	int err = take(dataplane, XFN_MAP_PORT_DEVS, port);

	return err ?: xfn_dataplane_pass(dataplane);
}

int xfn_port_set_uplink(struct xfn_dataplane *dataplane, __u32 slot, __u32 ifindex)
{
	return ifindex ? put(dataplane, XFN_MAP_UPLINKS, slot, ifindex)
		       : take(dataplane, XFN_MAP_UPLINKS, slot);
}

/* ---- its programs ------------------------------------------------------------------------------------ */

/* It reuses the maps that there are. */
static int load_near(const struct xfn_dataplane *dataplane, struct xfn_port *near)
{
	struct bpf_map *map;
	int i, err = 0;

	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		map = bpf_object__find_map_by_name(near->obj, xfn_map_name(i));
		if (map)
			err = bpf_map__reuse_fd(map, dataplane->map_fd[i]);
	}
	near->rodata->xfn_slot_bits = dataplane->capacity.slot_bits;
	return err ?: xfn_port__load(near);
}

int xfn_port_load_near(const struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	struct xfn_port *near = xfn_port__open();
	int fd = near ? load_near(dataplane, near) : xfn_errno();

	if (!fd)
		fd = xfn_fd_copy(bpf_program__fd(near->progs.xfn_port));
	xfn_port__destroy(near);
	if (fd < 0)
		xfn_fault_set(fault, "cannot load the ports' program: %s", strerror(-fd));
	return fd;
}

int xfn_port_attach(__u32 ifindex, int program_fd)
{
	return bpf_xdp_attach((int)ifindex, program_fd,
			      XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

int xfn_port_add_end(struct xfn_dataplane *dataplane, __u32 port, __u32 ifindex)
{
	return put(dataplane, XFN_MAP_PORT_OF, ifindex, port);
}

void xfn_port_remove_end(struct xfn_dataplane *dataplane, __u32 ifindex)
{
	take(dataplane, XFN_MAP_PORT_OF, ifindex);
}

void xfn_port_keep(struct xfn_dataplane *dataplane,
		   bool (*is_kept)(const void *context, __u32 ifindex), const void *context)
{
	int fd = dataplane->map_fd[XFN_MAP_PORT_OF];
	__u32 ifindex, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &ifindex);

	while (more) {
		more = !bpf_map_get_next_key(fd, &ifindex, &next);
		if (!is_kept(context, ifindex))
			take(dataplane, XFN_MAP_PORT_OF, ifindex);
		ifindex = next;
	}
}

/* All three, or as far as it got. Returns 0 or -errno. */
static int copy_far(const struct xfn_port_rx *object, struct xfn_port_far *far)
{
	far->program_fd = xfn_fd_copy(bpf_program__fd(object->progs.xfn_port_rx));
	if (far->program_fd < 0)
		return far->program_fd;
	far->sockets_fd = xfn_fd_copy(bpf_map__fd(object->maps.xfn_port_sock));
	if (far->sockets_fd < 0)
		return far->sockets_fd;
	far->lost_fd = xfn_fd_copy(bpf_map__fd(object->maps.xfn_port_lost));
	return far->lost_fd < 0 ? far->lost_fd : 0;
}

int xfn_port_load_far(struct xfn_port_far *ret, struct xfn_fault *fault)
{
	struct xfn_port_far far = {-1, -1, -1};
	struct xfn_port_rx *object = xfn_port_rx__open_and_load();
	int err = object ? copy_far(object, &far) : xfn_errno();

	xfn_port_rx__destroy(object);
	if (err) {
		xfn_fault_set(fault, "cannot load the program of a port's far end: %s",
			      strerror(-err));
		xfn_port_close_far(&far);
		return err;
	}
	*ret = far;
	return 0;
}

void xfn_port_close_far(struct xfn_port_far *far)
{
	int *const fds[] = {&far->program_fd, &far->sockets_fd, &far->lost_fd};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] > 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* ---- what became of its events ----------------------------------------------------------------------- */

int xfn_port_read(struct xfn_dataplane *dataplane, __u32 port, __u64 now_ns,
		  struct xfn_port_totals *ret)
{
	struct xfn_port_line *line = &dataplane->port_lines[port];
	struct xfn_port_counts *counts = calloc(dataplane->cpus, sizeof(*counts));
	unsigned cpu, outcome;
	int err = counts ? 0 : -ENOMEM;

	flight_meet(line, now_ns >> line->epoch_shift);
	if (!err && bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_PORT_COUNTS], &port, counts))
		err = xfn_errno();
	memset(ret, 0, sizeof(*ret));
	for (cpu = 0; cpu < dataplane->cpus && !err; cpu++) {
		for (outcome = 0; outcome <= XFN_PORT_UNSENT; outcome++)
			ret->outcomes[outcome] += counts[cpu].outcomes[outcome];
		ret->reply_bytes += counts[cpu].reply_bytes;
		ret->parked += counts[cpu].parked;
	}
	ret->outcomes[XFN_PORT_TIMEOUT] = __atomic_load_n(&line->timeouts, __ATOMIC_RELAXED);
	ret->in_flight = __atomic_load_n(&line->in_flight, __ATOMIC_RELAXED);
	free(counts);
	return err;
}
