/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an instance says that it is ready, as in sd_notify(3): an abstract socket, so that no path has to
 * be open to its user. Anybody of the network namespace can send there; the kernel says who did.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "errnum.h"
#include "fd.h"
#include "instance_private.h"

/* The kernel gives it a name: a NUL and five digits, without one behind (unix(7)). */
static int name_it(struct xfn_instance *instance)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t bytes = sizeof(address);
	const int on = 1;

	if (setsockopt(instance->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(instance->notify_fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(instance->notify_fd, (struct sockaddr *)&address, &bytes) < 0)
		return xfn_errno();
	snprintf(instance->notify, sizeof(instance->notify), "@%.*s",
		 (int)(bytes - sizeof(sa_family_t) - 1), address.sun_path + 1);
	return 0;
}

int xfn_instance_open_notify(struct xfn_instance *instance)
{
	int err;

	xfn_fd_close(&instance->notify_fd);
	instance->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = instance->notify_fd < 0 ? xfn_errno() : name_it(instance);
	if (err)
		xfn_fd_close(&instance->notify_fd);
	return err;
}

/* Among lines of NAME=VALUE. */
static bool says_ready(const char *text)
{
	static const char ready[] = "READY=1";
	size_t length;

	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		if (length == sizeof(ready) - 1 && !memcmp(text, ready, length))
			return true;
	}
	return false;
}

static pid_t sender_of(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	struct ucred sender;

	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&sender, CMSG_DATA(control), sizeof(sender));
	return sender.pid;
}

/* Descriptors that come along find no room, and the kernel lets go of them. */
bool xfn_instance_read_notify(const struct xfn_instance *instance)
{
	char text[4096];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec piece = {text, sizeof(text) - 1};
	struct msghdr header = {.msg_iov = &piece,
				.msg_iovlen = 1,
				.msg_control = control.room,
				.msg_controllen = sizeof(control.room)};
	ssize_t bytes = recvmsg(instance->notify_fd, &header, MSG_CMSG_CLOEXEC);

	if (bytes <= 0 || sender_of(&header) != instance->pid)
		return false;
	text[bytes] = '\0';
	return says_ready(text);
}
