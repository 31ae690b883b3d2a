/* SPDX-License-Identifier: BSD-2-Clause */
/* From the launcher to the keeper (keeper.h): starts it, and makes its parking sockets. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errnum.h"
#include "fd.h"
#include "launcher_private.h"

/* Numbers of the child's descriptors; the last two are closed by exec. */
enum { LISTEN_FD = 3, BINARY_FD = 4, REPORT_FD = 5, FIRST_FREE_FD = 6, FIRST_SAVED_FD = 64 };

/* What the child says: its pid, and, should it come so far, why it could not execute. */
struct report {
	__s32 pid;
	__s32 err;
};

/* In the folder of the running xfnd, whose file may have been replaced. Returns a descriptor or -errno. */
static int open_binary(void)
{
	char path[PATH_MAX + sizeof(XFN_KEEPER_BINARY)];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;
	int fd;

	if (length < 0)
		return xfn_errno();
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	strcpy(slash + 1, XFN_KEEPER_BINARY);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? xfn_errno() : fd;
}

/* ---- the child ----------------------------------------------------------------------------------------- */

/* Copies out of the way first: one may lie where another is to be. */
static int arrange_fds(int listen_fd, int binary_fd, int report_fd)
{
	int nothing = open("/dev/null", O_RDWR), i;

	listen_fd = fcntl(listen_fd, F_DUPFD, FIRST_SAVED_FD);
	binary_fd = fcntl(binary_fd, F_DUPFD, FIRST_SAVED_FD);
	report_fd = fcntl(report_fd, F_DUPFD, FIRST_SAVED_FD);
	if (nothing < 0 || listen_fd < 0 || binary_fd < 0 || report_fd < 0)
		return xfn_errno();
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (dup2(nothing, i) < 0)
			return xfn_errno();
	if (dup2(listen_fd, LISTEN_FD) < 0 || dup3(binary_fd, BINARY_FD, O_CLOEXEC) < 0 ||
	    dup3(report_fd, REPORT_FD, O_CLOEXEC) < 0)
		return xfn_errno();
	close_range(FIRST_FREE_FD, ~0U, 0);
	return 0;
}

/* @served: whose questions it answers. By descriptor: the way to the file may be closed to its user. */
static int execute(uid_t served)
{
	char name[] = XFN_KEEPER_BINARY, number[16];
	char *argv[] = {name, number, NULL}, *env[] = {NULL};

	snprintf(number, sizeof(number), "%u", served);
	syscall(SYS_execveat, BINARY_FD, "", argv, env, AT_EMPTY_PATH);
	return xfn_errno();
}

static int become_keeper(uid_t uid)
{
	static const struct rlimit no_core;
	uid_t served = geteuid();
	int err;

	xfn_launcher_reset_signals();
	setrlimit(RLIMIT_CORE, &no_core);
	xfn_launcher_raise_memlock();
	err = xfn_launcher_drop_bounding()
		      ?: xfn_launcher_become_user(uid, (gid_t)uid, NULL, 0)
				 ?: xfn_launcher_drop_capabilities();
	if (!err && chdir("/") < 0)
		err = xfn_errno();
	return err ?: execute(served);
}

static __attribute__((noreturn)) void run_child(int listen_fd, int binary_fd, int report_fd,
						uid_t uid)
{
	struct report report = {.pid = getpid()};

	report.err = arrange_fds(listen_fd, binary_fd, report_fd);
	if (report.err)
		_exit(EXIT_FAILURE); /* the launcher hears nothing, which says enough */
	if (write(REPORT_FD, &report, sizeof(report)) != sizeof(report))
		_exit(EXIT_FAILURE);
	report.err = become_keeper(uid);
	if (write(REPORT_FD, &report, sizeof(report)) != sizeof(report))
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* ---- the launcher -------------------------------------------------------------------------------------- */

/* By way of a child that ends at once, so that init is its parent: it outlives the launcher anyway. */
static int fork_away(int listen_fd, int binary_fd, int report_fd, uid_t uid)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return xfn_errno();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			run_child(listen_fd, binary_fd, report_fd, uid);
		_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	if (waitpid(pid, &status, 0) != pid)
		return xfn_errno();
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EAGAIN;
}

/* Nothing behind its pid: it was executed. */
static int read_report(int fd, struct xfn_launcher_answer *answer)
{
	struct report report;

	if (read(fd, &report, sizeof(report)) != sizeof(report))
		return -EIO;
	answer->value = report.pid;
	return read(fd, &report, sizeof(report)) == sizeof(report) ? report.err : 0;
}

int xfn_launcher_answer_keeper(const struct xfn_launcher_question *question, int listen_fd,
			       struct xfn_launcher_answer *answer)
{
	int binary_fd, pipe_fds[2], err;

	if (!xfn_uid_is_lone(question->uid))
		return -EPERM;
	binary_fd = open_binary();
	if (binary_fd < 0)
		return binary_fd;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		err = xfn_errno();
		close(binary_fd);
		return err;
	}
	err = fork_away(listen_fd, binary_fd, pipe_fds[1], question->uid);
	close(pipe_fds[1]);
	close(binary_fd);
	if (!err)
		err = read_report(pipe_fds[0], answer);
	close(pipe_fds[0]);
	return err;
}

int xfn_launcher_answer_socket(int *ret_fd)
{
	*ret_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return *ret_fd < 0 ? xfn_errno() : 0;
}
