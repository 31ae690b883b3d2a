/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends numbered datagrams to one address and port and tells what came back, as one line of JSON.
 *
 *	flood [OPTION]... ADDRESS PORT
 *
 * With a window (the default) no more than so many datagrams are unanswered at a time, so that the
 * sender never overruns anybody and `lost` means lost. With a rate they leave by the clock, whatever
 * comes back. SIGTERM and SIGINT end the sending; what is under way is waited for.
 *
 * lost: unanswered for a second (late ones are counted by themselves). duplicates: answered again.
 * reordered: a reply to an earlier datagram than the one before. changed: the payload came back as
 * another one, its first byte apart, which a function may set to say who it is: see `by`.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	RING = 1 << 20, /* datagrams whose fate is still open */
	SAMPLES = 1 << 20,
	BYTES_MIN = 24,
	BYTES_MAX = 9000,
	SOCKET_BYTES = 32 << 20,
	SILENCE_NS = 1000000000,
	BATCH = 64, /* replies taken, or datagrams sent, in a row */
};

struct options {
	const char *from; /* address to send from */
	const char *from_port;
	uint64_t count;
	uint64_t window;
	uint64_t rate;     /* in a second; 0: by the window */
	uint64_t for_ns;   /* sending ends after this */
	uint64_t grace_ns; /* replies are waited for, after the last datagram */
	size_t bytes;
	bool no_reply;
	bool show_last;
};

struct flood {
	struct options options;
	int fd;
	uint64_t start_ns, end_ns;
	uint64_t sent, answered, lost, late, duplicates, reordered, changed, refused;
	uint64_t oldest; /* all before it are answered or lost */
	uint64_t newest_reply;
	uint64_t by[256];
	uint64_t longest_gap_ns, last_reply_ns;
	uint64_t sent_ns[RING]; /* by number; 0: answered or lost */
	uint32_t sample[SAMPLES];
	uint64_t samples;
	unsigned char last[BYTES_MAX];
	ssize_t last_bytes;
};

static volatile sig_atomic_t stop;
static struct flood flood;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "flood: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* A first byte, the number, and bytes that depend on both number and place. */
static void fill(unsigned char *data, size_t bytes, uint64_t number)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		data[i] = (unsigned char)(number * 31 + i);
	data[0] = 'q';
	memcpy(data + 8, &number, sizeof(number));
}

static bool is_changed(const unsigned char *data, size_t bytes, uint64_t number)
{
	unsigned char expected[BYTES_MAX];

	fill(expected, flood.options.bytes, number);
	return bytes != flood.options.bytes || memcmp(data + 1, expected + 1, bytes - 1);
}

static bool send_one(void)
{
	unsigned char data[BYTES_MAX];

	fill(data, flood.options.bytes, flood.sent);
	if (send(flood.fd, data, flood.options.bytes, MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		if (errno != ECONNREFUSED)
			fail("send");
		flood.refused++;
		return true; /* an ICMP error for an earlier one; this one did not leave */
	}
	flood.sent_ns[flood.sent % RING] = flood.options.no_reply ? 0 : now_ns();
	flood.sent++;
	return true;
}

static void note_latency(uint64_t ns)
{
	if (flood.samples < SAMPLES)
		flood.sample[flood.samples++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static void take_reply(const unsigned char *data, size_t bytes)
{
	uint64_t now = now_ns(), number, *sent_ns;

	memcpy(flood.last, data, bytes);
	flood.last_bytes = (ssize_t)bytes;
	if (flood.last_reply_ns && now - flood.last_reply_ns > flood.longest_gap_ns)
		flood.longest_gap_ns = now - flood.last_reply_ns;
	flood.last_reply_ns = now;
	if (bytes < BYTES_MIN) {
		flood.changed++;
		return;
	}
	memcpy(&number, data + 8, sizeof(number));
	if (number >= flood.sent || is_changed(data, bytes, number)) {
		flood.changed++;
		if (number >= flood.sent)
			return;
	}
	sent_ns = &flood.sent_ns[number % RING];
	if (number < flood.oldest || !*sent_ns) {
		if (number + RING > flood.sent && number < flood.oldest && *sent_ns)
			flood.late++;
		else
			flood.duplicates++;
		*sent_ns = 0;
		return;
	}
	flood.by[data[0]]++;
	flood.answered++;
	if (number < flood.newest_reply)
		flood.reordered++;
	else
		flood.newest_reply = number;
	note_latency(now - *sent_ns);
	*sent_ns = 0;
}

static void take_replies(void)
{
	unsigned char data[BYTES_MAX];
	ssize_t bytes;
	int i;

	for (i = 0; i < BATCH; i++) {
		bytes = recv(flood.fd, data, sizeof(data), MSG_DONTWAIT);
		if (bytes < 0) {
			if (errno == ECONNREFUSED)
				flood.refused++;
			else if (errno != EAGAIN)
				fail("receive");
			return;
		}
		take_reply(data, (size_t)bytes);
	}
}

/* Moves `oldest` over what is settled; what has been silent for too long is lost, and stays so. */
static void settle(uint64_t now, uint64_t silence_ns)
{
	uint64_t sent_ns;

	for (; flood.oldest < flood.sent; flood.oldest++) {
		sent_ns = flood.sent_ns[flood.oldest % RING];
		if (!sent_ns)
			continue;
		if (now - sent_ns < silence_ns && flood.sent - flood.oldest < RING)
			return;
		flood.lost++;
	}
}

/* ---- the loop -------------------------------------------------------------------------------- */

static uint64_t outstanding(void)
{
	return flood.sent - flood.answered - flood.lost;
}

static bool may_send(uint64_t now)
{
	const struct options *options = &flood.options;

	if (options->rate)
		return flood.sent <
		       (__uint128_t)(now - flood.start_ns) * options->rate / 1000000000;
	return outstanding() < options->window;
}

static void send_some(uint64_t now)
{
	int i;

	for (i = 0; i < BATCH && flood.sent < flood.options.count && may_send(now); i++)
		if (!send_one())
			return;
}

static void wait_a_little(int timeout_ms)
{
	struct pollfd ready = {.fd = flood.fd, .events = POLLIN};

	poll(&ready, 1, timeout_ms);
}

static void run(void)
{
	const struct options *options = &flood.options;
	uint64_t now, silence_ns = SILENCE_NS;

	if (options->grace_ns > silence_ns) /* so long is waited for each */
		silence_ns = options->grace_ns;
	flood.start_ns = now = now_ns();
	while (!stop && flood.sent < options->count && now - flood.start_ns < options->for_ns) {
		send_some(now);
		take_replies();
		now = now_ns();
		settle(now, silence_ns);
		if (!may_send(now))
			wait_a_little(options->rate ? 1 : 10);
		now = now_ns();
	}
	flood.end_ns = now;
	while (!options->no_reply && outstanding() && now - flood.end_ns < options->grace_ns) {
		wait_a_little(1);
		take_replies();
		now = now_ns();
		settle(now, silence_ns);
	}
	settle(now, 0);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	int err = getaddrinfo(address, port, &hints, &found);

	if (err) {
		fprintf(stderr, "flood: '%s' port '%s': %s\n", address, port, gai_strerror(err));
		exit(2);
	}
	return found;
}

static void open_socket(const char *address, const char *port)
{
	struct addrinfo *to = resolve(address, port), *from;
	int size = SOCKET_BYTES, one = 1;

	flood.fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (flood.fd < 0)
		fail("make a socket");
	setsockopt(flood.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(flood.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (flood.options.from || flood.options.from_port) {
		from = resolve(flood.options.from
				       ?: to->ai_family == AF_INET ? "0.0.0.0"
								   : "::",
			       flood.options.from_port ?: "0");
		if (bind(flood.fd, from->ai_addr, from->ai_addrlen))
			fail("bind");
		freeaddrinfo(from);
	}
	if (connect(flood.fd, to->ai_addr, to->ai_addrlen))
		fail("connect");
	freeaddrinfo(to);
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static uint32_t percentile(unsigned percent)
{
	return flood.samples ? flood.sample[(flood.samples - 1) * percent / 100] : 0;
}

static void print_by(void)
{
	bool first = true;
	int c;

	printf("\"by\":{");
	for (c = 0; c < 256; c++) {
		if (!flood.by[c])
			continue;
		printf("%s\"%c\":%llu", first ? "" : ",",
		       c >= '0' && c <= 'z' && c != '\\' ? c : '?',
		       (unsigned long long)flood.by[c]);
		first = false;
	}
	printf("}");
}

static void print_last(void)
{
	ssize_t i;

	printf(",\"last\":\"");
	for (i = 0; i < flood.last_bytes; i++)
		printf("%02x", flood.last[i]);
	printf("\"");
}

static void report(void)
{
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
		{"sent", flood.sent},
		{"received", flood.answered},
		{"lost", flood.lost},
		{"late", flood.late},
		{"duplicates", flood.duplicates},
		{"reordered", flood.reordered},
		{"changed", flood.changed},
		{"refused", flood.refused},
		{"elapsed_ns", flood.end_ns - flood.start_ns},
		{"longest_gap_ns", flood.longest_gap_ns},
		{"p50_ns", percentile(50)},
		{"p99_ns", percentile(99)},
	};
	size_t i;

	putchar('{');
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		printf("\"%s\":%llu,", figures[i].name, (unsigned long long)figures[i].value);
	print_by();
	if (flood.options.show_last)
		print_last();
	printf("}\n");
}

static int usage(void)
{
	fputs("usage: flood [-n COUNT] [-w WINDOW | -r PER_SECOND] [-t SECONDS] [-g GRACE_MS]\n"
	      "             [-s BYTES] [-b FROM] [-p FROM_PORT] [-u] [-x] ADDRESS PORT\n"
	      "-u: no reply is expected; -x: print the last reply in hexadecimal\n",
	      stderr);
	return 2;
}

static bool read_options(int argc, char **argv)
{
	struct options *options = &flood.options;
	int option;

	*options = (struct options){.count = UINT64_MAX,
				    .window = 16,
				    .for_ns = 10000000000ULL,
				    .grace_ns = SILENCE_NS + 100000000ULL,
				    .bytes = 64};
	while ((option = getopt(argc, argv, "n:w:r:t:g:s:b:p:ux")) != -1) {
		switch (option) {
		case 'n':
			options->count = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			options->window = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			options->rate = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options->for_ns = (uint64_t)(strtod(optarg, NULL) * 1e9);
			break;
		case 'g':
			options->grace_ns = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 's':
			options->bytes = strtoull(optarg, NULL, 10);
			break;
		case 'b':
			options->from = optarg;
			break;
		case 'p':
			options->from_port = optarg;
			break;
		case 'u':
			options->no_reply = true;
			break;
		case 'x':
			options->show_last = true;
			break;
		default:
			return false;
		}
	}
	return argc - optind == 2 && options->bytes >= BYTES_MIN && options->bytes <= BYTES_MAX &&
	       options->window > 0 && options->window < RING;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};

	if (!read_options(argc, argv))
		return usage();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	open_socket(argv[optind], argv[optind + 1]);
	run();
	qsort(flood.sample, flood.samples, sizeof(flood.sample[0]), by_size);
	report();
	return 0;
}
