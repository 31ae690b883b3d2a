/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "dataplane_load.h"
#include "errnum.h"
#include "ingress.h"
#include "load_log.h"
#include "rodata.h"
#include "xfn/observe.h"
#include "xfn_explain.skel.h"
#include "xfn_ingress.skel.h"
#include "xfn_run.skel.h"
#include "xfn_trace.skel.h"

static const struct {
	const char *object_name;
	const char *name; /* for messages */
	const void *(*bytes)(size_t *size);
} variants[] = {
	[XFN_INGRESS_LIVE] = {"xfn_ingress", "ingress program", xfn_ingress__elf_bytes},
	[XFN_INGRESS_EXPLAIN] = {"xfn_explain", "ingress program's dry run",
				 xfn_explain__elf_bytes},
	[XFN_INGRESS_RUN] = {"xfn_run", "ingress program's dry run", xfn_run__elf_bytes},
	[XFN_INGRESS_TRACE] = {"xfn_trace", "tracing ingress program", xfn_trace__elf_bytes},
};

/* A dry run changes nothing that the live programs use, what is scratch to them included. */
static bool is_shared(enum xfn_ingress_variant variant, enum xfn_map map)
{
	return variant == XFN_INGRESS_LIVE || variant == XFN_INGRESS_TRACE || map != XFN_MAP_KEYS;
}

static int give_maps(const struct xfn_dataplane *dataplane, enum xfn_ingress_variant variant,
		     struct bpf_object *object)
{
	struct bpf_map *map;
	__u32 elements;
	int i, err = 0;

	for (i = 0; i < XFN_MAP_COUNT && !err; i++) {
		map = bpf_object__find_map_by_name(object, xfn_map_name(i));
		if (!map)
			return -ENOENT;
		elements = xfn_map_elements(dataplane, i);
		if (dataplane->map_fd[i] >= 0 && is_shared(variant, i))
			err = bpf_map__reuse_fd(map, dataplane->map_fd[i]);
		else if (elements)
			err = bpf_map__set_max_entries(map, elements);
	}
	return err;
}

static int set_rodata(const struct xfn_dataplane *dataplane, struct bpf_object *object, __u32 slot)
{
	__u32 slot_bits = dataplane->capacity.slot_bits;
	__u8 has_next = dataplane->interface[slot].has_next;

	return xfn_rodata_set(object, "xfn_slot_bits", &slot_bits, sizeof(slot_bits))
		       ?: xfn_rodata_set(object, "xfn_interface_slot", &slot, sizeof(slot))
		       ?: xfn_rodata_set(object, "xfn_has_next", &has_next, sizeof(has_next));
}

static int prepare_and_load(const struct xfn_dataplane *dataplane,
			    const struct xfn_ingress_request *request, struct bpf_object *object)
{
	int err = set_rodata(dataplane, object, request->slot);

	/* Root, ingress and handlers share program arrays, so they share this (EINVAL else). */
	bpf_program__set_expected_attach_type(bpf_object__next_program(object, NULL),
					      dataplane->capacity.attach_type);
	if (!err)
		err = give_maps(dataplane, request->variant, object);
	if (!err && request->prepare)
		err = request->prepare(object, request->context);
	return err ?: bpf_object__load(object);
}

int xfn_ingress_load(const struct xfn_dataplane *dataplane,
		     const struct xfn_ingress_request *request, struct bpf_object **ret,
		     struct xfn_fault *fault)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_size = XFN_LOAD_LOG_BYTES);
	struct bpf_object *object;
	struct xfn_load_log log;
	const char *refusal;
	const void *bytes;
	size_t size;
	int err = xfn_load_log_init(&log);

	if (err)
		return err;
	options.kernel_log_buf = log.text;
	options.object_name = variants[request->variant].object_name;
	bytes = variants[request->variant].bytes(&size);
	object = bpf_object__open_mem(bytes, size, &options);
	err = object ? prepare_and_load(dataplane, request, object) : xfn_errno();
	if (err) {
		refusal = xfn_load_log_verifier(&log);
		xfn_fault_set(fault, "cannot load the %s: %s%s%s", variants[request->variant].name,
			      strerror(-err), refusal ? ": the kernel's verifier says\n" : ": ",
			      refusal ?: xfn_load_log_warning(&log));
		bpf_object__close(object);
	} else {
		*ret = object;
	}
	xfn_load_log_fini(&log);
	return err;
}

int xfn_ingress_fd(const struct bpf_object *object)
{
	return bpf_program__fd(bpf_object__next_program(object, NULL));
}

int xfn_ingress_map_fd(const struct bpf_object *object, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__fd(map) : -ENOENT;
}
