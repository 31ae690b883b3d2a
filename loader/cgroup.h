/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CGROUP_H
#define XFN_CGROUP_H

/*
 * A cgroup that is xfnd's alone, and in it one for each program that it starts (docs/adr/0016-bounds.md). Of
 * version 2: Linux, Documentation/admin-guide/cgroup-v2.rst. Which bounds there are is decided by who gave xfnd
 * the cgroup, and with which controllers; that all in one is killed together takes none.
 *
 * Functions return 0 or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

struct xfn_cgroups;
struct xfn_fault;

/* Controllers, as bits. */
#define XFN_CGROUP_CPU    1
#define XFN_CGROUP_MEMORY 2
#define XFN_CGROUP_PIDS   4
#define XFN_CGROUP_ALL    (XFN_CGROUP_CPU | XFN_CGROUP_MEMORY | XFN_CGROUP_PIDS)

/* As the kernel calls it. */
const char *xfn_cgroup_controller(__u32 bit);

/*
 * Takes the cgroup at @path, which is made where its parent is there. What runs in it, xfnd itself above all, is
 * moved to one below, "xfnd": a cgroup with controllers has no processes of its own. On failure @fault says why:
 * -EBUSY, another xfnd has it; -EINVAL, it is none, or the topmost, which is everybody's; -EEXIST, cgroups are in it
 * that have no names of ours.
 */
int xfn_cgroups_open(const char *path, struct xfn_cgroups **ret, struct xfn_fault *fault);
/* Lets go of it. All in it stays. Takes NULL. */
void xfn_cgroups_close(struct xfn_cgroups *cgroups);

/*
 * Where this process is, if systemd has started it itself and delegated that to it (Delegate=, systemd 251), into
 * @path. -ENOENT: it has not, or nobody can say.
 */
int xfn_cgroup_find_delegated(char *path, size_t bytes);
/*
 * Takes the controllers away from the cgroups below the delegated one: systemd could not start anything in it again.
 * Bounds are gone with them, until the next xfnd sets them.
 */
int xfn_cgroup_release_delegated(void);

/* Of NULL: none, and NULL. */
__u32 xfn_cgroups_controllers(const struct xfn_cgroups *cgroups);
const char *xfn_cgroups_path(const struct xfn_cgroups *cgroups);

struct xfn_cgroup_bounds {
	__u64 memory_bytes;
	__u32 tasks;       /* processes and threads */
	__u32 cpu_percent; /* of one CPU; 0: all there is */
};

/*
 * Makes the cgroup @name, one word, with what it may take, as far as there are controllers for it. *ret_fd, the
 * caller's, is for clone3(2).
 */
int xfn_cgroup_make(const struct xfn_cgroups *cgroups, const char *name,
		    const struct xfn_cgroup_bounds *bounds, int *ret_fd);
/* The same of one that is there; -ENOENT: it is not. */
int xfn_cgroup_bound(const struct xfn_cgroups *cgroups, const char *name,
		     const struct xfn_cgroup_bounds *bounds);
/*
 * Kills all that is in it, and removes it. -EBUSY: what was killed has not ended yet; to be asked again. Fine where
 * there is none. Before Linux 5.14 nothing is killed.
 */
int xfn_cgroup_remove(const struct xfn_cgroups *cgroups, const char *name);
/* Removes all programs' that @is_wanted does not want. -EBUSY: one of them is to be asked for again. */
int xfn_cgroups_sweep(const struct xfn_cgroups *cgroups,
		      bool (*is_wanted)(const void *context, const char *name),
		      const void *context);

/* Of a figure: nobody counts it. Of a bound: there is none. */
#define XFN_CGROUP_UNKNOWN (~0ULL)

/* What all in one have taken together. */
struct xfn_cgroup_use {
	__u64 cpu_ms, throttled_ms; /* throttled: for how long it had no CPU because of its bound */
	__u64 memory_bytes, memory_bytes_max;
	__u64 tasks, tasks_max;
};
/* For want of memory. */
struct xfn_cgroup_kills {
	__u64 by_bound;  /* times that its bound left nothing else */
	__u64 processes; /* that were killed for that, or because the host had no memory */
};

/* Of none all are unknown. */
void xfn_cgroup_read_kills(const struct xfn_cgroups *cgroups, const char *name,
			   struct xfn_cgroup_kills *ret);
void xfn_cgroup_read(const struct xfn_cgroups *cgroups, const char *name,
		     struct xfn_cgroup_use *ret);

#endif
