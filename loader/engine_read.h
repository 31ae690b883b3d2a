/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_READ_H
#define XFN_ENGINE_READ_H

/*
 * What the engine's readers (stats, latency, audit, ls, show, status) share. They change nothing.
 *
 * Functions return 0 or -errno. "Refused" is 1: the reply is filled, with what was asked for and is
 * not there.
 */

#include <jansson.h>

#include "engine_private.h"

/* Functions that a request is about: a run of the live model's. */
struct xfn_selection {
	const struct xfn_model_function *functions;
	size_t count;
};

/* The function called @name, or all for NULL. Refused, with a suggestion, where there is none. */
int xfn_selection_find(struct xfn_engine *engine, const char *name, struct xfn_reply *reply,
		       struct xfn_selection *ret);

/* ---- counters ------------------------------------------------------------------------------------ */

/* The versions of a function that have a slot, in the order in which they are shown. */
enum xfn_version_role { XFN_VERSION_LIVE, XFN_VERSION_DRAINING, XFN_VERSION_ROLES };

/* Its version in that role, or NULL. */
const struct xfn_version *xfn_function_version(const struct xfn_model_function *function,
					       enum xfn_version_role role);

/* "live", "draining". */
const char *xfn_version_role_label(enum xfn_version_role role);

/* One of these per function of a selection. */
typedef struct xfn_version_counts xfn_version_pair[XFN_VERSION_ROLES];

/* Reads what ingress counted for each function. *ret is an array, to be freed. */
int xfn_selection_counts(const struct xfn_dataplane *dataplane,
			 const struct xfn_selection *selection, struct xfn_function_counts **ret);

/* Reads what the SDK counted for each version; zeros where there is none. *ret is to be freed. */
int xfn_selection_versions(const struct xfn_dataplane *dataplane,
			   const struct xfn_selection *selection, xfn_version_pair **ret);

/* The versions of one function and those before them. */
void xfn_versions_sum(const struct xfn_model_function *function, const xfn_version_pair versions,
		      struct xfn_retired *ret);

/* The sum of an array of counters. */
__u64 xfn_counts_sum(const __u64 *counts, size_t count);

/* Packets and verdicts of interface slot @slot. Either may be NULL. */
int xfn_interface_counts(const struct xfn_dataplane *dataplane, __u32 slot, __u64 *packets,
			 struct xfn_interface_verdicts *verdicts);

/* ---- words ------------------------------------------------------------------------------------------ */

/* "v2" into @buf, which has room for XFN_VERSION_TEXT bytes; returns it. */
#define XFN_VERSION_TEXT 16
char *xfn_version_print(const struct xfn_version *version, char *buf);
/* The same of a number alone, as programs have it. */
char *xfn_version_print_number(__u32 number, char *buf);

/* live, disabled, no_target, or waiting: all its triggers wait for an interface. */
const char *xfn_function_state(const struct xfn_engine *engine,
			       const struct xfn_model_function *function, __u32 waiting);

/*
 * Whether it is switched on and nothing takes its events, or only what ends again and again; why, in @words, which has
 * room for XFN_UNSERVED_WORDS bytes.
 */
#define XFN_UNSERVED_WORDS 768
bool xfn_function_unserved(const struct xfn_engine *engine,
			   const struct xfn_model_function *function, char *words);
/* How many such functions there are. Where there is one, *ret_first is the first, and @words are of it. */
size_t xfn_unserved_count(const struct xfn_engine *engine,
			  const struct xfn_model_function **ret_first, char *words);

/*
 * Counts the waiting triggers of each function slot. *ret has capacity.functions elements and is to
 * be freed.
 */
int xfn_waiting_count(const struct xfn_engine *engine, __u32 **ret);

/* A limit with all that took effect; null where there is none. */
json_t *xfn_limit_json(const struct xfn_function_spec *spec);

/* {"function","tenant","kind","what","uid","time","command"}, and "fate" if it is not NULL. */
json_t *xfn_edit_json(const struct xfn_edit *edit, const char *fate);

/* "native" or "generic". */
const char *xfn_mode_label(bool generic);

/* Time @realtime_ns as RFC 3339 in UTC, into a new string; NULL for 0 and without memory. */
json_t *xfn_time_json(__u64 realtime_ns);

#endif
