/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * activator PORT PROGRAM [ARGUMENT]...: socket activation at its least. Starts PROGRAM with the socket
 * as descriptor 3 when a datagram is there, and again when it has ended.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **argv)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execv(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct pollfd wait_for = {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};

	if (argc < 3 || wait_for.fd != 3)
		return 2;
	any.sin_port = htons((uint16_t)atoi(argv[1]));
	if (bind(wait_for.fd, (struct sockaddr *)&any, sizeof(any)))
		return 1;
	while (poll(&wait_for, 1, -1) == 1) {
		if (!fork())
			become(argv + 2);
		wait(NULL);
	}
	return 1;
}
