/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EXEC_H
#define XFN_EXEC_H

/* What the manifest says of a program that xfnd starts: as whom it runs, and whether it is another one. */

#include <sys/types.h>

#include "launcher.h"
#include "manifest.h"

/* Of all that makes another instance; one value for all that come by themselves; 0: there is no process. */
__u64 xfn_exec_hash(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec);

/* A user for one process alone (launcher.h), by lot. */
uid_t xfn_uid_draw(void);

/*
 * Fills in as whom it runs: the user that the manifest names; else @owner; for root @lone, a user of its
 * own. Returns 0; -ENOENT: no such user; -EPERM: it would be root; with the reason in @fault.
 */
int xfn_exec_user(const struct xfn_exec_spec *exec, uid_t owner, uid_t lone,
		  struct xfn_launch *launch, struct xfn_fault *fault);

#endif
