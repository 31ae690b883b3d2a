/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane_load.h"
#include "dry.h"
#include "errnum.h"
#include "ingress.h"

struct xfn_dry {
	const struct xfn_dataplane *dataplane;
	struct bpf_object *object;
	__u32 ifindex; /* 0: none is attached in the slot */
};

/* ---- running ------------------------------------------------------------------------------------- */

static int test_run(int program_fd, const struct xfn_dry_frame *frame, __u32 ifindex,
		    struct bpf_test_run_opts *options)
{
	struct xdp_md context = {.data_end = frame->size, .ingress_ifindex = ifindex};
	int err;

	options->data_in = frame->bytes;
	options->data_size_in = frame->size;
	options->repeat = 1;
	if (ifindex > 1) { /* 0 and 1 mean lo */
		options->ctx_in = &context;
		options->ctx_size_in = sizeof(context);
		err = bpf_prog_test_run_opts(program_fd, options);
		if (!err)
			return 0;
		/* A device without a registered receive queue, such as one that is down. */
		options->ctx_in = NULL;
		options->ctx_size_in = 0;
	}
	return bpf_prog_test_run_opts(program_fd, options) ? xfn_errno() : 0;
}

static int read_report(const struct xfn_dry *dry, struct xfn_report *ret)
{
	int fd = xfn_ingress_map_fd(dry->object, "xfn_report");
	static const struct xfn_report empty;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, ret) || bpf_map_update_elem(fd, &zero, &empty, 0))
		return xfn_errno();
	return ret->runs == 1 ? 0 : -EIO;
}

/* The program stops before the handler; whether there is one is in a map that it cannot look into. */
static void look_for_handler(const struct xfn_dataplane *dataplane, struct xfn_dry_result *result)
{
	__u32 slot = XFN_TARGET_HANDLER(result->report.config.target), id;

	if (result->report.seen.verdict != XFN_VERDICT_HANDLED ||
	    !bpf_map_lookup_elem(dataplane->map_fd[XFN_MAP_HANDLERS], &slot, &id))
		return;
	result->report.seen.verdict = XFN_VERDICT_NO_TARGET;
	result->action = XDP_PASS;
}

int xfn_dry_step(struct xfn_dry *dry, const struct xfn_dry_frame *frame, struct xfn_dry_result *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int err;

	if (frame->size < XFN_DRY_FRAME_MIN || frame->size > XFN_DRY_FRAME_MAX)
		return -EMSGSIZE;
	err = test_run(xfn_ingress_fd(dry->object), frame, dry->ifindex, &options)
		      ?: read_report(dry, &ret->report);
	if (err)
		return err;
	ret->action = options.retval;
	look_for_handler(dry->dataplane, ret);
	return 0;
}

/* ---- loading ------------------------------------------------------------------------------------- */

static int open_dry(const struct xfn_dataplane *dataplane, __u32 slot, bool with_handler,
		    struct xfn_dry **ret, struct xfn_fault *fault)
{
	struct xfn_ingress_request request = {
		.variant = with_handler ? XFN_INGRESS_RUN : XFN_INGRESS_EXPLAIN,
		.slot = slot,
	};
	struct xfn_dry *dry = calloc(1, sizeof(*dry));
	int err;

	if (!dry)
		return -ENOMEM;
	dry->dataplane = dataplane;
	dry->ifindex = dataplane->interface[slot].ifindex;
	err = xfn_ingress_load(dataplane, &request, &dry->object, fault);
	if (err) {
		free(dry);
		return err;
	}
	*ret = dry;
	return 0;
}

int xfn_dry_open(const struct xfn_dataplane *dataplane, __u32 slot, struct xfn_dry **ret,
		 struct xfn_fault *fault)
{
	return open_dry(dataplane, slot, false, ret, fault);
}

void xfn_dry_close(struct xfn_dry *dry)
{
	if (!dry)
		return;
	bpf_object__close(dry->object);
	free(dry);
}

int xfn_dry_run(const struct xfn_dataplane *dataplane, __u32 slot,
		const struct xfn_dry_frame *frame, struct xfn_dry_result *ret,
		struct xfn_fault *fault)
{
	struct xfn_dry *dry;
	int err = xfn_dry_open(dataplane, slot, &dry, fault);

	if (err)
		return err;
	err = xfn_dry_step(dry, frame, ret);
	if (err)
		xfn_fault_set(fault, "cannot run a packet of %u bytes: %s", frame->size,
			      strerror(-err));
	xfn_dry_close(dry);
	return err;
}

/* ---- with the handler ---------------------------------------------------------------------------- */

/*
 * What a handler and the way to it write: in a data plane for this run alone, these are new maps, and
 * all others are the real ones, which a dry run only reads.
 */
static const struct {
	enum xfn_map map;
	bool whole; /* as many elements as the real one; else one */
} private_maps[] = {
	{XFN_MAP_HANDLERS, true},    {XFN_MAP_EVENTS, false}, {XFN_MAP_OUTCOMES, false},
	{XFN_MAP_HISTOGRAMS, false}, {XFN_MAP_SUMS, false},
};
enum { PRIVATE_MAPS = sizeof(private_maps) / sizeof(private_maps[0]) };

static int like(int fd, bool whole)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	struct bpf_map_info info;
	int err = xfn_map_info(fd, &info), copy;

	if (err)
		return err;
	options.map_flags = info.map_flags;
	copy = bpf_map_create(info.type, info.name, info.key_size, info.value_size,
			      whole ? info.max_entries : 1, &options);
	return copy < 0 ? xfn_errno() : copy;
}

static void shadow_fini(struct xfn_dataplane *shadow)
{
	int i;

	for (i = 0; i < PRIVATE_MAPS; i++)
		if (shadow->map_fd[private_maps[i].map] >= 0)
			close(shadow->map_fd[private_maps[i].map]);
	free(shadow);
}

static int shadow_new(const struct xfn_dataplane *dataplane, struct xfn_dataplane **ret)
{
	struct xfn_dataplane *shadow = malloc(sizeof(*shadow));
	int i, err = 0;

	if (!shadow)
		return -ENOMEM;
	*shadow = *dataplane; /* borrows all but what follows */
	for (i = 0; i < PRIVATE_MAPS; i++)
		shadow->map_fd[private_maps[i].map] = -1;
	for (i = 0; i < PRIVATE_MAPS && err >= 0; i++) {
		enum xfn_map map = private_maps[i].map;

		err = like(dataplane->map_fd[map], private_maps[i].whole);
		shadow->map_fd[map] = err;
	}
	if (err < 0) {
		shadow_fini(shadow);
		return err;
	}
	*ret = shadow;
	return 0;
}

static int read_outcome(const struct xfn_dataplane *shadow, struct xfn_dry_handler *ret)
{
	struct xfn_version_counts *counts = calloc(shadow->cpus, sizeof(*counts));
	__u32 zero = 0;
	unsigned cpu;
	int i, err = counts ? 0 : -ENOMEM;

	if (!err && bpf_map_lookup_elem(shadow->map_fd[XFN_MAP_OUTCOMES], &zero, counts))
		err = xfn_errno();
	ret->ran = false;
	ret->outcome = -1;
	for (cpu = 0; cpu < shadow->cpus && !err; cpu++) {
		ret->ran |= counts[cpu].invocations;
		for (i = 0; i < XFN_OUTCOME_COUNT; i++)
			if (counts[cpu].outcomes[i])
				ret->outcome = i;
	}
	free(counts);
	return err;
}

static int run_handler(const struct xfn_dataplane *shadow, __u32 slot,
		       const struct xfn_dry_frame *frame, struct xfn_dry_handler *ret,
		       struct xfn_fault *fault)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_out = ret->bytes,
		    .data_size_out = sizeof(ret->bytes));
	struct xfn_dry *dry;
	int err = open_dry(shadow, slot, true, &dry, fault);

	if (err)
		return err;
	err = test_run(xfn_ingress_fd(dry->object), frame, dry->ifindex, &options)
		      ?: read_outcome(shadow, ret);
	if (err)
		xfn_fault_set(fault, "cannot run a packet of %u bytes: %s", frame->size,
			      strerror(-err));
	ret->action = options.retval;
	ret->size = options.data_size_out;
	xfn_dry_close(dry);
	return err;
}

static int enter_and_run(const struct xfn_dataplane *shadow, __u32 slot,
			 const struct xfn_handler_request *request,
			 const struct xfn_dry_frame *frame, struct xfn_dry_handler *ret,
			 struct xfn_fault *fault)
{
	struct xfn_handler_request own = *request;
	int fd, err = 0;

	own.version_slot = 0; /* of a map of outcomes with one element */
	own.histogram_slot = XFN_HISTOGRAM_NONE;
	own.fresh = true;
	own.inherited = &ret->maps;
	ret->maps.count = 0;
	fd = xfn_handler_load(shadow, &own, fault);
	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(shadow->map_fd[XFN_MAP_HANDLERS], &request->version_slot, &fd, 0))
		err = xfn_errno();
	if (!err)
		err = run_handler(shadow, slot, frame, ret, fault);
	close(fd);
	return err;
}

int xfn_dry_run_handler(const struct xfn_dataplane *dataplane, __u32 slot,
			const struct xfn_handler_request *request,
			const struct xfn_dry_frame *frame, struct xfn_dry_handler *ret,
			struct xfn_fault *fault)
{
	struct xfn_dataplane *shadow;
	int err;

	fault->text[0] = '\0';
	if (frame->size < XFN_DRY_FRAME_MIN || frame->size > XFN_DRY_FRAME_MAX)
		return -EMSGSIZE;
	err = shadow_new(dataplane, &shadow);
	if (err)
		return err;
	err = enter_and_run(shadow, slot, request, frame, ret, fault);
	shadow_fini(shadow);
	return err;
}
