/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "counters.h"
#include "errnum.h"
#include "targets.h"

/* Packets that wait for a CPU; the kernel takes up to 16384. */
#define CPU_QUEUE_PKTS 2048

static bool is_used(const struct xfn_targets *targets, __u32 index)
{
	return targets->live[index] || targets->next[index];
}

static bool is_device(const struct xfn_target *target)
{
	return !target->cpu_count;
}

/* ---- what the live configs name ---------------------------------------------------------------------- */

const struct xfn_target *xfn_targets_of(const struct xfn_dataplane *dataplane, __u32 slot)
{
	__u64 live = dataplane->rules.control->live;
	const struct xfn_function_config *config =
		&dataplane->functions[slot].config[XFN_LIVE_GENERATION(live)];
	__u32 index = XFN_TARGET_HANDLER(config->target);

	__u32 delivery = XFN_FUNCTION_DELIVERY_OF(config->limit);

	if (delivery < XFN_DELIVERY_REDIRECTS || delivery == XFN_DELIVERY_XSK ||
	    index >= XFN_TARGETS_MAX)
		return NULL;
	return &dataplane->targets[index];
}

void xfn_targets_init(struct xfn_targets *targets, struct xfn_dataplane *dataplane)
{
	const struct xfn_target *target;
	__u32 slot;

	memset(targets, 0, sizeof(*targets));
	targets->dataplane = dataplane;
	for (slot = 0; slot < dataplane->capacity.functions; slot++) {
		target = xfn_targets_of(dataplane, slot);
		if (target)
			targets->live[target - dataplane->targets] = true;
	}
}

/* ---- devices and CPUs -------------------------------------------------------------------------------- */

/* Both sides of a book begin together, before the first packet. */
static int open_book(const struct xfn_dataplane *dataplane, __u32 index)
{
	static const struct xfn_handed_counts zeros;
	int err = xfn_dataplane_zero((struct xfn_dataplane *)dataplane, XFN_MAP_HANDED, index);

	if (!err && bpf_map_update_elem(dataplane->map_fd[XFN_MAP_LOSSES], &index, &zeros, 0))
		err = xfn_errno();
	return err;
}

static int enter_device(const struct xfn_dataplane *dataplane, __u32 device, __u32 ifindex)
{
	if (bpf_map_update_elem(dataplane->map_fd[XFN_MAP_IFINDEXES], &ifindex, &device, 0) ||
	    bpf_map_update_elem(dataplane->map_fd[XFN_MAP_DEVS], &device, &ifindex, 0))
		return xfn_errno();
	return 0;
}

static bool is_entered(const struct xfn_dataplane *dataplane, __u32 device, __u32 ifindex)
{
	__u32 entered = 0;

	return !bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_DEVS], &device, &entered) &&
	       entered == ifindex;
}

bool xfn_targets_has_device(const struct xfn_dataplane *dataplane, __u32 slot)
{
	const struct xfn_target *target = xfn_targets_of(dataplane, slot);

	return target && is_device(target) &&
	       is_entered(dataplane, target->device, target->ifindex);
}

/* The device of that interface, or a free one. */
static int find_device(const struct xfn_targets *targets, __u32 ifindex, __u32 *ret, bool *is_new)
{
	bool used[XFN_DEVICES_MAX] = {};
	const struct xfn_target *target;
	__u32 i;

	for (i = 0; i < XFN_TARGETS_MAX; i++) {
		target = &targets->dataplane->targets[i];
		if (!is_used(targets, i) || !is_device(target))
			continue;
		used[target->device % XFN_DEVICES_MAX] = true;
		if (target->ifindex != ifindex)
			continue;
		*ret = target->device;
		*is_new = false;
		return 0;
	}
	for (i = 0; i < XFN_DEVICES_MAX && used[i]; i++)
		;
	*ret = i;
	*is_new = true;
	return i < XFN_DEVICES_MAX ? 0 : -ENOSPC;
}

static int want_device(const struct xfn_targets *targets, __u32 ifindex, __u32 *ret)
{
	const struct xfn_dataplane *dataplane = targets->dataplane;
	bool is_new;
	int err = find_device(targets, ifindex, ret, &is_new);

	if (!err && is_new)
		err = open_book(dataplane, XFN_HANDED_DEVICE(*ret));
	if (!err && !is_entered(dataplane, *ret, ifindex))
		err = enter_device(dataplane, *ret, ifindex);
	return err;
}

/* Lets the kernel make a queue and a thread for the CPU, unless it has. */
static int want_cpu(const struct xfn_dataplane *dataplane, __u32 cpu)
{
	__u32 queue_pkts = 0;
	int err;

	if (!bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_CPUS], &cpu, &queue_pkts) && queue_pkts)
		return 0;
	err = open_book(dataplane, XFN_HANDED_CPU(cpu));
	queue_pkts = CPU_QUEUE_PKTS;
	if (!err && bpf_map_update_elem(dataplane->map_fd[XFN_MAP_CPUS], &cpu, &queue_pkts, 0))
		err = xfn_errno();
	return err;
}

static int want_parts(const struct xfn_targets *targets, struct xfn_target *target)
{
	__u16 i;
	int err = 0;

	if (is_device(target))
		return want_device(targets, target->ifindex, &target->device);
	for (i = 0; i < target->cpu_count && !err; i++)
		err = want_cpu(targets->dataplane, target->cpu[i]);
	return err;
}

/* ---- targets ------------------------------------------------------------------------------------------ */

int xfn_targets_want(struct xfn_targets *targets, const struct xfn_target *wanted, __u32 *ret)
{
	struct xfn_target *elements = targets->dataplane->targets, target = *wanted;
	__u32 i, found = XFN_TARGET_NONE;
	int err = want_parts(targets, &target);

	for (i = 0; i < XFN_TARGETS_MAX && !err; i++) {
		if (is_used(targets, i) && !memcmp(&elements[i], &target, sizeof(target)))
			break;
		if (!is_used(targets, i) && found == XFN_TARGET_NONE)
			found = i;
	}
	if (err)
		return err;
	if (i < XFN_TARGETS_MAX)
		found = i;
	if (found == XFN_TARGET_NONE)
		return -ENOSPC;
	if (found != i)
		elements[found] = target;
	targets->next[found] = true;
	*ret = found;
	return 0;
}

bool xfn_targets_any_next(const struct xfn_targets *targets)
{
	return memchr(targets->next, true, sizeof(targets->next));
}

void xfn_targets_forget(struct xfn_targets *targets)
{
	memset(targets->next, 0, sizeof(targets->next));
}

bool xfn_targets_commit(struct xfn_targets *targets)
{
	__u32 i;

	for (i = 0; i < XFN_TARGETS_MAX; i++) {
		targets->unswept = targets->unswept || (targets->live[i] && !targets->next[i]);
		targets->live[i] = targets->next[i];
	}
	xfn_targets_forget(targets);
	return targets->unswept;
}

/* ---- letting go --------------------------------------------------------------------------------------- */

static bool has_cpu(const struct xfn_target *target, __u32 cpu)
{
	__u16 i;

	for (i = 0; i < target->cpu_count; i++)
		if (target->cpu[i] == cpu)
			return true;
	return false;
}

static bool is_wanted(const struct xfn_targets *targets, bool device, __u32 number)
{
	const struct xfn_target *target;
	__u32 i;

	for (i = 0; i < XFN_TARGETS_MAX; i++) {
		target = &targets->dataplane->targets[i];
		if (targets->live[i] && is_device(target) == device &&
		    (device ? target->device == number : has_cpu(target, number)))
			return true;
	}
	return false;
}

static void sweep_ifindexes(const struct xfn_targets *targets)
{
	int fd = targets->dataplane->map_fd[XFN_MAP_IFINDEXES];
	__u32 ifindex, next, device, *last = NULL;

	while (!bpf_map_get_next_key(fd, last, &next)) {
		if (last && !bpf_map_lookup_elem(fd, last, &device) &&
		    !is_wanted(targets, true, device))
			bpf_map_delete_elem(fd, last);
		ifindex = next;
		last = &ifindex;
	}
	if (last && !bpf_map_lookup_elem(fd, last, &device) && !is_wanted(targets, true, device))
		bpf_map_delete_elem(fd, last);
}

void xfn_targets_sweep(struct xfn_targets *targets)
{
	const struct xfn_dataplane *dataplane = targets->dataplane;
	__u32 i, found;

	targets->unswept = false;
	sweep_ifindexes(targets);
	for (i = 0; i < XFN_DEVICES_MAX; i++)
		if (!bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_DEVS], &i, &found) &&
		    !is_wanted(targets, true, i))
			bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_DEVS], &i);
	for (i = 0; i < dataplane->cpus; i++)
		if (!bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_CPUS], &i, &found) && found &&
		    !is_wanted(targets, false, i))
			bpf_map_delete_elem(dataplane->map_fd[XFN_MAP_CPUS], &i);
}

void xfn_targets_refill(const struct xfn_targets *targets)
{
	const struct xfn_target *target;
	__u32 i;

	for (i = 0; i < XFN_TARGETS_MAX; i++) {
		target = &targets->dataplane->targets[i];
		/* An interface that is not there is refused by the kernel: nothing to enter yet. */
		if (targets->live[i] && is_device(target) &&
		    !is_entered(targets->dataplane, target->device, target->ifindex))
			enter_device(targets->dataplane, target->device, target->ifindex);
	}
}

/* ---- figures ------------------------------------------------------------------------------------------ */

int xfn_targets_handed(const struct xfn_dataplane *dataplane, __u32 index, __u64 *ret)
{
	struct xfn_counter counter = {index, ret};

	return xfn_counters_read(dataplane, XFN_MAP_HANDED, &counter, 1);
}
