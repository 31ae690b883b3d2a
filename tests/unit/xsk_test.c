/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending on an AF_XDP socket beside a kernel that is played: rings in plain memory, and in the place of sendto(2),
 * bind(2) and the clock functions of this file (--wrap). So it can do what real ones do rarely: take a few frames a
 * call, or none because the completion ring is full, say EAGAIN or 0 to that, and let an index lag behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "../../user/libxfn/xsk.h"

enum { FRAMES = 64, SOCKET = 77, AT = 256, BYTES = 60, FIRST = -20 /* indices soon come round */ };

/* What is on the kernel's side of the rings, and how it behaves. */
static struct {
	struct xsk *xsk;
	__u32 taken;     /* index up to which it has taken frames to send */
	__u32 completed; /* and up to which it has said that they are sent */
	__u64 on_way[FRAMES];
	unsigned takes, completes; /* at most, in a call */
	bool lags;                 /* its consumer index is not told */
	int says;                  /* 0 or an errno */
	unsigned calls, calls_now; /* in all, and since the clock has moved */
	__u64 now_ns, called_ns;
	struct sockaddr_xdp bound;
} kernel;

/* The rings, as far as memory goes. */
static struct {
	__u32 producer, consumer, flags;
	__u64 entries[2 * FRAMES];
} fill, completion, rx, tx;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags, const void *to,
		      socklen_t to_bytes);
int __wrap_bind(int fd, const void *address, socklen_t bytes);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	now->tv_sec = (time_t)(kernel.now_ns / 1000000000);
	now->tv_nsec = (long)(kernel.now_ns % 1000000000);
	return 0;
}

static void take_frames(unsigned count)
{
	const struct xdp_desc *descs = (const struct xdp_desc *)tx.entries;

	for (; count && kernel.taken != tx.producer; count--, kernel.taken++)
		kernel.on_way[kernel.taken % FRAMES] = descs[kernel.taken % FRAMES].addr;
	if (!kernel.lags)
		tx.consumer = kernel.taken;
}

static void complete_frames(unsigned count)
{
	for (; count && kernel.completed != kernel.taken; count--, kernel.completed++)
		completion.entries[completion.producer++ % FRAMES] =
			kernel.on_way[kernel.completed % FRAMES];
}

ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags, const void *to,
		      socklen_t to_bytes)
{
	assert_int_equal(fd, SOCKET);
	assert_true(!data && !bytes && !to && !to_bytes);
	assert_int_equal(flags, MSG_DONTWAIT);
	kernel.calls++;
	kernel.calls_now = kernel.called_ns == kernel.now_ns ? kernel.calls_now + 1 : 1;
	kernel.called_ns = kernel.now_ns;
	assert_true(kernel.calls_now <= 2 * FRAMES); /* in a circle */
	take_frames(kernel.takes);
	complete_frames(kernel.completes);
	errno = kernel.says;
	return kernel.says ? -1 : 0;
}

int __wrap_bind(int fd, const void *address, socklen_t bytes)
{
	assert_int_equal(fd, SOCKET);
	assert_int_equal(bytes, sizeof(kernel.bound));
	memcpy(&kernel.bound, address, sizeof(kernel.bound));
	return 0;
}

#define RING(ring)                                                                          \
	(struct xsk_ring)                                                                   \
	{                                                                                   \
		.producer = &(ring).producer, .consumer = &(ring).consumer,                 \
		.flags = &(ring).flags, .entries = (ring).entries, .mine = (ring).producer, \
	}
#define EMPTY(ring)                                               \
	do {                                                      \
		memset(&(ring), 0, sizeof(ring));                 \
		(ring).producer = (ring).consumer = (__u32)FIRST; \
	} while (0)

/* All frames are the caller's; the kernel takes all that it is told of. */
static void begin(struct xsk *xsk)
{
	EMPTY(fill);
	EMPTY(completion);
	EMPTY(rx);
	EMPTY(tx);
	*xsk = (struct xsk){.fd = SOCKET,
			    .frames = FRAMES,
			    .fill = RING(fill),
			    .completion = RING(completion),
			    .rx = RING(rx),
			    .tx = RING(tx)};
	memset(&kernel, 0, sizeof(kernel));
	kernel.xsk = xsk;
	kernel.taken = kernel.completed = (__u32)FIRST;
	kernel.takes = kernel.completes = FRAMES;
	kernel.now_ns = 1000000000;
}

/* Frames @first and those behind it, from the middle of each. */
static void send_frames(struct xsk *xsk, unsigned first, unsigned count)
{
	unsigned i;

	for (i = first; i < first + count; i++)
		xsk_send(xsk, (__u64)i * XSK_FRAME_BYTES + AT, BYTES);
}

/* So many frames came back for the next packets, from @first on, whole ones. */
static void expect_recycled(unsigned first, unsigned count)
{
	unsigned i;

	assert_int_equal(fill.producer - (__u32)FIRST, first + count);
	for (i = first; i < first + count; i++)
		assert_int_equal(fill.entries[((__u32)FIRST + i) % FRAMES], i * XSK_FRAME_BYTES);
	assert_int_equal(completion.consumer, completion.producer);
}

/* ---- tests ----------------------------------------------------------------------------------------------- */

static void test_descriptors(void **state)
{
	const struct xdp_desc *descs = (const struct xdp_desc *)tx.entries;
	struct xsk xsk;

	(void)state;
	begin(&xsk);
	send_frames(&xsk, 3, 2);
	assert_int_equal(tx.producer - (__u32)FIRST, 2);
	assert_int_equal(descs[(__u32)FIRST % FRAMES].addr, 3 * XSK_FRAME_BYTES + AT);
	assert_int_equal(descs[(__u32)FIRST % FRAMES].len, BYTES);
	assert_int_equal(descs[((__u32)FIRST + 1) % FRAMES].addr, 4 * XSK_FRAME_BYTES + AT);
	assert_int_equal(kernel.calls, 0);
	assert_int_equal(xsk.unsent, 2);
}

/* A call moves a few: it goes on for as long as it gets on, and sent frames are for the next packets. */
static void test_goes_on(void **state)
{
	struct xsk xsk;

	(void)state;
	begin(&xsk);
	kernel.takes = kernel.completes = 16;
	kernel.says = EAGAIN; /* says nothing */
	send_frames(&xsk, 0, FRAMES);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, FRAMES / 16);
	assert_int_equal(xsk.kicks, FRAMES / 16);
	assert_int_equal(xsk.unsent, 0);
	assert_false(xsk.is_stuck);
	expect_recycled(0, FRAMES);
	assert_int_equal(xsk_kick(&xsk), 0); /* for nothing nobody is called */
	assert_int_equal(kernel.calls, FRAMES / 16);
}

/* With a full completion ring 6.18 says EAGAIN, 6.1 and 6.12 say 0: nothing moves, whatever is said. */
static void check_stuck(int says)
{
	struct xsk xsk;
	unsigned i;

	begin(&xsk);
	kernel.takes = 0;
	kernel.says = says;
	send_frames(&xsk, 0, 10);
	assert_int_equal(xsk_kick(&xsk), 10);
	assert_int_equal(kernel.calls, 1);
	for (i = 0; i < 100; i++) /* not in a circle */
		assert_int_equal(xsk_kick(&xsk), 10);
	kernel.now_ns += XSK_KICK_AGAIN_US * 1000 - 1;
	assert_int_equal(xsk_kick(&xsk), 10);
	assert_int_equal(kernel.calls, 1);
	kernel.now_ns++;
	assert_int_equal(xsk_kick(&xsk), 10); /* once more, and then not again at once */
	assert_int_equal(xsk_kick(&xsk), 10);
	assert_int_equal(kernel.calls, 2);
	assert_int_equal(xsk.unsent, 10);
	expect_recycled(0, 0);
	kernel.takes = FRAMES;
	kernel.now_ns += XSK_KICK_AGAIN_US * 1000;
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, 3);
	assert_int_equal(xsk.unsent, 0);
	expect_recycled(0, 10);
	send_frames(&xsk, 10, 1); /* it is well again: nothing waits */
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, 4);
	expect_recycled(0, 11);
}

static void test_stuck(void **state)
{
	(void)state;
	check_stuck(EAGAIN);
	check_stuck(0);
	check_stuck(ENOBUFS);
}

/* It takes a part and no more: what is left is tried again later. */
static void test_stuck_halfway(void **state)
{
	struct xsk xsk;

	(void)state;
	begin(&xsk);
	send_frames(&xsk, 0, 10);
	take_frames(4);
	complete_frames(4);
	kernel.takes = 0;
	assert_int_equal(xsk_kick(&xsk), 6);
	assert_true(xsk.is_stuck);
	assert_int_equal(xsk.unsent, 6);
	expect_recycled(0, 4);
	kernel.takes = 1;
	kernel.now_ns += XSK_KICK_AGAIN_US * 1000;
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, 1 + 6);
	expect_recycled(0, 10);
}

/* What is completed was sent, wherever the index is: it is not waited for, nor is the kernel told again. */
static void test_consumer_lags(void **state)
{
	struct xsk xsk;

	(void)state;
	begin(&xsk);
	kernel.lags = true;
	send_frames(&xsk, 0, 10);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, 1);
	assert_int_equal(tx.consumer, (__u32)FIRST);
	assert_int_equal(xsk.unsent, 0);
	expect_recycled(0, 10);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(kernel.calls, 1);
	/* Of those behind, some are completed: all others may yet have to be told of. */
	kernel.completes = 3;
	send_frames(&xsk, 10, 5);
	assert_int_equal(xsk.unsent, 5);
	assert_int_equal(xsk_kick(&xsk), 0); /* by 3 and 2 */
	assert_int_equal(xsk.unsent, 0);
	expect_recycled(0, 15);
	kernel.completes = 0;
	send_frames(&xsk, 15, 5);
	assert_int_equal(xsk_kick(&xsk), 5);
	assert_true(xsk.is_stuck);
	assert_int_equal(xsk.unsent, 5);
	complete_frames(2);
	assert_int_equal(xsk_kick(&xsk), 3); /* not told of again so soon, but taken back */
	assert_int_equal(xsk.unsent, 3);
	complete_frames(3);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(xsk.unsent, 0);
	expect_recycled(0, 20);
}

/* Taken and on their way: the kernel needs no telling, and they are not for the next packets before they are sent. */
static void test_completion_lags(void **state)
{
	struct xsk xsk;
	unsigned calls;

	(void)state;
	begin(&xsk);
	kernel.completes = 0;
	send_frames(&xsk, 0, 10);
	assert_int_equal(xsk_kick(&xsk), 0);
	calls = kernel.calls;
	assert_int_equal(xsk.unsent, 10);
	assert_false(xsk.is_stuck);
	expect_recycled(0, 0);
	complete_frames(7);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(xsk.unsent, 3);
	expect_recycled(0, 7);
	complete_frames(3);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(xsk.unsent, 0);
	expect_recycled(0, 10);
	assert_int_equal(kernel.calls, calls);
}

/*
 * Whatever the kernel does: a frame is in one place at a time, what is unsent is what was sent and is not completed,
 * what is said to be left is not less than what the kernel has not taken, and in the end all are back.
 */
static void test_anything(void **state)
{
	unsigned round, sent = 0, left, i;
	bool seen[FRAMES];
	struct xsk xsk;
	__u64 frame;

	(void)state;
	begin(&xsk);
	srandom(1);
	for (i = 0; i < FRAMES; i++)
		xsk_give(&xsk, (__u64)i * XSK_FRAME_BYTES);
	for (round = 0; round < 100000; round++) {
		kernel.takes = (unsigned)random() % 5;
		kernel.completes = (unsigned)random() % 5;
		kernel.lags = random() % 2;
		kernel.now_ns += (unsigned)random() % (2 * XSK_KICK_AGAIN_US * 1000);
		/* The kernel fills a frame, and it is sent on. */
		for (i = (unsigned)random() % 8; i && fill.consumer != fill.producer; i--) {
			frame = fill.entries[fill.consumer++ % FRAMES];
			xsk_send(&xsk, frame + AT, BYTES);
			sent++;
		}
		complete_frames((unsigned)random() % 5); /* by an interrupt, as it were */
		left = xsk_kick(&xsk);
		assert_int_equal(xsk.unsent, sent + (__u32)FIRST - completion.producer);
		assert_true(left >= tx.producer - kernel.taken);
		assert_true(left <= xsk.unsent);
		assert_int_equal(fill.producer - fill.consumer + xsk.unsent, FRAMES);
	}
	assert_true(sent > 100000);
	kernel.takes = FRAMES;
	kernel.now_ns += XSK_KICK_AGAIN_US * 1000;
	xsk_kick(&xsk);
	complete_frames(FRAMES);
	assert_int_equal(xsk_kick(&xsk), 0);
	assert_int_equal(xsk.unsent, 0);
	assert_int_equal(fill.producer - fill.consumer, FRAMES);
	memset(seen, 0, sizeof(seen));
	while (fill.consumer != fill.producer) {
		frame = fill.entries[fill.consumer++ % FRAMES];
		assert_int_equal(frame % XSK_FRAME_BYTES, 0);
		assert_false(seen[frame / XSK_FRAME_BYTES]);
		seen[frame / XSK_FRAME_BYTES] = true;
	}
}

/* The kernel tells nobody what a socket was bound with: what it is asked for is seen here alone. */
static void test_bind(void **state)
{
	struct xsk xsk;

	(void)state;
	begin(&xsk);
	xsk.need_wakeup = true;
	assert_int_equal(xsk_bind(&xsk, 12, 3), 0);
	assert_int_equal(kernel.bound.sxdp_family, AF_XDP);
	assert_int_equal(kernel.bound.sxdp_ifindex, 12);
	assert_int_equal(kernel.bound.sxdp_queue_id, 3);
	assert_int_equal(kernel.bound.sxdp_flags, XDP_COPY | XDP_USE_NEED_WAKEUP);
	xsk.need_wakeup = false;
	assert_int_equal(xsk_bind(&xsk, 12, 3), 0);
	assert_int_equal(kernel.bound.sxdp_flags, XDP_COPY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),   cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_stuck),         cmocka_unit_test(test_stuck_halfway),
		cmocka_unit_test(test_consumer_lags), cmocka_unit_test(test_completion_lags),
		cmocka_unit_test(test_anything),      cmocka_unit_test(test_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
