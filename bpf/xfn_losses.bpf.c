/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of a packet behind a redirect, from the kernel's tracepoints: each fires once a batch, or
 * for a failure. They are of the whole host, so each program begins by sorting out what is not ours:
 * by the number of the map, or by network namespace and interface. Attached only while a function
 * delivers to an interface or to CPUs; of ports, whose interfaces count themselves, the first one alone.
 *
 * Signatures as in Linux 5.13 and later (include/trace/events/xdp.h); loader/losses.c compares the number of
 * arguments with what the running kernel says.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "maps.bpf.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

struct bpf_prog;

/* Of the kernel's structures only what is read here; places are found when this is loaded. */
struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

/* Given by the loader. */
const volatile __u64 xfn_netns_cookie;
const volatile __u32 xfn_devs_id, xfn_cpus_id, xfn_port_devs_id;

static __always_inline struct xfn_handed_counts *counts_of(__u32 index)
{
	return bpf_map_lookup_elem(&xfn_losses, &index);
}

static __always_inline void add_lost(struct xfn_handed_counts *counts, enum xfn_loss cause,
				     __u64 packets)
{
	__sync_fetch_and_add(&counts->lost[cause], packets);
}

/* The counters of an interface, if it is one of this namespace that a function delivers to. */
static __always_inline struct xfn_handed_counts *counts_of_device(const struct net_device *dev)
{
	__u32 ifindex = dev->ifindex, *device;

	if (dev->nd_net.net->net_cookie != xfn_netns_cookie)
		return NULL;
	device = bpf_map_lookup_elem(&xfn_ifindexes, &ifindex);
	return device ? counts_of(XFN_HANDED_DEVICE(*device)) : NULL;
}

static __always_inline enum xfn_loss cause_of(int err)
{
	switch (err) {
	case -ENETDOWN:
		return XFN_LOSS_INTERFACE_DOWN;
	case -EMSGSIZE:
		return XFN_LOSS_TOO_BIG;
	case -EOPNOTSUPP: /* since 6.3 a veth says beforehand that its far end has no NAPI */
		return XFN_LOSS_NO_RECEIVER;
	}
	return XFN_LOSS_REDIRECT_FAILED;
}

static __always_inline void add_lost_of_port(__u32 port, enum xfn_loss cause)
{
	struct xfn_port_losses *losses = bpf_map_lookup_elem(&xfn_port_losses, &port);

	if (losses)
		__sync_fetch_and_add(&losses->lost[cause], 1);
}

/* One packet that was to be redirected and was not. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(xfn_redir_err, const struct net_device *dev, const struct bpf_prog *xdp,
	     const void *target, int err, enum bpf_map_type map_type, __u32 map_id, __u32 index)
{
	struct xfn_handed_counts *counts = NULL;

	if (map_id == xfn_devs_id)
		counts = counts_of(XFN_HANDED_DEVICE(index));
	else if (map_id == xfn_cpus_id)
		counts = counts_of(XFN_HANDED_CPU(index));
	else if (map_id == xfn_port_devs_id)
		add_lost_of_port(index, cause_of(err));
	if (counts)
		add_lost(counts, cause_of(err), 1);
	return 0;
}

/* A batch, given to a driver at the end of a poll; err is what the driver said if it took none. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(xfn_devmap_xmit, const struct net_device *from, const struct net_device *to, int sent,
	     int drops, int err)
{
	struct xfn_handed_counts *counts = counts_of_device(to);

	if (!counts)
		return 0;
	if (sent > 0)
		__sync_fetch_and_add(&counts->taken, sent);
	if (drops > 0)
		add_lost(counts, err ? XFN_LOSS_NO_RECEIVER : XFN_LOSS_RING_FULL, drops);
	return 0;
}

/* In generic mode a queue that was stopped shows here, as an XDP_TX out of the target. */
SEC("tp_btf/xdp_exception")
int BPF_PROG(xfn_exception, const struct net_device *dev, const struct bpf_prog *xdp, __u32 action)
{
	struct xfn_handed_counts *counts = action == XDP_TX ? counts_of_device(dev) : NULL;

	if (counts)
		add_lost(counts, XFN_LOSS_RING_FULL, 1);
	return 0;
}

/* A batch, put into the queue of a CPU. */
SEC("tp_btf/xdp_cpumap_enqueue")
int BPF_PROG(xfn_enqueue, int map_id, unsigned int processed, unsigned int drops, int to_cpu)
{
	struct xfn_handed_counts *counts;

	if ((__u32)map_id != xfn_cpus_id)
		return 0;
	counts = counts_of(XFN_HANDED_CPU((__u32)to_cpu));
	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->taken, processed);
	if (drops)
		add_lost(counts, XFN_LOSS_QUEUE_FULL, drops);
	return 0;
}

/* A batch, taken from the queue by the thread of this CPU; drops: those it found no memory for. */
SEC("tp_btf/xdp_cpumap_kthread")
int BPF_PROG(xfn_kthread, int map_id, unsigned int processed, unsigned int drops, int sched)
{
	struct xfn_handed_counts *counts;

	if ((__u32)map_id != xfn_cpus_id)
		return 0;
	counts = counts_of(XFN_HANDED_CPU(bpf_get_smp_processor_id()));
	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->worked, processed - drops);
	if (drops)
		add_lost(counts, XFN_LOSS_NO_MEMORY, drops);
	return 0;
}

char xfn_license[] SEC("license") = "Dual BSD/GPL";
