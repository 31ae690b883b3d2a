/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FUNCTION_FIXTURE_H
#define XFN_FUNCTION_FIXTURE_H
/* A port for libxfn: its socket at one end of a veth pair of its own; the other is what the host would be. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/libxfn/socket.h"
#include "inbox_fixture.h"
#include "xfn_port_rx.skel.h"

enum { PATIENCE_MS = 2000 };

static bool is_root;

struct port {
	struct xfn_port_rx *program;
	int channel;   /* the starter's end */
	int host;      /* AF_PACKET, on the other end of the pair */
	__u64 seen_ns; /* of what waited */
	struct xfn_socket *socket;
};

#define NEEDS_ROOT()                                                    \
	do {                                                            \
		if (!is_root) {                                         \
			print_message("# needs a network namespace\n"); \
			skip();                                         \
		}                                                       \
	} while (0)

/* Before any test. */
static inline void find_out_rights(void)
{
	is_root = !geteuid() && !unshare(CLONE_NEWNET);
}

static inline void set_env(const char *name, int value)
{
	char text[12];

	snprintf(text, sizeof(text), "%d", value);
	setenv(name, text, 1);
}

static inline int open_host(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex("host")};
	int room = 32 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
		   sizeof(room)); /* for all replies at once */
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A namespace and a pair anew: pools are let go some time after their sockets were closed. */
static inline void make_pair(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(system("ip link add xfn0 type veth peer host &&"
				"for i in xfn0 host; do ip link set $i addrgenmode none up ||"
				"exit 1; done"),
			 0);
}

/* What a starter does, and xfn_socket_open() where @opens. */
static inline void start(struct port *port, bool promises, bool opens)
{
	int fds[2], fd;
	__u32 zero = 0;

	make_pair();
	port->host = open_host();
	port->program = xfn_port_rx__open_and_load();
	assert_non_null(port->program);
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("xfn0"),
					bpf_program__fd(port->program->progs.xfn_port_rx),
					XDP_FLAGS_DRV_MODE, NULL),
			 0);
	fd = socket(AF_XDP, SOCK_RAW, 0);
	assert_true(fd >= 0);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(port->program->maps.xfn_port_sock), &zero, &fd, 0),
		0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	port->channel = fds[0];
	set_env(XFN_ENV_CHANNEL, fds[1]);
	set_env(XFN_ENV_SOCKET, fd);
	setenv(XFN_ENV_INTERFACE, "xfn0", 1);
	if (promises)
		setenv(XFN_ENV_GO, "1", 1);
	else
		unsetenv(XFN_ENV_GO);
	port->seen_ns = xsk_now_ns() & ~15ULL;
	if (opens)
		assert_int_equal(xfn_socket_open(&port->socket), 0);
}

static inline void stop(struct port *port)
{
	xfn_socket_close(port->socket);
	xfn_port_rx__destroy(port->program);
	close(port->host);
	if (port->channel >= 0)
		close(port->channel);
}

static inline void say(const struct port *port, __u32 type, int fd)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION, .type = type};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {{0}};
	struct iovec piece = {&message, sizeof(message)};
	struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
	struct cmsghdr *rights = &control.header;

	if (fd >= 0) {
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &fd, sizeof(int));
		header.msg_control = control.room;
		header.msg_controllen = sizeof(control.room);
	}
	assert_int_equal(sendmsg(port->channel, &header, 0), sizeof(message));
}

/* An event that comes in by the ring. */
static inline void send_event(const struct port *port, const char *text)
{
	__u8 frame[INBOX_FRAME];

	inbox_frame(text, port->seen_ns, frame);
	assert_int_equal(send(port->host, frame, sizeof(frame), 0), sizeof(frame));
}

static inline bool is_readable(const struct xfn_socket *socket, int timeout_ms)
{
	struct pollfd fd = {.fd = xfn_socket_fd(socket), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

/* As a loop of one's own does it: up to @max, with patience. */
static inline int receive(struct port *port, struct xfn_event *events, unsigned max)
{
	int tries, count = 0, timeout_us;

	for (tries = 0; tries < 1000 && !count; tries++) {
		timeout_us = xfn_socket_timeout_us(port->socket);
		is_readable(port->socket, timeout_us < 0 ? PATIENCE_MS : timeout_us ? 1 : 0);
		count = xfn_socket_receive(port->socket, events, max);
	}
	return count;
}

static inline void expect_event(const struct port *port, const struct xfn_event *event,
				const char *text)
{
	assert_int_equal(event->payload_bytes, 5);
	assert_memory_equal(event->payload, text, 5);
	assert_int_equal(event->destination.port, 7);
	assert_true(event->arrival_ns == port->seen_ns);
}

/* A reply that came out at the other end: to the client, with the token in its source. */
static inline void expect_reply(const struct port *port, const char *payload, size_t bytes)
{
	struct pollfd fd = {.fd = port->host, .events = POLLIN};
	__u8 frame[2048], sent[INBOX_FRAME];
	ssize_t size;

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	size = recv(port->host, frame, sizeof(frame), 0);
	assert_int_equal(size, INBOX_PAYLOAD_AT + bytes);
	inbox_frame("     ", port->seen_ns, sent);
	assert_memory_equal(frame, sent + ETH_ALEN, ETH_ALEN);
	assert_memory_equal(frame + ETH_ALEN, sent, ETH_ALEN);
	assert_memory_equal(frame + INBOX_PAYLOAD_AT, payload, bytes);
}

static inline void expect_no_reply(const struct port *port)
{
	struct pollfd fd = {.fd = port->host, .events = POLLIN};

	assert_int_equal(poll(&fd, 1, 50), 0);
}

#endif
