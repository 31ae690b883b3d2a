/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "channel.h"
#include "errnum.h"
#include "xfn/channel.h"

/* A message with at most one descriptor beside it. */
struct envelope {
	struct xfn_channel_message message;
	struct iovec piece;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header;
};

static void prepare(struct envelope *envelope)
{
	memset(&envelope->control, 0, sizeof(envelope->control));
	envelope->piece = (struct iovec){&envelope->message, sizeof(envelope->message)};
	envelope->header = (struct msghdr){.msg_iov = &envelope->piece,
					   .msg_iovlen = 1,
					   .msg_control = envelope->control.room,
					   .msg_controllen = sizeof(envelope->control.room)};
}

/* The descriptor beside a message, or -1. */
static int fd_of(struct envelope *in)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(&in->header);
	int fd = -1;

	if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
	    rights->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(rights), sizeof(int));
	return fd;
}

/* Returns whether @fd is what GO brought. */
static bool take(struct channel *channel, const struct xfn_channel_message *message, int fd)
{
	if (message->version != XFN_CHANNEL_VERSION)
		return false;
	if (message->type == XFN_CHANNEL_STOP)
		channel->is_stopped = true;
	if (message->type != XFN_CHANNEL_GO || !channel->waits)
		return false;
	channel->waits = false;
	return fd >= 0;
}

/* One message, whose inbox is in *ret_fd if it brought one. Returns whether there was any. */
static bool hear(struct channel *channel, int *ret_fd)
{
	struct envelope in;
	ssize_t bytes;
	int fd;

	prepare(&in);
	bytes = recvmsg(channel->fd, &in.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (bytes < 0) /* what we said was not read before it was closed: that comes next */
		return errno == ECONNRESET;
	fd = fd_of(&in);
	if (bytes == (ssize_t)sizeof(in.message) && take(channel, &in.message, fd))
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	channel->is_gone = !bytes;
	return bytes;
}

int xfn_channel_listen(struct channel *channel)
{
	int fd = -1;

	if (channel->fd < 0)
		return -1;
	while (fd < 0 && hear(channel, &fd))
		;
	if (channel->is_gone)
		channel->waits = false;
	return fd;
}
