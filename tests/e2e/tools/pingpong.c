/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends one datagram at a time and times its reply, as one line of JSON.
 *
 *	pingpong [-n COUNT] [-t SECONDS] [-s BYTES] ADDRESS PORT
 *
 * It spins while it waits, whoever answers, so that what differs between two runs is the other side's
 * way of waiting. Ends after COUNT replies (10,000) or SECONDS (10), whichever is first. The first
 * tenth warms up and is not counted. lost: no reply within a second.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	COUNT_MAX = 10000000,
	BYTES_MIN = 8, /* the number */
	BYTES_MAX = 9000,
	SILENCE_NS = 1000000000,
};

struct options {
	uint64_t count;
	uint64_t for_ns;
	size_t bytes;
};

struct figures {
	uint32_t *ns; /* of each reply, in the order they came; sorted in the end */
	uint64_t replies;
	uint64_t lost;
};

static void fail(const char *what)
{
	fprintf(stderr, "pingpong: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static int connect_to(const char *address, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *to;
	int err = getaddrinfo(address, port, &hints, &to), fd;

	if (err) {
		fprintf(stderr, "pingpong: '%s' port '%s': %s\n", address, port, gai_strerror(err));
		exit(2);
	}
	fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		fail("connect");
	freeaddrinfo(to);
	return fd;
}

/* Sends datagram @number and spins for its reply. Returns how long it took, or 0: lost. */
static uint64_t play(int fd, const struct options *options, uint64_t number)
{
	static unsigned char data[BYTES_MAX];
	uint64_t start = now_ns(), now, answered;
	ssize_t bytes;

	memcpy(data, &number, sizeof(number));
	if (send(fd, data, options->bytes, 0) < 0 && errno != ECONNREFUSED)
		fail("send");
	do {
		bytes = recv(fd, data, sizeof(data), MSG_DONTWAIT);
		now = now_ns();
		if (bytes < 0 && errno != EAGAIN && errno != ECONNREFUSED)
			fail("receive");
		if (bytes == (ssize_t)options->bytes) {
			memcpy(&answered, data, sizeof(answered));
			if (answered == number) /* not a late one */
				return now - start;
		}
	} while (now - start < SILENCE_NS);
	return 0;
}

static void run(int fd, const struct options *options, struct figures *figures)
{
	uint64_t start = now_ns(), number = 0, ns;

	while (figures->replies < options->count && now_ns() - start < options->for_ns) {
		ns = play(fd, options, number++);
		if (ns)
			figures->ns[figures->replies++] =
				ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
		else
			figures->lost++;
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void report(struct figures *figures)
{
	uint64_t warm = figures->replies / 10, count = figures->replies - warm;
	const uint32_t *ns = figures->ns + warm;

	qsort(figures->ns + warm, count, sizeof(*ns), by_size);
	printf("{\"count\":%llu,\"lost\":%llu", (unsigned long long)count,
	       (unsigned long long)figures->lost);
	if (count)
		printf(",\"min_ns\":%u,\"p50_ns\":%u,\"p90_ns\":%u,\"p99_ns\":%u,\"max_ns\":%u",
		       ns[0], ns[count / 2], ns[count * 9 / 10], ns[count * 99 / 100],
		       ns[count - 1]);
	printf("}\n");
}

static bool read_options(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){.count = 10000, .for_ns = 10000000000ULL, .bytes = 64};
	while ((option = getopt(argc, argv, "n:t:s:")) != -1) {
		if (option == 'n')
			options->count = strtoull(optarg, NULL, 10);
		else if (option == 't')
			options->for_ns = (uint64_t)(strtod(optarg, NULL) * 1e9);
		else if (option == 's')
			options->bytes = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return argc - optind == 2 && options->count >= 1 && options->count <= COUNT_MAX &&
	       options->bytes >= BYTES_MIN && options->bytes <= BYTES_MAX;
}

int main(int argc, char **argv)
{
	struct options options;
	struct figures figures = {};
	int fd;

	if (!read_options(argc, argv, &options)) {
		fputs("usage: pingpong [-n COUNT] [-t SECONDS] [-s BYTES] ADDRESS PORT\n", stderr);
		return 2;
	}
	figures.ns = calloc(options.count, sizeof(*figures.ns));
	if (!figures.ns)
		fail("get memory");
	fd = connect_to(argv[optind], argv[optind + 1]);
	run(fd, &options, &figures);
	report(&figures);
	free(figures.ns);
	close(fd);
	return figures.replies ? 0 : 1;
}
