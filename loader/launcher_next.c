/* SPDX-License-Identifier: BSD-2-Clause */
/* The child that stands by for the next program. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aide.h"
#include "fd.h"
#include "launcher_private.h"

/* Its socket, as the launcher's own is. */
enum { SOCKET_FD = STDERR_FILENO + 1 };

static struct {
	pid_t pid; /* 0: none */
	int fd, pidfd;
} next = {.fd = -1, .pidfd = -1};

static void let_go(void)
{
	xfn_fd_close(&next.fd);
	xfn_fd_close(&next.pidfd);
	next.pid = 0;
}

/* Somebody may have killed it. */
static bool stands_by(void)
{
	if (next.pid && waitpid(next.pid, NULL, WNOHANG))
		let_go();
	return next.pid;
}

/*
 * Nothing of the launcher's may stay open in it, above all not its socket: xfnd would not see the launcher's end. Its
 * own tells it of that.
 */
static __attribute__((noreturn)) void wait_for_question(int fd)
{
	struct xfn_launcher_question question;
	struct xfn_aide_message in = {.data = &question, .bytes = sizeof(question)};

	prctl(PR_SET_NAME, XFN_LAUNCHER_NEXT_NAME);
	if (dup2(fd, SOCKET_FD) < 0)
		_exit(EXIT_FAILURE);
	close_range(SOCKET_FD + 1, ~0U, 0);
	if (xfn_aide_receive(SOCKET_FD, &in))
		_exit(EXIT_SUCCESS);
	close(SOCKET_FD);
	xfn_launcher_become(&question, in.fds, -1);
}

void xfn_launcher_stand_by(void)
{
	int pair[2];

	if (stands_by() || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	next.fd = pair[0];
	next.pid = fork();
	if (next.pid == 0)
		wait_for_question(pair[1]);
	close(pair[1]);
	if (next.pid < 0) {
		let_go();
		return;
	}
	next.pidfd = (int)syscall(SYS_pidfd_open, next.pid, 0);
	if (next.pidfd < 0) /* of no use: it ends, and is reaped when it is looked for */
		xfn_fd_close(&next.fd);
}

pid_t xfn_launcher_take_next(const struct xfn_aide_message *question, int *ret_pidfd)
{
	pid_t pid = next.pid;

	if (!stands_by() || next.fd < 0 || xfn_aide_send(next.fd, question))
		return 0;
	*ret_pidfd = next.pidfd;
	next.pidfd = -1;
	let_go();
	return pid;
}
