/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving a function the AF_XDP socket that it asks for. In the launcher's process, and in a child that waits. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "errnum.h"
#include "launcher_private.h"

/*
 * The kernel puts the descriptor into place when the thread that asks runs next, and whoever gives it waits for
 * that: for as long as the program keeps the thread from running.
 */
static void give(int asking_fd, int socket_fd, const struct xfn_launcher_question *question)
{
	struct seccomp_notif_addfd gift = {
		.id = question->give.id,
		.flags = SECCOMP_ADDFD_FLAG_SEND, /* 5.14 */
		.srcfd = (__u32)socket_fd,
		.newfd_flags = question->give.cloexec ? O_CLOEXEC : 0,
	};
	struct seccomp_notif_resp failed = {.id = question->give.id};

	if (ioctl(asking_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &gift) >= 0)
		return;
	failed.error = xfn_errno(); /* it may have no place for more */
	ioctl(asking_fd, SECCOMP_IOCTL_NOTIF_SEND, &failed);
}

/* It may wait for long, and with nothing: the launcher's end, and what it holds, are to be its own affair. */
static void give_alone(int asking_fd, int socket_fd, const struct xfn_launcher_question *question)
{
	enum { ASKING_FD = STDERR_FILENO + 1, SOCKET_FD, SAVED_FD = 64 };

	asking_fd = fcntl(asking_fd, F_DUPFD, SAVED_FD);
	socket_fd = fcntl(socket_fd, F_DUPFD, SAVED_FD);
	if (asking_fd < 0 || socket_fd < 0 || dup2(asking_fd, ASKING_FD) < 0 ||
	    dup2(socket_fd, SOCKET_FD) < 0)
		return;
	close_range(SOCKET_FD + 1, ~0U, 0);
	xfn_launcher_drop_capabilities();
	give(ASKING_FD, SOCKET_FD, question);
}

/* The child's parent ends at once, and init reaps it. */
int xfn_launcher_answer_give(const struct xfn_launcher_question *question, const int *fds)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return xfn_errno();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			give_alone(fds[0], fds[1], question);
		_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	if (waitpid(pid, &status, 0) != pid)
		return xfn_errno();
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EAGAIN;
}
