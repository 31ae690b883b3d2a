/* SPDX-License-Identifier: BSD-2-Clause */
/* Parking, with the real keeper: packets over a veth pair, in a network namespace of the test's own. */
#include "keeper_wire.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct test {
	struct fixture f;
	struct wire wire;
};

/* ---- the keeper ---------------------------------------------------------------------------------------- */

static __u64 figure(struct xfn_keeper *keeper, __u64 identity, enum xfn_keeper_counter counter)
{
	struct xfn_keeper_counts counts;

	assert_int_equal(xfn_keeper_counts(keeper, identity, &counts), 0);
	return counter == XFN_KEEPER_COUNTER_COUNT ? counts.waiting : counts.count[counter];
}

/* Until that many were counted in all. */
static void wait_for(struct xfn_keeper *keeper, enum xfn_keeper_counter counter, __u64 wanted)
{
	int steps;

	for (steps = 0; steps < PATIENCE_STEPS && figure(keeper, 0, counter) < wanted; steps++)
		pause_a_moment();
	assert_int_equal(figure(keeper, 0, counter), wanted);
}

static int open_park(struct test *t, __u32 slot, __u32 queue, __u32 *ret_frames)
{
	const struct xfn_keeper_park park = {
		.slot = slot, .ifindex = t->wire.ifindex, .queue = queue};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), err;

	assert_true(fd >= 0);
	err = xfn_keeper_park_open(t->f.keeper, &park, fd, ret_frames);
	if (!err)
		assert_int_equal(bpf_map_update_elem(t->wire.parking, &queue, &fd, 0), 0);
	close(fd);
	return err;
}

static int set_function(struct test *t, __u64 identity, __u32 events_max, __u64 age_ns)
{
	const struct xfn_keeper_function function = {
		.identity = identity, .age_ns = age_ns, .slot = FUNCTION, .events_max = events_max};

	return xfn_keeper_park_function(t->f.keeper, &function);
}

static void setup(struct test *t)
{
	__u32 frames;

	if (!make_netns())
		skip();
	make_wire(&t->wire);
	setup_keeper(&t->f);
	assert_int_equal(open_park(t, SLOT, 0, &frames), 0);
	assert_int_equal(frames, XFN_KEEPER_FRAMES_MAX);
	assert_int_equal(set_function(t, IDENTITY, 8, MINUTE_NS), 0);
	address(&t->wire, IDENTITY, 0);
}

static void teardown(struct test *t)
{
	teardown_keeper(&t->f);
	remove_wire(&t->wire);
}

/* ---- inboxes -------------------------------------------------------------------------------------------- */

static void expect_sealed(int fd)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

	assert_int_equal(fcntl(fd, F_GET_SEALS), seals);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
}

/* Frames of @bytes, whose first one is @first, in the order in which they were sent. */
static void expect_inbox(int fd, unsigned first, unsigned count, __u32 bytes)
{
	struct xfn_inbox inbox;
	struct xfn_inbox_record record;
	off_t at = sizeof(inbox);
	__u8 frame[2048];
	struct stat file;
	unsigned i;

	expect_sealed(fd);
	assert_int_equal(pread(fd, &inbox, sizeof(inbox), 0), sizeof(inbox));
	assert_int_equal(inbox.magic, XFN_INBOX_MAGIC);
	assert_int_equal(inbox.version, XFN_INBOX_VERSION);
	assert_int_equal(inbox.count, count);
	assert_int_equal(fstat(fd, &file), 0);
	assert_int_equal(file.st_size, inbox.bytes);
	for (i = first; i < first + count; i++) {
		assert_int_equal(pread(fd, &record, sizeof(record), at), sizeof(record));
		assert_int_equal(record.frame_bytes, bytes);
		assert_int_equal(record.interface, SLOT);
		assert_in_range(xfn_clock_ns(CLOCK_MONOTONIC) - record.seen_ns, 0, MINUTE_NS);
		assert_int_equal(pread(fd, frame, bytes, at + (off_t)sizeof(record)), bytes);
		assert_int_equal(frame[0], 2);
		assert_int_equal(frame[ETH_ALEN], (__u8)i);
		assert_int_equal(frame[bytes - 1], (__u8)i);
		at += (off_t)XFN_INBOX_STEP(bytes);
	}
	assert_int_equal(at, inbox.bytes);
	close(fd);
}

static void expect_taken(struct test *t, __u64 identity, unsigned first, unsigned count,
			 unsigned expired)
{
	struct xfn_keeper_taken taken;
	int fd;

	assert_int_equal(xfn_keeper_take(t->f.keeper, identity, &fd, &taken), 0);
	assert_int_equal(taken.count, count);
	assert_int_equal(taken.expired, expired);
	if (count)
		expect_inbox(fd, first, count, FRAME_BYTES);
	else
		assert_int_equal(fd, -1);
	figure(t->f.keeper, identity, XFN_KEEPER_TAKEN); /* who goes on has it */
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

/* Told once, taken in order; then a new inbox begins, and it is told again. */
static void test_park(void **state)
{
	struct test t;
	__u64 identity;

	(void)state;
	setup(&t);
	expect_taken(&t, IDENTITY, 0, 0, 0);
	serve(&t.f);
	assert_int_equal(t.f.told.wanted, 0);
	send_frames(&t.wire, 0, 3, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 3);
	serve_until(&t.f, &t.f.told.wanted, 1);
	assert_int_equal(xfn_keeper_wanted(t.f.keeper, &identity), 0);
	assert_int_equal(identity, IDENTITY);
	assert_int_equal(xfn_keeper_wanted(t.f.keeper, &identity), -ENOENT);
	send_frames(&t.wire, 3, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 4);
	serve(&t.f);
	assert_int_equal(t.f.told.wanted, 1);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_COUNTER_COUNT), 4);
	expect_taken(&t, IDENTITY, 0, 4, 0);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_COUNTER_COUNT), 0);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_TAKEN), 4);
	send_frames(&t.wire, 4, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 5);
	serve_until(&t.f, &t.f.told.wanted, 2);
	expect_taken(&t, IDENTITY, 4, 1, 0);
	assert_int_equal(xfn_keeper_wanted(t.f.keeper, &identity), -ENOENT);
	teardown(&t);
}

/* What came before the question is in the inbox, though the keeper was never scheduled between. */
static void test_take_reads_first(void **state)
{
	struct test t;

	(void)state;
	setup(&t);
	kill(t.f.pid, SIGSTOP);
	send_frames(&t.wire, 0, 5, FRAME_BYTES);
	kill(t.f.pid, SIGCONT);
	expect_taken(&t, IDENTITY, 0, 5, 0);
	teardown(&t);
}

/* More frames than the pool has come and go: each goes back to the kernel. Lengths up to the largest one. */
static void test_many(void **state)
{
	struct xfn_keeper_taken taken;
	struct test t;
	int round, fd;

	(void)state;
	setup(&t);
	assert_int_equal(set_function(&t, IDENTITY, 4000, MINUTE_NS), 0);
	for (round = 0; round < 30; round++) {
		send_frames(&t.wire, 0, 100, 1514);
		wait_for(t.f.keeper, XFN_KEEPER_PARKED, 100U * (unsigned)(round + 1));
		address(&t.wire, IDENTITY, 0);
	}
	assert_int_equal(xfn_keeper_take(t.f.keeper, IDENTITY, &fd, &taken), 0);
	assert_int_equal(taken.count, 3000);
	close(fd);
	send_frames(&t.wire, 200, 100, 1514);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 3100);
	assert_int_equal(xfn_keeper_take(t.f.keeper, IDENTITY, &fd, &taken), 0);
	expect_inbox(fd, 200, 100, 1514);
	assert_int_equal(figure(t.f.keeper, 0, XFN_KEEPER_LOST), 0);
	teardown(&t);
}

/* A flood on one function takes no room from another. */
static void test_full(void **state)
{
	struct test t;

	(void)state;
	setup(&t);
	assert_int_equal(set_function(&t, IDENTITY + 1, 2, 0), 0);
	send_frames(&t.wire, 0, 20, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED_FULL, 12);
	address(&t.wire, IDENTITY + 1, 0);
	send_frames(&t.wire, 50, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 10);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_PARKED_FULL), 12);
	assert_int_equal(figure(t.f.keeper, IDENTITY + 1, XFN_KEEPER_PARKED_FULL), 0);
	expect_taken(&t, IDENTITY + 1, 50, 2, 0);
	expect_taken(&t, IDENTITY, 0, 8, 0);
	teardown(&t);
}

/* The old ones are not handed over, and make room for new ones where there is none. */
static void test_expired(void **state)
{
	struct xfn_keeper_taken taken;
	struct test t;
	__u64 uptime_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	int fd;

	(void)state;
	setup(&t);
	assert_int_equal(set_function(&t, IDENTITY, 8, uptime_ns / 2), 0);
	address(&t.wire, IDENTITY, uptime_ns - 1);
	send_frames(&t.wire, 0, 8, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 8);
	address(&t.wire, IDENTITY, 0);
	send_frames(&t.wire, 8, 3, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 11);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_EXPIRED), 3);
	expect_taken(&t, IDENTITY, 8, 3, 5);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_EXPIRED), 8);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_PARKED_FULL), 0);
	/* From the future: clocks of two CPUs may differ by little. */
	address(&t.wire, IDENTITY, 0 - MINUTE_NS);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 12);
	assert_int_equal(xfn_keeper_take(t.f.keeper, IDENTITY, &fd, &taken), 0);
	assert_int_equal(taken.count, 1);
	close(fd);
	teardown(&t);
}

/* Bounds that change, and functions that go. */
static void test_bounds(void **state)
{
	struct xfn_keeper_message message;
	struct xfn_keeper_taken taken;
	struct test t;
	__u64 i;
	int fd;

	(void)state;
	setup(&t);
	send_frames(&t.wire, 0, 6, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 6);
	assert_int_equal(set_function(&t, IDENTITY, 4, MINUTE_NS), 0);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_FORGOTTEN), 2);
	assert_int_equal(set_function(&t, IDENTITY, 5, MINUTE_NS), 0);
	send_frames(&t.wire, 6, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED_FULL, 1);
	assert_int_equal(xfn_keeper_list(t.f.keeper, XFN_KEEPER_FUNCTIONS, 0, &message, &fd), 0);
	assert_int_equal(message.function.waiting, 5);
	assert_int_equal(message.function.events_max, 5);
	assert_int_equal(fd, -1);
	expect_taken(&t, IDENTITY, 2, 5, 0);

	send_frames(&t.wire, 0, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 9);
	assert_int_equal(xfn_keeper_forget(t.f.keeper, IDENTITY), 0);
	assert_int_equal(xfn_keeper_take(t.f.keeper, IDENTITY, &fd, &taken), -ENOENT);
	assert_int_equal(figure(t.f.keeper, 0, XFN_KEEPER_FORGOTTEN), 4);
	assert_int_equal(figure(t.f.keeper, 0, XFN_KEEPER_COUNTER_COUNT), 0);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNKNOWN, 1);

	/* 512 MiB in all, of 1,808 bytes each. */
	for (i = 1; i <= 4; i++)
		assert_int_equal(set_function(&t, i, XFN_KEEPER_EVENTS_MAX, 0), 0);
	assert_int_equal(set_function(&t, 5, 40000, 0), -ENOSPC);
	assert_int_equal(set_function(&t, 5, 30000, 0), 0);
	assert_int_equal(set_function(&t, 5, 40000, 0), -ENOSPC);
	assert_int_equal(set_function(&t, 1, XFN_KEEPER_EVENTS_MAX, 0), 0);
	teardown(&t);
}

/* As many functions as there may be, found whatever the order. */
static void test_functions(void **state)
{
	struct test t;
	__u64 i;

	(void)state;
	setup(&t);
	for (i = 1; i < XFN_KEEPER_FUNCTIONS_MAX; i++)
		assert_int_equal(set_function(&t, 1000 + i * 37 % 256, 2, 0), 0);
	assert_int_equal(set_function(&t, 3000, 2, 0), -ENOSPC);
	for (i = 1; i < XFN_KEEPER_FUNCTIONS_MAX; i += 50) {
		address(&t.wire, 1000 + i, 0);
		send_frames(&t.wire, (unsigned)i, 1, FRAME_BYTES);
		wait_for(t.f.keeper, XFN_KEEPER_PARKED, i / 50 + 1);
	}
	for (i = 1; i < XFN_KEEPER_FUNCTIONS_MAX; i += 50)
		expect_taken(&t, 1000 + i, (unsigned)i, 1, 0);
	for (i = 1; i < XFN_KEEPER_FUNCTIONS_MAX; i++)
		assert_int_equal(xfn_keeper_forget(t.f.keeper, 1000 + i), 0);
	assert_int_equal(xfn_keeper_forget(t.f.keeper, 1001), -ENOENT);
	assert_int_equal(set_function(&t, 3000, 2, 0), 0);
	teardown(&t);
}

/* Nothing is believed without magic, check word, a known identity, its slot, and its interface. */
static void test_unreadable(void **state)
{
	struct xfn_park_meta meta = {0};
	struct test t;
	unsigned i;

	(void)state;
	setup(&t);
	/* Words that an earlier packet left in the pool's frames: all of them have been used. */
	assert_int_equal(set_function(&t, IDENTITY, 3000, MINUTE_NS), 0);
	for (i = 0; i < 12; i++) {
		send_frames(&t.wire, 0, 100, FRAME_BYTES);
		wait_for(t.f.keeper, XFN_KEEPER_PARKED, 100 * (i + 1));
	}
	set_meta(&t.wire, &meta);
	send_frames(&t.wire, 0, 100, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNREADABLE, 100);

	meta = meta_of(IDENTITY, 0);
	meta.check ^= 1;
	set_meta(&t.wire, &meta);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNREADABLE, 101);

	meta = meta_of(IDENTITY, 0);
	meta.interface++;
	meta.check = xfn_park_check(&meta);
	set_meta(&t.wire, &meta);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNREADABLE, 102);

	meta = meta_of(IDENTITY, 0);
	meta.function++;
	meta.check = xfn_park_check(&meta);
	set_meta(&t.wire, &meta);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNKNOWN, 1);

	address(&t.wire, IDENTITY + 1, 0);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_UNKNOWN, 2);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_PARKED), 1200);
	teardown(&t);
}

/* A new client finds sockets and functions, and is told of what waits; the old one's element stays. */
static void test_new_client(void **state)
{
	struct xfn_keeper_message message;
	struct xfn_keeper *second;
	struct told told = {0};
	struct test t;
	__u64 identity;
	int fd;

	(void)state;
	setup(&t);
	send_frames(&t.wire, 0, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 2);
	assert_int_equal(xfn_keeper_wanted(t.f.keeper, &identity), 0);
	assert_int_equal(open_client(&t.f, &told, &second, &t.f.hello), 0);
	xfn_keeper_close(t.f.keeper);
	t.f.keeper = second;
	assert_int_equal(t.f.hello.count[XFN_KEEPER_PARKS], 1);
	assert_int_equal(t.f.hello.count[XFN_KEEPER_FUNCTIONS], 1);
	serve_until(&t.f, &told.wanted, 1);
	assert_int_equal(xfn_keeper_wanted(second, &identity), 0);
	assert_int_equal(identity, IDENTITY);
	assert_int_equal(xfn_keeper_list(second, XFN_KEEPER_PARKS, 0, &message, &fd), 0);
	assert_int_equal(message.park.slot, SLOT);
	assert_int_equal(message.park.ifindex, t.wire.ifindex);
	assert_int_equal(message.park.queue, 0);
	assert_int_equal(message.park.frames, XFN_KEEPER_FRAMES_MAX);
	/* It can be entered anew. */
	assert_int_equal(bpf_map_update_elem(t.wire.parking, &message.park.queue, &fd, 0), 0);
	close(fd);
	send_frames(&t.wire, 2, 1, FRAME_BYTES);
	wait_for(second, XFN_KEEPER_PARKED, 3);
	expect_taken(&t, IDENTITY, 0, 3, 0);
	teardown(&t);
}

static void next_client(struct test *t)
{
	struct xfn_keeper *next;

	assert_int_equal(open_client(&t->f, NULL, &next, &t->f.hello), 0);
	xfn_keeper_close(t->f.keeper);
	t->f.keeper = next;
}

/* Who took it and is gone with no word more may have done nothing with it: the next one is given it again. */
static void test_taken_in_vain(void **state)
{
	struct xfn_keeper_taken taken;
	struct test t;
	int fd;

	(void)state;
	setup(&t);
	send_frames(&t.wire, 0, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 2);
	assert_int_equal(xfn_keeper_take(t.f.keeper, IDENTITY, &fd, &taken), 0);
	expect_inbox(fd, 0, 2, FRAME_BYTES);
	next_client(&t);
	send_frames(&t.wire, 2, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 3);
	expect_taken(&t, IDENTITY, 0, 3, 0);
	next_client(&t);
	expect_taken(&t, IDENTITY, 0, 0, 0);
	assert_int_equal(figure(t.f.keeper, IDENTITY, XFN_KEEPER_TAKEN), 3);
	teardown(&t);
}

/* A queue that was let go of can be had again, at once and time and again. */
static void test_reopen(void **state)
{
	struct test t;
	__u32 frames;
	unsigned before, i;

	(void)state;
	setup(&t);
	before = count_fds(t.f.pid);
	assert_int_equal(open_park(&t, SLOT, 0, &frames), -EEXIST);
	assert_int_equal(open_park(&t, SLOT + 1, 0, &frames), -EBUSY);
	assert_int_equal(open_park(&t, SLOT, 63, &frames), -EINVAL);
	assert_int_equal(count_fds(t.f.pid), before);
	for (i = 0; i < 20; i++) {
		assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 0), 0);
		assert_int_equal(open_park(&t, SLOT, 0, &frames), 0);
	}
	assert_int_equal(open_park(&t, SLOT, 1, &frames), 0);
	assert_int_equal(count_fds(t.f.pid), before + 1);
	send_frames(&t.wire, 0, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 2);
	assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 0), 0);
	assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 0), -ENOENT);
	assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 1), 0);
	expect_taken(&t, IDENTITY, 0, 2, 0);
	teardown(&t);
}

/* What the kernel had no room for is counted, that of closed sockets, too. */
static void test_lost(void **state)
{
	struct test t;

	(void)state;
	setup(&t);
	assert_int_equal(set_function(&t, IDENTITY, 2000, MINUTE_NS), 0);
	kill(t.f.pid, SIGSTOP);
	send_frames(&t.wire, 0, 100 + XFN_KEEPER_FRAMES_MAX, FRAME_BYTES);
	pause_a_moment();
	kill(t.f.pid, SIGCONT);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, XFN_KEEPER_FRAMES_MAX);
	assert_int_equal(figure(t.f.keeper, 0, XFN_KEEPER_LOST), 100);
	assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 0), 0);
	assert_int_equal(figure(t.f.keeper, 0, XFN_KEEPER_LOST), 100);
	teardown(&t);
}

/* Ticks of CPU time of process @pid. */
static unsigned long ticks_of(pid_t pid)
{
	unsigned long user, kernel;
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				&user, &kernel),
			 2);
	fclose(file);
	return user + kernel;
}

/* The interface goes: the keeper neither ends nor runs in a circle, and what it had is still there. */
static void test_interface_gone(void **state)
{
	unsigned long before;
	struct test t;
	__u32 frames;
	int i;

	(void)state;
	setup(&t);
	send_frames(&t.wire, 0, 1, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 1);
	run("ip link del " HOST);
	before = ticks_of(t.f.pid);
	for (i = 0; i < 300; i++)
		pause_a_moment();
	assert_in_range(ticks_of(t.f.pid) - before, 0, 3);
	expect_taken(&t, IDENTITY, 0, 1, 0);
	assert_int_equal(xfn_keeper_park_close(t.f.keeper, SLOT, 0), 0);
	assert_int_equal(open_park(&t, SLOT, 0, &frames), -ENODEV);
	teardown(&t);
}

/* A client that is gone before it is told: the events stay. kill -9 of the keeper empties its elements. */
static void test_deaths(void **state)
{
	struct xfn_keeper_message message = {
		.version = XFN_KEEPER_VERSION, .op = XFN_KEEPER_TAKE, .id = IDENTITY};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct test t;
	__u64 identity;
	int fd, status, steps;

	(void)state;
	setup(&t);
	send_frames(&t.wire, 0, 2, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 2);
	assert_int_equal(xfn_keeper_wanted(t.f.keeper, &identity), 0); /* no note comes before it */
	kill(t.f.pid, SIGSTOP);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	strcpy(name.sun_path, t.f.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(send(fd, &message, sizeof(message), 0), sizeof(message));
	close(fd);
	kill(t.f.pid, SIGCONT);
	xfn_keeper_close(t.f.keeper);
	assert_int_equal(open_client(&t.f, NULL, &t.f.keeper, &t.f.hello), 0);
	expect_taken(&t, IDENTITY, 0, 2, 0);

	assert_int_equal(verdict_of(&t.wire), XDP_REDIRECT);
	kill(t.f.pid, SIGKILL);
	reap_keeper(&t.f, &status);
	for (steps = 0; steps < PATIENCE_STEPS && verdict_of(&t.wire) != XDP_DROP; steps++)
		pause_a_moment();
	assert_int_equal(verdict_of(&t.wire), XDP_DROP);
	xfn_keeper_close(t.f.keeper);
	t.f.keeper = NULL;
	teardown(&t);
}

/* As xfnd does it: a socket of the launcher's, and a keeper that may lock little. */
static void test_launcher(void **state)
{
	const struct rlimit little = {300 << 10, 300 << 10};
	struct xfn_keeper_park park = {.slot = SLOT};
	struct test t = {.f.run_dir = "/tmp/xfn-keeper-XXXXXX"};
	__u32 frames, queue = 0;
	pid_t pid;
	int fd;

	(void)state;
	if (!make_netns())
		skip();
	make_wire(&t.wire);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &little), 0);
	if (xfn_launcher_start(false) < 0)
		skip();
	assert_non_null(mkdtemp(t.f.run_dir));
	snprintf(t.f.path, sizeof(t.f.path), "%s/%s", t.f.run_dir, XFN_KEEPER_SOCKET);
	assert_int_equal(xfn_keeper_start(t.f.run_dir, XFN_INSTANCE_UID_FIRST + 815, &pid), 0);
	assert_int_equal(open_client(&t.f, NULL, &t.f.keeper, &t.f.hello), 0);
	assert_int_equal(xfn_launcher_make_socket(&fd), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	park.ifindex = t.wire.ifindex;
	assert_int_equal(xfn_keeper_park_open(t.f.keeper, &park, fd, &frames), 0);
	assert_int_equal(frames, 128);
	assert_int_equal(bpf_map_update_elem(t.wire.parking, &queue, &fd, 0), 0);
	close(fd);
	assert_int_equal(set_function(&t, IDENTITY, 8, MINUTE_NS), 0);
	address(&t.wire, IDENTITY, 0);
	send_frames(&t.wire, 0, 5, FRAME_BYTES);
	wait_for(t.f.keeper, XFN_KEEPER_PARKED, 5);
	expect_taken(&t, IDENTITY, 0, 5, 0);
	assert_int_equal(xfn_keeper_end(t.f.keeper), 0);
	xfn_launcher_stop();
	teardown(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_park),           cmocka_unit_test(test_take_reads_first),
		cmocka_unit_test(test_many),           cmocka_unit_test(test_full),
		cmocka_unit_test(test_expired),        cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_functions),      cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_new_client),     cmocka_unit_test(test_taken_in_vain),
		cmocka_unit_test(test_reopen),         cmocka_unit_test(test_lost),
		cmocka_unit_test(test_interface_gone), cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_launcher), /* the last one: the limit stays low */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
