/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_REQUEST_H
#define XFN_REQUEST_H

/* The inside of a request and of a stream: for http.c, request.c and stream.c only. */

#include <microhttpd.h>

#include "http.h"

struct xfn_bytes {
	char *data; /* data[size] is a NUL once there is anything */
	size_t size;
	size_t room;
};

struct xfn_part {
	char *part;
	char *name;
	struct xfn_bytes bytes;
	size_t upload; /* where it is among the request's uploads, once gathered */
	bool gathered;
};

/* A connection, from accepting it to its end; in the server's list, oldest first. */
struct xfn_peer {
	struct xfn_peer *next, **link;
	int fd; /* the library's, once it is served */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool served;         /* else it waits for its user's turn */
	bool streams;        /* answers without end have no deadline */
	__u64 since_ns;      /* CLOCK_MONOTONIC, of the last progress */
	size_t answer_bytes; /* of a large answer that waits to be read */
};

/* Owned by its connection: made at the first call of the access handler, freed on completion. */
struct xfn_request {
	struct xfn_http *http;
	struct MHD_Connection *connection;
	struct xfn_peer *peer;
	const struct xfn_route *route; /* NULL: refused */
	char *path;
	struct xfn_reply refusal; /* filled: the body is read and forgotten, then this is said */
	struct MHD_PostProcessor *multipart;
	struct xfn_bytes body; /* when it is not multipart */
	struct xfn_part *parts;
	size_t part_count;
	struct xfn_upload *uploads; /* made on demand from the parts */
	size_t received;            /* bytes of body so far, refused ones too */
	size_t held; /* of these, bytes that count against the server's uploads_max */
	struct xfn_stream *stream;
};

/* Owned by its request. */
struct xfn_stream {
	struct xfn_stream *next, **link;
	struct xfn_http *http;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	struct xfn_bytes queue;
	size_t sent; /* bytes at the start of queue that the peer has */
	const char *keepalive;
	xfn_stream_closed_fn *closed;
	void *context;
	bool suspended;
	bool ended;
};

struct xfn_http {
	struct xfn_loop *loop;
	struct MHD_Daemon *daemon;
	struct xfn_source *io, *timer, *again, *keepalive;
	struct xfn_source *accepting, *resume, *departed, *sweep;
	struct xfn_peer *peers, **peers_end;
	struct xfn_peer *arriving; /* being handed to the library */
	int listen_fd;
	unsigned timeout_s;
	const char *const *groups;
	const struct xfn_route *routes;
	size_t route_count;
	void *context;
	xfn_served_fn *served;
	char *socket_path;
	size_t uploads_max;
	size_t held; /* bytes of body that all requests together hold */
	size_t answers_max;
	struct xfn_stream *streams;
	unsigned stream_count;
};

/* ---- http_peers.c ------------------------------------------------------------------------------- */

/* Listens at http->listen_fd and hands who comes to http->daemon. Returns 0 or -errno. */
int xfn_peers_open(struct xfn_http *http);
/* After the library has let go of its connections. Fine after a failed xfn_peers_open(). */
void xfn_peers_close(struct xfn_http *http);
/* A request has come to its end, or its answer has begun: its time begins anew. */
void xfn_peer_progress(struct xfn_peer *peer);
/* Bytes of large answers that the user of @peer has not read yet. */
size_t xfn_peer_unread(const struct xfn_http *http, const struct xfn_peer *peer);
/* The library begins, or ends, with a connection; *state is what it keeps for us. */
void xfn_peers_notify(struct xfn_http *http, void **state, bool closed);

/* Appends within @max bytes in all. Returns 0, -E2BIG or -ENOMEM. */
int xfn_bytes_add(struct xfn_bytes *bytes, const void *data, size_t size, size_t max);

/* Takes a piece of the body; a body that is wrong or too large becomes the request's refusal. */
void xfn_request_take(struct xfn_request *request, const char *data, size_t size);
/* Sets up for the body's content type. */
void xfn_request_begin_body(struct xfn_request *request);
/* Takes NULL. */
void xfn_request_free(struct xfn_request *request);

void xfn_stream_free(struct xfn_stream *stream);
/* Lets the server look at its connections as soon as the loop is free. */
void xfn_http_wake(struct xfn_http *http);

#endif
