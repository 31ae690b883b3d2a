/* SPDX-License-Identifier: BSD-2-Clause */
/* xfnd's side of the keeper (keeper.h): one question at a time, and what the keeper says unasked. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "aide.h"
#include "errnum.h"
#include "fd.h"
#include "keeper.h"
#include "launcher.h"

struct xfn_keeper {
	struct xfn_keeper_options options;
	int fd;
	bool noted;   /* something is wanted, and whoever is to know has not been told */
	bool is_gone; /* or a late answer would be taken for the next question's; nothing follows */
	bool is_stuck;
	struct xfn_source *io, *tell;
};

/* ---- the socket -------------------------------------------------------------------------------------- */

static int address_of(const char *run_dir, struct sockaddr_un *address)
{
	int bytes = (int)sizeof(address->sun_path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(address->sun_path, (size_t)bytes, "%s/%s", run_dir, XFN_KEEPER_SOCKET) <
			       bytes
		       ? 0
		       : -ENAMETOOLONG;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? xfn_errno() : fd;
}

/* Of all that is said on @fd from then on. */
static void set_patience(int fd, unsigned ms)
{
	const struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* Returns a descriptor or -errno; -ETIMEDOUT: nobody accepts. Neither this nor what is said on it waits for longer. */
static int connect_to(const char *run_dir, unsigned patience_ms)
{
	struct sockaddr_un address;
	int err = address_of(run_dir, &address), fd;

	if (err)
		return err;
	fd = new_socket();
	if (fd < 0)
		return fd;
	set_patience(fd, patience_ms);
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = errno == EAGAIN ? -ETIMEDOUT : xfn_errno();
	close(fd);
	return err;
}

/* In the place of a socket that nobody serves. Returns a descriptor or -errno. */
static int listen_at(const struct sockaddr_un *address)
{
	int fd = new_socket(), err;
	mode_t before;

	if (fd < 0)
		return fd;
	unlink(address->sun_path);
	before = umask(0177);
	err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? xfn_errno() : 0;
	umask(before);
	if (!err && listen(fd, 1))
		err = xfn_errno();
	if (!err)
		return fd;
	close(fd);
	return err;
}

int xfn_keeper_start(const char *run_dir, uid_t uid, pid_t *ret_pid)
{
	struct sockaddr_un address;
	int err = address_of(run_dir, &address), fd = connect_to(run_dir, XFN_KEEPER_PATIENCE_MS);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -ETIMEDOUT)
		return -EADDRINUSE;
	if (err)
		return err;
	fd = listen_at(&address);
	if (fd < 0)
		return fd;
	err = xfn_launcher_start_keeper(fd, uid, ret_pid);
	if (err)
		unlink(address.sun_path);
	close(fd);
	return err;
}

/* ---- what it says unasked ------------------------------------------------------------------------------ */

static void tell_soon(struct xfn_keeper *keeper)
{
	if (keeper->tell)
		xfn_defer_arm(keeper->tell);
}

/* Once, by what @err says: from then on it is not asked and not listened to. */
static int lose(struct xfn_keeper *keeper, int err)
{
	keeper->is_gone = true;
	keeper->is_stuck = err == -EAGAIN;
	if (keeper->io)
		xfn_source_enable(keeper->io, false);
	tell_soon(keeper);
	return -EPIPE;
}

/* The last thing that is done with it: whoever is told may close it. */
static void tell(void *context)
{
	struct xfn_keeper *keeper = context;
	const struct xfn_keeper_options *options = &keeper->options;
	bool noted = keeper->noted;

	keeper->noted = false;
	if (keeper->is_gone)
		options->on_gone(options->context);
	else if (noted)
		options->on_wanted(options->context);
}

/* Between questions: only a note may come. One may have been read meanwhile, behind an answer. */
static void on_readable(void *context, int fd, __u32 events)
{
	struct xfn_keeper *keeper = context;
	struct xfn_keeper_message message = {0};
	ssize_t bytes = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

	(void)events;
	if (bytes < 0 && errno == EAGAIN)
		return;
	if (bytes != sizeof(message) || message.op != XFN_KEEPER_NOTE) {
		lose(keeper, -EPIPE);
		return;
	}
	keeper->noted = true;
	tell_soon(keeper);
}

/* ---- questions ----------------------------------------------------------------------------------------- */

/* The answer to @op, in @in; notes before it are for later. */
static int receive_answer(struct xfn_keeper *keeper, __u32 op, struct xfn_aide_message *in)
{
	const struct xfn_keeper_message *message = in->data;
	int err;

	for (;;) {
		err = xfn_aide_receive(keeper->fd, in);
		if (err)
			/* One that came, and whose descriptor there was no room for, is no other's. */
			return err == -EBADMSG ? err : lose(keeper, err);
		if (message->op == op)
			return 0;
		xfn_aide_close_fds(in);
		if (message->op != XFN_KEEPER_NOTE)
			return lose(keeper, -EPROTO);
		keeper->noted = true;
		tell_soon(keeper);
	}
}

/*
 * Asks with @message, where the answer is then, and @fd, or -1. *ret_fd: the descriptor that came back, or
 * -1; NULL where none does.
 */
static int ask(struct xfn_keeper *keeper, struct xfn_keeper_message *message, int fd, int *ret_fd)
{
	struct xfn_keeper_message answer;
	struct xfn_aide_message in = {.data = &answer, .bytes = sizeof(answer)};
	struct xfn_aide_message out = {
		.data = message, .bytes = sizeof(*message), .fds = {fd}, .fd_count = fd >= 0};
	int err;

	if (keeper->is_gone)
		return -EPIPE;
	message->version = XFN_KEEPER_VERSION;
	err = xfn_aide_send(keeper->fd, &out);
	if (err)
		return lose(keeper, err);
	err = receive_answer(keeper, message->op, &in);
	if (err)
		return err;
	*message = answer;
	if (ret_fd && !answer.err) {
		*ret_fd = in.fd_count ? in.fds[0] : -1;
		in.fd_count = 0;
	}
	xfn_aide_close_fds(&in);
	return answer.err;
}

int xfn_keeper_list(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u32 index,
		    struct xfn_keeper_message *ret, int *ret_fd)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_LIST,
					     .list = {.kind = kind, .index = index}};
	int err = ask(keeper, &message, -1, ret_fd);

	if (!err)
		*ret = message;
	return err;
}

int xfn_keeper_wanted(struct xfn_keeper *keeper, __u64 *ret_identity)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_WANTED};
	int err = ask(keeper, &message, -1, NULL);

	if (!err)
		*ret_identity = message.id;
	return err;
}

int xfn_keeper_counts(struct xfn_keeper *keeper, __u64 identity, struct xfn_keeper_counts *ret)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_COUNTS, .id = identity};
	int err = ask(keeper, &message, -1, NULL);

	if (!err)
		*ret = message.counts;
	return err;
}

int xfn_keeper_store(struct xfn_keeper *keeper, const struct xfn_keeper_stored *stored, int fd)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_STORE, .stored = *stored};

	return ask(keeper, &message, fd, NULL);
}

int xfn_keeper_drop(struct xfn_keeper *keeper, enum xfn_keeper_kind kind, __u64 key)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_DROP,
					     .stored = {.kind = kind, .key = key}};

	return ask(keeper, &message, -1, NULL);
}

int xfn_keeper_park_open(struct xfn_keeper *keeper, const struct xfn_keeper_park *park,
			 int socket_fd, __u32 *ret_frames)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_PARK_OPEN, .park = *park};
	int err = ask(keeper, &message, socket_fd, NULL);

	if (!err)
		*ret_frames = message.park.frames;
	return err;
}

int xfn_keeper_park_close(struct xfn_keeper *keeper, __u32 slot, __u32 queue)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_PARK_CLOSE,
					     .park = {.slot = slot, .queue = queue}};

	return ask(keeper, &message, -1, NULL);
}

int xfn_keeper_park_function(struct xfn_keeper *keeper, const struct xfn_keeper_function *function)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_PARK_FUNCTION, .function = *function};

	return ask(keeper, &message, -1, NULL);
}

int xfn_keeper_forget(struct xfn_keeper *keeper, __u64 identity)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_FORGET, .id = identity};

	return ask(keeper, &message, -1, NULL);
}

int xfn_keeper_take(struct xfn_keeper *keeper, __u64 identity, int *ret_fd,
		    struct xfn_keeper_taken *ret_taken)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_TAKE, .id = identity};
	int err = ask(keeper, &message, -1, ret_fd);

	if (!err)
		*ret_taken = message.taken;
	return err;
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

static int listen_to(struct xfn_keeper *keeper)
{
	struct xfn_loop *loop = keeper->options.loop;
	int err;

	if (!loop)
		return 0;
	err = xfn_loop_add_defer(loop, tell, keeper, &keeper->tell);
	return err ?: xfn_loop_add_io(loop, keeper->fd, EPOLLIN, on_readable, keeper, &keeper->io);
}

static void stop_listening(struct xfn_keeper *keeper)
{
	xfn_source_free(keeper->io);
	xfn_source_free(keeper->tell);
	keeper->io = keeper->tell = NULL;
}

int xfn_keeper_open(const struct xfn_keeper_options *options, struct xfn_keeper **ret,
		    struct xfn_keeper_hello *ret_hello)
{
	struct xfn_keeper_message message = {.op = XFN_KEEPER_HELLO};
	struct xfn_keeper *keeper = calloc(1, sizeof(*keeper));
	bool is_stuck;
	int err;

	if (!keeper)
		return -ENOMEM;
	keeper->options = *options;
	keeper->fd = connect_to(options->run_dir, options->patience_ms ?: XFN_KEEPER_PATIENCE_MS);
	err = keeper->fd < 0 ? keeper->fd : ask(keeper, &message, -1, NULL);
	if (!err)
		err = listen_to(keeper);
	is_stuck = keeper->is_stuck;
	if (err) {
		xfn_keeper_close(keeper);
		return err == -EBADMSG ? -EPROTO : is_stuck ? -ETIMEDOUT : err;
	}
	set_patience(keeper->fd, XFN_KEEPER_PATIENCE_MS);
	if (keeper->noted)
		tell_soon(keeper);
	*ret_hello = message.hello;
	*ret = keeper;
	return 0;
}

bool xfn_keeper_is_stuck(const struct xfn_keeper *keeper)
{
	return keeper->is_stuck;
}

void xfn_keeper_close(struct xfn_keeper *keeper)
{
	if (!keeper)
		return;
	stop_listening(keeper);
	xfn_fd_close(&keeper->fd);
	free(keeper);
}

/* Asks in a way that all versions understand, and waits until it is gone: only then all that it held is free. */
static int end_by(int fd)
{
	struct xfn_keeper_message message = {.version = XFN_KEEPER_VERSION, .op = XFN_KEEPER_END};
	ssize_t bytes;

	set_patience(fd, XFN_KEEPER_END_MS);
	bytes = send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	if (bytes < 0)
		return -EPIPE;
	do {
		bytes = recv(fd, &message, sizeof(message), 0);
	} while (bytes > 0);
	return bytes == 0 || errno == ECONNRESET ? 0 : -EPIPE;
}

/* The keeper cannot: it has no way to files. */
static void remove_socket(const char *run_dir)
{
	struct sockaddr_un address;

	if (!address_of(run_dir, &address))
		unlink(address.sun_path);
}

int xfn_keeper_end(struct xfn_keeper *keeper)
{
	int err = keeper->is_gone ? -EPIPE : end_by(keeper->fd);

	if (!err)
		remove_socket(keeper->options.run_dir);
	stop_listening(keeper);
	keeper->is_gone = true;
	return err;
}

int xfn_keeper_end_other(const char *run_dir)
{
	int fd = connect_to(run_dir, XFN_KEEPER_PATIENCE_MS), err = fd;

	if (fd >= 0) {
		err = end_by(fd);
		close(fd);
	}
	if (!err || err == -ECONNREFUSED)
		remove_socket(run_dir);
	return err;
}
