/* SPDX-License-Identifier: BSD-2-Clause */
/* A loop for those who want none of their own. */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "socket.h"

enum {
	SERVE_BATCH = 64,
	SERVE_BATCHES = 64,
	LOOKS_UNHEARD = 64,
	SOON_NS = 40 * 1000,       /* about what it costs both sides to sleep and be woken */
	LINGER_NS = 80 * 1000,     /* looked for at most, where they were to come soon */
	LONG_GAP_NS = 1000 * 1000, /* of one that is longer no more is learned */
};

static volatile sig_atomic_t is_ended;

static void on_end(int signo)
{
	(void)signo;
	is_ended = 1;
}

/*
 * Lets the kernel look at the interface's queue, for the time of SO_BUSY_POLL, instead of waiting for its interrupt
 * (5.11). Now and then, false: signals and the starter are to be heard, too.
 */
static bool look(struct xfn_socket *socket)
{
	if (!socket->channel.waits)
		recvfrom(socket->xsk.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	return ++socket->looks % LOOKS_UNHEARD;
}

/* How long events have been awaited ends now. The average moves by an eighth. */
static void note_gap(struct xfn_socket *socket, __u64 now)
{
	__u64 gap = now - socket->dry_ns;

	gap = gap < LONG_GAP_NS ? gap : LONG_GAP_NS;
	socket->usual_gap_ns += ((__s64)gap - (__s64)socket->usual_gap_ns) / 8;
}

/*
 * To wake somebody takes several microseconds of whoever brings the event, and as many here. So where events are to
 * come sooner than that, as the last gaps tell, they are looked for before this process sleeps: as KVM's halt polling
 * does it for guests. True if some have come; now and then false all the same, as in look().
 */
static bool linger(struct xfn_socket *socket)
{
	__u64 now;

	socket->dry_ns = xsk_now_ns();
	if (socket->usual_gap_ns > SOON_NS || !(++socket->looks % LOOKS_UNHEARD))
		return false;
	do {
		now = xsk_now_ns();
		if (xsk_has(&socket->xsk)) {
			note_gap(socket, now);
			return true;
		}
	} while (now - socket->dry_ns < LINGER_NS);
	return false;
}

/* Waits for events, the starter, a signal, or the time to go on by itself; before GO for no events. */
static void wait_for_more(struct xfn_socket *socket, const sigset_t *signals)
{
	int timeout_us = socket->busy_polls ? 0 : xfn_socket_timeout_us(socket);
	struct timespec patience = {.tv_nsec = timeout_us * 1000L};
	struct pollfd fds[] = {
		{.fd = socket->channel.waits ? -1 : socket->xsk.fd, .events = POLLIN},
		{.fd = socket->channel.fd, .events = POLLIN}};

	if (socket->busy_polls && look(socket))
		return;
	if (timeout_us < 0 && !socket->channel.waits && linger(socket))
		return;
	ppoll(fds, 2, timeout_us < 0 ? NULL : &patience, signals);
	if (timeout_us < 0)
		note_gap(socket, xsk_now_ns());
	if (fds[1].revents)
		xfn_socket_listen(socket);
}

/* What there is; of more than can be served no end of it, since signals wait meanwhile. */
static void serve_all(struct xfn_socket *socket, xfn_serve_fn *handler, void *context)
{
	struct xfn_event events[SERVE_BATCH];
	int count, i, batches = 0;

	while (batches++ < SERVE_BATCHES &&
	       (count = xfn_socket_receive(socket, events, SERVE_BATCH)) > 0) {
		for (i = 0; i < count; i++) {
			handler(socket, &events[i], context);
			if (events[i].frame) /* neither answered nor released */
				xfn_event_release(socket, &events[i]);
		}
	}
}

/*
 * What is there is served, and what was answered goes out, but nobody waits for ever for that. An inbox may
 * have to wait for frames.
 */
static void finish(struct xfn_socket *socket, xfn_serve_fn *handler, void *context)
{
	const struct timespec pause = {.tv_nsec = XSK_KICK_AGAIN_US * 1000L};
	bool more = true;
	int tries;

	for (tries = 0; tries < 1000 && more; tries++) {
		if (!tries || socket->inbox.left)
			serve_all(socket, handler, context);
		more = xfn_socket_flush(socket) || socket->inbox.left;
		if (more)
			nanosleep(&pause, NULL);
	}
}

/* @ret: what signals were blocked before. They come while it waits, and at no other moment. */
static void catch_ends(sigset_t *ret)
{
	const struct sigaction action = {.sa_handler = on_end};
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, ret);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int xfn_serve(xfn_serve_fn *handler, void *context)
{
	struct xfn_socket *socket;
	sigset_t signals;
	int err = xfn_socket_make(&socket, false);

	if (err)
		return err;
	catch_ends(&signals);
	while (!is_ended && !xfn_socket_stopped(socket)) {
		serve_all(socket, handler, context);
		if (!xfn_socket_stopped(socket)) /* serving has heard of it */
			wait_for_more(socket, &signals);
	}
	finish(socket, handler, context);
	xfn_socket_close(socket);
	return 0;
}
