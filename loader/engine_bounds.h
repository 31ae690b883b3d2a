/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_BOUNDS_H
#define XFN_ENGINE_BOUNDS_H

/*
 * What a program may take of this host, and how it is held to that: by a cgroup of its own where xfnd has one to
 * make them in, else by what setrlimit(2) has (docs/adr/0016-bounds.md).
 */

#include "cgroup.h"
#include "engine_instances_private.h"

struct xfn_bounds;

int xfn_bounds_open(struct xfn_engine *engine, struct xfn_bounds **ret);
void xfn_bounds_close(struct xfn_bounds *bounds);

/* What the manifest says, or its defaults. */
struct xfn_cgroup_bounds xfn_bounds_of(const struct xfn_function_spec *spec);
/* Gives the cgroup of one that xfnd starts its name. */
void xfn_bounds_name(struct xfn_member *member, const struct xfn_function_spec *spec);
/*
 * Before each start: fills in what setrlimit(2) is to hold each of its processes to, and the cgroup that it is to be
 * in, launch->cgroup_fd: the caller's, or -1. Returns 0 or -errno with the reason in @fault.
 */
int xfn_bounds_prepare(struct xfn_member *member, const struct xfn_function_spec *spec,
		       struct xfn_launch *launch, struct xfn_fault *fault);
/* Sets what one may take that an earlier xfnd has left. */
void xfn_bounds_adopt(struct xfn_member *member);
/* Ends what is left in it, and removes it, now or when that has ended. */
void xfn_bounds_drop(const struct xfn_member *member);
/* The same of all that are no instance's. */
void xfn_bounds_sweep(struct xfn_engine *engine);

/* The program's cgroup; "": it has none. */
void xfn_bounds_path(const struct xfn_member *member, char *path, size_t bytes);
void xfn_bounds_read(const struct xfn_member *member, struct xfn_cgroup_use *ret);
/* Why it was killed, behind "killed by SIGKILL", if it was for its memory; else "". */
void xfn_bounds_explain(const struct xfn_member *member, char *text, size_t bytes);

struct xfn_change;
/* What the manifest asks for and nobody can hold a program to, one text each. */
void xfn_bounds_warn(const struct xfn_change *change, json_t *warnings);

#endif
