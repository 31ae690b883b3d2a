/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How soon a datagram is answered: at a pace ("ping"), where the client spins, so that what differs
 * between two runs is the other side's way of waiting; or one now and then, by a program that
 * has to be started for it ("cold"), where it sleeps, so that the other side has both CPUs. "exec" starts the program itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "errnum.h"
#include "programs/counts.h"
#include "queue.h"
#include "sample.h"

enum { BYTES = 64, SILENCE_NS = 100000000, COLD_SILENCE_S = 5, TIMES_MAX = 100000 };

struct times {
	double ns[TIMES_MAX];
	unsigned count, lost;
};

static struct times times;

static int connect_to(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	const struct timeval silence = {.tv_sec = COLD_SILENCE_S};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to))) {
		fprintf(stderr, "bench: cannot reach '%s', port '%s'\n", address, port);
		return -1;
	}
	return fd;
}

static void send_number(int fd, __u64 number)
{
	char data[BYTES] = {BENCH_ECHO};

	memcpy(data + 8, &number, sizeof(number));
	send(fd, data, sizeof(data), 0);
}

/* Whether that was the reply; late ones to others are not. */
static bool is_reply(int fd, int flags, __u64 number)
{
	char data[BYTES];

	return recv(fd, data, sizeof(data), flags) == BYTES &&
	       !memcmp(data + 8, &number, sizeof(number));
}

static void note(__u64 ns)
{
	if (!ns)
		times.lost++;
	else if (times.count < TIMES_MAX)
		times.ns[times.count++] = ns;
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static int report(const char *section, const char *name)
{
	record_begin(section, name);
	record_number("count", times.count);
	record_number("lost", times.lost);
	if (times.count) {
		qsort(times.ns, times.count, sizeof(double), by_size);
		record_number("min_ns", times.ns[0]);
		record_number("p50_ns", times.ns[times.count / 2]);
		record_number("p99_ns", times.ns[times.count * 99 / 100]);
	}
	record_end();
	return times.count ? 0 : 1;
}

/* ---- at a pace ------------------------------------------------------------------------------------------ */

/* The same where it sleeps: others want the CPUs. */
static __u64 play_asleep(int fd, __u64 number)
{
	__u64 begin = now_ns();

	send_number(fd, number);
	while (now_ns() - begin < SILENCE_NS)
		if (is_reply(fd, 0, number))
			return now_ns() - begin;
	return 0;
}

static void sleep_until(__u64 ns)
{
	const struct timespec when = {.tv_sec = (time_t)(ns / 1000000000),
				      .tv_nsec = (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

/* 0: no reply. */
static __u64 play(int fd, __u64 number)
{
	__u64 begin = now_ns(), now = begin;

	send_number(fd, number);
	while (now - begin < SILENCE_NS) {
		bool is_there = is_reply(fd, MSG_DONTWAIT, number);

		now = now_ns();
		if (is_there)
			return now - begin;
	}
	return 0;
}

int bench_ping(int argc, char **argv)
{
	__u64 begin, step, number, count, ns;
	bool sleeps = argc == 7;
	cpu_set_t cpus;
	int fd;

	if ((argc != 6 && !sleeps) || atoi(argv[4]) < 1 ||
	    (fd = connect_to(argv[2], argv[3])) < 0) {
		fprintf(stderr, "usage: bench ping NAME DST PORT TIMES_A_SECOND SECONDS [SECTION, "
				"to sleep]\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (!sleeps)
		sched_setaffinity(0, sizeof(cpus), &cpus);
	step = 1000000000ULL / (__u64)atoi(argv[4]);
	count = (__u64)(atof(argv[5]) * 1e9) / step;
	begin = now_ns();
	for (number = 0; number < count; number++) {
		if (sleeps)
			sleep_until(begin + number * step);
		while (now_ns() < begin + number * step)
			; /* spins, so that this CPU is as awake in the one case as in the other */
		ns = sleeps ? play_asleep(fd, number) : play(fd, number);
		if (number >= count / 10) /* the first tenth warms up */
			note(ns);
	}
	return report(sleeps ? argv[6] : "port_ping", argv[1]);
}

/* ---- of what does not run yet ------------------------------------------------------------------------------ */

static void pause_ms(int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

/* Sleeps until the reply comes. 0: none did. */
static __u64 reply_ns(int fd, __u64 number, __u64 begin)
{
	__u64 now;
	bool is_there;

	do {
		is_there = is_reply(fd, 0, number);
		now = now_ns();
	} while (!is_there && now - begin < COLD_SILENCE_S * 1000000000ULL);
	return is_there ? now - begin : 0;
}

int bench_cold(int argc, char **argv)
{
	int fd, number;
	__u64 begin;

	if (argc != 6 || (fd = connect_to(argv[2], argv[3])) < 0) {
		fprintf(stderr, "usage: bench cold NAME DST PORT TIMES PAUSE_MS\n");
		return 2;
	}
	for (number = 0; number < atoi(argv[4]); number++) {
		pause_ms(atoi(argv[5]));
		begin = now_ns();
		send_number(fd, (__u64)number);
		note(reply_ns(fd, (__u64)number, begin));
	}
	return report("port_cold", argv[1]);
}

/* ---- started by the bench itself ----------------------------------------------------------------------------- */

/* A socket as a client in the network namespace at @path has it. */
static int connect_from(const char *path, const char *address, const char *port)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(path, O_RDONLY | O_CLOEXEC), fd = -1;

	if (there >= 0 && !setns(there, CLONE_NEWNET))
		fd = connect_to(address, port);
	if (setns(home, CLONE_NEWNET))
		fd = -1;
	close(home);
	if (there >= 0)
		close(there);
	return fd;
}

static void become(int socket_fd, char **argv)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	if (dup2(socket_fd, 3) == 3 && !fcntl(3, F_SETFD, 0)) /* it may have been 3 */
		execv(argv[0], argv);
	_exit(127);
}

/* The datagram is there, then the program is started with the socket that it is in. */
static void start_with_socket(int client, int server, __u64 number, char **argv)
{
	__u64 begin = now_ns();
	pid_t pid;

	send_number(client, number);
	pid = vfork(); /* the bench is large */
	if (!pid)
		become(server, argv);
	note(reply_ns(client, number, begin));
	waitpid(pid, NULL, 0);
}

/* The program is started; once it is ready the datagram is sent. */
static int start_with_queue(int client, struct queue *queue, __u64 number, char **argv)
{
	__u64 begin = now_ns();
	int err = queue_start(queue, argv) ?: queue_enter(queue);

	if (!err) {
		send_number(client, number);
		note(reply_ns(client, number, begin));
	}
	queue_end(queue);
	return err;
}

static int bind_to(const char *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return bind(fd, (const struct sockaddr *)&any, sizeof(any)) ? -1 : fd;
}

/* NAME CLIENT_NETNS INTERFACE|- DST PORT TIMES PROGRAM */
int bench_exec(int argc, char **argv)
{
	struct queue queue = {.link_fd = -1};
	int client, server = -1, number, err = 0;
	bool has_queue;

	if (argc < 8 || (client = connect_from(argv[2], argv[4], argv[5])) < 0) {
		fprintf(stderr, "usage: bench exec NAME CLIENT_NETNS INTERFACE|- DST PORT TIMES "
				"PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	has_queue = strcmp(argv[3], "-");
	if (has_queue)
		err = queue_open(&queue, argv[3]);
	else if ((server = bind_to(argv[5])) < 0)
		err = xfn_errno();
	for (number = 0; number < atoi(argv[6]) && !err; number++) {
		/* The memory of the last one's socket goes after a grace period of RCU. */
		pause_ms(has_queue ? 150 : 20);
		if (has_queue)
			err = start_with_queue(client, &queue, (__u64)number, argv + 7);
		else
			start_with_socket(client, server, (__u64)number, argv + 7);
	}
	queue_close(&queue);
	if (err)
		fprintf(stderr, "bench: exec: %s\n", strerror(-err));
	return err ? 1 : report("port_cold", argv[1]);
}
