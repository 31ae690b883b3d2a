/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "errnum.h"
#include "frame.h"
#include "xfn/channel.h"
#include "xfn/function.h"
#include "xfn/port.h"
#include "xsk.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

struct xfn_socket {
	struct xsk xsk;
	int channel; /* -1: none */
	size_t mtu_bytes;
	struct xfn_socket_stats stats;
};

enum {
	SERVE_BATCH = 64,
	SERVE_BATCHES = 64,
	RECEIVE_BATCH = 64,
	UDP_BYTES = 8,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40
};

/* ---- opening -------------------------------------------------------------------------------------------- */

/* A descriptor that the environment names; -ENOENT: it names none. */
static int inherited(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long fd;

	if (!text)
		return -ENOENT;
	fd = strtol(text, &end, 10);
	if (*end || end == text || fd < 0 || fd > 65535 || fcntl((int)fd, F_GETFD) < 0)
		return -EPROTO;
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static int find_interface(__u32 *ret_ifindex, size_t *ret_mtu)
{
	const char *name = getenv(XFN_ENV_INTERFACE);
	struct ifreq request = {0};
	int fd, err;

	if (!name)
		return -ENOENT;
	*ret_ifindex = if_nametoindex(name);
	if (!*ret_ifindex || strlen(name) >= sizeof(request.ifr_name))
		return -EPROTO;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return xfn_errno();
	strcpy(request.ifr_name, name);
	err = ioctl(fd, SIOCGIFMTU, &request) ? xfn_errno() : 0;
	close(fd);
	*ret_mtu = (size_t)request.ifr_mtu;
	return err;
}

/* As many as the starter says, down to a power of two; all where it says nothing. */
static __u32 frames_wanted(void)
{
	const char *text = getenv(XFN_ENV_FRAMES);
	unsigned long wanted = text ? strtoul(text, NULL, 10) : XSK_FRAMES_MAX;
	__u32 frames = XSK_FRAMES_MAX;

	while (frames > wanted && frames > XSK_FRAMES_MIN)
		frames /= 2;
	return frames;
}

int xfn_socket_open(struct xfn_socket **ret)
{
	struct xfn_socket *socket = calloc(1, sizeof(*socket));
	int fd = inherited(XFN_ENV_SOCKET), err = fd < 0 ? fd : 0;
	__u32 ifindex = 0;

	if (!socket)
		return -ENOMEM;
	if (!err)
		err = find_interface(&ifindex, &socket->mtu_bytes);
	socket->channel = err ? -1 : inherited(XFN_ENV_CHANNEL);
	if (socket->channel == -EPROTO)
		err = -EPROTO;
	if (!err)
		err = xsk_open(&socket->xsk, fd, ifindex, frames_wanted());
	if (err) {
		xsk_close(&socket->xsk);
		free(socket);
		return err == -ENOTSOCK || err == -ENOPROTOOPT ? -EPROTO : err;
	}
	*ret = socket;
	return 0;
}

void xfn_socket_close(struct xfn_socket *socket)
{
	int fd;

	if (!socket)
		return;
	fd = socket->xsk.fd;
	xsk_close(&socket->xsk);
	close(fd);
	if (socket->channel >= 0)
		close(socket->channel);
	free(socket);
}

int xfn_socket_fd(const struct xfn_socket *socket)
{
	return socket->xsk.fd;
}

int xfn_socket_timeout_us(const struct xfn_socket *socket)
{
	return socket->xsk.is_stuck ? XSK_KICK_AGAIN_US : -1;
}

/* ---- events ---------------------------------------------------------------------------------------------- */

/* No longer than the interface takes it. */
static size_t room_of(const struct xfn_socket *socket, const struct xfn_event *event)
{
	size_t headers = (event->ip_version == 4 ? IPV4_BYTES : IPV6_BYTES) + UDP_BYTES;
	size_t room = socket->mtu_bytes > headers ? socket->mtu_bytes - headers : 0;

	return room < event->room_bytes ? room : event->room_bytes;
}

static bool read_event(struct xfn_socket *socket, const struct xdp_desc *desc, __u64 now,
		       struct xfn_event *event)
{
	__u8 *frame = socket->xsk.pool + desc->addr;
	const __u8 *end = socket->xsk.pool + (desc->addr / XSK_FRAME_BYTES + 1) * XSK_FRAME_BYTES;

	if (!xfn_frame_read(frame, desc->len, end, event)) {
		socket->stats.unreadable++;
		xsk_give(&socket->xsk, desc->addr);
		return false;
	}
	event->room_bytes = room_of(socket, event);
	if (xfn_token_is(frame))
		event->arrival_ns = xfn_token_arrival_ns(frame, now);
	socket->stats.received++;
	return true;
}

int xfn_socket_receive(struct xfn_socket *socket, struct xfn_event *events, unsigned max)
{
	struct xdp_desc descs[RECEIVE_BATCH];
	unsigned count, i, read = 0;
	__u64 now;

	xsk_kick(&socket->xsk);
	count = xsk_receive(&socket->xsk, descs, max < RECEIVE_BATCH ? max : RECEIVE_BATCH);
	now = count ? xsk_now_ns() : 0;
	for (i = 0; i < count; i++)
		read += read_event(socket, &descs[i], now, &events[read]);
	return (int)read;
}

static __u64 address_of(const struct xfn_socket *socket, const __u8 *at)
{
	return (__u64)(at - socket->xsk.pool);
}

int xfn_event_reply(struct xfn_socket *socket, struct xfn_event *event, size_t bytes)
{
	__u8 *start;
	__u32 frame_bytes;

	if (event->l4_proto != IPPROTO_UDP)
		return -EPROTONOSUPPORT;
	if (bytes > event->room_bytes)
		return -EMSGSIZE;
	start = xfn_frame_answer(event, bytes, &frame_bytes);
	xsk_send(&socket->xsk, address_of(socket, start), frame_bytes);
	socket->stats.replied++;
	event->frame = NULL;
	return 0;
}

int xfn_event_reply_with(struct xfn_socket *socket, struct xfn_event *event, const void *data,
			 size_t bytes)
{
	if (event->l4_proto != IPPROTO_UDP)
		return -EPROTONOSUPPORT;
	if (bytes > event->room_bytes)
		return -EMSGSIZE;
	memcpy(event->payload, data, bytes);
	return xfn_event_reply(socket, event, bytes);
}

int xfn_event_send_frame(struct xfn_socket *socket, struct xfn_event *event, size_t bytes)
{
	__u64 address = address_of(socket, event->frame);

	if (bytes > XSK_FRAME_BYTES - address % XSK_FRAME_BYTES)
		return -EMSGSIZE;
	xsk_send(&socket->xsk, address, (__u32)bytes);
	socket->stats.replied++;
	event->frame = NULL;
	return 0;
}

void xfn_event_release(struct xfn_socket *socket, struct xfn_event *event)
{
	xsk_give(&socket->xsk, address_of(socket, event->frame));
	socket->stats.released++;
	event->frame = NULL;
}

unsigned xfn_socket_flush(struct xfn_socket *socket)
{
	return xsk_kick(&socket->xsk);
}

void xfn_socket_read_stats(const struct xfn_socket *socket, struct xfn_socket_stats *ret)
{
	struct xdp_statistics kernel = {0};
	socklen_t bytes = sizeof(kernel);

	*ret = socket->stats;
	ret->kicks = socket->xsk.kicks;
	if (!getsockopt(socket->xsk.fd, SOL_XDP, XDP_STATISTICS, &kernel, &bytes))
		ret->dropped = kernel.rx_dropped + kernel.rx_ring_full;
}

/* ---- serving ---------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_ended;

static void on_end(int signo)
{
	(void)signo;
	is_ended = 1;
}

/* Whether the starter says stop. One that is gone says nothing, and is not listened to any more. */
static bool is_stopped(struct xfn_socket *socket)
{
	struct xfn_channel_message message;
	ssize_t bytes = recv(socket->channel, &message, sizeof(message), MSG_DONTWAIT);

	if (bytes == 0) {
		close(socket->channel);
		socket->channel = -1;
	}
	return bytes == (ssize_t)sizeof(message) && message.type == XFN_CHANNEL_STOP;
}

/* Waits for events, the starter, a signal, or the time to kick again. Returns whether to go on. */
static bool wait_for_more(struct xfn_socket *socket, const sigset_t *signals)
{
	int timeout_us = xfn_socket_timeout_us(socket);
	struct timespec patience = {.tv_nsec = timeout_us * 1000L};
	struct pollfd fds[] = {{.fd = socket->xsk.fd, .events = POLLIN},
			       {.fd = socket->channel, .events = POLLIN}};

	ppoll(fds, 2, timeout_us < 0 ? NULL : &patience, signals);
	return !(fds[1].revents && is_stopped(socket));
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

/* What was answered goes out, but nobody waits for ever for that. */
static void drain(struct xfn_socket *socket)
{
	const struct timespec pause = {.tv_nsec = XSK_KICK_AGAIN_US * 1000L};
	int tries;

	for (tries = 0; tries < 1000 && xfn_socket_flush(socket); tries++)
		nanosleep(&pause, NULL);
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
	int err = xfn_socket_open(&socket);
	bool go_on = true;

	if (err)
		return err;
	catch_ends(&signals);
	while (go_on && !is_ended) {
		serve_all(socket, handler, context);
		go_on = wait_for_more(socket, &signals);
	}
	serve_all(socket, handler, context);
	drain(socket);
	xfn_socket_close(socket);
	return 0;
}
