/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_AUDIT_H
#define XFN_ENGINE_AUDIT_H

/*
 * What the files behind audit share: engine_audit.c takes the readings and answers,
 * engine_audit_deliver.c keeps the books of what was handed over by redirect, or to sockets.
 */

#include "books.h"
#include "engine_read.h"

/* Add a row to the answer's books; *all_ok becomes false if it is not. Return 0 or -ENOMEM. */
int xfn_audit_add(json_t *books, const char *what, __u64 left, __u64 right, bool ok, bool *all_ok);
int xfn_audit_add_book(json_t *books, const char *what, const struct xfn_book *book, bool *all_ok);

/* ---- hand-overs by redirect ----------------------------------------------------------------------------- */

/* To one interface, or one CPU. */
struct xfn_hand_over {
	__u32 index; /* XFN_HANDED_... */
	bool is_cpu;
	char what[32];          /* "interface 'veth0'", "CPU 3" */
	struct xfn_book taken;  /* handed over by ingress; taken by the driver, or into the queue */
	struct xfn_book worked; /* CPU: taken into the queue; given to the stack */
};

struct xfn_hand_overs {
	const struct xfn_engine *engine;
	struct xfn_hand_over *list;
	size_t count;
};

/*
 * Finds those of the live targets that the kernel tells about: none where its tracepoints are not listened
 * to; no interface while one is attached in generic mode, where the kernel is silent about what it sent.
 * Returns 0 or -ENOMEM.
 */
int xfn_hand_overs_find(const struct xfn_engine *engine, struct xfn_hand_overs *ret);
void xfn_hand_overs_fini(struct xfn_hand_overs *overs);

/* Read one side, one element for each; *ret is to be freed. Return 0 or -errno. */
int xfn_hand_overs_handed(const struct xfn_hand_overs *overs, __u64 **ret);
int xfn_hand_overs_taken(const struct xfn_hand_overs *overs, struct xfn_handed_counts **ret);

struct xfn_hand_overs_reading {
	const __u64 *handed, *handed_again;
	const struct xfn_handed_counts *before, *after;
	bool waited;
};

void xfn_hand_overs_compare(struct xfn_hand_overs *overs,
			    const struct xfn_hand_overs_reading *reading);
bool xfn_hand_overs_are_open(const struct xfn_hand_overs *overs);
int xfn_hand_overs_add(const struct xfn_hand_overs *overs, json_t *books, bool *all_ok);

/* ---- ports ------------------------------------------------------------------------------------------------ */

/*
 * For each function behind a port: events given to it, and what became of them there: got by its sockets, or lost by
 * name; of one that answers, answered or not; and of those that had to wait.
 */
int xfn_audit_add_ports(struct xfn_engine *engine, const struct xfn_selection *selection,
			json_t *books, bool *all_ok);

/* ---- sockets ---------------------------------------------------------------------------------------------- */

/* For each function with sockets: events steered, and those of them that its sockets did not drop. */
int xfn_audit_add_sockets(struct xfn_engine *engine, const struct xfn_selection *selection,
			  json_t *books, bool *all_ok);

#endif
