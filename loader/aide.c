/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/types.h>

#include <cap-ng.h>

#include "aide.h"
#include "errnum.h"

/* ---- datagrams ---------------------------------------------------------------------------------- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(XFN_AIDE_FDS_MAX * sizeof(int))];
};

int xfn_aide_send(int socket, const struct xfn_aide_message *message)
{
	size_t fds_bytes = message->fd_count * sizeof(int);
	union control control = {0};
	struct iovec piece = {message->data, message->bytes};
	struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
	struct cmsghdr *rights;

	if (message->fd_count > XFN_AIDE_FDS_MAX)
		return -E2BIG;
	if (message->fd_count) {
		header.msg_control = control.room;
		header.msg_controllen = CMSG_SPACE(fds_bytes);
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(fds_bytes);
		memcpy(CMSG_DATA(rights), message->fds, fds_bytes);
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? xfn_errno() : 0;
}

void xfn_aide_close_fds(struct xfn_aide_message *message)
{
	while (message->fd_count)
		close(message->fds[--message->fd_count]);
}

static void take_fds(struct msghdr *header, struct xfn_aide_message *message)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);
	size_t bytes;

	if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return;
	bytes = rights->cmsg_len - CMSG_LEN(0);
	message->fd_count = bytes / sizeof(int);
	memcpy(message->fds, CMSG_DATA(rights), bytes);
}

int xfn_aide_receive(int socket, struct xfn_aide_message *message)
{
	union control control;
	struct iovec piece = {message->data, message->bytes};
	struct msghdr header = {.msg_iov = &piece,
				.msg_iovlen = 1,
				.msg_control = control.room,
				.msg_controllen = sizeof(control.room)};
	ssize_t length;

	message->fd_count = 0;
	do {
		length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return xfn_errno();
	take_fds(&header, message);
	if ((size_t)length == message->bytes && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	xfn_aide_close_fds(message);
	return length == 0 ? -EPIPE : -EBADMSG;
}

/* ---- the process ---------------------------------------------------------------------------------- */

static void wait_for_question(int socket, const struct xfn_aide_options *options)
{
	struct pollfd question = {.fd = socket, .events = POLLIN};

	if (options->rest && poll(&question, 1, XFN_AIDE_REST_MS) == 0)
		options->rest();
}

__attribute__((noreturn)) static void serve(int socket, const struct xfn_aide_options *options)
{
	_Alignas(8) __u8 question[XFN_AIDE_BYTES_MAX], answer[XFN_AIDE_BYTES_MAX];
	struct xfn_aide_message in = {.data = question, .bytes = options->question_bytes};
	struct xfn_aide_message out = {.data = answer, .bytes = options->answer_bytes};
	int err;

	for (;;) {
		wait_for_question(socket, options);
		err = xfn_aide_receive(socket, &in);
		if (err && err != -EBADMSG)
			_exit(err == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE);
		if (err)
			memset(question, 0xff, sizeof(question));
		memset(answer, 0, sizeof(answer));
		options->answer(&in, &out);
		err = xfn_aide_send(socket, &out);
		xfn_aide_close_fds(&in);
		xfn_aide_close_fds(&out);
		if (err)
			_exit(EXIT_FAILURE);
	}
}

/*
 * Its end is xfnd's end, however that comes about: then the socket says so. Signals that end xfnd go
 * to the whole group and are none of its business.
 */
__attribute__((noreturn)) static void become(int socket, const struct xfn_aide_options *options)
{
	char error[256];

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, options->name);
	if (dup2(socket, STDERR_FILENO + 1) < 0)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	if (xfn_privileges_drop(options->role, error, sizeof(error)) < 0)
		_exit(EXIT_FAILURE); /* xfnd, which does the same, says why */
	serve(STDERR_FILENO + 1, options);
}

bool xfn_aide_has_right(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
}

int xfn_aide_start(struct xfn_aide *aide, const struct xfn_aide_options *options)
{
	const struct timeval patience = {.tv_sec = options->patience_s};
	int pair[2], err;
	pid_t pid;

	if (options->question_bytes > XFN_AIDE_BYTES_MAX ||
	    options->answer_bytes > XFN_AIDE_BYTES_MAX)
		return -E2BIG;
	if (!xfn_aide_has_right())
		return -EPERM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return xfn_errno();
	/* Nothing that it does takes long: to wait for ever would be worse than to fail. */
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	pid = fork();
	if (pid == 0)
		become(pair[1], options);
	err = pid < 0 ? xfn_errno() : 0;
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	*aide = (struct xfn_aide){.pid = pid, .fd = pair[0]};
	return 0;
}

void xfn_aide_stop(struct xfn_aide *aide)
{
	if (aide->fd < 0)
		return;
	close(aide->fd);
	waitpid(aide->pid, NULL, 0);
	*aide = (struct xfn_aide){.fd = -1};
}

/* ---- asking --------------------------------------------------------------------------------------- */

int xfn_aide_check(const struct xfn_aide *aide)
{
	char byte;

	if (aide->fd < 0)
		return -ENOENT;
	if (aide->out_of_step)
		return -EPIPE;
	return recv(aide->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ? -EPIPE : 0;
}

int xfn_aide_ask(struct xfn_aide *aide, const struct xfn_aide_message *question,
		 struct xfn_aide_message *answer)
{
	int err;

	if (aide->fd < 0 || aide->out_of_step)
		return -EPIPE;
	err = xfn_aide_send(aide->fd, question);
	if (err)
		return err; /* nothing was asked */
	err = xfn_aide_receive(aide->fd, answer);
	/* One that came and could not be taken, for want of descriptors, is not taken for another's. */
	if (err && err != -EBADMSG)
		aide->out_of_step = true;
	return err;
}
