/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "ingress.h"
#include "rodata.h"
#include "trace.h"

struct xfn_trace {
	struct xfn_dataplane *dataplane;
	struct xfn_trace_filter filter;
	struct bpf_object *objects[XFN_INTERFACES_MAX]; /* by interface slot; NULL: not traced */
	const struct bpf_object *first;                 /* whose ring and counter all use */
	struct ring_buffer *ring;
	unsigned cpus;
	bool swapped;
	/* of the drain under way */
	xfn_trace_fn *fn;
	void *context;
	unsigned left, taken;
};

/* ---- starting ------------------------------------------------------------------------------------ */

static int share_map(struct bpf_object *object, const struct bpf_object *first, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__reuse_fd(map, xfn_ingress_map_fd(first, name)) : -ENOENT;
}

static int prepare(struct bpf_object *object, void *context)
{
	const struct xfn_trace *trace = context;
	int err = xfn_rodata_set(object, "xfn_filter", &trace->filter, sizeof(trace->filter));

	if (!err && trace->first)
		err = share_map(object, trace->first, "xfn_records")
			      ?: share_map(object, trace->first, "xfn_lost");
	return err;
}

static int load_all(struct xfn_trace *trace, struct xfn_fault *fault)
{
	struct xfn_ingress_request request = {
		.variant = XFN_INGRESS_TRACE,
		.prepare = prepare,
		.context = trace,
	};
	__u32 slot;
	int err = 0;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++) {
		if (!trace->dataplane->interface[slot].used)
			continue;
		request.slot = slot;
		err = xfn_ingress_load(trace->dataplane, &request, &trace->objects[slot], fault);
		if (!err && !trace->first)
			trace->first = trace->objects[slot];
	}
	return err ?: trace->first ? 0 : -ENODEV;
}

static int enter(const struct xfn_trace *trace, __u32 slot, int fd)
{
	int progs = trace->dataplane->map_fd[XFN_MAP_ENTRY_PROGS];

	return bpf_map_update_elem(progs, &slot, &fd, 0) ? xfn_errno() : 0;
}

static int swap_in(struct xfn_trace *trace, struct xfn_fault *fault)
{
	__u32 slot;
	int err = 0;

	trace->swapped = true;
	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++)
		if (trace->objects[slot])
			err = enter(trace, slot, xfn_ingress_fd(trace->objects[slot]));
	if (err)
		xfn_fault_set(fault, "cannot enter the tracing ingress program: %s",
			      strerror(-err));
	return err;
}

static int take_record(void *context, void *data, size_t size)
{
	struct xfn_trace *trace = context;
	const struct xfn_trace_record *record = data;

	if (size >= sizeof(*record) && record->captured <= size - sizeof(*record))
		trace->fn(trace->context, record, (const __u8 *)(record + 1));
	trace->taken++;
	return --trace->left ? 0 : -ECANCELED; /* consumed all the same, and the rest is left */
}

int xfn_trace_start(struct xfn_dataplane *dataplane, const struct xfn_trace_filter *filter,
		    struct xfn_trace **ret, struct xfn_fault *fault)
{
	struct xfn_trace *trace = calloc(1, sizeof(*trace));
	int err;

	if (!trace)
		return -ENOMEM;
	trace->dataplane = dataplane;
	trace->cpus = dataplane->cpus;
	trace->filter = *filter;
	err = load_all(trace, fault);
	if (!err) {
		trace->ring = ring_buffer__new(xfn_ingress_map_fd(trace->first, "xfn_records"),
					       take_record, trace, NULL);
		err = trace->ring ? swap_in(trace, fault) : xfn_errno();
	}
	if (err) {
		xfn_trace_close(trace);
		return err;
	}
	*ret = trace;
	return 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

int xfn_trace_drain(struct xfn_trace *trace, unsigned max, xfn_trace_fn *fn, void *context)
{
	int err;

	if (!max)
		return 0;
	trace->fn = fn;
	trace->context = context;
	trace->left = max;
	trace->taken = 0;
	err = ring_buffer__consume(trace->ring);
	return err < 0 && err != -ECANCELED ? err : (int)trace->taken;
}

__u64 xfn_trace_lost(const struct xfn_trace *trace)
{
	__u64 *counts = calloc(trace->cpus, sizeof(*counts)), sum = 0;
	__u32 zero = 0;
	unsigned cpu;

	if (counts &&
	    !bpf_map_lookup_elem(xfn_ingress_map_fd(trace->first, "xfn_lost"), &zero, counts))
		for (cpu = 0; cpu < trace->cpus; cpu++)
			sum += counts[cpu];
	free(counts);
	return sum;
}

/* ---- ending -------------------------------------------------------------------------------------- */

/* An interface that was detached meanwhile has no plain program, and its slot is empty already. */
void xfn_trace_stop(struct xfn_trace *trace)
{
	const struct xfn_dataplane_interface *interface = trace->dataplane->interface;
	__u32 slot;

	if (!trace->swapped)
		return;
	trace->swapped = false;
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (trace->objects[slot] && interface[slot].ingress_fd >= 0)
			enter(trace, slot, interface[slot].ingress_fd);
	xfn_dataplane_barrier(trace->dataplane);
}

void xfn_trace_close(struct xfn_trace *trace)
{
	__u32 slot;

	if (!trace)
		return;
	xfn_trace_stop(trace);
	ring_buffer__free(trace->ring);
	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		bpf_object__close(trace->objects[slot]);
	free(trace);
}
