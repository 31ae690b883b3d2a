/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libxfn on a real socket, at one end of a veth pair of its own: nothing before GO, what waited first, then the
 * ring. The other end is what the host would be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/libxfn/socket.h"
#include "inbox_fixture.h"
#include "xfn_port_rx.skel.h"

/* More than frames are kept for them, and than the smallest pool has. */
enum { MANY = 5 * XSK_SPARES_MAX, BATCH = 64, PATIENCE_MS = 2000 };
/* More than xfn_serve() serves at a time, twice. */
enum { VERY_MANY = 10000 };

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

/* ---- around it ------------------------------------------------------------------------------------------- */

static void set_env(const char *name, int value)
{
	char text[12];

	snprintf(text, sizeof(text), "%d", value);
	setenv(name, text, 1);
}

static int open_host(void)
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
static void make_pair(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(system("ip link add xfn0 type veth peer host &&"
				"for i in xfn0 host; do ip link set $i addrgenmode none up ||"
				"exit 1; done"),
			 0);
}

/* What a starter does, and xfn_socket_open() where @opens. */
static void start(struct port *port, bool promises, bool opens)
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

static void stop(struct port *port)
{
	xfn_socket_close(port->socket);
	xfn_port_rx__destroy(port->program);
	close(port->host);
	if (port->channel >= 0)
		close(port->channel);
}

static void say(const struct port *port, __u32 type, int fd)
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

static int make_inbox(const struct port *port, __u32 count, int seals)
{
	static __u8 bytes[sizeof(struct xfn_inbox) + VERY_MANY * XFN_INBOX_STEP(INBOX_FRAME)];
	size_t size = inbox_make(count, port->seen_ns, bytes);
	int fd = memfd_create("inbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void say_go(const struct port *port, __u32 waiting)
{
	int fd =
		make_inbox(port, waiting, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);

	say(port, XFN_CHANNEL_GO, fd);
	close(fd);
}

/* An event that comes in by the ring. */
static void send_event(const struct port *port, const char *text)
{
	__u8 frame[INBOX_FRAME];

	inbox_frame(text, port->seen_ns, frame);
	assert_int_equal(send(port->host, frame, sizeof(frame), 0), sizeof(frame));
}

static bool is_readable(const struct xfn_socket *socket, int timeout_ms)
{
	struct pollfd fd = {.fd = xfn_socket_fd(socket), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

/* As a loop of one's own does it: up to @max, with patience. */
static int receive(struct port *port, struct xfn_event *events, unsigned max)
{
	int tries, count = 0, timeout_us;

	for (tries = 0; tries < 1000 && !count; tries++) {
		timeout_us = xfn_socket_timeout_us(port->socket);
		is_readable(port->socket, timeout_us < 0 ? PATIENCE_MS : timeout_us ? 1 : 0);
		count = xfn_socket_receive(port->socket, events, max);
	}
	return count;
}

static void expect_event(const struct port *port, const struct xfn_event *event, const char *text)
{
	assert_int_equal(event->payload_bytes, 5);
	assert_memory_equal(event->payload, text, 5);
	assert_int_equal(event->destination.port, 7);
	assert_true(event->arrival_ns == port->seen_ns);
}

/* A reply that came out at the other end: to the client, with the token in its source. */
static void expect_reply(const struct port *port, const char *payload, size_t bytes)
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

static void expect_no_reply(const struct port *port)
{
	struct pollfd fd = {.fd = port->host, .events = POLLIN};

	assert_int_equal(poll(&fd, 1, 50), 0);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void test_go(void **state)
{
	struct port port = {0};
	struct xfn_event events[BATCH];

	(void)state;
	NEEDS_ROOT();
	start(&port, true, true);
	send_event(&port, "later");
	assert_false(is_readable(port.socket, 50));
	assert_int_equal(xfn_socket_receive(port.socket, events, BATCH), 0);
	say_go(&port, 4);
	assert_true(is_readable(port.socket, PATIENCE_MS));
	assert_int_equal(xfn_socket_receive(port.socket, events, 3), 3);
	assert_int_equal(xfn_socket_timeout_us(port.socket), 0);
	expect_event(&port, &events[0], "00000");
	expect_event(&port, &events[1], "00001");
	expect_event(&port, &events[2], "00002");
	assert_int_equal(xfn_event_reply(port.socket, &events[0], 5), 0);
	assert_int_equal(xfn_event_reply_with(port.socket, &events[1], "and more", 8), 0);
	xfn_event_release(port.socket, &events[2]);
	assert_int_equal(xfn_socket_receive(port.socket, events, 3), 1);
	expect_event(&port, &events[0], "00003");
	memcpy(events[0].frame, events[0].frame + ETH_ALEN, ETH_ALEN);
	xfn_token_write(events[0].frame + ETH_ALEN, 3, port.seen_ns);
	assert_int_equal(xfn_event_send_frame(port.socket, &events[0], INBOX_FRAME), 0);
	assert_int_equal(receive(&port, events, BATCH), 1);
	expect_event(&port, &events[0], "later");
	assert_int_equal(xfn_event_reply(port.socket, &events[0], 5), 0);
	assert_int_equal(xfn_socket_flush(port.socket), 0);
	expect_reply(&port, "00000", 5);
	expect_reply(&port, "and more", 8);
	expect_reply(&port, "00003", 5);
	expect_reply(&port, "later", 5);
	assert_int_equal(port.socket->stats.received, 5);
	assert_int_equal(port.socket->stats.unreadable, 0);
	stop(&port);
}

/* The next frame at the other end: @headers but for the source, where the token is, and @text. */
static void expect_frame(const struct port *port, const char *headers, const char *text)
{
	struct pollfd fd = {.fd = port->host, .events = POLLIN};
	__u8 seen[2048], want[INBOX_FRAME];

	memcpy(want, headers, INBOX_PAYLOAD_AT);
	xfn_token_write(want + ETH_ALEN, 3, port->seen_ns);
	memcpy(want + INBOX_PAYLOAD_AT, text, 5);
	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(port->host, seen, sizeof(seen), 0), sizeof(want));
	assert_memory_equal(seen, want, sizeof(want));
}

/* From 198.18.0.1:53 to 203.0.113.9:9000, "first", and from :7 back to 198.18.0.2:4000, "other". */
#define NO_MAC "\0\0\0\0\0\0"
#define SENT                                                                               \
	"\x02\xaa\xbb\xcc\xdd\xee" NO_MAC "\x08\x00"                                       \
	"\x45\x00\x00\x21\x00\x00\x40\x00\x40\x11\x38\xaf\xc6\x12\x00\x01\xcb\x00\x71\x09" \
	"\x00\x35\x23\x28\x00\x0d\x8d\x7c"
#define SENT_BACK                                                                          \
	"\x02\x00\x00\x00\x00\x02" NO_MAC "\x08\x00"                                       \
	"\x45\x00\x00\x21\x00\x00\x40\x00\x40\x11\xae\xa4\xc6\x12\x00\x01\xc6\x12\x00\x02" \
	"\x00\x07\x0f\xa0\x00\x0d\x1a\x2b"

/*
 * From another port to another address by another hop, and where nothing is given from where the event was sent to
 * back to who sent it. What is refused leaves the event as it was.
 */
static void test_send(void **state)
{
	static const __u8 hop[ETH_ALEN] = {2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	struct xfn_endpoint from, to = {.address = {203, 0, 113, 9}, .port = 9000};
	struct port port = {0};
	struct xfn_event event, before;

	(void)state;
	NEEDS_ROOT();
	start(&port, false, true);
	send_event(&port, "first");
	assert_int_equal(receive(&port, &event, 1), 1);
	from = event.destination;
	from.port = 53;
	before = event;
	assert_int_equal(xfn_event_send(port.socket, &event, &from, &to, hop, event.room_bytes + 1),
			 -EMSGSIZE);
	event.l4_proto = before.l4_proto = IPPROTO_TCP;
	assert_int_equal(xfn_event_send(port.socket, &event, &from, &to, hop, 5), -EPROTONOSUPPORT);
	assert_memory_equal(&event, &before, sizeof(event));
	event.l4_proto = IPPROTO_UDP;
	assert_int_equal(xfn_event_send(port.socket, &event, &from, &to, hop, 5), 0);
	assert_null(event.frame);
	send_event(&port, "other");
	assert_int_equal(receive(&port, &event, 1), 1);
	assert_int_equal(xfn_event_send(port.socket, &event, NULL, NULL, NULL, 5), 0);
	xfn_socket_flush(port.socket);
	assert_int_equal(port.socket->stats.replied, 2);
	expect_frame(&port, SENT, "first");
	expect_frame(&port, SENT_BACK, "other");
	stop(&port);
}

static void test_go_without_inbox(void **state)
{
	struct port port = {0};
	struct xfn_event event;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, true);
	assert_int_equal(port.socket->xsk.spares, XSK_SPARES_MAX);
	say(&port, XFN_CHANNEL_GO, -1);
	assert_true(is_readable(port.socket, PATIENCE_MS));
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	assert_false(is_readable(port.socket, 50));
	send_event(&port, "later");
	assert_true(is_readable(port.socket, PATIENCE_MS));
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 1);
	expect_event(&port, &event, "later");
	assert_int_equal(port.socket->xsk.spares, 0);
	stop(&port);
}

/* The process is elsewhere: what it would look up there is another's, or nobody's. */
static void test_another_namespace(void **state)
{
	struct port port = {0};
	struct xfn_event event;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, false);
	unsetenv(XFN_ENV_INTERFACE);
	set_env(XFN_ENV_IFINDEX, (int)if_nametoindex("xfn0"));
	set_env(XFN_ENV_MTU, 600);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(xfn_socket_open(&port.socket), 0);
	unsetenv(XFN_ENV_MTU);
	assert_int_equal(xfn_socket_open(&(struct xfn_socket *){0}), -EPROTO);
	unsetenv(XFN_ENV_IFINDEX);
	say(&port, XFN_CHANNEL_GO, -1);
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	send_event(&port, "there");
	assert_int_equal(receive(&port, &event, 1), 1);
	expect_event(&port, &event, "there");
	assert_int_equal(event.room_bytes, 600 - 20 - 8);
	stop(&port);
}

/* Taken when it is opened. What is no number that xfnd gives is none. */
static void test_names(void **state)
{
	static const struct {
		const char *function, *version;
		unsigned number;
	} said[] = {
		{"default/echo", "7", 7},
		{"t/f", "4294967296", 0},
		{"", "v7", 0},
		{"default/echo", "1.0.2", 0},
		{"default/echo", "-1", 0},
		{"default/echo", "", 0},
		{"default/echo", "2147483647", 2147483647},
	};
	struct port port = {0};
	size_t i;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		start(&port, true, false);
		setenv(XFN_ENV_FUNCTION, said[i].function, 1);
		setenv(XFN_ENV_VERSION, said[i].version, 1);
		assert_int_equal(xfn_socket_open(&port.socket), 0);
		unsetenv(XFN_ENV_FUNCTION);
		unsetenv(XFN_ENV_VERSION);
		assert_string_equal(xfn_socket_function(port.socket), said[i].function);
		assert_int_equal(xfn_socket_version(port.socket), said[i].number);
		stop(&port);
	}
	start(&port, true, true);
	assert_string_equal(xfn_socket_function(port.socket), "");
	assert_int_equal(xfn_socket_version(port.socket), 0);
	stop(&port);
}

/* It is bound as the starter says (xsk_test.c has the flag), and answers either way. */
static void test_need_wakeup(void **state)
{
	static const char *const values[] = {NULL, "1", "0"};
	struct port port = {0};
	struct xfn_event event;
	size_t i;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		start(&port, false, false);
		if (values[i])
			setenv(XFN_ENV_NEED_WAKEUP, values[i], 1);
		assert_int_equal(xfn_socket_open(&port.socket), 0);
		unsetenv(XFN_ENV_NEED_WAKEUP);
		assert_int_equal(port.socket->xsk.need_wakeup, i < 2);
		send_event(&port, "event");
		assert_int_equal(receive(&port, &event, 1), 1);
		assert_int_equal(xfn_event_reply(port.socket, &event, 5), 0);
		assert_int_equal(xfn_socket_flush(port.socket), 0);
		expect_reply(&port, "event", 5);
		stop(&port);
	}
}

static void test_starter_gone(void **state)
{
	struct port port = {0};
	struct xfn_event event;
	int copy;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, true);
	copy = dup(port.socket->channel.fd); /* as a child has it */
	send_event(&port, "later");
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	close(port.channel);
	port.channel = -1;
	assert_int_equal(receive(&port, &event, 1), 1);
	expect_event(&port, &event, "later");
	xfn_event_release(port.socket, &event);
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	assert_false(is_readable(port.socket, 50)); /* its end does not wake for ever */
	assert_false(xfn_socket_stopped(port.socket));
	close(copy);
	stop(&port);
}

/* Starters that know of no GO. */
static void test_no_promise(void **state)
{
	struct port port = {0};
	struct xfn_event event;

	(void)state;
	NEEDS_ROOT();
	start(&port, false, true);
	send_event(&port, "later");
	assert_int_equal(receive(&port, &event, 1), 1);
	expect_event(&port, &event, "later");
	assert_int_equal(port.socket->xsk.spares, 0);
	stop(&port);
}

/*
 * Many wait: each comes once, in order, though the caller keeps frames for a while; and in the end no frame
 * is kept from the kernel.
 */
static void test_many(void **state)
{
	struct port port = {0};
	struct xfn_event events[BATCH];
	__u32 next = 0;
	char text[12];
	int count, i;

	(void)state;
	NEEDS_ROOT();
	setenv(XFN_ENV_FRAMES, "64", 1);
	start(&port, true, true);
	unsetenv(XFN_ENV_FRAMES);
	assert_int_equal(port.socket->xsk.spares, 32);
	say_go(&port, MANY);
	while (next < MANY) {
		count = receive(&port, events, BATCH);
		assert_in_range(count, 1, 32);
		if (next == 0) { /* all frames are the caller's */
			assert_int_equal(xfn_socket_receive(port.socket, events + 32, 32), 0);
			assert_true(xfn_socket_timeout_us(port.socket) > 0);
		}
		for (i = 0; i < count; i++, next++) {
			snprintf(text, sizeof(text), "%05u", next);
			expect_event(&port, &events[i], text);
			assert_int_equal(xfn_event_reply(port.socket, &events[i], 5), 0);
		}
		xfn_socket_flush(port.socket);
		for (i = 0; i < count; i++) {
			snprintf(text, sizeof(text), "%05u", next - (__u32)(count - i));
			expect_reply(&port, text, 5);
		}
	}
	assert_int_equal(xfn_socket_receive(port.socket, events, BATCH), 0);
	assert_int_equal(xfn_socket_timeout_us(port.socket), -1);
	assert_int_equal(port.socket->xsk.unsent, 0);
	assert_int_equal(port.socket->xsk.fill.mine, port.socket->xsk.frames);
	expect_no_reply(&port);
	stop(&port);
}

static void test_bad_inbox(void **state)
{
	struct port port = {0};
	struct xfn_event event;
	int fd;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, true);
	fd = make_inbox(&port, 1, F_SEAL_GROW);
	say(&port, XFN_CHANNEL_GO, fd);
	close(fd);
	send_event(&port, "later");
	assert_int_equal(receive(&port, &event, 1), 1);
	expect_event(&port, &event, "later");
	assert_int_equal(port.socket->stats.unreadable, 1);
	assert_int_equal(port.socket->xsk.spares, 0);
	stop(&port);
}

static void test_stop(void **state)
{
	struct port port = {0};
	struct xfn_event event;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, true);
	say(&port, XFN_CHANNEL_GO, -1);
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	assert_false(xfn_socket_stopped(port.socket));
	usleep(2000); /* it is not asked each time */
	say(&port, XFN_CHANNEL_STOP, -1);
	assert_true(is_readable(port.socket, PATIENCE_MS));
	assert_int_equal(xfn_socket_receive(port.socket, &event, 1), 0);
	assert_true(xfn_socket_stopped(port.socket));
	assert_false(is_readable(port.socket, 50));
	stop(&port);
}

/* ---- xfn_serve -------------------------------------------------------------------------------------------- */

static void answer(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	++*(int *)context;
	xfn_event_reply(socket, event, event->payload_bytes);
}

/* The starter says stop right behind GO: all that waited is answered before it returns. */
static void test_serve(void **state)
{
	struct port port = {0};
	int served = 0;
	char text[12];
	__u32 i;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, false);
	say_go(&port, VERY_MANY);
	say(&port, XFN_CHANNEL_STOP, -1);
	assert_int_equal(xfn_serve(answer, &served), 0);
	assert_int_equal(served, VERY_MANY);
	for (i = 0; i < VERY_MANY; i++) {
		snprintf(text, sizeof(text), "%05u", i);
		expect_reply(&port, text, 5);
	}
	expect_no_reply(&port);
	stop(&port);
}

/* Before GO it ends all the same, and has served nothing. */
static void test_serve_stopped(void **state)
{
	struct port port = {0};
	int served = 0;

	(void)state;
	NEEDS_ROOT();
	start(&port, true, false);
	send_event(&port, "later");
	say(&port, XFN_CHANNEL_STOP, -1);
	assert_int_equal(xfn_serve(answer, &served), 0);
	assert_int_equal(served, 0);
	stop(&port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_go_without_inbox),
		cmocka_unit_test(test_another_namespace),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_need_wakeup),
		cmocka_unit_test(test_starter_gone),
		cmocka_unit_test(test_no_promise),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bad_inbox),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_serve),
		cmocka_unit_test(test_serve_stopped),
	};

	is_root = !geteuid() && !unshare(CLONE_NEWNET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
