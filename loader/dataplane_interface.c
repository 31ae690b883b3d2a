/* SPDX-License-Identifier: BSD-2-Clause */
/* The data plane's interfaces: programs loaded for a slot, links made, pinned, adopted, removed. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "fd.h"
#include "netlink.h"
#include "ingress.h"
#include "received.h"
#include "xfn_root.skel.h"

void xfn_interface_close(struct xfn_dataplane_interface *interface)
{
	xfn_fd_close(&interface->link_fd);
	xfn_fd_close(&interface->root_fd);
	xfn_fd_close(&interface->ingress_fd);
}

/* ---- loading --------------------------------------------------------------------------------------- */

/* Loads ingress for @slot and makes it live there: how a data plane is upgraded, too. */
static int load_ingress(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	struct xfn_ingress_request request = {.variant = XFN_INGRESS_LIVE, .slot = slot};
	struct bpf_object *ingress;
	int err = xfn_ingress_load(dataplane, &request, &ingress, fault), fd;

	if (err)
		return err;
	fd = xfn_ingress_fd(ingress);
	if (bpf_map_update_elem(dataplane->map_fd[XFN_MAP_ENTRY_PROGS], &slot, &fd, 0)) {
		err = xfn_errno();
		xfn_fault_set(fault, "cannot enter the ingress program: %s", strerror(-err));
	} else {
		xfn_fd_close(&dataplane->interface[slot].ingress_fd);
		dataplane->interface[slot].ingress_fd = xfn_fd_copy(fd);
	}
	bpf_object__close(ingress);
	return err;
}

static int load_root(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	struct xfn_root *root = xfn_root__open();
	struct bpf_map *map;
	int i, err = 0;

	if (!root)
		return xfn_errno();
	root->rodata->xfn_interface_slot = slot;
	bpf_program__set_expected_attach_type(root->progs.xfn_root,
					      dataplane->capacity.attach_type);
	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		map = bpf_object__find_map_by_name(root->obj, xfn_map_name(i));
		if (map)
			err = bpf_map__reuse_fd(map, dataplane->map_fd[i]);
	}
	if (!err)
		err = xfn_root__load(root);
	if (err) {
		xfn_fault_set(fault, "cannot load the root program: %s", strerror(-err));
	} else {
		xfn_fd_close(&dataplane->interface[slot].root_fd);
		dataplane->interface[slot].root_fd =
			xfn_fd_copy(bpf_program__fd(root->progs.xfn_root));
	}
	xfn_root__destroy(root);
	return err;
}

int xfn_dataplane_load_slot(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	int err = xfn_dataplane_zero(dataplane, XFN_MAP_PACKETS, slot);

	if (!err)
		err = xfn_dataplane_zero(dataplane, XFN_MAP_VERDICTS, slot);
	if (!err)
		err = load_ingress(dataplane, slot, fault);
	if (err || dataplane->interface[slot].coexist)
		return err; /* libxdp loads it, for the dispatcher that it makes */
	return load_root(dataplane, slot, fault);
}

/* ---- slots ----------------------------------------------------------------------------------------- */

int xfn_dataplane_find(const struct xfn_dataplane *dataplane, const char *name)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (dataplane->interface[slot].used &&
		    !strcmp(dataplane->interface[slot].name, name))
			return slot;
	return -ENOENT;
}

static int free_slot(const struct xfn_dataplane *dataplane)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (!dataplane->interface[slot].used)
			return slot;
	return -ENOSPC;
}

void xfn_dataplane_set_mac(struct xfn_dataplane *dataplane, __u32 slot, const __u8 mac[6])
{
	__u64 word = 0;

	memcpy(&word, mac, 6);
	__atomic_store_n(&dataplane->interfaces[slot].mac, word, __ATOMIC_RELAXED);
}

/* ifindex and flags share one word. */
static void set_interface(struct xfn_dataplane *dataplane, __u32 slot, __u32 ifindex, __u32 flags)
{
	union {
		struct {
			__u32 ifindex, flags;
		} half;
		__u64 word;
	} value = {.half = {ifindex, flags}};

	__atomic_store_n((__u64 *)&dataplane->interfaces[slot].ifindex, value.word,
			 __ATOMIC_RELAXED);
}

void xfn_interface_set_flags(struct xfn_dataplane *dataplane, __u32 slot, __u32 clear, __u32 set)
{
	set_interface(dataplane, slot, dataplane->interfaces[slot].ifindex,
		      (dataplane->interfaces[slot].flags & ~clear) | set);
}

static void clear_slot(struct xfn_dataplane *dataplane, __u32 slot)
{
	static const __u8 no_mac[6];
	struct xfn_dataplane_interface *interface = &dataplane->interface[slot];

	bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_ENTRY_PROGS], &slot);
	bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_NEXT_PROGS], &slot);
	__atomic_store_n(&dataplane->interfaces[slot].next, 0, __ATOMIC_RELAXED);
	xfn_dataplane_set_mac(dataplane, slot, no_mac);
	set_interface(dataplane, slot, 0, 0);
	xfn_interface_close(interface);
	interface->used = interface->has_next = interface->coexist = false;
	interface->dispatcher_id = 0;
	interface->ifindex = 0;
	interface->name[0] = '\0';
}

/* ---- the program after ingress --------------------------------------------------------------------- */

/* Loads an ingress program that looks for the next one, or one that does not. */
static int look_for_next(struct xfn_dataplane *dataplane, __u32 slot, bool look,
			 struct xfn_fault *fault)
{
	struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	int err;

	interface->has_next = look;
	err = load_ingress(dataplane, slot, fault);
	if (err)
		interface->has_next = !look;
	else
		xfn_interface_set_flags(dataplane, slot, XFN_INTERFACE_NEXT,
					look ? XFN_INTERFACE_NEXT : 0);
	return err;
}

__u32 xfn_dataplane_next_id(const struct xfn_dataplane *dataplane, __u32 slot)
{
	__u32 id = 0;

	if (bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_NEXT_PROGS], &slot, &id))
		return 0;
	return id;
}

int xfn_dataplane_set_next(struct xfn_dataplane *dataplane, __u32 slot, int program_fd, __u64 mark,
			   struct xfn_fault *fault)
{
	__u64 *marked = &dataplane->interfaces[slot].next;
	int err = 0;

	fault->text[0] = '\0';
	if (!dataplane->interface[slot].has_next)
		err = look_for_next(dataplane, slot, true, fault);
	if (!err &&
	    bpf_map_update_elem(dataplane->map_fd[XFN_MAP_NEXT_PROGS], &slot, &program_fd, 0))
		err = xfn_errno();
	if (!err)
		__atomic_store_n(marked, mark, __ATOMIC_RELAXED);
	return err;
}

void xfn_dataplane_clear_next(struct xfn_dataplane *dataplane, __u32 slot)
{
	struct xfn_fault fault;

	bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_NEXT_PROGS], &slot);
	__atomic_store_n(&dataplane->interfaces[slot].next, 0, __ATOMIC_RELAXED);
	/* Where that fails, ingress goes on looking, and finds nothing. */
	if (dataplane->interface[slot].has_next)
		look_for_next(dataplane, slot, false, &fault);
}

/* ---- attach and detach ----------------------------------------------------------------------------- */

static int link_path(const struct xfn_dataplane *dataplane, __u32 ifindex, char *path, size_t size)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", ifindex);
	return xfn_pin_path(dataplane, path, size, "interfaces", number);
}

static int make_link(struct xfn_dataplane *dataplane, __u32 slot, __u32 ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	char path[PATH_MAX];
	int err = link_path(dataplane, ifindex, path, sizeof(path));

	if (err)
		return err;
	interface->link_fd = bpf_link_create(interface->root_fd, ifindex, BPF_XDP, &options);
	if (interface->link_fd < 0)
		return xfn_errno();
	if (bpf_obj_pin(interface->link_fd, path)) {
		err = xfn_errno();
		xfn_fd_close(&interface->link_fd); /* the last reference: detaches */
	}
	return err;
}

int xfn_dataplane_prepare(struct xfn_dataplane *dataplane,
			  const struct xfn_dataplane_request *request, struct xfn_fault *fault)
{
	int slot = free_slot(dataplane), err;
	struct xfn_dataplane_interface *interface;

	fault->text[0] = '\0';
	if (xfn_dataplane_find(dataplane, request->name) >= 0)
		return -EALREADY;
	if (slot < 0)
		return slot;
	interface = &dataplane->interface[slot];
	interface->has_next = request->has_next;
	interface->coexist = request->coexist;
	err = xfn_dataplane_load_slot(dataplane, slot, fault);
	if (err) {
		clear_slot(dataplane, slot);
		return err;
	}
	xfn_dataplane_set_mac(dataplane, slot, request->mac);
	set_interface(dataplane, slot, request->ifindex,
		      (request->generic ? XFN_INTERFACE_GENERIC : 0) |
			      (request->coexist ? XFN_INTERFACE_COEXIST : 0) |
			      (request->has_next ? XFN_INTERFACE_NEXT : 0));
	interface->used = true;
	interface->ifindex = request->ifindex;
	interface->generic = request->generic;
	snprintf(interface->name, sizeof(interface->name), "%s", request->name);
	return slot;
}

/* What the interface has received so far, plus 1; 0 where its driver does not say. */
static void note_received(struct xfn_dataplane *dataplane, __u32 slot, int when)
{
	__u64 received;

	if (xfn_interface_received(dataplane->interface[slot].name, &received))
		received = (__u64)-1;
	__atomic_store_n(&dataplane->interfaces[slot].received[when], received + 1,
			 __ATOMIC_RELAXED);
}

bool xfn_dataplane_is_linked(const struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_dataplane_interface *interface = &dataplane->interface[slot];

	return interface->coexist ? interface->root_fd >= 0 : interface->link_fd >= 0;
}

int xfn_dataplane_link(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault)
{
	const struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	int err;

	note_received(dataplane, slot, 0);
	fault->text[0] = '\0';
	err = interface->coexist
		      ? xfn_interface_join(dataplane, slot, fault)
		      : make_link(dataplane, slot, interface->ifindex, interface->generic);
	note_received(dataplane, slot, 1);
	return err;
}

int xfn_dataplane_detach(struct xfn_dataplane *dataplane, __u32 slot)
{
	struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	struct xfn_fault fault;
	char path[PATH_MAX];
	int err = link_path(dataplane, interface->ifindex, path, sizeof(path));

	if (!err && unlink(path) && errno != ENOENT)
		err = xfn_errno();
	if (!err && interface->coexist && interface->root_fd >= 0)
		err = xfn_interface_leave(dataplane, slot, &fault);
	if (err)
		return err;
	xfn_dataplane_keep_tags(dataplane, slot, false);
	/* At once, and also where somebody else holds the link open. A link that is gone does not mind. */
	if (interface->link_fd >= 0)
		bpf_link_detach(interface->link_fd);
	xfn_fd_close(&interface->link_fd);
	err = xfn_dataplane_barrier(dataplane);
	clear_slot(dataplane, slot);
	return err;
}

/* ---- adoption -------------------------------------------------------------------------------------- */

/*
 * The number of the interface that a link holds, in this namespace; 0: none. A link goes along when its
 * interface moves to another namespace, where it may keep its number, and that number may be another
 * interface's here: so what runs here has to be the link's program.
 */
static int link_ifindex(int link_fd, __u32 *ifindex)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	struct xfn_link link;
	int mode;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size))
		return xfn_errno();
	*ifindex = 0;
	if (info.type != BPF_LINK_TYPE_XDP || xfn_link_get(info.xdp.ifindex, -1, &link))
		return 0;
	for (mode = 0; mode < XFN_XDP_MODE_COUNT; mode++)
		if (link.prog_id[mode] == info.prog_id)
			*ifindex = info.xdp.ifindex;
	return 0;
}

bool xfn_dataplane_link_is_live(const struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	__u32 ifindex = 0;

	if (interface->coexist)
		return xfn_interface_is_joined(dataplane, slot);
	return interface->link_fd >= 0 && !link_ifindex(interface->link_fd, &ifindex) && ifindex &&
	       ifindex == interface->ifindex;
}

static int slot_of_ifindex(const struct xfn_dataplane *dataplane, __u32 ifindex)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (dataplane->interfaces[slot].ifindex == ifindex)
			return slot;
	return -ENOENT;
}

/* What a slot says of itself. */
static void adopt_slot(struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_interface *said = &dataplane->interfaces[slot];
	struct xfn_dataplane_interface *interface = &dataplane->interface[slot];

	interface->used = true;
	interface->ifindex = said->ifindex;
	interface->generic = said->flags & XFN_INTERFACE_GENERIC;
	interface->coexist = said->flags & XFN_INTERFACE_COEXIST;
	interface->has_next = said->flags & XFN_INTERFACE_NEXT;
	if (!if_indextoname(said->ifindex, interface->name))
		snprintf(interface->name, sizeof(interface->name), "if%u", said->ifindex);
}

/* One pinned link, by its file's name. A pin that fits nothing is cleared away. */
static int adopt_link(struct xfn_dataplane *dataplane, const char *file)
{
	char path[PATH_MAX];
	__u32 pinned_ifindex = strtoul(file, NULL, 10), ifindex = 0;
	int slot, fd, err = xfn_pin_path(dataplane, path, sizeof(path), "interfaces", file);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return xfn_errno();
	slot = slot_of_ifindex(dataplane, pinned_ifindex);
	err = link_ifindex(fd, &ifindex);
	if (err || slot < 0 || ifindex != pinned_ifindex) {
		bpf_link_detach(fd); /* wherever it went */
		close(fd);
		unlink(path);
		if (slot >= 0)
			clear_slot(dataplane, slot);
		return err;
	}
	adopt_slot(dataplane, slot);
	dataplane->interface[slot].link_fd = fd;
	return 0;
}

/* A slot whose root a dispatcher ought to call, and does. */
static void adopt_coexist(struct xfn_dataplane *dataplane, __u32 slot)
{
	if (!(dataplane->interfaces[slot].flags & XFN_INTERFACE_COEXIST))
		return;
	adopt_slot(dataplane, slot);
	if (xfn_interface_adopt_root(dataplane, slot))
		clear_slot(dataplane, slot);
}

int xfn_dataplane_adopt_interfaces(struct xfn_dataplane *dataplane, struct xfn_fault *fault)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int slot, err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/interfaces", dataplane->dir);
	dir = opendir(path);
	if (!dir)
		return xfn_errno();
	while ((entry = readdir(dir)) && !err)
		if (entry->d_name[0] != '.')
			err = adopt_link(dataplane, entry->d_name);
	closedir(dir);
	/* A slot whose attach was cut short has no link: nothing of it stays. */
	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++) {
		adopt_coexist(dataplane, slot);
		if (dataplane->interface[slot].used)
			err = load_ingress(dataplane, slot, fault);
		else if (dataplane->interfaces[slot].ifindex)
			clear_slot(dataplane, slot);
	}
	return err;
}
