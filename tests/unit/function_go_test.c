/* SPDX-License-Identifier: BSD-2-Clause */
/* libxfn on a real socket: nothing before GO, what waited first, then the ring; and what is sent. */
#include <fcntl.h>
#include <sys/mman.h>

#include "function_fixture.h"

/* More than frames are kept for them, and than the smallest pool has. */
enum { MANY = 5 * XSK_SPARES_MAX, BATCH = 64 };
/* More than xfn_serve() serves at a time, twice. */
enum { VERY_MANY = 10000 };

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
		cmocka_unit_test(test_starter_gone),
		cmocka_unit_test(test_no_promise),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bad_inbox),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_serve),
		cmocka_unit_test(test_serve_stopped),
	};

	find_out_rights();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
