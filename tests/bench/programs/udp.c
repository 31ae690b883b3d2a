/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp [--spin|--linger] COUNTS PORT: drops or echoes on an ordinary UDP socket, 64 datagrams a call. Sleeps
 * in recvmmsg() for the first of them; with --spin it asks again and again, with --linger for a while.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "counts.h"
#include "linger.h"

enum { BATCH = 64, BYTES_MAX = 2048, BUFFER_BYTES = 8 << 20 }; /* as a pool of libxfn's */

static struct mmsghdr messages[BATCH], replies[BATCH];
static struct iovec pieces[BATCH];
static struct sockaddr_in from[BATCH];
static char data[BATCH][BYTES_MAX];

static int open_socket(const char *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = BUFFER_BYTES;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return bind(fd, (struct sockaddr *)&any, sizeof(any)) ? -1 : fd;
}

static void prepare(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){data[i], BYTES_MAX};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
	}
}

/* What is to be sent back goes in one call. */
static void answer(int fd, int count)
{
	unsigned wanted = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (data[i][0] == BENCH_DROP)
			continue;
		pieces[i].iov_len = messages[i].msg_len;
		replies[wanted++].msg_hdr = messages[i].msg_hdr;
	}
	if (wanted)
		sendmmsg(fd, replies, wanted, 0);
	for (i = 0; wanted && i < count; i++)
		pieces[i].iov_len = BYTES_MAX;
}

/* Returns how many have come; 0 where it did not sleep for them. */
static int receive(int fd, int flags)
{
	int count, i;

	for (i = 0; i < BATCH; i++)
		messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
	count = recvmmsg(fd, messages, BATCH, flags, NULL);
	return count < 0 ? 0 : count;
}

static void serve_for_ever(int fd, struct bench_counts *counts, bool spins, bool lingers)
{
	int flags = spins ? MSG_DONTWAIT : MSG_WAITFORONE, count;
	__u64 since_ns = 0;

	for (;;) {
		count = receive(fd, flags);
		counts->received += (__u64)count;
		answer(fd, count);
		if (lingers)
			flags = linger(&since_ns, count) ? MSG_DONTWAIT : MSG_WAITFORONE;
	}
}

int main(int argc, char **argv)
{
	bool spins = argc == 4 && !strcmp(argv[1], "--spin");
	bool lingers = argc == 4 && !strcmp(argv[1], "--linger");
	struct bench_counts *counts = NULL;
	int fd = -1;

	if (argc == 3 || spins || lingers)
		counts = counts_open(argv[argc - 2]);
	if (counts)
		fd = open_socket(argv[argc - 1]);
	if (fd < 0) {
		fputs("usage: udp [--spin|--linger] COUNTS PORT\n", stderr);
		return 2;
	}
	counts->pid = (__u64)getpid();
	prepare();
	serve_for_ever(fd, counts, spins, lingers);
}
