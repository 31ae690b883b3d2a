/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aide.h"
#include "errnum.h"
#include "fd.h"
#include "http.h"
#include "instance.h"
#include "listen.h"
#include "loop.h"
#include "reply.h"
#include "run.h"

enum {
	PEERS_MAX = 16, /* who have not asked yet; half of them root's and this user's */
	USER_MAX = 2,   /* of another user */
};
#define PATIENCE_NS 1000000000ULL
#define PAUSE_NS    100000000ULL

struct peer {
	struct xfn_run *run;
	int fd; /* -1: nobody */
	struct ucred cred;
	struct xfn_source *on_question, *deadline;
};

struct xfn_run {
	struct xfn_loop *loop;
	struct xfn_engine *engine;
	int listen_fd;
	char *path;
	struct xfn_source *accepting, *resume;
	struct peer peers[PEERS_MAX];
};

static void let_go(struct peer *peer)
{
	xfn_source_free(peer->on_question);
	xfn_source_free(peer->deadline);
	peer->on_question = peer->deadline = NULL;
	xfn_fd_close(&peer->fd);
}

/* ---- the answer ------------------------------------------------------------------------------------ */

/* The rest of it is not told where it has no room. */
static void put_error(const struct xfn_reply *reply, struct xfn_run_answer *answer)
{
	size_t bytes =
		json_dumpb(reply->body, answer->error, sizeof(answer->error) - 1, JSON_COMPACT);

	answer->error[bytes < sizeof(answer->error) ? bytes : 0] = '\0';
}

/* Who asks has room for one answer; without it, it has not asked in earnest. */
static void send_answer(const struct peer *peer, const struct xfn_run_grant *grant,
			const struct xfn_reply *reply)
{
	struct xfn_run_answer answer = {.version = XFN_RUN_VERSION,
					.status = reply->http_status ? (__u32)reply->http_status
								     : 200,
					.ifindex = grant->ifindex,
					.mtu = grant->mtu,
					.function_version = grant->version};
	struct xfn_aide_message out = {.data = &answer, .bytes = sizeof(answer)};

	memcpy(answer.function, grant->function, sizeof(answer.function));
	if (reply->http_status)
		put_error(reply, &answer);
	else
		memcpy(out.fds, grant->fds, sizeof(grant->fds));
	out.fd_count = reply->http_status ? 0 : XFN_RUN_FDS;
	xfn_aide_send(peer->fd, &out);
}

/*
 * The number may be another process's by now; not while the connection is open, which is looked at behind the
 * opening: it has asked, and waits for the answer.
 */
static int open_process(const struct peer *peer)
{
	int pidfd = (int)syscall(SYS_pidfd_open, peer->cred.pid, 0);
	char byte;

	if (pidfd < 0)
		return xfn_errno();
	if (recv(peer->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
		return pidfd;
	close(pidfd);
	return -ESRCH;
}

static void answer(struct peer *peer, const struct xfn_run_question *question)
{
	struct xfn_instance_guest guest = {
		.pid = peer->cred.pid, .uid = peer->cred.uid, .pidfd = open_process(peer)};
	struct xfn_run_grant grant = {.fds = {-1, -1}};
	struct xfn_reply reply = {0};
	int err = 0;

	if (question->version != XFN_RUN_VERSION) {
		err = xfn_reply_error(&reply, 400, "version", NULL,
				      "this xfn speaks another version than xfnd");
	} else if (guest.pidfd < 0) {
		err = xfn_reply_error(&reply, 400, "no_process", NULL,
				      "who asks cannot be seen: %s", strerror(-guest.pidfd));
	} else {
		err = xfn_engine_run(peer->run->engine, question->function, &guest, &grant, &reply);
		guest.pidfd = -1;
	}
	if (!err)
		send_answer(peer, &grant, &reply);
	xfn_fd_close(&guest.pidfd);
	xfn_fd_close(&grant.fds[XFN_RUN_FD_SOCKET]);
	xfn_fd_close(&grant.fds[XFN_RUN_FD_CHANNEL]);
	xfn_reply_fini(&reply);
}

/* ---- the question ---------------------------------------------------------------------------------- */

/* Descriptors beside it are not taken. Who says anything else is not answered. */
static void on_question(void *context, int fd, __u32 events)
{
	struct peer *peer = context;
	struct xfn_run_question question;
	ssize_t bytes = recv(fd, &question, sizeof(question), MSG_DONTWAIT | MSG_TRUNC);

	(void)events;
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes == sizeof(question) && !question.function[sizeof(question.function) - 1])
		answer(peer, &question);
	let_go(peer);
}

static void on_deadline(void *context)
{
	let_go(context);
}

static bool is_master(uid_t uid)
{
	return !uid || uid == geteuid();
}

/* A place, or NULL: this user, or his kind, has its share. */
static struct peer *find_place(struct xfn_run *run, uid_t uid)
{
	struct peer *free_one = NULL, *peer;
	unsigned kind = 0, user = 0;

	for (peer = run->peers; peer < run->peers + PEERS_MAX; peer++) {
		if (peer->fd < 0) {
			free_one = peer;
			continue;
		}
		kind += is_master(peer->cred.uid) == is_master(uid);
		user += peer->cred.uid == uid;
	}
	return kind < PEERS_MAX / 2 && (is_master(uid) || user < USER_MAX) ? free_one : NULL;
}

static int add_peer(struct xfn_run *run, int fd)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	struct peer *peer;
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return xfn_errno();
	peer = find_place(run, cred.uid);
	if (!peer)
		return -EBUSY;
	peer->cred = cred;
	err = xfn_loop_add_timer(run->loop, PATIENCE_NS, on_deadline, peer, &peer->deadline);
	err = err ?: xfn_loop_add_io(run->loop, fd, EPOLLIN, on_question, peer, &peer->on_question);
	if (err)
		let_go(peer);
	else
		peer->fd = fd;
	return err;
}

/* One at a time: what else there is to do comes between. */
static void on_accept(void *context, int listen_fd, __u32 events)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct xfn_run *run = context;

	(void)events;
	if (fd >= 0 && add_peer(run, fd))
		close(fd);
	if (fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* Without a descriptor to spare, to be told of the same connection again at once helps nobody. */
	xfn_source_enable(run->accepting, false);
	xfn_timer_set(run->resume, PAUSE_NS);
}

static void on_resume(void *context)
{
	struct xfn_run *run = context;

	xfn_source_enable(run->accepting, true);
}

/* ---- its life ---------------------------------------------------------------------------------------- */

int xfn_run_bind(const char *path)
{
	return xfn_listen_bind_type(SOCK_SEQPACKET, path, XFN_HTTP_GROUP);
}

int xfn_run_open(struct xfn_loop *loop, struct xfn_engine *engine, int listen_fd, const char *path,
		 struct xfn_run **ret)
{
	struct xfn_run *run = calloc(1, sizeof(*run));
	int i, err = run ? 0 : -ENOMEM;

	if (err)
		return err;
	*run = (struct xfn_run){
		.loop = loop, .engine = engine, .listen_fd = -1, .path = strdup(path)};
	for (i = 0; i < PEERS_MAX; i++)
		run->peers[i] = (struct peer){.run = run, .fd = -1};
	if (!run->path)
		err = -ENOMEM;
	err = err ?: xfn_loop_add_timer(loop, XFN_TIMER_OFF, on_resume, run, &run->resume);
	err = err ?: xfn_loop_add_io(loop, listen_fd, EPOLLIN, on_accept, run, &run->accepting);
	if (err) {
		xfn_run_close(run);
		return err;
	}
	run->listen_fd = listen_fd;
	*ret = run;
	return 0;
}

void xfn_run_close(struct xfn_run *run)
{
	int i;

	if (!run)
		return;
	xfn_source_free(run->accepting);
	xfn_source_free(run->resume);
	for (i = 0; i < PEERS_MAX; i++)
		let_go(&run->peers[i]);
	if (run->listen_fd >= 0)
		unlink(run->path);
	xfn_fd_close(&run->listen_fd);
	free(run->path);
	free(run);
}
