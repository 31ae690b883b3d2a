/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "listen.h"
#include "loop.h"
#include "request.h"

enum {
	PUMP_ROUNDS = 64, /* then others get a turn */
};

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* ---- who asks ----------------------------------------------------------------------------------*/

static bool is_allowed(const struct xfn_http *http, const struct xfn_peer *peer)
{
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	for (size_t i = 0; http->groups[i]; i++)
		if (xfn_peer_in_group(peer->fd, peer->gid, http->groups[i]))
			return true;
	return false;
}

/* ---- what is asked -----------------------------------------------------------------------------*/

static bool path_fits(const struct xfn_route *route, const char *path)
{
	size_t length = strlen(route->path);

	if (route->path[length - 1] == '/')
		return strncmp(path, route->path, length) == 0 && path[length];
	return strcmp(path, route->path) == 0;
}

static int find_route(struct xfn_request *request, const char *method)
{
	const struct xfn_http *http = request->http;
	const char *other = NULL;

	for (size_t i = 0; i < http->route_count; i++) {
		const struct xfn_route *route = &http->routes[i];

		if (!path_fits(route, request->path))
			continue;
		if (strcmp(route->method, method) == 0) {
			request->route = route;
			return 0;
		}
		other = route->method;
	}
	if (other)
		return xfn_reply_error(&request->refusal, 405, "bad_method", NULL,
				       "cannot %s '%s': expected %s", method, request->path, other);
	return xfn_reply_error(&request->refusal, 404, "no_such_path", NULL, "no such path: '%s'",
			       request->path);
}

static int check_length(struct xfn_request *request)
{
	const char *header = xfn_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long length = header ? strtoull(header, NULL, 10) : 0;

	if (!request->route || length <= request->route->body_max)
		return 0;
	return xfn_reply_error(&request->refusal, 413, "too_large", NULL,
			       "the body of %llu bytes is larger than the %zu allowed for '%s'",
			       length, request->route->body_max, request->path);
}

/* ---- what is answered --------------------------------------------------------------------------*/

static void tell_served(const struct xfn_request *request, int http_status)
{
	const struct xfn_http *http = request->http;
	struct xfn_actor actor;

	if (!http->served)
		return;
	xfn_request_actor(request, &actor);
	http->served(http->context, &actor, request->route->method, request->route->path,
		     http_status);
}

/* Texts that never change need no room. Owned by the caller. */
static struct MHD_Response *constant(const char *text)
{
	return MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
					       MHD_RESPMEM_PERSISTENT);
}

/* Small answers always find room, so that large ones of anybody keep nobody from being answered. */
static bool has_room(const struct xfn_request *request, size_t size)
{
	size_t unread = xfn_peer_unread(request->http, request->peer);

	return size <= XFN_HTTP_BODY_BYTES || !unread ||
	       unread + size <= request->http->answers_max;
}

/*
 * The answer as text, counted until it has been read. A user always gets one, however large; beside
 * his unread ones only what fits. Sets the status of what it answers in its place.
 */
static struct MHD_Response *make_response(struct xfn_request *request, struct xfn_reply *reply)
{
	char *text = reply->body ? json_dumps(reply->body, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;
	struct MHD_Response *response;

	if (!text) {
		reply->http_status = 500;
		return constant("{\"error\":{\"code\":\"no_memory\","
				"\"message\":\"out of memory; if a change was asked for, "
				"xfn journal tells what was done\",\"details\":[]}}");
	}
	if (!has_room(request, size)) {
		free(text);
		reply->http_status = 503;
		return constant("{\"error\":{\"code\":\"busy\",\"message\":\"too many answers "
				"of yours wait to be read\","
				"\"details\":[]}}");
	}
	response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	request->peer->answer_bytes = size > XFN_HTTP_BODY_BYTES ? size : 0;
	return response;
}

static enum MHD_Result queue_json(struct xfn_request *request, struct xfn_reply *reply)
{
	struct MHD_Response *response = make_response(request, reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	xfn_peer_progress(request->peer);
	result = MHD_queue_response(request->connection, reply->http_status, response);
	MHD_destroy_response(response);
	return result;
}

/* A change may be live already when there is no memory left to say so. */
static bool may_have_changed(const struct xfn_request *request)
{
	return !strcmp(request->route->method, "POST");
}

static enum MHD_Result answer(struct xfn_request *request)
{
	struct xfn_reply reply = {0};
	enum MHD_Result result;
	int err;

	if (request->multipart) { /* the last part ends here */
		MHD_destroy_post_processor(request->multipart);
		request->multipart = NULL;
	}
	if (request->refusal.http_status)
		return queue_json(request, &request->refusal);

	err = request->route->fn(request->http->context, request, &reply);
	if (request->stream) {
		xfn_reply_fini(&reply);
		request->peer->streams = true;
		tell_served(request, 200);
		return MHD_queue_response(request->connection, 200, request->stream->response);
	}
	if (err < 0)
		xfn_reply_error(&reply, err == -EBUSY ? 503 : 500, "internal", NULL,
				"cannot answer '%s': %s%s", request->path, strerror(-err),
				may_have_changed(request) ? "; xfn journal tells what was done"
							  : "");
	tell_served(request, reply.http_status);
	result = queue_json(request, &reply);
	xfn_reply_fini(&reply);
	return result;
}

/* ---- libmicrohttpd's callbacks -----------------------------------------------------------------*/

static enum MHD_Result begin(struct xfn_http *http, struct MHD_Connection *connection,
			     const char *path, const char *method, void **ret)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct xfn_request *request = calloc(1, sizeof(*request));
	int err;

	if (!request)
		return MHD_NO;
	*ret = request;
	request->http = http;
	request->connection = connection;
	request->peer = info ? info->socket_context : NULL;
	request->path = strdup(path);
	if (!request->path || !request->peer)
		return MHD_NO;
	if (!is_allowed(http, request->peer))
		err = xfn_reply_error(&request->refusal, 403, "not_allowed", NULL,
				      "not allowed: expected root or a member of the group '%s'",
				      http->groups[0]);
	else
		err = find_route(request, method);
	if (err < 0)
		return MHD_NO;
	if (check_length(request) < 0)
		return MHD_NO;
	if (request->refusal.http_status == 413) /* don't let it send all that first */
		return queue_json(request, &request->refusal);
	if (!request->refusal.http_status)
		xfn_request_begin_body(request);
	return MHD_YES;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *path,
				 const char *method, const char *version, const char *data,
				 size_t *size, void **state)
{
	struct xfn_request *request = *state;

	(void)version;
	if (!request)
		return begin(context, connection, path, method, state);
	if (*size == 0)
		return answer(request);
	xfn_request_take(request, data, *size);
	*size = 0;
	/* A refused body is read to its end, so that the peer gets to read why; but not for ever. */
	return request->received > 2UL * XFN_HTTP_UPLOAD_BYTES ? MHD_NO : MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct xfn_request *request = *state;

	(void)context;
	(void)connection;
	(void)code;
	if (request && request->peer)
		xfn_peer_progress(request->peer);
	xfn_request_free(request);
	*state = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
			  enum MHD_ConnectionNotificationCode code)
{
	(void)connection;
	xfn_peers_notify(context, state, code == MHD_CONNECTION_NOTIFY_CLOSED);
}

static void ignore_log(void *context, const char *format, va_list args)
{
	(void)context;
	(void)format;
	(void)args;
}

/* ---- the loop ----------------------------------------------------------------------------------*/

/*
 * MHD_run() may leave work that no descriptor will announce; MHD_get_timeout() then says 0, and not
 * to run again would stall a stream until something else wakes us.
 */
static void pump(struct xfn_http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

	for (int round = 0; round < PUMP_ROUNDS; round++) {
		MHD_run(http->daemon);
		if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES) {
			xfn_timer_set(http->timer, XFN_TIMER_OFF);
			return;
		}
		if (timeout_ms > 0) {
			xfn_timer_set(http->timer, timeout_ms * NS_PER_MS);
			return;
		}
	}
	xfn_http_wake(http);
}

static void on_ready(void *context, int fd, __u32 events)
{
	(void)fd;
	(void)events;
	pump(context);
}

static void on_due(void *context)
{
	pump(context);
}

void xfn_http_wake(struct xfn_http *http)
{
	xfn_defer_arm(http->again);
}

static void send_keepalives(void *context)
{
	struct xfn_http *http = context;

	for (struct xfn_stream *stream = http->streams; stream; stream = stream->next)
		if (stream->suspended)
			xfn_stream_write(stream, stream->keepalive, strlen(stream->keepalive));
	xfn_timer_set(http->keepalive, XFN_HTTP_KEEPALIVE_S * NS_PER_S);
}

/* ---- life --------------------------------------------------------------------------------------*/

static int start_daemon(struct xfn_http *http)
{
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_access, http, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(2 * XFN_HTTP_CONNECTIONS),
		MHD_OPTION_CONNECTION_TIMEOUT, http->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)XFN_HTTP_HEADER_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
	return http->daemon ? 0 : -EIO;
}

static int add_sources(struct xfn_http *http)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int err;

	if (!info)
		return -EIO;
	err = xfn_loop_add_io(http->loop, info->epoll_fd, EPOLLIN, on_ready, http, &http->io);
	if (!err)
		err = xfn_loop_add_timer(http->loop, XFN_TIMER_OFF, on_due, http, &http->timer);
	if (!err)
		err = xfn_loop_add_defer(http->loop, on_due, http, &http->again);
	if (!err)
		err = xfn_loop_add_timer(http->loop, XFN_HTTP_KEEPALIVE_S * NS_PER_S,
					 send_keepalives, http, &http->keepalive);
	return err;
}

int xfn_http_open(const struct xfn_http_options *options, struct xfn_http **ret)
{
	struct xfn_http *http = calloc(1, sizeof(*http));
	int err;

	if (!http) {
		close(options->listen_fd);
		return -ENOMEM;
	}
	http->listen_fd = options->listen_fd;
	http->loop = options->loop;
	http->routes = options->routes;
	http->route_count = options->route_count;
	http->context = options->context;
	http->served = options->served;
	http->uploads_max = options->uploads_max ? options->uploads_max : XFN_HTTP_UPLOADS_BYTES;
	http->answers_max = options->answers_max ? options->answers_max : XFN_HTTP_ANSWERS_BYTES;
	http->timeout_s = options->timeout_s ? options->timeout_s : XFN_HTTP_TIMEOUT_S;
	http->groups = options->groups;
	err = start_daemon(http);
	if (!err && options->socket_path) {
		http->socket_path = strdup(options->socket_path);
		err = http->socket_path ? 0 : -ENOMEM;
	}
	if (!err)
		err = add_sources(http);
	if (!err)
		err = xfn_peers_open(http);
	if (err < 0) {
		xfn_http_close(http);
		return err;
	}
	*ret = http;
	return 0;
}

/* MHD_stop_daemon() must not meet a suspended connection. */
static void end_streams(struct xfn_http *http)
{
	for (struct xfn_stream *stream = http->streams; stream; stream = stream->next)
		xfn_stream_end(stream);
	for (int round = 0; http->streams && round < PUMP_ROUNDS; round++)
		MHD_run(http->daemon);
}

void xfn_http_close(struct xfn_http *http)
{
	if (!http)
		return;
	if (http->daemon) {
		if (http->streams)
			end_streams(http);
		MHD_stop_daemon(http->daemon);
	}
	xfn_peers_close(http);
	close(http->listen_fd);
	xfn_source_free(http->io);
	xfn_source_free(http->timer);
	xfn_source_free(http->again);
	xfn_source_free(http->keepalive);
	if (http->socket_path)
		unlink(http->socket_path);
	free(http->socket_path);
	free(http);
}
