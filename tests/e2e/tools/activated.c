/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An echo on the sockets that it is given, UDP and TCP, as sd_listen_fds(3) says: for machines without Python. Knows
 * nothing of xfn. One connection at a time; ends by a signal.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_FD = 3, SOCKETS_MAX = 16, BYTES_MAX = 9000 };

static int fail(const char *what)
{
	fprintf(stderr, "activated: cannot %s: %s\n", what, strerror(errno));
	return 1;
}

static void echo_datagram(int fd)
{
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	char data[BYTES_MAX];
	ssize_t bytes = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_bytes);

	if (bytes >= 0)
		sendto(fd, data, (size_t)bytes, 0, (struct sockaddr *)&from, from_bytes);
}

static void echo_connection(int fd)
{
	int connection = accept(fd, NULL, NULL);
	char data[BYTES_MAX];
	ssize_t bytes;

	if (connection < 0)
		return;
	while ((bytes = read(connection, data, sizeof(data))) > 0)
		if (send(connection, data, (size_t)bytes, MSG_NOSIGNAL) != bytes)
			break;
	close(connection);
}

static void serve(int fd)
{
	socklen_t bytes = sizeof(int);
	int listens = 0;

	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes);
	if (listens)
		echo_connection(fd);
	else
		echo_datagram(fd);
}

int main(void)
{
	const char *number = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	nfds_t count = number ? (nfds_t)atoi(number) : 0, i;
	struct pollfd fds[SOCKETS_MAX];

	if (!count || count > SOCKETS_MAX || !pid || atoi(pid) != getpid()) {
		fputs("activated: no sockets: LISTEN_FDS and LISTEN_PID are not as they should "
		      "be\n",
		      stderr);
		return 2;
	}
	for (i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = FIRST_FD + (int)i, .events = POLLIN};
	while (poll(fds, count, -1) >= 0)
		for (i = 0; i < count; i++)
			if (fds[i].revents)
				serve(fds[i].fd);
	return fail("wait");
}
