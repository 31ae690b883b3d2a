/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xfn-keeper: keeps what must not be lost while xfnd is not there (keeper.h, docs/adr/0015-keeper.md).
 * Started by xfnd's launcher, with a listening socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errnum.h"
#include "keeper_private.h"
#include "privileges.h"

enum { LISTEN_FD = STDERR_FILENO + 1, EXIT_USAGE = 2 };

/* What is waited for, in this order; behind them the parking sockets. */
enum { POLL_LISTEN, POLL_CLIENT, POLL_PARKS };

static struct xfn_keeping keeping = {.listen_fd = LISTEN_FD, .client_fd = -1};

static int usage(void)
{
	fprintf(stderr, "usage: xfn-keeper UID\n"
			"Takes clients of user UID on descriptor 3. xfnd starts it.\n");
	return EXIT_USAGE;
}

static bool read_uid(const char *text, uid_t *ret)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number >= (uid_t)-1)
		return false;
	*ret = (uid_t)number;
	return true;
}

static bool is_listening(int fd)
{
	int listens = 0, type = 0;
	socklen_t bytes = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) && listens &&
	       type == SOCK_SEQPACKET;
}

/* Descriptors as many as there may be; no image of other people's packets on the disk. */
static void set_limits(void)
{
	static const struct rlimit no_core;
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* ---- waiting ------------------------------------------------------------------------------------------ */

static unsigned fill_polls(struct pollfd *polls)
{
	__u32 i;

	polls[POLL_LISTEN] = (struct pollfd){.fd = keeping.listen_fd, .events = POLLIN};
	polls[POLL_CLIENT] = (struct pollfd){.fd = keeping.client_fd, .events = POLLIN};
	for (i = 0; i < keeping.parks.count; i++)
		polls[POLL_PARKS + i] =
			(struct pollfd){.fd = keeping.parks.sockets[i].fd, .events = POLLIN};
	return POLL_PARKS + keeping.parks.count;
}

static void serve(void)
{
	struct pollfd polls[POLL_PARKS + XFN_KEEPER_PARKS_MAX];

	while (!keeping.ended) {
		if (poll(polls, fill_polls(polls), -1) < 0)
			continue; /* a signal that nobody wants */
		if (polls[POLL_CLIENT].revents)
			xfn_keeping_answer(&keeping);
		if (polls[POLL_LISTEN].revents)
			xfn_keeping_accept(&keeping);
		xfn_parks_read(&keeping.parks, &keeping.inboxes);
		xfn_keeping_note(&keeping);
	}
}

int main(int argc, char **argv)
{
	char error[256];

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("xfn-keeper %s\n", XFN_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc != 2 || !read_uid(argv[1], &keeping.uid))
		return usage();
	if (!is_listening(LISTEN_FD)) {
		fprintf(stderr, "xfn-keeper: descriptor 3 is no listening SOCK_SEQPACKET socket\n");
		return EXIT_USAGE;
	}
	set_limits();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, "xfn-keeper"); /* it may have been executed by descriptor */
	if (xfn_privileges_drop(XFN_ROLE_KEEPER, error, sizeof(error)) < 0) {
		fprintf(stderr, "xfn-keeper: %s\n", error);
		return EXIT_FAILURE;
	}
	serve();
	_exit(EXIT_SUCCESS); /* nothing is to be written or freed */
}
