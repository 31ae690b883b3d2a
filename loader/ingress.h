/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INGRESS_H
#define XFN_INGRESS_H

/*
 * Loading the ingress program and its observing variants: one source, three objects
 * (bpf/observe.h). All use the data plane's maps, by name; a variant has some of its own beside them.
 */

#include <linux/types.h>

#include "dataplane.h"

struct bpf_object;

enum xfn_ingress_variant {
	XFN_INGRESS_LIVE,
	XFN_INGRESS_EXPLAIN, /* a dry run */
	XFN_INGRESS_RUN,     /* one that goes as far as the handler */
	XFN_INGRESS_TRACE,   /* does all that the live one does, and copies */
};

struct xfn_ingress_request {
	enum xfn_ingress_variant variant;
	__u32 slot; /* of the interface */
	/* Called on the open object before it is loaded, to set what only the variant has; or NULL. */
	int (*prepare)(struct bpf_object *object, void *context);
	void *context;
};

/*
 * Loads a program: it reuses the maps that are open and makes those that are not, by the capacity.
 * Returns 0 and an object to be closed by bpf_object__close(), or -errno and the reason in @fault.
 */
int xfn_ingress_load(const struct xfn_dataplane *dataplane,
		     const struct xfn_ingress_request *request, struct bpf_object **ret,
		     struct xfn_fault *fault);

/* The object's one program; the descriptor is the object's. */
int xfn_ingress_fd(const struct bpf_object *object);

/* A map of the object by name; the descriptor is the object's. -ENOENT. */
int xfn_ingress_map_fd(const struct bpf_object *object, const char *name);

#endif
