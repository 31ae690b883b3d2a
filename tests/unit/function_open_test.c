/* SPDX-License-Identifier: BSD-2-Clause */
/* libxfn: what it makes of its environment, and of what may be locked, when its socket is opened. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "function_fixture.h"

enum { LONE_UID = 0x60000000 }; /* nobody's, and those behind it */

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

/*
 * What may be locked, without CAP_IPC_LOCK; 0: as much as this process may have, with it. It is counted by the real
 * user, for whom pools of before may not be let go yet: so @uid is another each time.
 */
static void limit_memory(rlim_t bytes, uid_t uid)
{
	struct rlimit limit;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	__u32 bit = 1U << CAP_IPC_LOCK;

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective =
		bytes ? data[0].effective & ~bit : data[0].effective | (data[0].permitted & bit);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
	assert_int_equal(setresuid(uid, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	limit.rlim_cur = bytes && bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* As many frames as are asked for, down to a power of two, and no more than may be locked; fewer than 64 are none. */
static void test_pool(void **state)
{
	static const struct {
		const char *frames;
		__u32 limit_bytes; /* 0: any number */
		int frames_or_err;
	} pools[] = {
		{NULL, 0, 4096},
		{"100000", 0, 4096},
		{"4095", 0, 2048},
		{"65", 0, 64},
		{"0", 0, 64},
		{NULL, (8 << 20) - 1, 2048},
		{NULL, 300 << 10, 128},
		{"64", 300 << 10, 64},
		{"4096", 128 << 10, 64},
		{NULL, (128 << 10) - 1, -ENOBUFS},
	};
	struct port port = {0};
	size_t i;
	int err;

	(void)state;
	NEEDS_ROOT();
	for (i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		start(&port, false, false);
		if (pools[i].frames)
			setenv(XFN_ENV_FRAMES, pools[i].frames, 1);
		if (pools[i].limit_bytes)
			limit_memory(pools[i].limit_bytes, LONE_UID + (uid_t)i);
		port.socket = NULL;
		err = xfn_socket_open(&port.socket);
		limit_memory(0, 0);
		unsetenv(XFN_ENV_FRAMES);
		assert_int_equal(err ?: (int)port.socket->xsk.frames, pools[i].frames_or_err);
		stop(&port);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_namespace),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_need_wakeup),
	};

	find_out_rights();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
