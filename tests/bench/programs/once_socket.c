/* SPDX-License-Identifier: BSD-2-Clause */
/* once_socket: answers one datagram on the first socket that it was started with (sd_listen_fds(3)), and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { FIRST_FD = 3, BYTES_MAX = 9000 };

int main(void)
{
	struct sockaddr_storage from;
	socklen_t from_bytes = sizeof(from);
	char data[BYTES_MAX];
	ssize_t bytes;

	if (!getenv("LISTEN_FDS")) {
		fputs("once_socket: started without a socket\n", stderr);
		return 1;
	}
	bytes = recvfrom(FIRST_FD, data, sizeof(data), 0, (struct sockaddr *)&from, &from_bytes);
	if (bytes < 0)
		return 1;
	return sendto(FIRST_FD, data, (size_t)bytes, 0, (struct sockaddr *)&from, from_bytes) < 0;
}
