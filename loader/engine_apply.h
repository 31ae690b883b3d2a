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
	struct xfn_set *set; /* the one being applied */
	json_t *missing;     /* objects that the request lacks: {PATH:null}, each once */
	char *log;           /* what the verifier said of the first object it refused, or NULL */
	json_t *warnings;
};

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
int xfn_apply_ready(struct xfn_apply *apply, const struct xfn_function_spec *spec);

/* ---- engine_byhand.c ---------------------------------------------------------------------------- */

/* A version that came by command stays, goes, or asks; a plan says which. */
int xfn_apply_decide(struct xfn_apply *apply, const struct xfn_model_function *function,
		     bool *keep);

#endif
