/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_GUARD_H
#define XFN_ENGINE_GUARD_H

/*
 * What no change may do unasked, whichever verb it came by: take an established session, remove a
 * function in use, overtake a revision that is yet to be confirmed. And the way back: the pending
 * revision, what the one before it was, and rolling back.
 *
 * engine_commit.c calls these for every change; a verb has nothing to do for them. A plan asks what
 * they would say.
 */

#include "engine_private.h"

/* ---- engine_record.c: what a revision says of itself ------------------------------------------- */

#define XFN_RECORD_FILE "change.json"

/*
 * Writes the change's next model as a revision with what it says of itself: {"time","uid","user",
 * "command","previous","change_count","changes":[],"confirm":{"within_ns","deadline_ns","deadline"},
 * "restores","reverts","reason"}; the last four where they apply.
 */
int xfn_record_write(const struct xfn_change *change);

/* Reads it. -ENOENT: no such revision, or it is of an xfnd that wrote none; -EBADMSG: damaged. */
int xfn_record_read(const char *state_dir, __u64 revision, json_t **ret);

/* True if that revision was to be confirmed and never was. */
bool xfn_record_is_unconfirmed(const char *state_dir, __u64 revision, const json_t *record);

/* ---- engine_sessions.c ------------------------------------------------------------------------- */

/*
 * Looks which established sessions the change's @ruleset takes that the live one does not, into
 * change->sessions.
 */
int xfn_sessions_look(struct xfn_change *change, const struct xfn_ruleset *ruleset);

/* Refuses a change that takes sessions unless it is forced, or reverts by itself. */
int xfn_sessions_guard(struct xfn_change *change, const struct xfn_ruleset *ruleset);

/* Says which sessions the change takes. */
void xfn_sessions_warn(const struct xfn_change *change, json_t *warnings);
/* The same, as a list of their own; NULL: no memory. */
json_t *xfn_sessions_warnings(const struct xfn_change *change);

/* ---- engine_removal.c -------------------------------------------------------------------------- */

/* Looks at the functions' counters, now and once a minute from now on. */
int xfn_removal_watch(struct xfn_engine *engine);

/* Refuses a change that removes functions that are in use, unless it says yes. */
int xfn_removal_guard(struct xfn_change *change);

void xfn_removal_warn(struct xfn_change *change, json_t *warnings);

/* ---- engine_pending.c: the revision that is yet to be confirmed -------------------------------- */

/* Reads change->actor->confirm. Refuses what is not a duration from 1s to 1h. */
int xfn_pending_parse(struct xfn_change *change);

/* Refuses any change while one is pending, but for what resolves it. */
int xfn_pending_guard(struct xfn_change *change);
void xfn_pending_warn(struct xfn_change *change, json_t *warnings);

/*
 * The change is live and its predecessor was @old, which is taken over: kept, if the change is to be
 * confirmed; freed else. What was pending before is no more.
 */
void xfn_pending_settle(struct xfn_change *change, struct xfn_model *old);

/* At a start, before anything changes: looks whether the live revision is pending. */
int xfn_pending_open(struct xfn_engine *engine);
/*
 * Switches in what is gone back to what was switched in the live model: a function as @spec says, or
 * everything as engine->model->off is, where it names none. Nothing to do where nothing is pending, or
 * the function is not in it. Returns 0 or -ENOMEM.
 */
int xfn_pending_switch(struct xfn_engine *engine, const struct xfn_edit_spec *spec);
/* When all is up: goes on with the time that is left, or reverts at once if it has passed. */
void xfn_pending_resume(struct xfn_engine *engine);

/* {"revision","within_ns","left_ns","reverts"}, or null. */
json_t *xfn_pending_json(const struct xfn_engine *engine);

/* ---- engine_restore.c -------------------------------------------------------------------------- */

/*
 * Makes @wanted, a revision's model, the next one: functions that live keep their slots and counters,
 * handlers that are byte for byte the live or the draining version are not loaded again. Programs of
 * engine->pending.before are used as they are. The switch of everything is that of before a pending
 * revision where this takes one back, and stays as it is else.
 */
int xfn_change_restore(struct xfn_change *change, struct xfn_model *wanted);

/* CLOCK_BOOTTIME: goes on while the machine sleeps, starts again with each boot. */
__u64 xfn_boottime_ns(void);

#endif
