/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_HTTP_H
#define XFN_HTTP_H

/*
 * HTTP/1.1 on a unix socket, served from the daemon's loop: libmicrohttpd with its own epoll set,
 * run when that set is ready.
 *
 * Only root, the daemon's own user and members of the groups that are named are served, by
 * SO_PEERCRED. They may cost us at most:
 *
 *   connections   XFN_HTTP_CONNECTIONS served, of which a user has XFN_HTTP_USER_CONNECTIONS; as
 *                 many again for root and the daemon's user, so that nobody can keep them out.
 *                 XFN_HTTP_WAITING wait for one to end; more are turned away with 503.
 *   bytes         XFN_HTTP_HEADER_BYTES of header; of body what the route allows, and
 *                 XFN_HTTP_UPLOADS_BYTES of all connections together (small ones go beside it);
 *                 XFN_HTTP_ANSWERS_BYTES of answers that a user has not read (small ones, and one
 *                 that is larger, go beside it).
 *   time          XFN_HTTP_TIMEOUT_S of silence; twice that until a request is whole, and twice that
 *                 again until its answer is read, but for streams.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <jansson.h>

#include "engine.h"
#include "reply.h"

struct xfn_http;
struct xfn_loop;
struct xfn_request;
struct xfn_stream;

#define XFN_HTTP_GROUP           "xfn"
#define XFN_HTTP_GROUP_READ_ONLY "xfn-ro"

enum {
	XFN_HTTP_CONNECTIONS = 64,
	XFN_HTTP_USER_CONNECTIONS = 16,
	XFN_HTTP_WAITING = 256,
	XFN_HTTP_STREAMS = 16, /* of these connections, so that requests always find room */
	XFN_HTTP_HEADER_BYTES = 64 << 10,
	XFN_HTTP_BODY_BYTES = 64 << 10,
	XFN_HTTP_UPLOAD_BYTES = 96 << 20,
	XFN_HTTP_UPLOADS_BYTES = 2 * XFN_HTTP_UPLOAD_BYTES,
	XFN_HTTP_ANSWERS_BYTES = 64 << 20,
	XFN_HTTP_PARTS = 1024, /* of one multipart body */
	XFN_HTTP_TIMEOUT_S = 30,
	XFN_HTTP_KEEPALIVE_S = 10,
	XFN_STREAM_BYTES = 8 << 20, /* unread by the peer; beyond this the stream is cut */
};

/*
 * Answers one request: fills @reply, or opens a stream, and returns 0. A negative errno becomes a
 * 500 that names it.
 */
typedef int xfn_route_fn(void *context, struct xfn_request *request, struct xfn_reply *reply);

struct xfn_route {
	const char *method;
	const char *path; /* with a '/' at the end it is a prefix; see xfn_request_tail() */
	xfn_route_fn *fn;
	size_t body_max; /* bytes */
};

/* Told of each answer that a route gave; @path is the route's. For logging. */
typedef void xfn_served_fn(void *context, const struct xfn_actor *actor, const char *method,
			   const char *path, int http_status);

struct xfn_http_options {
	struct xfn_loop *loop;
	int listen_fd;                  /* as by xfn_listen_bind(); the server's from now on */
	const char *socket_path;        /* removed at the end; NULL: not */
	const char *const *groups;      /* who is served; borrowed, ends with NULL */
	const struct xfn_route *routes; /* borrowed; the first that fits is taken */
	size_t route_count;
	void *context;         /* for the routes, and for served() */
	xfn_served_fn *served; /* or NULL */
	unsigned timeout_s;    /* 0: XFN_HTTP_TIMEOUT_S */
	size_t uploads_max;    /* bytes; 0: XFN_HTTP_UPLOADS_BYTES */
	size_t answers_max;    /* bytes; 0: XFN_HTTP_ANSWERS_BYTES */
};

/* Returns 0 or -errno; listen_fd is closed then, too. */
int xfn_http_open(const struct xfn_http_options *options, struct xfn_http **ret);
/* Ends all connections, streams too, and removes the socket. Takes NULL. */
void xfn_http_close(struct xfn_http *http);

/* What the request says. All strings live as long as the request; NULL means not there. */
const char *xfn_request_tail(const struct xfn_request *request); /* after the route's prefix */
const char *xfn_request_query(const struct xfn_request *request, const char *key);
/* Given without a value, or as 1, true or yes. */
bool xfn_request_flag(const struct xfn_request *request, const char *key);
const char *xfn_request_header(const struct xfn_request *request, const char *name);
/*
 * Who asks, and what they agree to: `yes`, `force` and `confirm` in the query of any change. The
 * command line is "" where the client names none, or one that is not UTF-8. Strings live as long as
 * the request.
 */
void xfn_request_actor(const struct xfn_request *request, struct xfn_actor *ret);

/*
 * Reads the body as a JSON object. Returns 0 and a new reference, or 1 with a refusal in @reply, or
 * -ENOMEM.
 */
int xfn_request_json(const struct xfn_request *request, struct xfn_reply *reply, json_t **ret);

/*
 * The parts of a multipart body that are called @part, in the order they came. Returns their number,
 * and a pointer to the first in *ret; parts of one name lie together. Names are UTF-8, never NULL.
 */
size_t xfn_request_uploads(struct xfn_request *request, const char *part,
			   const struct xfn_upload **ret);

/* Called once, when the peer has gone or the stream has ended; @stream is then no more. */
typedef void xfn_stream_closed_fn(void *context);

/*
 * Makes the answer a stream of unknown length. @keepalive: text that says nothing in this content
 * type, sent every XFN_HTTP_KEEPALIVE_S so that a peer's end is noticed. Returns 0, -EBUSY with
 * XFN_HTTP_STREAMS open already, or -ENOMEM.
 */
int xfn_request_stream(struct xfn_request *request, const char *content_type, const char *keepalive,
		       xfn_stream_closed_fn *closed, void *context, struct xfn_stream **ret);
/* Queues @length bytes; a reader that is too slow for that is cut off. Safe from any callback. */
void xfn_stream_write(struct xfn_stream *stream, const void *data, size_t length);
/* Bytes that the peer has not taken yet. */
size_t xfn_stream_queued(const struct xfn_stream *stream);
/* Takes the stream back, before anything was answered: the reply is the answer after all. */
void xfn_request_unstream(struct xfn_request *request);
/* Ends the stream after what is queued. */
void xfn_stream_end(struct xfn_stream *stream);

#endif
