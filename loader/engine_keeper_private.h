/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_KEEPER_PRIVATE_H
#define XFN_ENGINE_KEEPER_PRIVATE_H

/* What the files engine_keeper*.c share. */

#include "engine_keeper.h"
#include "xfn/park.h"

#define RETRY_MAX_NS 10000000000ULL

/* A function whose events it keeps. */
struct xfn_keeping_function {
	struct xfn_keeper_function words; /* as the keeper has them */
	__u64 since;                      /* xfn_kept.since */
	__u64 settled; /* of the port's `parked`: what has been taken, or is lost */
	__u64 lost,
		lost_then; /* xfn_kept.lost; and before the keeper was gone: it may be there again after all */
	/* With keepers before this one; and with this one, as of the last time that it was asked. */
	struct xfn_kept_sums before, now;
	char label[XFN_LABEL_BYTES]; /* of the function; "": an earlier xfnd's, and gone */
	bool holds_back;             /* xfn_keeping_let_wait() */
	bool wanted;                 /* something waits, as far as the keeper has said */
};

struct xfn_keeping_park {
	__u32 ifindex, queues; /* queues of ifindex that have a socket; 0: none */
	bool failed;           /* and that was said */
};

struct xfn_keeping {
	struct xfn_keeper *keeper; /* NULL: it is not there */
	int err;                   /* why, where it is needed; -ETIMEDOUT: it does not answer */
	__u32 pid;                 /* of the one that is or was the last; 0: not known */
	/* Of all functions together: with keepers before this one, and with this one when it was asked last. */
	struct xfn_keeper_counts before, now;
	bool store_failed; /* and that was said */
	struct xfn_source *retry;
	__u64 retry_ns, connected_ns;
	bool tries_again; /* what has failed before, too */
	struct xfn_keeping_park parks[XFN_INTERFACES_MAX];
	struct xfn_keeping_function functions[XFN_KEEPER_FUNCTIONS_MAX];
	size_t function_count;
};

static inline struct xfn_kept_sums xfn_kept_sums_of(const struct xfn_keeper_counts *counts)
{
	return (struct xfn_kept_sums){.expired = counts->count[XFN_KEEPER_EXPIRED],
				      .full = counts->count[XFN_KEEPER_PARKED_FULL],
				      .forgotten = counts->count[XFN_KEEPER_FORGOTTEN]};
}

struct xfn_keeping_function *xfn_keeping_find(struct xfn_keeping *keeping, __u64 identity);

/* In the journal, as an error. @interface, @reason: or NULL. */
void xfn_keeping_say(struct xfn_engine *engine, const char *interface, const char *text,
		     const char *reason);

/* ---- engine_keeper_park.c: parking sockets ------------------------------------------------------------ */

/* Those of interfaces that are attached; others go. */
void xfn_keeping_follow_interfaces(struct xfn_engine *engine);
/* Those that an earlier xfnd had it make. */
void xfn_keeping_adopt_parks(struct xfn_engine *engine);
/* All of them; a keeper that is there is told so. */
void xfn_keeping_unpark_all(struct xfn_engine *engine);

#endif
