/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker's process, and how it is asked: one datagram there, one back, on a socket pair. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>

#include "broker_private.h"
#include "errnum.h"
#include "privileges.h"

enum { PATIENCE_S = 10 };

static struct {
	pid_t pid;
	int fd;
	bool out_of_step; /* an answer did not come in time: it may come at any moment */
} broker = {.fd = -1};

/* ---- datagrams ---------------------------------------------------------------------------------- */

/* @fd: goes along; or -1. Returns 0 or -errno. */
static int send_with_fd(int socket, const void *data, size_t bytes, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec piece = {(void *)(uintptr_t)data, bytes};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? xfn_errno() : 0;
}

/* *ret_fd: what came along, or -1. Returns 0, -EPIPE at the other's end, or -errno. */
static int receive_with_fd(int socket, void *data, size_t bytes, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec piece = {data, bytes};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	struct cmsghdr *header;
	ssize_t length;

	*ret_fd = -1;
	do {
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return xfn_errno();
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	return length == 0 ? -EPIPE : (size_t)length == bytes ? 0 : -EBADMSG;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* ---- the broker ---------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void serve(int socket)
{
	struct xfn_broker_question question;
	struct xfn_broker_answer answer;
	int in, out, err;

	for (;;) {
		err = receive_with_fd(socket, &question, sizeof(question), &in);
		if (err && err != -EBADMSG)
			_exit(err == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE);
		question.name[sizeof(question.name) - 1] = '\0';
		if (err)
			question.op = XFN_BROKER_OP_COUNT;
		xfn_broker_answer(&question, in, &answer, &out);
		err = send_with_fd(socket, &answer, sizeof(answer), out);
		close_fd(in);
		close_fd(out);
		if (err)
			_exit(EXIT_FAILURE);
	}
}

/*
 * Its end is xfnd's end, however that comes about: then the socket says so. Signals that end xfnd go
 * to the whole group and are none of its business.
 */
__attribute__((noreturn)) static void become_broker(int socket)
{
	char error[256];

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, "xfnd-broker");
	if (dup2(socket, STDERR_FILENO + 1) < 0)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	if (xfn_privileges_drop(XFN_ROLE_BROKER, error, sizeof(error)) < 0)
		_exit(EXIT_FAILURE); /* xfnd, which does the same, says why */
	serve(STDERR_FILENO + 1);
}

static bool has_right(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
}

int xfn_broker_start(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int pair[2], err;

	if (!has_right())
		return -EPERM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return xfn_errno();
	/* Nothing that it does takes long: to wait for ever would be worse than to fail. */
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	broker.pid = fork();
	if (broker.pid < 0) {
		err = xfn_errno();
		broker.pid = 0;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (broker.pid == 0)
		become_broker(pair[1]);
	close(pair[1]);
	broker.fd = pair[0];
	return 0;
}

void xfn_broker_stop(void)
{
	if (broker.fd < 0)
		return;
	close(broker.fd);
	waitpid(broker.pid, NULL, 0);
	broker.fd = -1;
	broker.pid = 0;
}

int xfn_broker_check(void)
{
	char byte;

	if (broker.fd < 0)
		return has_right() ? 0 : -EPERM;
	if (broker.out_of_step)
		return -EPIPE;
	return recv(broker.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ? -EPIPE : 0;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static int ask(const struct xfn_broker_question *question, int fd, struct xfn_broker_answer *answer,
	       int *ret_fd)
{
	int err;

	if (broker.fd < 0) {
		xfn_broker_answer(question, fd, answer, ret_fd);
		return answer->err;
	}
	if (broker.out_of_step)
		return -EPIPE;
	err = send_with_fd(broker.fd, question, sizeof(*question), fd);
	if (!err)
		err = receive_with_fd(broker.fd, answer, sizeof(*answer), ret_fd);
	/* A late answer would be taken for the next question's: what it names would be another's. */
	if (err)
		broker.out_of_step = true;
	return err ?: answer->err;
}

static int ask_fd(enum xfn_broker_op op, int fd, __u32 number)
{
	const struct xfn_broker_question question = {.op = op, .number = number};
	struct xfn_broker_answer answer;
	int ret_fd = -1, err = ask(&question, fd, &answer, &ret_fd);

	if (!err && ret_fd < 0)
		err = -EIO;
	return err ?: ret_fd;
}

int xfn_broker_program(int array_fd, __u32 slot)
{
	return ask_fd(XFN_BROKER_PROGRAM, array_fd, slot);
}

int xfn_broker_map(int program_fd, __u32 map_id)
{
	return ask_fd(XFN_BROKER_MAP, program_fd, map_id);
}

int xfn_broker_btf(int map_fd)
{
	return ask_fd(XFN_BROKER_BTF, map_fd, 0);
}

int xfn_broker_program_name(__u32 program_id, char *ret)
{
	const struct xfn_broker_question question = {.op = XFN_BROKER_PROGRAM_NAME,
						     .number = program_id};
	struct xfn_broker_answer answer;
	int fd = -1, err = ask(&question, -1, &answer, &fd);

	if (!err)
		memcpy(ret, answer.name, sizeof(answer.name));
	return err;
}

int xfn_broker_features(int netns_fd, const char *name, struct xfn_interface_features *ret,
			__u32 *ret_tx_queues)
{
	struct xfn_broker_question question = {.op = XFN_BROKER_FEATURES};
	struct xfn_broker_answer answer;
	int fd = -1, err;

	if (strlen(name) >= sizeof(question.name))
		return -ENODEV;
	strcpy(question.name, name);
	err = ask(&question, netns_fd, &answer, &fd);
	if (!err) {
		*ret = answer.features;
		*ret_tx_queues = answer.tx_queues;
	}
	return err;
}
