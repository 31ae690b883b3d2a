/* SPDX-License-Identifier: BSD-2-Clause */
/* GET /v1/trace: a trace as a stream of lines, which ends with its reader. */
#include <errno.h>
#include <stdlib.h>

#include "engine_trace.h"
#include "follow.h"
#include "http.h"

/* Owned by its stream, freed when that closes. */
struct follow_trace {
	struct xfn_stream *stream;
	struct xfn_tracing *tracing;
};

static void write_line(void *context, const char *line, size_t length)
{
	struct follow_trace *follow = context;

	xfn_stream_write(follow->stream, line, length);
}

static size_t queued(void *context)
{
	struct follow_trace *follow = context;

	return xfn_stream_queued(follow->stream);
}

static void end_stream(void *context)
{
	struct follow_trace *follow = context;

	xfn_stream_end(follow->stream);
}

static void close_follow(void *context)
{
	struct follow_trace *follow = context;

	xfn_engine_trace_close(follow->tracing);
	free(follow);
}

/* The stream is there before the trace, whose first line goes into it. */
static int open_stream(struct xfn_request *request, struct follow_trace **ret)
{
	struct follow_trace *follow = calloc(1, sizeof(*follow));
	int err;

	if (!follow)
		return -ENOMEM;
	err = xfn_request_stream(request, "application/x-ndjson", "\n", close_follow, follow,
				 &follow->stream);
	if (err < 0)
		free(follow);
	else
		*ret = follow;
	return err;
}

int xfn_follow_trace(struct xfn_api *api, struct xfn_request *request, struct xfn_reply *reply)
{
	const struct xfn_trace_query query = {
		.function = xfn_request_query(request, "function"),
		.verdict = xfn_request_query(request, "verdict"),
		.from = xfn_request_query(request, "from"),
		.count = xfn_request_query(request, "count"),
		.duration = xfn_request_query(request, "for"),
		.snap = xfn_request_query(request, "snap"),
	};
	struct xfn_trace_sink sink = {write_line, queued, end_stream, NULL};
	struct follow_trace *follow;
	struct xfn_actor actor;
	int err = open_stream(request, &follow);

	if (err)
		return err;
	xfn_request_actor(request, &actor);
	sink.context = follow;
	err = xfn_engine_trace_open(api->engine, &query, &actor, &sink, reply, &follow->tracing);
	if (err)
		xfn_request_unstream(request); /* the reply, or the error, is the answer */
	return err < 0 ? err : 0;
}
