/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOADER_HANDLER_H
#define XFN_LOADER_HANDLER_H

/*
 * In-kernel handlers: from an author's object to a program that may be entered in xfn_handlers.
 *
 * An object is checked (a BPF ELF file; one XDP program, or the one that was named; no map, helper
 * or kernel function that handlers may not use; not too long), gets the data plane's maps in place of
 * its own, inherits the private maps of the version before where their types are equal, and passes
 * the kernel's verifier. Nothing is pinned or entered by loading: a refused or planned handler
 * leaves no trace.
 *
 * Private maps are pinned by name in DIR/functions/TENANT/NAME/, for tools. (A dot, as in
 * TENANT.NAME, is refused by bpffs: names with dots are reserved, kernel/bpf/inode.c.)
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "dataplane.h"

#define XFN_HANDLER_BYTES_MAX (4U << 20) /* of an object file */
#define XFN_HANDLER_MAPS_MAX  32         /* private maps of one object */

/* Names of private maps. */
struct xfn_handler_maps {
	char names[XFN_HANDLER_MAPS_MAX][16];
	unsigned count;
};

struct xfn_handler_request {
	const char *tenant;
	const char *name; /* of the function */
	const char *path; /* of the object, for messages */
	const void *object;
	size_t object_bytes;
	const char *program; /* NULL: the only one in the object */
	__u32 version_slot;
	__u32 histogram_slot; /* or XFN_HISTOGRAM_NONE */
	bool fresh;           /* private maps start empty, whatever the version before has */
	/* Filled in on success: maps inherited with their contents; @fresh: all, empty. Or NULL. */
	struct xfn_handler_maps *inherited;
};

/*
 * Loads. Returns a program descriptor that the caller closes, or -errno with the reason in @fault:
 * -EINVAL the object was refused (of the verifier's log the fault has the last lines), -ENOMEM, ...
 */
int xfn_handler_load(const struct xfn_dataplane *dataplane,
		     const struct xfn_handler_request *request, struct xfn_fault *fault);

/*
 * Makes the pins in DIR/functions/TENANT/NAME/ those of the program's private maps: pins what is not
 * there, replaces what is another map, removes what it does not have. Done after a version went
 * live, and again when a data plane is adopted. Returns 0 or -errno.
 */
int xfn_handler_pin_maps(const struct xfn_dataplane *dataplane, const char *tenant,
			 const char *name, int program_fd);

/* Removes DIR/functions/TENANT/NAME. Returns 0 or -errno. */
int xfn_handler_unpin_maps(const struct xfn_dataplane *dataplane, const char *tenant,
			   const char *name);

/* Removes the pins of all functions that @keep says no to: leftovers of changes that were cut short. */
void xfn_handler_unpin_unless(const struct xfn_dataplane *dataplane,
			      bool (*keep)(void *context, const char *tenant, const char *name),
			      void *context);

/* The program in a version slot, as a new descriptor, or -ENOENT. */
int xfn_handler_in_slot(const struct xfn_dataplane *dataplane, __u32 slot);

#endif
