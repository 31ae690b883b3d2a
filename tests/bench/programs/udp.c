/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp [--spin] COUNTS PORT: drops or echoes on an ordinary UDP socket, 64 datagrams a call. Sleeps in
 * recvmmsg() for the first of them; with --spin it asks again and again.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "counts.h"

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

int main(int argc, char **argv)
{
	int spin = argc == 4 && !strcmp(argv[1], "--spin"), fd, count, i;
	struct bench_counts *counts = argc == 3 + spin ? counts_open(argv[1 + spin]) : NULL;

	fd = counts ? open_socket(argv[2 + spin]) : -1;
	if (fd < 0) {
		fputs("usage: udp [--spin] COUNTS PORT\n", stderr);
		return 2;
	}
	counts->pid = (__u64)getpid();
	prepare();
	for (;;) {
		for (i = 0; i < BATCH; i++)
			messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
		count = recvmmsg(fd, messages, BATCH, spin ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
		if (count <= 0)
			continue;
		counts->received += (__u64)count;
		answer(fd, count);
	}
}
