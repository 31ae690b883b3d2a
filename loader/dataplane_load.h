/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_DATAPLANE_LOAD_H
#define XFN_DATAPLANE_LOAD_H

/* What the parts of the data plane's loader share with each other, and with nobody else. */

#include "dataplane.h"

struct bpf_map_info;

/* What the kernel says of a map. Returns 0 or -errno. */
int xfn_map_info(int fd, struct bpf_map_info *info);

void xfn_fault_set(struct xfn_fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* DIR/folder/name. Returns 0 or -ENAMETOOLONG. */
int xfn_pin_path(const struct xfn_dataplane *dataplane, char *path, size_t size, const char *folder,
		 const char *name);

/* Makes a folder of pins, mode 0700; one that is there is fine. Returns 0 or -errno. */
int xfn_pin_make_folder(const char *path);

/* Unlinks all that is under @path, and @path; nothing there is fine. */
int xfn_pin_remove_tree(const char *path);

/* PIN, DIR and the folders in it, mode 0700. */
int xfn_pins_make_folders(const struct xfn_dataplane *dataplane, const char *pin_dir);

/*
 * Locks the folder @dir, for as long as *ret is open: two xfnd would write the idle generation at
 * once. No such folder is fine: *ret is then -1. -EWOULDBLOCK: another process has it; the fault says so.
 */
int xfn_pins_lock(const char *dir, int *ret, struct xfn_fault *fault);

/* Says whether any interface is attached by a pin in DIR. */
bool xfn_pins_have_links(const struct xfn_dataplane *dataplane);

/* Elements of a map, or 0 where the capacity does not decide. */
__u32 xfn_map_elements(const struct xfn_dataplane *dataplane, enum xfn_map map);

/*
 * Readies a slot for packets: its counters at zero, its root and ingress loaded, attached nowhere.
 * The descriptors are in dataplane->interface[slot].
 */
int xfn_dataplane_load_slot(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault);

/* Opens pinned links, clears away those that hold no interface any more, loads ingress anew. */
int xfn_dataplane_adopt_interfaces(struct xfn_dataplane *dataplane, struct xfn_fault *fault);

/* Takes flags away from the slot's XFN_INTERFACE_*, then adds some. */
void xfn_interface_set_flags(struct xfn_dataplane *dataplane, __u32 slot, __u32 clear, __u32 set);

/* Turns RX VLAN offload on again where the maps pinned in @dir say that xfnd turned it off. */
void xfn_pins_restore_tags(const char *dir);

/*
 * Of interfaces whose root is called by libxdp's dispatcher: adds the slot's root there; takes over the
 * one that is there; says whether one is; takes it out. 0 or -errno, with the reason in @fault.
 */
int xfn_interface_join(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault);
int xfn_interface_adopt_root(struct xfn_dataplane *dataplane, __u32 slot);
bool xfn_interface_is_joined(const struct xfn_dataplane *dataplane, __u32 slot);
int xfn_interface_leave(struct xfn_dataplane *dataplane, __u32 slot, struct xfn_fault *fault);
/* Takes out all roots that the maps pinned in @dir say are called so. */
void xfn_pins_leave(const char *dir);

/* Closes descriptors; detaches nothing. */
void xfn_interface_close(struct xfn_dataplane_interface *interface);

/* Finds out which tables of xfn_sources have cells. Returns 0 or -ENOMEM. */
int xfn_sources_open(struct xfn_dataplane *dataplane);

/* A random key for the hash of sources, written once. */
int xfn_secrets_write(const struct xfn_dataplane *dataplane);

int xfn_barrier_open(struct xfn_dataplane *dataplane);

#endif
