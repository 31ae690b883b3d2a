/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An echo server on an ordinary UDP socket, IPv4 and IPv6: what the in-kernel echo is compared with.
 *
 *	udpecho [--spin] PORT
 *
 * Sleeps in recvfrom() between datagrams; with --spin it asks again and again instead, and keeps a
 * CPU busy. Ends by a signal.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BYTES_MAX = 9000 };

static int fail(const char *what)
{
	fprintf(stderr, "udpecho: cannot %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_socket(unsigned long port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), no = 0;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return -1;
	return fd;
}

static int serve(int fd, int flags)
{
	char data[BYTES_MAX];
	struct sockaddr_in6 from;
	socklen_t from_bytes;
	ssize_t bytes;

	for (;;) {
		from_bytes = sizeof(from);
		bytes = recvfrom(fd, data, sizeof(data), flags, (struct sockaddr *)&from,
				 &from_bytes);
		if (bytes < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED))
			continue;
		if (bytes < 0)
			return fail("receive");
		/* A reply that cannot leave is a datagram lost, as everywhere in UDP. */
		sendto(fd, data, (size_t)bytes, 0, (struct sockaddr *)&from, from_bytes);
	}
}

int main(int argc, char **argv)
{
	int spin = argc == 3 && !strcmp(argv[1], "--spin"), fd;
	unsigned long port = argc == 2 + spin ? strtoul(argv[1 + spin], NULL, 10) : 0;

	if (port == 0 || port > 65535) {
		fputs("usage: udpecho [--spin] PORT\n", stderr);
		return 2;
	}
	fd = open_socket(port);
	return fd < 0 ? fail("open the port") : serve(fd, spin ? MSG_DONTWAIT : 0);
}
