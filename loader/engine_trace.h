/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_TRACE_H
#define XFN_ENGINE_TRACE_H

/*
 * One trace under way, and the lines it gives:
 *
 *	{"begin":{"interfaces":[NAME],"for_ns","snap_bytes"}}
 *	{"time","time_ns","interface","verdict","function","version","bytes","captured","packet",
 *	 "payload_bytes","frame"}			one for each packet
 *	{"end":{"reason":"count|time|detached|closing","records","lost"}}
 *
 * At most one trace at a time: the ring's cost is bounded, and who reads packets is one name in the
 * journal. It is read at a pace of its own, 10,000 records a second at most; what comes faster fills
 * the ring, and what finds it full is counted as lost. Nothing waits for the reader.
 */

#include <stddef.h>
#include <linux/types.h>

struct xfn_actor;
struct xfn_engine;
struct xfn_reply;
struct xfn_tracing;

#define XFN_TRACE_FOR_DEFAULT_NS 60000000000ULL
#define XFN_TRACE_FOR_MAX_NS     3600000000000ULL

/* As the query says; NULL: not given. */
struct xfn_trace_query {
	const char *function;
	const char *verdict; /* label, or several with commas */
	const char *from;    /* prefix that the source is in */
	const char *count;   /* packets, then it ends */
	const char *duration;
	const char *snap; /* bytes copied of each packet */
};

/* Where lines go. */
struct xfn_trace_sink {
	void (*line)(void *context, const char *line, size_t length);
	size_t (*queued)(void *context); /* bytes that the reader has not taken yet */
	void (*end)(void *context); /* after the last line; the tracing is still to be closed */
	void *context;
};

/*
 * Begins. Returns 0; or 1 with the reply filled: 400 "bad_request", 404 "no_such_function", 409 "busy",
 * 409 "nothing_attached"; or -errno.
 */
int xfn_engine_trace_open(struct xfn_engine *engine, const struct xfn_trace_query *query,
			  const struct xfn_actor *actor, const struct xfn_trace_sink *sink,
			  struct xfn_reply *reply, struct xfn_tracing **ret);

/* Ends, plain programs back in place. Takes NULL. */
void xfn_engine_trace_close(struct xfn_tracing *tracing);

/* Ends whatever trace there is, with a last line: the data plane is about to go. */
void xfn_engine_trace_end(struct xfn_engine *engine, const char *reason);

#endif
