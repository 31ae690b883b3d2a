/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that came by itself, and becomes the instance: what it is given, and how it is let go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "errnum.h"
#include "dataplane_load.h"
#include "fd.h"
#include "instance_private.h"
#include "instance_socket.h"

/* Our end takes nothing, as of those that are forked (launcher_fork.c), and waits for nobody. */
static int make_channel(struct xfn_instance *instance, int *ret_fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return xfn_errno();
	instance->program_fd = pair[0];
	*ret_fd = pair[1];
	if (shutdown(pair[0], SHUT_RD) < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		return xfn_errno();
	return 0;
}

/* It is seen by a duplicate of its socket when it is bound. */
static int watch_socket(struct xfn_instance *instance, int socket_fd)
{
	int copy = xfn_fd_copy(socket_fd), err;

	if (copy < 0)
		return copy;
	err = xfn_instance_socket_new(instance->options.loop, copy, -1, &xfn_instance_socket_events,
				      instance, &instance->socket);
	if (err)
		close(copy);
	else
		xfn_instance_socket_watch(instance->socket);
	return err;
}

static int make_gift(struct xfn_instance *instance, struct xfn_instance_gift *gift,
		     struct xfn_fault *fault)
{
	struct xfn_instance_hooks *hooks = &instance->options.hooks;
	int err = hooks->prepare(hooks->context, &instance->launch, fault);

	if (!err)
		err = xfn_launcher_make_far_socket(instance->launch.netns_fd, &gift->socket_fd,
						   &gift->ifindex);
	xfn_fd_close(&instance->launch.netns_fd); /* the socket keeps the namespace */
	return err ?: make_channel(instance, &gift->channel_fd);
}

static int begin(struct xfn_instance *instance, const struct xfn_instance_gift *gift)
{
	struct xfn_instance_hooks *hooks = &instance->options.hooks;
	int err;

	instance->start_time = xfn_process_start_time(instance->pid);
	instance->since_ns = xfn_clock_ns(CLOCK_REALTIME);
	instance->state = XFN_INSTANCE_STARTING;
	err = instance->start_time ? xfn_instance_watch(instance) : -ESRCH;
	err = err ?: xfn_instance_save(instance);
	err = err ?: watch_socket(instance, gift->socket_fd);
	if (!err)
		hooks->keep(hooks->context, instance->program_fd);
	return err;
}

int xfn_instance_take(struct xfn_instance *instance, const struct xfn_instance_guest *guest,
		      struct xfn_instance_gift *ret, struct xfn_fault *fault)
{
	struct xfn_instance_gift gift = {.socket_fd = -1, .channel_fd = -1};
	int err;

	instance->started_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	instance->failure[0] = '\0';
	instance->served = false;
	instance->pid = guest->pid;
	instance->pidfd = guest->pidfd;
	instance->launch.uid = guest->uid;
	err = make_gift(instance, &gift, fault);
	err = err ?: begin(instance, &gift);
	if (!err) {
		*ret = gift;
		return 0;
	}
	xfn_fd_close(&gift.socket_fd);
	xfn_fd_close(&gift.channel_fd);
	if (!fault->text[0])
		xfn_fault_set(fault, "%s", xfn_launcher_reason(err) ?: strerror(-err));
	snprintf(instance->last_end, sizeof(instance->last_end), "cannot be taken: %.200s",
		 fault->text);
	xfn_instance_after_end(instance, false);
	return err;
}

void xfn_instance_let_go_on(struct xfn_instance *instance)
{
	if (instance->failure[0])
		snprintf(instance->last_end, sizeof(instance->last_end), "%s", instance->failure);
	else
		snprintf(instance->last_end, sizeof(instance->last_end),
			 "process %d was told to stop, and goes on without events", instance->pid);
	if (instance->program_fd >= 0)
		xfn_instance_tell_stop(instance->program_fd);
	xfn_instance_say(instance, "error", "%s", instance->last_end);
	xfn_instance_after_end(instance, false);
}
