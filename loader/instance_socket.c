/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "clock.h"
#include "fd.h"
#include "instance_socket.h"
#include "launcher.h"
#include "loop.h"

/* Nothing tells of a bind(2): looked for often at first, and ever less so. One look takes 0.2 us. */
#define LOOK_MIN_NS 500000ULL
#define LOOK_MAX_NS 20000000ULL
enum {
	LOOK_SHARE = 8, /* of the time that has passed */
	GIFTS_MAX = 4,  /* a call that a signal interrupts is made anew, and asks again */
};

struct xfn_instance_socket {
	const struct xfn_instance_socket_hooks *hooks;
	void *context;
	int socket_fd; /* -1: was bound */
	int asking_fd; /* -1: nobody answers any more */
	struct xfn_source *on_question, *look;
	__u64 watched_ns; /* CLOCK_MONOTONIC: since then */
	unsigned gifts;   /* how often the program was given it */
	bool was_bound;   /* at the last look */
};

/* ---- is it bound? ------------------------------------------------------------------------------------ */

/*
 * To receive by system call is nothing that AF_XDP sockets do; but what is wrong with it depends on the state:
 * ENXIO before bind(2), ENETDOWN while the interface is down, afterwards EOPNOTSUPP, or ENOBUFS without a ring
 * for it. poll(2) would tell only of those that send. (5.11; the same on 6.1, 6.12 and 6.18.)
 */
static bool is_bound(int fd, bool *ret_receives)
{
	char byte;
	int err = recv(fd, &byte, sizeof(byte), 0) < 0 ? errno : 0;

	*ret_receives = err != ENOBUFS;
	return err != ENXIO && err != ENETDOWN;
}

/*
 * One look more after the first that finds it bound, for a program that knows nothing of xfn: many give the
 * kernel their frames only behind the bind(2).
 */
static void look(void *context)
{
	struct xfn_instance_socket *socket = context;
	__u64 pause = (xfn_clock_ns(CLOCK_MONOTONIC) - socket->watched_ns) / LOOK_SHARE;
	bool receives, bound = is_bound(socket->socket_fd, &receives);
	int fd;

	if (!bound || (socket->gifts && !socket->was_bound)) {
		socket->was_bound = bound;
		if (pause < LOOK_MIN_NS || bound)
			pause = LOOK_MIN_NS;
		xfn_timer_set(socket->look, pause < LOOK_MAX_NS ? pause : LOOK_MAX_NS);
		return;
	}
	fd = socket->socket_fd;
	socket->socket_fd = -1; /* the callback may free what has it */
	socket->hooks->bound(socket->context, fd, receives);
	close(fd);
}

void xfn_instance_socket_watch(struct xfn_instance_socket *socket)
{
	if (socket->socket_fd < 0)
		return;
	socket->watched_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	xfn_timer_set(socket->look, LOOK_MIN_NS);
}

/* ---- may I have one? --------------------------------------------------------------------------------- */

static void stop_answering(struct xfn_instance_socket *socket)
{
	xfn_source_free(socket->on_question);
	socket->on_question = NULL;
	xfn_fd_close(&socket->asking_fd);
}

/* By the launcher: the kernel waits until the program's thread has taken it, and xfnd waits for nobody. */
static int give(struct xfn_instance_socket *socket, const struct seccomp_notif *question)
{
	int type = (int)question->data.args[1];
	bool receives;

	if (socket->socket_fd < 0 || is_bound(socket->socket_fd, &receives) ||
	    socket->gifts++ >= GIFTS_MAX)
		return -EPERM;
	if (type & SOCK_NONBLOCK)
		fcntl(socket->socket_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	return xfn_launcher_give(socket->asking_fd, question->id, socket->socket_fd,
				 type & SOCK_CLOEXEC);
}

/* No more than one is: who goes on to ask costs nobody anything. */
static void refuse(struct xfn_instance_socket *socket, __u64 id, int err)
{
	struct seccomp_notif_resp answer = {.id = id, .error = err};

	ioctl(socket->asking_fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	stop_answering(socket);
	socket->hooks->refused(socket->context);
}

/* Those who ask may be gone: then there is nothing to receive, and it is not waited for. */
static void on_question(void *context, int fd, __u32 events)
{
	struct xfn_instance_socket *socket = context;
	struct seccomp_notif question = {0};
	int err;

	if (!(events & EPOLLIN)) { /* nobody is left who could ask */
		stop_answering(socket);
		return;
	}
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0)
		return;
	err = give(socket, &question);
	if (err)
		refuse(socket, question.id, err);
}

bool xfn_instance_socket_is_given(const struct xfn_instance_socket *socket)
{
	return socket->gifts;
}

/* ---- its life ---------------------------------------------------------------------------------------- */

int xfn_instance_socket_new(struct xfn_loop *loop, int socket_fd, int asking_fd,
			    const struct xfn_instance_socket_hooks *hooks, void *context,
			    struct xfn_instance_socket **ret)
{
	struct xfn_instance_socket *socket = calloc(1, sizeof(*socket));
	int err;

	if (!socket)
		return -ENOMEM;
	socket->hooks = hooks;
	socket->context = context;
	socket->socket_fd = socket->asking_fd = -1;
	err = xfn_loop_add_timer(loop, XFN_TIMER_OFF, look, socket, &socket->look);
	if (!err && asking_fd >= 0)
		err = xfn_loop_add_io(loop, asking_fd, EPOLLIN, on_question, socket,
				      &socket->on_question);
	if (err) {
		xfn_instance_socket_free(socket);
		return err;
	}
	socket->socket_fd = socket_fd;
	socket->asking_fd = asking_fd;
	*ret = socket;
	return 0;
}

void xfn_instance_socket_free(struct xfn_instance_socket *socket)
{
	if (!socket)
		return;
	stop_answering(socket);
	xfn_source_free(socket->look);
	xfn_fd_close(&socket->socket_fd);
	free(socket);
}
