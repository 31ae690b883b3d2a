/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is connected: accepting, each user's share of the connections, and an end to requests that
 * never come to theirs.
 *
 * We accept by ourselves, because the library cannot tell users of a unix socket apart. Whoever is
 * beyond his share waits, accepted but not served; so the listening socket's queue is never full of
 * one user's connections, and others get through.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "errnum.h"
#include "loop.h"
#include "request.h"

enum {
	ACCEPTED_A_TURN = 64,
	PAUSE_MS = 100,
	SWEEP_MS = 1000,
	DEADLINE_FACTOR = 2, /* of the time of silence */
};

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Users who could end this daemon anyway have a share of their own. */
static bool is_master(const struct xfn_peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid();
}

/* ---- shares -------------------------------------------------------------------------------------- */

/* Connections that are there, served or waiting: of the same user, and of @peer's kind of users. */
static void count(const struct xfn_http *http, const struct xfn_peer *peer, bool served,
		  unsigned *ret_user, unsigned *ret_kind)
{
	const struct xfn_peer *other;

	*ret_user = *ret_kind = 0;
	for (other = http->peers; other; other = other->next) {
		if (other == peer || other->served != served)
			continue;
		*ret_user += other->uid == peer->uid;
		*ret_kind += is_master(other) == is_master(peer);
	}
}

static bool may_be_served(const struct xfn_http *http, const struct xfn_peer *peer)
{
	unsigned user, kind;

	count(http, peer, true, &user, &kind);
	return kind < XFN_HTTP_CONNECTIONS && (is_master(peer) || user < XFN_HTTP_USER_CONNECTIONS);
}

static bool may_wait(const struct xfn_http *http, const struct xfn_peer *peer)
{
	unsigned user, kind;

	count(http, peer, false, &user, &kind);
	return kind < XFN_HTTP_WAITING && (is_master(peer) || user < XFN_HTTP_USER_CONNECTIONS);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void add_peer(struct xfn_http *http, struct xfn_peer *peer)
{
	peer->since_ns = now_ns();
	peer->next = NULL;
	peer->link = http->peers_end;
	*http->peers_end = peer;
	http->peers_end = &peer->next;
	if (http->peers == peer)
		xfn_timer_set(http->sweep, SWEEP_MS * NS_PER_MS);
}

static void free_peer(struct xfn_http *http, struct xfn_peer *peer)
{
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	else
		http->peers_end = peer->link;
	free(peer);
}

/* Said without reading what is asked: to read it is what there is no room for. */
static void turn_away(int fd)
{
	static const char body[] =
		"{\"error\":{\"code\":\"busy\",\"message\":\"too many connections of this user: "
		"try again when others are done\",\"details\":[]}}";
	char text[512];
	int size = snprintf(text, sizeof(text),
			    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    sizeof(body) - 1, body);

	if (send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

/*
 * The library takes the descriptor over, also on failure. Failing late it has told us of a beginning
 * and an end, and then the peer is gone already.
 */
static void serve(struct xfn_http *http, struct xfn_peer *peer)
{
	const struct sockaddr address = {.sa_family = AF_UNIX};

	peer->served = true;
	peer->since_ns = now_ns();
	http->arriving = peer;
	if (MHD_add_connection(http->daemon, peer->fd, &address, sizeof(address)) != MHD_YES &&
	    http->arriving == peer)
		free_peer(http, peer);
	http->arriving = NULL;
	xfn_http_wake(http);
}

static void serve_waiting(struct xfn_http *http)
{
	struct xfn_peer *peer, *next;

	for (peer = http->peers; peer; peer = next) {
		next = peer->next;
		if (!peer->served && may_be_served(http, peer))
			serve(http, peer);
	}
}

/* ---- accepting ----------------------------------------------------------------------------------- */

static void take(struct xfn_http *http, int fd)
{
	struct xfn_peer *peer = calloc(1, sizeof(*peer));
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (!peer || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0) {
		free(peer);
		close(fd);
		return;
	}
	*peer = (struct xfn_peer){.fd = fd, .uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	if (may_be_served(http, peer)) {
		add_peer(http, peer);
		serve(http, peer);
	} else if (may_wait(http, peer)) {
		add_peer(http, peer);
	} else {
		turn_away(fd);
		free(peer);
	}
}

/* Without a descriptor to spare, to be told of the same connection again at once helps nobody. */
static void pause_accepting(struct xfn_http *http)
{
	xfn_source_enable(http->accepting, false);
	xfn_timer_set(http->resume, PAUSE_MS * NS_PER_MS);
}

static void on_resume(void *context)
{
	struct xfn_http *http = context;

	xfn_source_enable(http->accepting, true);
}

static void on_accept(void *context, int listen_fd, __u32 events)
{
	struct xfn_http *http = context;

	(void)events;
	for (int i = 0; i < ACCEPTED_A_TURN; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(http, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			pause_accepting(http);
			return;
		}
	}
}

/* ---- deadlines ----------------------------------------------------------------------------------- */

/*
 * A byte now and then keeps a connection from being silent. So a request has a time by which it must
 * be there, and as long again for its answer to be read.
 */
static void on_sweep(void *context)
{
	struct xfn_http *http = context;
	__u64 now = now_ns(), limit_ns = DEADLINE_FACTOR * http->timeout_s * NS_PER_S;
	struct xfn_peer *peer, *next;

	for (peer = http->peers; peer; peer = next) {
		next = peer->next;
		if (peer->streams || now - peer->since_ns < limit_ns)
			continue;
		if (peer->served) {
			shutdown(peer->fd, SHUT_RDWR); /* the library closes it */
		} else {
			turn_away(peer->fd);
			free_peer(http, peer);
		}
	}
	if (http->peers)
		xfn_timer_set(http->sweep, SWEEP_MS * NS_PER_MS);
}

/* ---- for http.c ---------------------------------------------------------------------------------- */

void xfn_peer_progress(struct xfn_peer *peer)
{
	peer->since_ns = now_ns();
}

size_t xfn_peer_unread(const struct xfn_http *http, const struct xfn_peer *peer)
{
	size_t bytes = 0;

	for (const struct xfn_peer *other = http->peers; other; other = other->next)
		bytes += other->uid == peer->uid ? other->answer_bytes : 0;
	return bytes;
}

void xfn_peers_notify(struct xfn_http *http, void **state, bool closed)
{
	if (!closed) {
		*state = http->arriving;
		return;
	}
	if (*state == http->arriving)
		http->arriving = NULL;
	if (*state)
		free_peer(http, *state);
	*state = NULL;
	xfn_defer_arm(http->departed); /* not from inside the library */
}

static void on_departed(void *context)
{
	serve_waiting(context);
}

int xfn_peers_open(struct xfn_http *http)
{
	int err;

	http->peers_end = &http->peers;
	err = xfn_loop_add_timer(http->loop, XFN_TIMER_OFF, on_sweep, http, &http->sweep);
	if (!err)
		err = xfn_loop_add_timer(http->loop, XFN_TIMER_OFF, on_resume, http, &http->resume);
	if (!err)
		err = xfn_loop_add_defer(http->loop, on_departed, http, &http->departed);
	if (!err)
		err = xfn_loop_add_io(http->loop, http->listen_fd, EPOLLIN, on_accept, http,
				      &http->accepting);
	return err;
}

void xfn_peers_close(struct xfn_http *http)
{
	while (http->peers) {
		close(http->peers->fd); /* those that are served went with the library */
		free_peer(http, http->peers);
	}
	xfn_source_free(http->accepting);
	xfn_source_free(http->resume);
	xfn_source_free(http->departed);
	xfn_source_free(http->sweep);
}
