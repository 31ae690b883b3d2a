/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errnum.h"
#include "frame.h"
#include "xfn/channel.h"
#include "xfn/port.h"
#include "socket.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

enum {
	RECEIVE_BATCH = 64,
	LISTEN_AGAIN_NS = 1000000, /* while nothing comes */
	PARKED_AT = 256,           /* in a frame, as a packet of the kernel's */
	UDP_BYTES = 8,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40
};

_Static_assert(PARKED_AT + XFN_INBOX_FRAME_MAX <= XSK_FRAME_BYTES, "any of them fits");

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

/* A number from 1 to @max that the environment has; -ENOENT: it has none of that name. */
static long number_of(const char *name, long max)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (!text)
		return -ENOENT;
	number = strtol(text, &end, 10);
	return *end || end == text || number < 1 || number > max ? -EPROTO : number;
}

/* The socket is bound in its own namespace, where this process need not be. */
static int take_interface(__u32 *ret_ifindex, size_t *ret_mtu)
{
	long ifindex = number_of(XFN_ENV_IFINDEX, INT_MAX), mtu = number_of(XFN_ENV_MTU, 65535);

	if (ifindex < 0)
		return (int)ifindex;
	if (mtu < 0)
		return -EPROTO;
	*ret_ifindex = (__u32)ifindex;
	*ret_mtu = (size_t)mtu;
	return 0;
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

static bool is_set(const char *name, const char *value)
{
	const char *text = getenv(name);

	return text && strcmp(text, value) == 0;
}

static int watch(const struct xfn_socket *socket, int operation, int fd, __u32 events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(socket->poll_fd, operation, fd, &event) ? xfn_errno() : 0;
}

/* Events of the socket count only after GO: until then it would be readable for nothing. */
static int make_poll_fd(struct xfn_socket *socket)
{
	int err;

	socket->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (socket->poll_fd < 0)
		return xfn_errno();
	err = watch(socket, EPOLL_CTL_ADD, socket->channel.fd, EPOLLIN);
	return err
		       ?: watch(socket, EPOLL_CTL_ADD, socket->xsk.fd,
				socket->channel.waits ? 0 : EPOLLIN);
}

static int open_channel(struct xfn_socket *socket)
{
	int fd = inherited(XFN_ENV_CHANNEL);

	if (fd == -EPROTO)
		return fd;
	socket->channel.fd = fd < 0 ? -1 : fd;
	socket->channel.waits = fd >= 0 && is_set(XFN_ENV_GO, "1"); /* by it */
	return 0;
}

/* Copies: the environment may change. What is no version of xfnd's is none. */
static int take_names(struct xfn_socket *socket)
{
	const char *function = getenv(XFN_ENV_FUNCTION);
	long version = number_of(XFN_ENV_VERSION, INT_MAX);

	socket->function = strdup(function ? function : "");
	socket->version = version > 0 ? (unsigned)version : 0;
	return socket->function ? 0 : -ENOMEM;
}

static int open_parts(struct xfn_socket *socket, bool polled)
{
	int fd = inherited(XFN_ENV_SOCKET), err = fd < 0 ? fd : 0;
	__u32 ifindex = 0;

	if (!err)
		err = take_interface(&ifindex, &socket->mtu_bytes);
	if (err == -ENOENT && fd >= 0)
		err = find_interface(&ifindex, &socket->mtu_bytes);
	if (!err)
		err = open_channel(socket) ?: take_names(socket);
	socket->busy_polls = is_set(XFN_ENV_BUSY_POLL, "1");
	if (!err)
		err = xsk_prepare(&socket->xsk, fd, frames_wanted(),
				  socket->channel.waits ? XSK_SPARES_MAX : 0);
	socket->xsk.need_wakeup = !is_set(XFN_ENV_NEED_WAKEUP, "0");
	if (!err)
		err = xsk_bind(&socket->xsk, ifindex, 0);
	if (!err && polled && socket->channel.fd >= 0)
		err = make_poll_fd(socket);
	return err;
}

int xfn_socket_make(struct xfn_socket **ret, bool polled)
{
	struct xfn_socket *socket = calloc(1, sizeof(*socket));
	int err;

	if (!socket)
		return -ENOMEM;
	socket->channel.fd = socket->poll_fd = -1;
	err = open_parts(socket, polled);
	if (err) {
		xsk_close(&socket->xsk);
		if (socket->poll_fd >= 0)
			close(socket->poll_fd);
		free(socket->function);
		free(socket);
		return err == -ENOTSOCK || err == -ENOPROTOOPT ? -EPROTO : err;
	}
	*ret = socket;
	return 0;
}

int xfn_socket_open(struct xfn_socket **ret)
{
	return xfn_socket_make(ret, true);
}

void xfn_socket_close(struct xfn_socket *socket)
{
	int fd;

	if (!socket)
		return;
	fd = socket->xsk.fd;
	xfn_inbox_close(&socket->inbox);
	xsk_close(&socket->xsk);
	close(fd);
	if (socket->channel.fd >= 0)
		close(socket->channel.fd);
	if (socket->poll_fd >= 0)
		close(socket->poll_fd);
	free(socket->function);
	free(socket);
}

const char *xfn_socket_function(const struct xfn_socket *socket)
{
	return socket->function;
}

unsigned xfn_socket_version(const struct xfn_socket *socket)
{
	return socket->version;
}

int xfn_socket_fd(const struct xfn_socket *socket)
{
	return socket->poll_fd >= 0 ? socket->poll_fd : socket->xsk.fd;
}

/* ---- the starter ------------------------------------------------------------------------------------------ */

/* Events may be served now. Frames are kept for as long as there is something in the inbox. */
static void go(struct xfn_socket *socket)
{
	if (!socket->inbox.left)
		xsk_spare_none(&socket->xsk);
	if (socket->poll_fd >= 0)
		watch(socket, EPOLL_CTL_MOD, socket->xsk.fd, EPOLLIN);
}

void xfn_socket_listen(struct xfn_socket *socket)
{
	struct channel *channel = &socket->channel;
	bool waited = channel->waits;
	int inbox_fd = xfn_channel_listen(channel);

	if (inbox_fd >= 0) {
		if (xfn_inbox_open(&socket->inbox, inbox_fd))
			socket->stats.unreadable++;
		close(inbox_fd);
	}
	if (waited && !channel->waits)
		go(socket);
	if (channel->fd >= 0 && channel->is_gone) {
		if (socket->poll_fd >= 0)
			watch(socket, EPOLL_CTL_DEL, channel->fd, 0);
		close(channel->fd);
		channel->fd = -1;
	}
}

/* Nothing came: the channel may be why the caller was woken. Callers that spin do not ask it each time. */
static void listen_at_times(struct xfn_socket *socket)
{
	__u64 now;

	if (socket->poll_fd < 0 || socket->channel.fd < 0)
		return;
	now = xsk_now_ns();
	if (now - socket->heard_ns < LISTEN_AGAIN_NS)
		return;
	socket->heard_ns = now;
	xfn_socket_listen(socket);
}

int xfn_socket_stopped(const struct xfn_socket *socket)
{
	return socket->channel.is_stopped;
}

int xfn_socket_timeout_us(const struct xfn_socket *socket)
{
	if (socket->inbox.left)
		return socket->xsk.spares ? 0 : XSK_KICK_AGAIN_US;
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

static unsigned receive_from_ring(struct xfn_socket *socket, struct xfn_event *events, unsigned max)
{
	struct xdp_desc descs[RECEIVE_BATCH];
	unsigned count, i, read = 0;
	__u64 now;

	count = xsk_receive(&socket->xsk, descs, max < RECEIVE_BATCH ? max : RECEIVE_BATCH);
	now = count ? xsk_now_ns() : 0;
	for (i = 0; i < count; i++)
		read += read_event(socket, &descs[i], now, &events[read]);
	return read;
}

/* They are copied into frames that were kept for them: from there on they are as any others. */
static unsigned receive_from_inbox(struct xfn_socket *socket, struct xfn_event *events,
				   unsigned max)
{
	__u64 now = xsk_now_ns(), frame;
	struct xdp_desc desc = {};
	unsigned read = 0;
	__u32 lost = 0;

	while (read < max && socket->inbox.left && xsk_take_spare(&socket->xsk, &frame)) {
		desc.addr = frame + PARKED_AT;
		desc.len = xfn_inbox_next(&socket->inbox, socket->xsk.pool + desc.addr, &lost);
		if (desc.len)
			read += read_event(socket, &desc, now, &events[read]);
		else
			xsk_give(&socket->xsk, frame);
	}
	socket->stats.unreadable += lost;
	if (!socket->inbox.left) {
		xfn_inbox_close(&socket->inbox);
		xsk_spare_none(&socket->xsk);
	}
	return read;
}

int xfn_socket_receive(struct xfn_socket *socket, struct xfn_event *events, unsigned max)
{
	unsigned count = 0;

	xsk_kick(&socket->xsk);
	if (socket->channel.waits)
		xfn_socket_listen(socket);
	if (socket->channel.waits)
		return 0;
	if (socket->inbox.left) {
		count = receive_from_inbox(socket, events, max);
		if (count || socket->inbox.left)
			return (int)count;
	}
	count = receive_from_ring(socket, events, max);
	if (!count)
		listen_at_times(socket);
	return (int)count;
}

static __u64 address_of(const struct xfn_socket *socket, const __u8 *at)
{
	return (__u64)(at - socket->xsk.pool);
}

/* Whether a datagram of that many can be made of the event: 0, or why not. */
static int check_bytes(const struct xfn_event *event, size_t bytes)
{
	if (event->l4_proto != IPPROTO_UDP)
		return -EPROTONOSUPPORT;
	return bytes > event->room_bytes ? -EMSGSIZE : 0;
}

static void send_made(struct xfn_socket *socket, struct xfn_event *event, const __u8 *start,
		      __u32 frame_bytes)
{
	xsk_send(&socket->xsk, address_of(socket, start), frame_bytes);
	socket->stats.replied++;
	event->frame = NULL;
}

int xfn_event_reply(struct xfn_socket *socket, struct xfn_event *event, size_t bytes)
{
	int err = check_bytes(event, bytes);
	__u32 frame_bytes;
	__u8 *start;

	if (err)
		return err;
	start = xfn_frame_answer(event, bytes, &frame_bytes);
	send_made(socket, event, start, frame_bytes);
	return 0;
}

int xfn_event_reply_with(struct xfn_socket *socket, struct xfn_event *event, const void *data,
			 size_t bytes)
{
	int err = check_bytes(event, bytes);

	if (err)
		return err;
	memcpy(event->payload, data, bytes);
	return xfn_event_reply(socket, event, bytes);
}

int xfn_event_send(struct xfn_socket *socket, struct xfn_event *event,
		   const struct xfn_endpoint *from, const struct xfn_endpoint *to,
		   const __u8 *next_hop, size_t bytes)
{
	const struct frame_way way = {.source = from ?: &event->destination,
				      .destination = to ?: &event->source,
				      .next_hop = next_hop ?: event->frame + ETH_ALEN,
				      .sums_ipv4 = true};
	int err = check_bytes(event, bytes);
	__u32 frame_bytes;
	__u8 *start;

	if (err)
		return err;
	start = xfn_frame_make(event, &way, bytes, &frame_bytes);
	send_made(socket, event, start, frame_bytes);
	return 0;
}

int xfn_event_send_frame(struct xfn_socket *socket, struct xfn_event *event, size_t bytes)
{
	__u64 address = address_of(socket, event->frame);

	if (bytes > XSK_FRAME_BYTES - address % XSK_FRAME_BYTES)
		return -EMSGSIZE;
	send_made(socket, event, event->frame, (__u32)bytes);
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
