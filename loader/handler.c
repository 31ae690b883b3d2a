/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "broker.h"
#include "dataplane_load.h"
#include "errnum.h"
#include "fd.h"
#include "handler_private.h"
#include "load_log.h"
#include "rodata.h"

/* ---- the object's maps ----------------------------------------------------------------------------- */

/* Those that the SDK uses; a handler that names another of the data plane's is refused. */
static const enum xfn_map sdk_maps[] = {XFN_MAP_EVENTS, XFN_MAP_OUTCOMES, XFN_MAP_HISTOGRAMS,
					XFN_MAP_SUMS};
enum { SDK_MAP_COUNT = sizeof(sdk_maps) / sizeof(sdk_maps[0]) };

/* A private map: the one of the version before, or a new one. */
static int give_private(const struct xfn_dataplane *dataplane, struct bpf_object *object,
			const struct xfn_handler_request *request, struct bpf_map *map)
{
	struct xfn_handler_maps *list = request->inherited;
	int inherited = request->fresh ? 0 : xfn_handler_inherit(dataplane, object, request, map);

	if ((inherited == 1 || request->fresh) && list && list->count < XFN_HANDLER_MAPS_MAX)
		snprintf(list->names[list->count++], sizeof(list->names[0]), "%s",
			 bpf_map__name(map));
	return inherited < 0 ? inherited : 0;
}

static int reuse_maps(const struct xfn_dataplane *dataplane, struct bpf_object *object,
		      const struct xfn_handler_request *request, struct xfn_fault *fault)
{
	struct bpf_map *map;
	int i, err = 0;

	bpf_object__for_each_map (map, object) {
		if (bpf_map__is_internal(map))
			continue;
		if (xfn_handler_map_is_private(map)) {
			err = give_private(dataplane, object, request, map);
			if (err)
				break;
			continue;
		}
		for (i = 0; i < SDK_MAP_COUNT; i++)
			if (!strcmp(bpf_map__name(map), xfn_map_name(sdk_maps[i])))
				break;
		if (i == SDK_MAP_COUNT) {
			xfn_fault_set(fault,
				      "map '%s': names that begin with xfn_ are the data plane's",
				      bpf_map__name(map));
			return -EINVAL;
		}
		err = bpf_map__reuse_fd(map, dataplane->map_fd[sdk_maps[i]]);
		if (err)
			break;
	}
	if (err)
		xfn_fault_set(fault, "cannot give map '%s' to '%s': %s", bpf_map__name(map),
			      request->path, strerror(-err));
	return err;
}

/* Tells the handler which slots are its own, after a look at what it was compiled against. */
static int set_self(struct bpf_object *object, const struct xfn_handler_request *request,
		    struct xfn_fault *fault)
{
	struct xfn_handler_self self;

	if (xfn_rodata_get(object, "xfn_self", &self, sizeof(self))) {
		xfn_fault_set(fault,
			      "'%s' has no handler, expected a program made by XFN_HANDLER() "
			      "and compiled with -g",
			      request->path);
		return -EINVAL;
	}
	if (self.abi != XFN_ABI_VERSION) {
		xfn_fault_set(fault,
			      "'%s' was compiled against layout version %u of "
			      "xfn/handler.h, expected %d: compile it again",
			      request->path, self.abi, XFN_ABI_VERSION);
		return -EINVAL;
	}
	self.version = request->version_slot;
	self.histogram = request->histogram_slot;
	return xfn_rodata_set(object, "xfn_self", &self, sizeof(self));
}

/* Maps that no instruction names belong to the program too: tools may want them. */
static void bind_maps(struct bpf_object *object, int program_fd)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		if (xfn_handler_map_is_private(map))
			bpf_prog_bind_map(program_fd, bpf_map__fd(map), NULL);
	}
}

/* ---- loading --------------------------------------------------------------------------------------- */

static int prepare(const struct xfn_dataplane *dataplane, struct bpf_object *object,
		   const struct xfn_handler_request *request, struct bpf_program **program,
		   struct xfn_fault *fault)
{
	int err = xfn_handler_choose(object, request, program, fault);

	/* One flavour for all program arrays (see ingress.c), and no frags. */
	if (!err)
		err = bpf_program__set_expected_attach_type(*program,
							    dataplane->capacity.attach_type);
	if (!err)
		err = xfn_handler_check_maps(object, fault);
	if (!err)
		err = xfn_handler_check_insns(*program, fault);
	if (!err)
		err = set_self(object, request, fault);
	if (!err)
		err = reuse_maps(dataplane, object, request, fault);
	return err;
}

static int load(struct bpf_object *object, const struct bpf_program *program,
		const struct xfn_handler_request *request, struct xfn_load_log *log,
		struct xfn_fault *fault)
{
	int err = bpf_object__load(object), fd;
	const char *refusal = err ? xfn_load_log_verifier(log) : NULL;

	if (refusal) {
		xfn_fault_set(fault, "the kernel's verifier refuses program '%s' in '%s':\n%s",
			      bpf_program__name(program), request->path, refusal);
		return -EINVAL;
	}
	if (err) {
		xfn_fault_set(fault, "cannot load '%s': %s (%s)", request->path, strerror(-err),
			      xfn_load_log_warning(log));
		return err;
	}
	/* Only now are subprograms part of it. It is loaded, but nothing can reach it. */
	err = xfn_handler_check_insns(program, fault);
	if (err)
		return err;
	fd = xfn_fd_copy(bpf_program__fd(program));
	if (fd < 0)
		return fd;
	bind_maps(object, fd);
	return fd;
}

static int open_and_load(const struct xfn_dataplane *dataplane,
			 const struct xfn_handler_request *request, struct xfn_load_log *log,
			 struct xfn_fault *fault)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = request->name,
		    .kernel_log_buf = log->text, .kernel_log_size = XFN_LOAD_LOG_BYTES);
	struct bpf_program *program = NULL;
	struct bpf_object *object;
	int err;

	object = bpf_object__open_mem(request->object, request->object_bytes, &options);
	if (!object) {
		err = xfn_errno();
		xfn_fault_set(fault, "cannot read '%s': %s", request->path,
			      xfn_load_log_warning(log)[0] ? log->warning : strerror(-err));
		return -EINVAL;
	}
	err = prepare(dataplane, object, request, &program, fault);
	if (!err)
		err = load(object, program, request, log, fault);
	bpf_object__close(object);
	return err;
}

int xfn_handler_load(const struct xfn_dataplane *dataplane,
		     const struct xfn_handler_request *request, struct xfn_fault *fault)
{
	struct xfn_load_log log;
	int err;

	fault->text[0] = '\0';
	err = xfn_handler_check_elf(request, fault);
	if (err)
		return err;
	err = xfn_load_log_init(&log);
	if (err)
		return err;
	err = open_and_load(dataplane, request, &log, fault);
	xfn_load_log_fini(&log);
	return err;
}

int xfn_handler_in_slot(const struct xfn_dataplane *dataplane, __u32 slot)
{
	return xfn_broker_program(dataplane->map_fd[XFN_MAP_HANDLERS], slot);
}
