/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_KEEPER_H
#define XFN_ENGINE_KEEPER_H

/*
 * The keeper as the engine uses it (keeper.h, docs/adr/0015-keeper.md): it is started when the first function
 * needs it, and ended with the last; parking sockets follow the interfaces, what it knows of functions follows the
 * model; and when it dies, another one takes its place.
 */

#include "engine_private.h"
#include "keeper.h"

struct xfn_keeping;

/* Goes on with the keeper that an earlier xfnd left, if there is one. 0 or -ENOMEM. */
int xfn_keeping_open(struct xfn_engine *engine);
/* Lets go of it: it goes on. */
void xfn_keeping_close(struct xfn_engine *engine);
/* Ends one that a dead xfnd left in @run_dir. Needs no engine. */
void xfn_keeping_reset(const char *run_dir);

/* Makes it what the live model and the attached interfaces want. */
void xfn_keeping_follow(struct xfn_engine *engine);

/*
 * Says whether events of @function wait while it takes none: not where its program ends again and again, and
 * nobody knows when it will take them.
 */
void xfn_keeping_let_wait(struct xfn_engine *engine, __u64 identity, bool wait);

/*
 * All events of the function that wait: no more of them comes, there was a barrier behind that. A descriptor, the
 * caller's (struct xfn_inbox), or -1: there are none, or nobody who kept them.
 */
int xfn_keeping_take(struct xfn_engine *engine, __u64 identity);

/* Whether events of the function wait, as far as is known. */
bool xfn_keeping_is_wanted(const struct xfn_engine *engine, __u64 identity);

/* ---- descriptors that outlive this xfnd --------------------------------------------------------------- */

/* Keeps a duplicate of @fd; where that fails it is as if it had been kept until now. */
void xfn_keeping_store(struct xfn_engine *engine, enum xfn_keeper_kind kind, __u64 key, int fd,
		       const void *note, size_t note_bytes);
void xfn_keeping_drop(struct xfn_engine *engine, enum xfn_keeper_kind kind, __u64 key);
/* Calls @take with all of a kind; those that it does not want, false, are dropped. It owns @fd then. */
void xfn_keeping_each(struct xfn_engine *engine, enum xfn_keeper_kind kind,
		      bool (*take)(void *context, const struct xfn_keeper_stored *stored, int fd),
		      void *context);

/* ---- what there is to tell ------------------------------------------------------------------------------ */

/*
 * Asks it. 0: it answers; -ENOENT: none is needed; -ETIMEDOUT: it is there, and does not answer; -EPERM, -EPIPE: as
 * xfn_launcher_check(); else why it is not there. *ret_pid: of the one that is, or was the last; 0: not known.
 */
int xfn_keeping_check(const struct xfn_engine *engine, __u32 *ret_pid);

/* {"pid","state":"running|stuck|gone"}; null: none is needed. Asks nothing. */
json_t *xfn_keeping_json(const struct xfn_engine *engine);
/* The same with what it has counted, of all functions together, with keepers before this one, too, and "waiting". */
json_t *xfn_keeping_counts_json(struct xfn_engine *engine);

/* Of one function, what is summed up over the keepers that it had. */
struct xfn_kept_sums {
	__u64 expired, full;
	__u64 forgotten; /* beyond park.events, when it was lowered */
};

static inline struct xfn_kept_sums xfn_kept_sums_add(struct xfn_kept_sums a, struct xfn_kept_sums b)
{
	return (struct xfn_kept_sums){
		.expired = a.expired + b.expired,
		.full = a.full + b.full,
		.forgotten = a.forgotten + b.forgotten,
	};
}

/* What became of a function's events that had to wait, as far as the keeper that is there now knows. */
struct xfn_kept {
	struct xfn_keeper_counts counts;
	__u64 since;               /* the port's `parked` when it began to count */
	struct xfn_kept_sums sums; /* with keepers before, too, as far as was heard of them */
	__u64 adrift; /* of all functions together: they had no place at the interface, or were not to be read */
	__u64 lost; /* with keepers that have died, as far as this xfnd knows */
};
/* -ENOENT: it is not parked. */
int xfn_keeping_read(struct xfn_engine *engine, __u64 identity, struct xfn_kept *ret);

/* Of all functions together, of the keeper that is there now. -EPIPE: none is, or it does not answer. */
int xfn_keeping_read_all(struct xfn_engine *engine, struct xfn_keeper_counts *ret);
/* Packets that no function can be told to have lost, of these. */
__u64 xfn_keeping_adrift(const struct xfn_keeper_counts *all);

/* ---- bounds --------------------------------------------------------------------------------------------- */

/* Whether events of such a function wait while it takes none. */
static inline bool xfn_keeping_parks(const struct xfn_function_spec *spec)
{
	return spec->delivery == XFN_DELIVER_XSK && spec->xsk.park_events;
}

/* Says where @model asks for more than a keeper keeps, with the place. 0 or -EINVAL. */
int xfn_keeping_check_model(const struct xfn_model *model, struct xfn_diag_list *diags);

#endif
