/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_APPLY_H
#define XFN_ENGINE_APPLY_H

/*
 * What the files behind plan and apply share: engine_apply.c reads the manifest and answers,
 * engine_settle.c makes the next model of it, engine_byhand.c decides about what was changed by command.
 */

#include "engine_private.h"

/* A manifest on its way to being live, or to being shown as a plan. */
struct xfn_apply {
	struct xfn_change change;
	const struct xfn_apply_request *request;
	struct xfn_written *written; /* what is being applied */
	struct xfn_set *set;         /* it, with the edits that are kept; once that is decided */
	json_t *missing;             /* objects that the request lacks: {PATH:null}, each once */
	char *log; /* what the verifier said of the first object it refused, or NULL */
	json_t *warnings;
	json_t *by_hand; /* what was changed by command, and what becomes of it */
};

/* The file @name of the request, or NULL. */
const struct xfn_upload *xfn_apply_file(const struct xfn_apply *apply, const char *name);

/* Asks for the file @name if the request lacks it. 0 or -ENOMEM. */
int xfn_apply_need(struct xfn_apply *apply, const char *name);

/* Adds a mistake at the place of @spec in the manifest; there may be more to tell. */
void xfn_apply_diagnose(struct xfn_apply *apply, const struct xfn_function_spec *spec,
			const char *value, const char *expected, const char *text);

/* Adds to the answer's warnings. */
void xfn_apply_warn(struct xfn_apply *apply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- engine_settle.c: the manifest's parts of the next model ------------------------------------ */

/*
 * An empty data plane is made anew with more room, which a plan only reckons with; one in use is not,
 * and says so.
 */
int xfn_apply_capacity(struct xfn_apply *apply, struct xfn_capacity *capacity);

/* @version is of this very object and program. */
bool xfn_version_is(const struct xfn_version *version, const struct xfn_upload *object,
		    const char *program);

/* All attachments of the next model. */
int xfn_apply_attachments(struct xfn_apply *apply);

/* The set's functions, each with its slot and its handler. */
int xfn_apply_functions(struct xfn_apply *apply);

/* ---- engine_amplify.c --------------------------------------------------------------------------- */

/*
 * Warns of functions of the set that answer whoever asks with more than they got: a stranger who writes
 * somebody else's address into his packets turns them against that one. What was measured counts; before
 * anything was, what is known of the port.
 */
void xfn_apply_warn_amplifiers(struct xfn_apply *apply);

/* ---- engine_ready.c ------------------------------------------------------------------------------ */

/*
 * Tells what keeps packets from arriving where the function delivers to, if it is new there: mistakes
 * and warnings. Returns 0 or -ENOMEM.
 */
int xfn_apply_ready(struct xfn_apply *apply, const struct xfn_model_function *function);

/* Warns of functions that come to a port, where an interface brings packets that are too long for it. */
void xfn_apply_warn_ports(struct xfn_apply *apply);

/* ---- engine_byhand.c ---------------------------------------------------------------------------- */

/*
 * Decides about what was changed by command: kept, undone, in the manifest by now, or, where the
 * request does not say, refused. A plan goes on as if it were undone, and says so. Makes apply->set.
 */
int xfn_apply_decide(struct xfn_apply *apply);

/* The function's version came by command, and stays. */
bool xfn_apply_keeps_version(const struct xfn_apply *apply,
			     const struct xfn_model_function *function);

/* The live set has the same edits, on what says the same: there is nothing to write down. */
bool xfn_apply_is_live(const struct xfn_apply *apply);

#endif
