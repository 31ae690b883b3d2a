/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "follow.h"
#include "http.h"
#include "journal.h"
#include "loop.h"

#define NS_PER_MS 1000000ULL

enum {
	INTERVAL_MS = 1000,
	INTERVAL_MIN_MS = 100,
	INTERVAL_MAX_MS = 60000,
};

/* One peer that follows; owned by its stream, freed when that closes. */
struct follow {
	struct xfn_api *api;
	struct xfn_stream *stream;
	struct xfn_journal_follower *follower;
	struct xfn_source *timer;
	unsigned interval_ms;
};

static void close_follow(void *context)
{
	struct follow *follow = context;

	xfn_journal_unfollow(follow->follower);
	xfn_source_free(follow->timer);
	free(follow);
}

static int open_follow(struct xfn_api *api, struct xfn_request *request, const char *content_type,
		       const char *keepalive, struct follow **ret)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	int err;

	if (!follow)
		return -ENOMEM;
	follow->api = api;
	err = xfn_request_stream(request, content_type, keepalive, close_follow, follow,
				 &follow->stream);
	if (err < 0) {
		free(follow);
		return err;
	}
	*ret = follow;
	return 0;
}

static void write_line(void *context, __u64 seq, const char *line, size_t length)
{
	struct follow *follow = context;

	(void)seq;
	xfn_stream_write(follow->stream, line, length);
}

int xfn_follow_journal(struct xfn_api *api, struct xfn_request *request)
{
	const char *after = xfn_request_query(request, "after");
	struct follow *follow;
	int err;

	err = open_follow(api, request, "application/x-ndjson", "\n", &follow);
	if (err < 0)
		return err;
	xfn_journal_each(api->journal, after ? strtoull(after, NULL, 10) : 0, write_line, follow);
	if (xfn_request_flag(request, "follow"))
		err = xfn_journal_follow(api->journal, write_line, follow, &follow->follower);
	if (!follow->follower)
		xfn_stream_end(follow->stream);
	return err;
}

static void write_event(struct xfn_stream *stream, const char *event, const char *data)
{
	xfn_stream_write(stream, "event: ", 7);
	xfn_stream_write(stream, event, strlen(event));
	xfn_stream_write(stream, "\ndata: ", 7);
	xfn_stream_write(stream, data, strcspn(data, "\n"));
	xfn_stream_write(stream, "\n\n", 2);
}

static void write_journal_event(void *context, __u64 seq, const char *line, size_t length)
{
	struct follow *follow = context;

	(void)seq;
	(void)length;
	write_event(follow->stream, "journal", line);
}

static void write_stats(void *context)
{
	struct follow *follow = context;
	struct xfn_reply reply = {0};
	char *text = NULL;

	if (xfn_engine_stats(follow->api->engine, NULL, &reply) == 0 && reply.body)
		text = json_dumps(reply.body, JSON_COMPACT);
	if (text)
		write_event(follow->stream, reply.http_status == 200 ? "stats" : "error", text);
	free(text);
	xfn_reply_fini(&reply);
	xfn_timer_set(follow->timer, follow->interval_ms * NS_PER_MS);
}

static unsigned read_interval(const char *text)
{
	unsigned long interval_ms = text ? strtoul(text, NULL, 10) : INTERVAL_MS;

	if (interval_ms < INTERVAL_MIN_MS)
		return INTERVAL_MIN_MS;
	return interval_ms > INTERVAL_MAX_MS ? INTERVAL_MAX_MS : interval_ms;
}

int xfn_follow_stats(struct xfn_api *api, struct xfn_request *request)
{
	struct follow *follow;
	int err;

	err = open_follow(api, request, "text/event-stream", ":\n\n", &follow);
	if (err < 0)
		return err;
	follow->interval_ms = read_interval(xfn_request_query(request, "interval_ms"));
	err = xfn_loop_add_timer(api->loop, 0, write_stats, follow, &follow->timer);
	if (!err)
		err = xfn_journal_follow(api->journal, write_journal_event, follow,
					 &follow->follower);
	if (err < 0)
		xfn_stream_end(follow->stream);
	return err;
}
