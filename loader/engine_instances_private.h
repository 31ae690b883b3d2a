/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_INSTANCES_PRIVATE_H
#define XFN_ENGINE_INSTANCES_PRIVATE_H

/* What the files engine_instances*.c share. */

#include <limits.h>

#include "cgroup.h"
#include "engine_instances.h"
#include "engine_ports_ready.h"
#include "far_end.h"

/* TENANT.NAME.SERIAL */
#define XFN_CGROUP_NAME (2 * XFN_NAME_MAX + 16)

/*
 * An instance at its port. There are two at one port while one follows the other: the port is open for
 * the new one when that is ready, and the old one answers what it has and ends.
 */
struct xfn_member {
	struct xfn_engine *engine;
	struct xfn_member *next;
	struct xfn_instance *instance;
	__u64 identity; /* of the function */
	__u64 hash;     /* of what runs */
	__u32 version;  /* of the function, that it is of */
	__u32 serial;
	bool awaited;           /* its process comes by xfn run */
	bool listens;           /* it has sockets of its function's, and no port */
	__u32 port;             /* XFN_PORTS_MAX: none */
	__u32 ifindex;          /* of the host's end; 0: there is none */
	int sockets_fd;         /* the far end's, until it is ready */
	struct xfn_far_end far; /* engine_far_ends.h */
	bool serves;            /* events may have come to it */
	uid_t uid;              /* as whom it runs */
	bool leaving;
	char cgroup[XFN_CGROUP_NAME]; /* engine_bounds.h; "": it has none */
	/* Those that the cgroup had before its process was there. */
	struct xfn_cgroup_kills kills_before;
};

struct xfn_instances {
	struct xfn_member *first;
	__u32 last_serial;
	struct xfn_ready_ports *ready;
	struct xfn_log *logs;
	struct xfn_bounds *bounds;
	struct xfn_far_ends_left *left; /* while xfnd starts */
	char folder[PATH_MAX];
};

/* The function's instance that is not about to go, or NULL. */
struct xfn_member *xfn_member_of(const struct xfn_engine *engine, __u64 identity);
bool xfn_member_is_in(const struct xfn_member *member, enum xfn_instance_state state);
/* Whether there is another instance of the same function, an older one. */
bool xfn_member_has_others(const struct xfn_member *member);
/* Adds one for @function, not started. NULL: no memory. */
struct xfn_member *xfn_member_add(struct xfn_engine *engine,
				  const struct xfn_model_function *function, __u32 serial);
/* The same, and starts it; what goes wrong is said. */
void xfn_member_start(struct xfn_engine *engine, const struct xfn_model_function *function);
/* Whether @uid may be whose process the function's is, where it is awaited. */
bool xfn_may_run(const struct xfn_model_function *function, uid_t uid);
/* Lets go of it, and frees it. */
void xfn_member_drop(struct xfn_member *member);

/* ---- engine_instances_log.c -------------------------------------------------------------------------- */

/* Of files in the instances' folder, each named by the identity of its function. */
#define XFN_LOG_SUFFIX ".log"

struct xfn_spool;

/* What the function's programs write goes here: borrowed, until it is swept. NULL: no memory. */
struct xfn_spool *xfn_log_of(struct xfn_engine *engine, __u64 identity);
/* Removes those of functions that have no program any more, and no instance. */
void xfn_logs_sweep(struct xfn_engine *engine);
/* Lets go of them: the next xfnd finds them. */
void xfn_logs_close(struct xfn_engine *engine);

#endif
