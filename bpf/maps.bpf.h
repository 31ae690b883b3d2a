/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_MAPS_H
#define XFN_BPF_MAPS_H
/*
 * Every map of the data plane. One set per xfnd, whatever the number of interfaces; the loader
 * sizes what depends on the capacity and lets each program reuse the pinned ones. Layouts, and who
 * writes what, are in include/xfn/abi.h.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "xfn/abi.h"
#include "xfn/park.h"

/* Sized by the loader: 1 stands for "by capacity". */
#define BY_CAPACITY 1

/* Counts packets that entered, first thing: the left side of the books. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} xfn_packets SEC(".maps");

/* The live ingress program, one slot per interface: an upgrade is one update of it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xfn_entry_progs SEC(".maps");

/* Somebody else's program, which gets what is nobody's here, by interface slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xfn_next_progs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, struct xfn_interface);
} xfn_interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_control);
} xfn_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * XFN_PORT_CHUNKS);
	__type(key, __u32);
	__type(value, struct xfn_port_chunk);
} xfn_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * XFN_PROBE_WORDS);
	__type(key, __u32);
	__type(value, union xfn_probe_word);
} xfn_probes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * XFN_SHAPES_MAX);
	__type(key, __u32);
	__type(value, struct xfn_shape);
} xfn_shapes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_displace_chunk);
} xfn_displace SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_entry);
} xfn_entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_function);
} xfn_functions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_policy);
} xfn_policies SEC(".maps");

/* The cells of per-source limits, one inner array for each table in use; made by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(map_flags, BPF_F_INNER_MAP); /* of any number of cells */
			__uint(max_entries, 1);
			__type(key, __u32);
			__type(value, __u64);
		});
} xfn_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_secrets);
} xfn_secrets SEC(".maps");

/* In-kernel handlers, by version slot, which the live config of a function names. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, __u32);
} xfn_handlers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, struct xfn_interface_verdicts);
} xfn_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_function_counts);
} xfn_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_event_state);
} xfn_events SEC(".maps");

/* ---- of the handler SDK (include/xfn/handler.h), made here with all the others ---------------- */

/* By version slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_version_counts);
} xfn_outcomes SEC(".maps");

/* By histogram slot and stage. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_histogram);
} xfn_histograms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_sum_buffer);
} xfn_sums SEC(".maps");

/* ---- of the key readers ------------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xfn_key_scratch);
} xfn_keys SEC(".maps");

/* ---- deliveries by redirect: an interface, or CPUs -------------------------------------------------- */

/* The kernel clears an element when its interface goes; xfnd fills it again when one comes. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XFN_DEVICES_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xfn_devs SEC(".maps");

/* By number of the CPU; an element is a queue and a thread of the kernel's, made when it is wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, BY_CAPACITY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xfn_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XFN_TARGETS_MAX);
	__type(key, __u32);
	__type(value, struct xfn_target);
} xfn_targets SEC(".maps");

/* Events handed to each device and CPU: the left side of their books. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, __u64);
} xfn_handed SEC(".maps");

/* What the kernel says became of them, by the same index: the right side. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BY_CAPACITY);
	__type(key, __u32);
	__type(value, struct xfn_handed_counts);
} xfn_losses SEC(".maps");

/* Index in xfn_devs by number of the interface, for the kernel's tracepoints; written by xfnd. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XFN_DEVICES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xfn_ifindexes SEC(".maps");

/* ---- deliveries to AF_XDP sockets, by way of ports: xfn/port.h -------------------------------------- */

/* The host's end of each port; empty while no instance is ready to take events. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XFN_PORTS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xfn_port_devs SEC(".maps");

/* Interfaces that replies go out of, by slot; as xfn_devs. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, XFN_INTERFACES_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xfn_uplinks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XFN_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct xfn_port_line);
} xfn_port_lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * XFN_PORTS_MAX * XFN_PORT_RULES_MAX);
	__type(key, __u32);
	__type(value, struct xfn_port_rule);
} xfn_port_rules SEC(".maps");

/* Number of the port by that of its host's end, of which there are two while one instance follows another. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * XFN_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xfn_port_of SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XFN_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct xfn_port_counts);
} xfn_port_counts SEC(".maps");

/* What becomes of what was given to each port, as the kernel and its sockets say. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XFN_PORTS_MAX);
	__type(key, __u32);
	__type(value, struct xfn_port_losses);
} xfn_port_losses SEC(".maps");

/*
 * The keeper's socket of each interface and rx queue, XFN_PARK_INDEX(): events of functions that have no
 * instance ready wait there. Written by xfnd; an element goes with its socket.
 */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XFN_INTERFACES_MAX *XFN_PARK_QUEUES);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xfn_parking SEC(".maps");

/* ---- of the sampler ---------------------------------------------------------------------------- */

/* State of the sampler's xorshift generator; 0 = not seeded yet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} xfn_random SEC(".maps");

#endif
