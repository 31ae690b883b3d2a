/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EXAMPLE_STATSD_HTTP_H
#define XFN_EXAMPLE_STATSD_HTTP_H
/*
 * The page by HTTP/1.0 on a UNIX socket, for a loop of one's own: nothing here waits. Whoever may connect can
 * make it hold HTTP_CLIENTS pages for HTTP_PATIENCE_S, and no more.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>

enum {
	HTTP_CLIENTS = 4, /* more wait to be accepted */
	HTTP_FDS = HTTP_CLIENTS + 1,
	HTTP_REQUEST_MAX = 2048, /* bytes */
	HTTP_PATIENCE_S = 5,     /* from accept to the last byte */
};

struct http_client {
	int fd; /* -1: nobody */
	int64_t until_s;
	size_t request_bytes;
	char request[HTTP_REQUEST_MAX];
	char *reply; /* NULL: the request is not whole yet */
	size_t reply_bytes, sent_bytes;
};

struct http {
	int listener;
	int64_t deaf_until_s; /* nobody is accepted meanwhile: descriptors are short */
	char path[108];
	struct http_client clients[HTTP_CLIENTS];
};

typedef void http_page_fn(FILE *out, void *context);

/* Nobody is there, and nobody can come. */
void http_init(struct http *http);
/*
 * Listens at @path, in the place of a socket that nobody listens at any more. Returns 0 or -errno:
 * -ENAMETOOLONG, -EADDRINUSE: something else is there, or a server.
 */
int http_open(struct http *http, const char *path);
/* Removes the path, too. */
void http_close(struct http *http);

/* Sets HTTP_FDS places to what is waited for; -1 in those that are not needed. */
void http_wants(const struct http *http, int64_t now_s, struct pollfd *ret);
/* Does what can be done after poll() has filled @fds. @now_s is monotonic. */
void http_run(struct http *http, const struct pollfd *fds, int64_t now_s, http_page_fn *page,
	      void *context);

#endif
