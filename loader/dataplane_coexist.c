/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces whose root libxdp's dispatcher calls: no link of ours says that they are attached. That
 * they ought to be is noted in the slot, in a pinned map; that they are is asked of the dispatcher,
 * anew whenever another program than before runs on the interface.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "coexist.h"
#include "dataplane_load.h"
#include "fd.h"
#include "netlink.h"

static struct xfn_coexist_request request_of(const struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_interface *interface = &dataplane->interfaces[slot];

	return (struct xfn_coexist_request){
		.ifindex = interface->ifindex,
		.slot = slot,
		.generic = interface->flags & XFN_INTERFACE_GENERIC,
		.packets_fd = dataplane->map_fd[XFN_MAP_PACKETS],
		.entry_progs_fd = dataplane->map_fd[XFN_MAP_ENTRY_PROGS],
	};
}

/* The program that runs on the interface: 0 where there is none, or no interface. */
static __u32 running_on(__u32 ifindex)
{
	struct xfn_link link;
	int mode;

	if (xfn_link_get(ifindex, -1, &link))
		return 0;
	for (mode = 0; mode < XFN_XDP_MODE_COUNT; mode++)
		if (link.prog_id[mode])
			return link.prog_id[mode];
	return 0;
}

/* Takes over a root that was found or attached. */
static void take_root(struct xfn_dataplane_interface *interface, int root_fd)
{
	xfn_fd_close(&interface->root_fd);
	interface->root_fd = root_fd;
	interface->dispatcher_id = running_on(interface->ifindex);
}

int xfn_interface_join(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	struct xfn_coexist_request request = request_of(dataplane, slot);
	int fd = xfn_coexist_attach(&request, fault);

	if (fd < 0)
		return fd;
	take_root(&dataplane->interface[slot], fd);
	return 0;
}

/* The root, a descriptor, or -errno. */
static int find_root(const struct xfn_dataplane *dataplane, __u32 slot)
{
	struct xfn_coexist_request request = request_of(dataplane, slot);
	struct xfn_fault fault;

	return xfn_coexist_find(&request, &fault);
}

int xfn_interface_adopt_root(struct xfn_dataplane *dataplane, __u32 slot)
{
	int fd = find_root(dataplane, slot);

	if (fd < 0)
		return fd;
	take_root(&dataplane->interface[slot], fd);
	return 0;
}

bool xfn_interface_is_joined(const struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	__u32 id = running_on(interface->ifindex);
	int fd;

	if (!id || id == interface->dispatcher_id)
		return id;
	fd = find_root(dataplane, slot); /* another was made, for more programs or fewer */
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int xfn_interface_leave(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	struct xfn_coexist_request request = request_of(dataplane, slot);

	return running_on(request.ifindex) ? xfn_coexist_detach(&request, fault) : 0;
}

static int open_map(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/maps/%s", dir, name);
	return bpf_obj_get(path);
}

static void leave_pinned(const struct xfn_interface *interface, __u32 slot, int packets_fd,
			 int entry_progs_fd)
{
	struct xfn_coexist_request request = {.ifindex = interface->ifindex,
					      .slot = slot,
					      .packets_fd = packets_fd,
					      .entry_progs_fd = entry_progs_fd};
	struct xfn_fault fault;

	if (interface->ifindex && interface->flags & XFN_INTERFACE_COEXIST)
		xfn_coexist_detach(&request, &fault);
}

void xfn_pins_leave(const char *dir)
{
	int fd = open_map(dir, "xfn_interfaces"), packets_fd = open_map(dir, "xfn_packets");
	int entry_progs_fd = open_map(dir, "xfn_entry_progs");
	struct xfn_interface interface;
	struct bpf_map_info info;
	__u32 slot;

	if (fd < 0 || packets_fd < 0 || entry_progs_fd < 0 || xfn_map_info(fd, &info) ||
	    info.value_size != sizeof(interface))
		info.max_entries = 0; /* nothing there, or of another version */
	for (slot = 0; slot < info.max_entries; slot++)
		if (!bpf_map_lookup_elem(fd, &slot, &interface))
			leave_pinned(&interface, slot, packets_fd, entry_progs_fd);
	xfn_fd_close(&fd);
	xfn_fd_close(&packets_fd);
	xfn_fd_close(&entry_progs_fd);
}
