/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_WORLD_H
#define XFN_BENCH_WORLD_H

/*
 * A data plane of the bench's own with a ruleset in it. It has one interface, slot 0, which nothing
 * is attached to; its pins are in a folder named after the process. Single-threaded, and nothing
 * runs its programs while it is being changed: so both generations may be written.
 */

#include <stdbool.h>

#include "../../loader/dataplane.h"

#define WORLD_PORT     7          /* that the triggers are on */
#define WORLD_DST      0xc6120000 /* 198.18.0.0: destination of the first trigger */
#define WORLD_OWN      0xc6120001 /* the interface's own address */
#define WORLD_ECHO     0          /* version slots of the handlers */
#define WORLD_DROP     1
#define WORLD_TRIGGERS 100000
#define WORLD_SHAPES   8

enum world_kind {
	WORLD_ONE,    /* one trigger, without destination: for own addresses */
	WORLD_PLACES, /* each trigger has a destination of its own, one after the other */
	WORLD_SHADOW, /* WORLD_SHAPES triggers, the last of which matches */
	/* Each trigger has a key of its own, and is for own addresses: */
	WORLD_PATHS,    /* "/sensors/N" */
	WORLD_NAMES,    /* "aN.x" */
	WORLD_SUFFIXES, /* N labels, "a.a.a"; the shortest one, "a", matches "a" */
	WORLD_BYTES,    /* the four bytes of N, in network order */
};

struct world {
	struct xfn_dataplane *dataplane;
	struct xfn_ruleset *ruleset;
	char pin_dir[64];
	__u32 triggers;
	__u32 functions; /* triggers are shared out in equal runs */
};

/* What all functions get. */
struct world_config {
	enum xfn_function_delivery delivery;
	__u32 handler;     /* WORLD_ECHO, WORLD_DROP */
	__u32 sample;      /* one in so many, 0: never */
	__u64 rate;        /* per second, 0: no limit */
	__u64 burst;       /* events; of a source, too */
	__u64 source_rate; /* per second and source, 0: no limit; of one function alone */
	bool disabled;     /* as by rate: 0 */
};

/* Returns 0, or -errno and a line on standard error. */
int world_open(struct world *world, enum world_kind kind, __u32 triggers, __u32 functions);
/* Takes what world_open() left half-built, too. */
void world_close(struct world *world);

void world_set(struct world *world, const struct world_config *config);

/* What ingress counted for function @function under @verdict, on all CPUs. */
__u64 world_count(const struct world *world, __u32 function, enum xfn_verdict verdict);

#endif
