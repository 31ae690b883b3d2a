/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RX VLAN offload: a NIC that takes the tag out of the packet hands it to the stack beside it, where XDP
 * does not see it. What was on is noted in the interface's slot, whose map lives as long as the
 * setting does: through kills of xfnd, and not through a reboot.
 */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_load.h"
#include "ethtool.h"

static const struct {
	const char *name;
	__u32 flag;
} features[] = {
	{"rx-vlan-hw-parse", XFN_INTERFACE_RX_CTAG},
	{"rx-vlan-stag-hw-parse", XFN_INTERFACE_RX_STAG},
};

enum { FEATURE_COUNT = sizeof(features) / sizeof(features[0]) };

static int open_ethtool(__u32 ifindex, struct xfn_ethtool **ret)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) ? xfn_ethtool_open(name, ret) : -ENODEV;
}

/* Turns off what is on; flags of those into *ret, also where one cannot be turned off. */
static int turn_off(struct xfn_ethtool *ethtool, __u32 *ret)
{
	int i, err, first = 0;

	*ret = 0;
	for (i = 0; i < FEATURE_COUNT; i++) {
		if (xfn_ethtool_feature(ethtool, features[i].name) != 1)
			continue;
		err = xfn_ethtool_set_feature(ethtool, features[i].name, false);
		if (!err)
			*ret |= features[i].flag;
		first = first ?: err;
	}
	return first;
}

static int turn_on(struct xfn_ethtool *ethtool, __u32 flags)
{
	int i, err = 0;

	for (i = 0; i < FEATURE_COUNT; i++)
		if (flags & features[i].flag)
			err = xfn_ethtool_set_feature(ethtool, features[i].name, true) ?: err;
	return err;
}

int xfn_dataplane_keep_tags(struct xfn_dataplane *dataplane, __u32 slot, bool keep)
{
	const struct xfn_interface *interface = &dataplane->interfaces[slot];
	const __u32 all = XFN_INTERFACE_RX_CTAG | XFN_INTERFACE_RX_STAG;
	__u32 noted = interface->flags & all, flags = 0;
	struct xfn_ethtool *ethtool;
	int err;

	if (!keep && !noted)
		return 0;
	err = open_ethtool(interface->ifindex, &ethtool);
	if (err)
		return err;
	if (keep)
		err = turn_off(ethtool, &flags);
	else
		err = turn_on(ethtool, noted);
	xfn_ethtool_close(ethtool);
	xfn_interface_set_flags(dataplane, slot, keep ? 0 : all, flags);
	return err ?: !keep || flags;
}

void xfn_pins_restore_tags(const char *dir)
{
	struct xfn_interface interface;
	struct xfn_ethtool *ethtool;
	struct bpf_map_info info;
	char path[PATH_MAX];
	__u32 slot;
	int fd;

	snprintf(path, sizeof(path), "%s/maps/xfn_interfaces", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	if (xfn_map_info(fd, &info) || info.value_size != sizeof(interface))
		info.max_entries = 0; /* of another version */
	for (slot = 0; slot < info.max_entries; slot++) {
		if (bpf_map_lookup_elem(fd, &slot, &interface) || !interface.ifindex ||
		    !(interface.flags & (XFN_INTERFACE_RX_CTAG | XFN_INTERFACE_RX_STAG)) ||
		    open_ethtool(interface.ifindex, &ethtool))
			continue;
		turn_on(ethtool, interface.flags);
		xfn_ethtool_close(ethtool);
	}
	close(fd);
}
