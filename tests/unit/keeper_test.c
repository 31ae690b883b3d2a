/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper as a store of descriptors, its clients, and what a hostile one can do. With the real process. */
#include "keeper_fixture.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>

#include "../../loader/aide.h"

/* ---- a store ------------------------------------------------------------------------------------------- */

/* Listens on loopback; *ret_port: where. */
static int listen_tcp(struct sockaddr_in *ret)
{
	socklen_t bytes = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &bytes), 0);
	return fd;
}

static int connect_tcp(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static struct xfn_keeper_stored words_of(enum xfn_keeper_kind kind, __u64 key)
{
	struct xfn_keeper_stored words = {.kind = kind, .key = key};

	memset(words.note, (int)key, sizeof(words.note));
	return words;
}

static void expect_listed(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u32 index,
			  __u64 key, int *ret_fd)
{
	struct xfn_keeper_message message;
	struct xfn_keeper_stored words = words_of(kind, key);

	assert_int_equal(xfn_keeper_list(keeper, kind, index, &message, ret_fd), 0);
	assert_memory_equal(&message.stored, &words, sizeof(words));
	assert_true(*ret_fd >= 0 && (fcntl(*ret_fd, F_GETFD) & FD_CLOEXEC));
}

static void expect_no_more(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u32 index)
{
	struct xfn_keeper_message message;
	int fd;

	assert_int_equal(xfn_keeper_list(keeper, kind, index, &message, &fd), -ENOENT);
}

/* A connection that came while nobody but the keeper had the socket is there for whoever gets it. */
static void test_listener(void **state)
{
	struct xfn_keeper_stored words = words_of(XFN_KEEPER_LISTENERS, 7);
	struct sockaddr_in address;
	struct fixture f;
	int fd, client, accepted;

	(void)state;
	setup_keeper(&f);
	fd = listen_tcp(&address);
	assert_int_equal(xfn_keeper_store(f.keeper, &words, fd), 0);
	close(fd);
	client = connect_tcp(&address);
	expect_listed(f.keeper, XFN_KEEPER_LISTENERS, 0, 7, &fd);
	accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
	expect_no_more(f.keeper, XFN_KEEPER_LISTENERS, 1);
	expect_no_more(f.keeper, XFN_KEEPER_CHANNELS, 0);
	close(accepted);
	close(client);
	close(fd);
	/* Now the keeper has the last one, and drops it. */
	assert_int_equal(xfn_keeper_drop(f.keeper, XFN_KEEPER_LISTENERS, 7), 0);
	assert_int_equal(xfn_keeper_drop(f.keeper, XFN_KEEPER_LISTENERS, 7), -ENOENT);
	expect_no_more(f.keeper, XFN_KEEPER_LISTENERS, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(client);
	teardown_keeper(&f);
}

/* Whether the other end of @fd is closed. */
static bool is_at_end(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 1000) == 1 && (poll_fd.revents & POLLHUP);
}

static int store_pair(struct xfn_keeper *keeper, __u64 key)
{
	struct xfn_keeper_stored words = words_of(XFN_KEEPER_CHANNELS, key);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(xfn_keeper_store(keeper, &words, pair[0]), 0);
	close(pair[0]);
	return pair[1];
}

/* One in the place of another; the order of the others stays; words that are dropped leave no descriptor. */
static void test_channels(void **state)
{
	int others[4], fd;
	struct fixture f;
	unsigned before, i;

	(void)state;
	setup_keeper(&f);
	before = count_fds(f.pid);
	for (i = 0; i < 3; i++)
		others[i] = store_pair(f.keeper, 10 + i);
	others[3] = store_pair(f.keeper, 11);
	assert_true(is_at_end(others[1]));
	expect_listed(f.keeper, XFN_KEEPER_CHANNELS, 1, 11, &fd);
	assert_int_equal(send(fd, "a", 1, 0), 1);
	assert_int_equal(recv(others[3], &i, sizeof(i), 0), 1);
	close(fd);
	assert_int_equal(xfn_keeper_drop(f.keeper, XFN_KEEPER_CHANNELS, 10), 0);
	assert_true(is_at_end(others[0]));
	expect_listed(f.keeper, XFN_KEEPER_CHANNELS, 1, 12, &fd);
	close(fd);
	expect_no_more(f.keeper, XFN_KEEPER_CHANNELS, 2);
	assert_int_equal(count_fds(f.pid), before + 2);
	for (i = 0; i < 4; i++)
		close(others[i]);
	teardown_keeper(&f);
}

static void test_full_store(void **state)
{
	struct xfn_keeper_stored words;
	struct fixture f;
	__u64 key;

	(void)state;
	setup_keeper(&f);
	for (key = 1; key <= XFN_KEEPER_STORED_MAX; key++) {
		words = words_of(XFN_KEEPER_CHANNELS, key);
		assert_int_equal(xfn_keeper_store(f.keeper, &words, STDIN_FILENO), 0);
	}
	words = words_of(XFN_KEEPER_CHANNELS, key);
	assert_int_equal(xfn_keeper_store(f.keeper, &words, STDIN_FILENO), -ENOSPC);
	words = words_of(XFN_KEEPER_CHANNELS, 1);
	assert_int_equal(xfn_keeper_store(f.keeper, &words, STDIN_FILENO), 0);
	words = words_of(XFN_KEEPER_LISTENERS, key);
	assert_int_equal(xfn_keeper_store(f.keeper, &words, STDIN_FILENO), 0);
	teardown_keeper(&f);
}

/* ---- clients --------------------------------------------------------------------------------------------- */

/* What the first one stored, the second one finds; the first one is told, once. */
static void test_new_client(void **state)
{
	struct told told = {0};
	struct xfn_keeper *second;
	struct xfn_keeper_hello hello;
	struct xfn_keeper_counts counts;
	struct fixture f;
	int other, fd;

	(void)state;
	setup_keeper(&f);
	assert_int_equal(f.hello.pid, f.pid);
	assert_int_equal(f.hello.count[XFN_KEEPER_CHANNELS], 0);
	other = store_pair(f.keeper, 5);
	assert_int_equal(open_client(&f, &told, &second, &hello), 0);
	assert_int_equal(hello.count[XFN_KEEPER_CHANNELS], 1);
	assert_int_equal(hello.count[XFN_KEEPER_LISTENERS], 0);
	serve_until(&f, &f.told.gone, 1);
	serve(&f);
	assert_int_equal(f.told.gone, 1);
	assert_int_equal(told.gone, 0);
	assert_int_equal(xfn_keeper_counts(f.keeper, 0, &counts), -EPIPE);
	expect_listed(second, XFN_KEEPER_CHANNELS, 0, 5, &fd);
	close(fd);
	close(other);
	xfn_keeper_close(f.keeper);
	f.keeper = second;
	teardown_keeper(&f);
}

/* Told of its death, too; what it kept is gone, and a client of nobody is an error with a name. */
static void test_death(void **state)
{
	struct xfn_keeper_hello hello;
	struct xfn_keeper *second;
	struct fixture f;
	int other, status;

	(void)state;
	setup_keeper(&f);
	other = store_pair(f.keeper, 5);
	kill(f.pid, SIGKILL);
	reap_keeper(&f, &status);
	serve_until(&f, &f.told.gone, 1);
	assert_true(is_at_end(other));
	assert_int_equal(open_client(&f, NULL, &second, &hello), -ECONNREFUSED);
	unlink(f.path);
	assert_int_equal(open_client(&f, NULL, &second, &hello), -ENOENT);
	close(other);
	teardown_keeper(&f);
}

static void test_other_user(void **state)
{
	struct xfn_keeper_hello hello;
	struct fixture f = {0};

	(void)state;
	start_keeper(&f, geteuid() + 1);
	assert_int_equal(open_client(&f, NULL, &f.keeper, &hello), -EPIPE);
	assert_int_equal(kill(f.pid, 0), 0);
	teardown_keeper(&f);
}

static void test_usage(void **state)
{
	static const char *const words[] = {"", "-1", "x", "4294967295", "0"};
	size_t i;
	int status;
	pid_t pid;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *binary = keeper_binary();

		pid = fork();
		if (pid == 0) {
			close_range(STDERR_FILENO, ~0U, 0); /* no descriptor 3 for the last one */
			execl(binary, "xfn-keeper", words[i], NULL);
			_exit(127);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	}
}

/* ---- a hostile client ------------------------------------------------------------------------------------- */

static int connect_raw(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What the keeper says to these bytes, with so many writing ends of a pipe. */
static int say(int fd, const void *data, size_t bytes, const int *fds, unsigned fd_count)
{
	struct xfn_aide_message out = {.data = (void *)data, .bytes = bytes, .fd_count = fd_count};
	struct xfn_keeper_message answer;

	if (fd_count)
		memcpy(out.fds, fds, fd_count * sizeof(int));
	assert_int_equal(xfn_aide_send(fd, &out), 0);
	assert_int_equal(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(answer.version, XFN_KEEPER_VERSION);
	return answer.err;
}

static const struct {
	const char *name;
	struct xfn_keeper_message message;
	unsigned fds;
	int err;
} refusals[] = {
	{"another version", {.version = 99, .op = XFN_KEEPER_HELLO}, 0, -EPROTO},
	{"no such op", {.op = 1000}, 0, -EOPNOTSUPP},
	{"a note", {.op = XFN_KEEPER_NOTE}, 0, -EOPNOTSUPP},
	{"list: kind", {.op = XFN_KEEPER_LIST, .list = {.kind = 77}}, 0, -EINVAL},
	{"list: index", {.op = XFN_KEEPER_LIST, .list = {.index = ~0U}}, 0, -ENOENT},
	{"list: parks", {.op = XFN_KEEPER_LIST, .list = {XFN_KEEPER_PARKS, 64}}, 0, -ENOENT},
	{"list: functions",
	 {.op = XFN_KEEPER_LIST, .list = {XFN_KEEPER_FUNCTIONS, 256}},
	 0,
	 -ENOENT},
	{"store: nothing", {.op = XFN_KEEPER_STORE, .stored = {.key = 1}}, 0, -EINVAL},
	{"store: two", {.op = XFN_KEEPER_STORE, .stored = {.key = 1}}, 2, -EINVAL},
	{"store: key", {.op = XFN_KEEPER_STORE}, 1, -EINVAL},
	{"store: kind",
	 {.op = XFN_KEEPER_STORE, .stored = {.kind = XFN_KEEPER_PARKS, .key = 1}},
	 1,
	 -EINVAL},
	{"drop: kind", {.op = XFN_KEEPER_DROP, .stored = {.kind = ~0U, .key = 1}}, 0, -EINVAL},
	{"park: nothing", {.op = XFN_KEEPER_PARK_OPEN, .park = {.ifindex = 1}}, 0, -EINVAL},
	{"park: a pipe", {.op = XFN_KEEPER_PARK_OPEN, .park = {.ifindex = 1}}, 1, -ENOTSOCK},
	{"park: slot",
	 {.op = XFN_KEEPER_PARK_OPEN, .park = {.slot = 64, .ifindex = 1}},
	 1,
	 -EINVAL},
	{"park: queue",
	 {.op = XFN_KEEPER_PARK_OPEN, .park = {.queue = 64, .ifindex = 1}},
	 1,
	 -EINVAL},
	{"park: not there", {.op = XFN_KEEPER_PARK_CLOSE, .park = {.slot = 1}}, 0, -ENOENT},
	{"function: identity",
	 {.op = XFN_KEEPER_PARK_FUNCTION, .function = {.events_max = 1}},
	 0,
	 -EINVAL},
	{"function: no events",
	 {.op = XFN_KEEPER_PARK_FUNCTION, .function = {.identity = 1}},
	 0,
	 -EINVAL},
	{"function: events",
	 {.op = XFN_KEEPER_PARK_FUNCTION, .function = {.identity = 1, .events_max = ~0U}},
	 0,
	 -EINVAL},
	{"forget", {.op = XFN_KEEPER_FORGET, .id = 3}, 0, -ENOENT},
	{"take", {.op = XFN_KEEPER_TAKE, .id = 3}, 0, -ENOENT},
	{"take: nobody", {.op = XFN_KEEPER_TAKE}, 1, -ENOENT},
	{"counts", {.op = XFN_KEEPER_COUNTS, .id = 3}, 3, -EINVAL},
};

/* Each is refused by name; nothing that came along stays, and it goes on. */
static void test_refusals(void **state)
{
	struct xfn_keeper_message message,
		hello = {.version = XFN_KEEPER_VERSION, .op = XFN_KEEPER_HELLO};
	struct fixture f;
	int fd, pipe_fds[2], fds[8];
	unsigned before, i;

	(void)state;
	setup_keeper(&f);
	fd = connect_raw(&f);
	assert_int_equal(say(fd, &hello, sizeof(hello), fds, 0), 0);
	before = count_fds(f.pid);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	for (i = 0; i < 8; i++)
		fds[i] = pipe_fds[1];
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		message = refusals[i].message;
		if (!message.version)
			message.version = XFN_KEEPER_VERSION;
		print_message("# %s\n", refusals[i].name);
		assert_int_equal(say(fd, &message, sizeof(message), fds, refusals[i].fds),
				 refusals[i].err);
	}
	/* Of other lengths. */
	assert_int_equal(say(fd, &hello, sizeof(hello) - 1, fds, 1), -EBADMSG);
	assert_int_equal(say(fd, &hello, 1, fds, 8), -EBADMSG);
	assert_int_equal(say(fd, &message, sizeof(message), fds, 8), -EINVAL);
	close(pipe_fds[1]);
	assert_true(is_at_end(pipe_fds[0]));
	assert_int_equal(count_fds(f.pid), before);
	assert_int_equal(say(fd, &hello, sizeof(hello), fds, 0), 0);
	close(pipe_fds[0]);
	close(fd);
	xfn_keeper_close(f.keeper);
	assert_int_equal(open_client(&f, &f.told, &f.keeper, &f.hello), 0);
	teardown_keeper(&f);
}

/* It asks, and does not read: the keeper waits for nobody. */
static void test_deaf_client(void **state)
{
	const struct xfn_keeper_message hello = {.version = XFN_KEEPER_VERSION,
						 .op = XFN_KEEPER_HELLO};
	struct xfn_keeper *second;
	struct fixture f;
	int fd, i, buffer = 1;

	(void)state;
	setup_keeper(&f);
	fd = connect_raw(&f);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	for (i = 0; i < 10000; i++)
		if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
			break;
	assert_true(i < 10000 && (errno == EPIPE || errno == ECONNRESET));
	assert_int_equal(open_client(&f, &f.told, &second, &f.hello), 0);
	xfn_keeper_close(f.keeper);
	f.keeper = second;
	close(fd);
	teardown_keeper(&f);
}

/* One of another version, with messages of another length, is shown the door all the same. */
static void test_end_of_other_version(void **state)
{
	static const __u32 end[] = {99, XFN_KEEPER_END};
	struct fixture f;
	int fd, status;

	(void)state;
	setup_keeper(&f);
	fd = connect_raw(&f);
	assert_int_equal(say(fd, end, sizeof(end), NULL, 0), 0);
	reap_keeper(&f, &status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fd);
	/* Nobody has removed its file. */
	assert_int_equal(xfn_keeper_end_other(f.run_dir), -ECONNREFUSED);
	assert_int_equal(xfn_keeper_end_other(f.run_dir), -ENOENT);
	teardown_keeper(&f);

	setup_keeper(&f);
	assert_int_equal(xfn_keeper_end_other(f.run_dir), 0);
	reap_keeper(&f, &status);
	assert_int_equal(xfn_keeper_end_other(f.run_dir), -ENOENT);
	assert_int_equal(xfn_keeper_end(f.keeper), -EPIPE);
	teardown_keeper(&f);
}

/* ---- one that does not answer ------------------------------------------------------------------------------ */

static unsigned elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)((now.tv_sec - since->tv_sec) * 1000 +
			  (now.tv_nsec - since->tv_nsec) / 1000000);
}

/* Nobody waits for it for long, nor twice; and it is the same one when it goes on. */
static void test_stopped(void **state)
{
	struct xfn_keeper_options options = {.patience_ms = 20};
	struct xfn_keeper_hello hello;
	struct xfn_keeper_counts counts;
	struct xfn_keeper *other;
	struct timespec start;
	struct fixture f;
	int tries;

	(void)state;
	setup_keeper(&f);
	assert_false(xfn_keeper_is_stuck(f.keeper));
	kill(f.pid, SIGSTOP);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(xfn_keeper_counts(f.keeper, 0, &counts), -EPIPE);
	assert_in_range(elapsed_ms(&start), XFN_KEEPER_PATIENCE_MS - 10,
			2 * XFN_KEEPER_PATIENCE_MS);
	assert_true(xfn_keeper_is_stuck(f.keeper));
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(xfn_keeper_counts(f.keeper, 0, &counts), -EPIPE);
	/* More than there is room for behind its socket. */
	options.run_dir = f.run_dir;
	for (tries = 0; tries < 6; tries++)
		assert_int_equal(xfn_keeper_open(&options, &other, &hello), -ETIMEDOUT);
	assert_in_range(elapsed_ms(&start), 0, XFN_KEEPER_PATIENCE_MS / 2);
	serve_until(&f, &f.told.gone, 1);
	assert_int_equal(xfn_keeper_end(f.keeper), -EPIPE);
	xfn_keeper_close(f.keeper);

	kill(f.pid, SIGCONT);
	assert_int_equal(open_client(&f, &f.told, &f.keeper, &hello), 0);
	assert_int_equal(hello.pid, f.pid);
	assert_false(xfn_keeper_is_stuck(f.keeper));
	/* One that has ended does not answer either, and is not stuck. */
	kill(f.pid, SIGKILL);
	assert_int_equal(xfn_keeper_counts(f.keeper, 0, &counts), -EPIPE);
	assert_false(xfn_keeper_is_stuck(f.keeper));
	assert_int_equal(waitpid(f.pid, NULL, 0), f.pid);
	f.pid = 0;
	teardown_keeper(&f);
}

/* ---- as xfnd starts it ------------------------------------------------------------------------------------- */

static void expect_status(pid_t pid, const char *line)
{
	char path[32], text[4096];
	size_t bytes;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	bytes = fread(text, 1, sizeof(text) - 1, file);
	text[bytes] = '\0';
	fclose(file);
	if (!strstr(text, line))
		fail_msg("no '%s' in %s", line, text);
}

static void wait_for_end(pid_t pid)
{
	int steps;

	for (steps = 0; steps < PATIENCE_STEPS && kill(pid, 0) == 0; steps++)
		pause_a_moment();
	assert_int_equal(kill(pid, 0), -1);
}

/* With no right at all, as a user of its own; it outlives the launcher, and leaves a socket that is no obstacle. */
static void test_launcher(void **state)
{
	const uid_t uid = XFN_INSTANCE_UID_FIRST + 4711;
	struct fixture f = {.run_dir = "/tmp/xfn-keeper-XXXXXX"};
	char line[64];
	struct stat stat_of;
	pid_t pid;

	(void)state;
	if (xfn_launcher_start(false) < 0)
		skip();
	assert_non_null(mkdtemp(f.run_dir));
	snprintf(f.path, sizeof(f.path), "%s/%s", f.run_dir, XFN_KEEPER_SOCKET);
	assert_int_equal(xfn_keeper_start(f.run_dir, 1000, &pid), -EPERM);
	assert_int_equal(access(f.path, F_OK), -1);
	assert_int_equal(xfn_keeper_start(f.run_dir, uid, &pid), 0);
	assert_int_equal(stat(f.path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	assert_int_equal(open_client(&f, NULL, &f.keeper, &f.hello), 0);
	assert_int_equal(f.hello.pid, pid);
	snprintf(line, sizeof(line), "Uid:\t%u\t%u\t%u\t%u", uid, uid, uid, uid);
	expect_status(pid, line);
	snprintf(line, sizeof(line), "Gid:\t%u\t%u\t%u\t%u", uid, uid, uid, uid);
	expect_status(pid, line);
	expect_status(pid, "Name:\txfn-keeper\n");
	expect_status(pid, "Groups:\t \n");
	expect_status(pid, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
			   "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
			   "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
	/* Standard ones, the listening socket, the client. And "." and "..". */
	assert_int_equal(count_fds(pid), 3 + 1 + 1 + 2);
	xfn_launcher_stop();
	assert_int_equal(xfn_keeper_drop(f.keeper, XFN_KEEPER_CHANNELS, 1), -ENOENT);
	xfn_keeper_close(f.keeper);

	assert_int_equal(xfn_keeper_start(f.run_dir, uid, &pid), -EADDRINUSE);
	kill(pid, SIGKILL);
	wait_for_end(pid);
	assert_int_equal(xfn_launcher_start(false), 0);
	assert_int_equal(xfn_keeper_start(f.run_dir, uid, &pid), 0);
	assert_int_equal(open_client(&f, NULL, &f.keeper, &f.hello), 0);
	assert_int_equal(f.hello.pid, pid);
	assert_int_equal(xfn_keeper_end(f.keeper), 0);
	wait_for_end(pid);
	xfn_launcher_stop();
	teardown_keeper(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener),    cmocka_unit_test(test_channels),
		cmocka_unit_test(test_full_store),  cmocka_unit_test(test_new_client),
		cmocka_unit_test(test_death),       cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_usage),       cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_deaf_client), cmocka_unit_test(test_end_of_other_version),
		cmocka_unit_test(test_stopped),     cmocka_unit_test(test_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
