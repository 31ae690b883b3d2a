/* SPDX-License-Identifier: BSD-2-Clause */
/* From the fork of an instance to where it takes events: what its child hands over, and what it is told then. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_xdp.h>

#include "aide.h"
#include "clock.h"
#include "fd.h"
#include "instance_private.h"
#include "instance_socket.h"
#include "xfn/channel.h"

void xfn_instance_fail(struct xfn_instance *instance, const char *text)
{
	snprintf(instance->failure, sizeof(instance->failure), "%s", text);
	xfn_instance_end(instance);
}

/* With what waited for it, which it serves first. */
static void send_go(struct xfn_instance *instance, int inbox_fd)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_GO};
	struct xfn_aide_message out = {.data = &message, .bytes = sizeof(message)};

	if (inbox_fd >= 0)
		out.fds[out.fd_count++] = inbox_fd;
	if (instance->program_fd >= 0)
		xfn_aide_send(instance->program_fd, &out);
}

/* It is in its file as ready: if this xfnd ends meanwhile, the next one goes on from here. */
int xfn_instance_serve(struct xfn_instance *instance)
{
	struct xfn_instance_hooks *hooks = &instance->options.hooks;
	int inbox_fd = -1, err = hooks->open(hooks->context, &inbox_fd);

	if (err)
		return err;
	/* One that is bare may use libxfn all the same, and waits for the word. */
	send_go(instance, instance->bare ? -1 : inbox_fd);
	if (instance->bare && inbox_fd >= 0)
		hooks->inject(hooks->context, inbox_fd);
	xfn_fd_close(&inbox_fd);
	/*
	 * The keeper lets go of what waited now. Whoever asks it once more finds nothing, and a program takes one GO. Of
	 * one that may be root's the channel is the only way to be heard: it stays there.
	 */
	hooks->keep(hooks->context, instance->options.awaited ? instance->program_fd : -1);
	instance->served = true;
	xfn_instance_write(instance);
	return 0;
}

void xfn_instance_refuse_entry(struct xfn_instance *instance, int err)
{
	char text[128];

	snprintf(text, sizeof(text), "its socket cannot be entered: %s", strerror(-err));
	xfn_instance_fail(instance, text);
}

/* What was asked for, the kernel may not have given. */
static void read_socket(struct xfn_instance *instance, int fd)
{
	struct xdp_options options = {0};
	socklen_t bytes = sizeof(options);
	int prefers = 0;

	instance->zero_copy = !getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &bytes) &&
			      options.flags & XDP_OPTIONS_ZEROCOPY;
	bytes = sizeof(prefers);
	instance->busy_polls =
		!getsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefers, &bytes) && prefers;
}

static void become_ready(void *context, int socket_fd, bool receives)
{
	struct xfn_instance *instance = context;
	int err;

	if (instance->state != XFN_INSTANCE_STARTING)
		return; /* told to stop meanwhile */
	if (!receives) {
		xfn_instance_fail(instance, "its socket has no ring to receive from");
		return;
	}
	err = instance->options.hooks.enter(instance->options.hooks.context, socket_fd);
	if (!err) {
		instance->wanted = false;
		read_socket(instance, socket_fd);
		instance->bare = instance->socket && xfn_instance_socket_is_given(instance->socket);
		xfn_instance_set_state(instance, XFN_INSTANCE_READY);
		err = xfn_instance_serve(instance);
	}
	if (err) {
		xfn_instance_refuse_entry(instance, err);
		return;
	}
	xfn_instance_say(instance, "ready", "process %d takes events, %llu ms after its start",
			 instance->pid,
			 (xfn_clock_ns(CLOCK_MONOTONIC) - instance->started_ns) / 1000000);
	xfn_instance_arm(instance, XFN_INSTANCE_QUICK_NS);
	xfn_instance_close_notify(instance);
}

static void after_refusal(void *context)
{
	xfn_instance_say(
		context, "error",
		"asked for another AF_XDP socket, and was refused: it has one, for queue 0");
}

const struct xfn_instance_socket_hooks xfn_instance_socket_events = {
	.bound = become_ready,
	.refused = after_refusal,
};

/* What its program will have. Descriptors that are not taken stay with @in. */
static int take_handed(struct xfn_instance *instance, struct xfn_aide_message *in)
{
	int err = in->fd_count == XFN_HANDED_FDS && !instance->socket ? 0 : -EPROTO;

	if (!err)
		err = xfn_instance_socket_new(instance->options.loop, in->fds[XFN_HANDED_SOCKET],
					      in->fds[XFN_HANDED_SOCKETING],
					      &xfn_instance_socket_events, instance,
					      &instance->socket);
	if (err)
		return err;
	instance->program_fd = in->fds[XFN_HANDED_CHANNEL];
	instance->options.hooks.keep(instance->options.hooks.context, instance->program_fd);
	in->fd_count = 0;
	return 0;
}

static void take_failure(struct xfn_instance *instance, const struct xfn_channel_message *message)
{
	char what[200];

	xfn_launch_describe(&instance->launch, message->flags, what, sizeof(what));
	snprintf(instance->failure, sizeof(instance->failure), "%s: %s", what,
		 strerror((int)message->error));
}

/* From what is ours still: its program never has the other end. */
static int take_message(struct xfn_instance *instance, const struct xfn_channel_message *message,
			struct xfn_aide_message *in)
{
	if (message->type == XFN_CHANNEL_FAILED) {
		take_failure(instance, message);
		return 0;
	}
	return message->type == XFN_CHANNEL_HANDED ? take_handed(instance, in) : -EPROTO;
}

/* Until there is none at the moment, or the other end is closed. */
int xfn_instance_read_messages(struct xfn_instance *instance)
{
	struct xfn_channel_message message;
	struct xfn_aide_message in = {.data = &message, .bytes = sizeof(message)};
	int err = 0;

	while (!err) {
		err = xfn_aide_receive(instance->channel_fd, &in);
		if (err)
			break;
		err = take_message(instance, &message, &in);
		xfn_aide_close_fds(&in);
	}
	return err;
}

static bool has_ended(const struct xfn_instance *instance)
{
	struct pollfd end = {.fd = instance->pidfd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

/*
 * One that listens takes events when its program runs; unless it was killed at just this moment: then it ends as
 * one that was ready for an instant.
 */
static void take_begin(struct xfn_instance *instance)
{
	if (instance->socket)
		xfn_instance_socket_watch(instance->socket);
	else if (instance->launch.listens && !instance->options.notifies && !instance->failure[0] &&
		 !has_ended(instance))
		become_ready(instance, -1, true);
}

void xfn_instance_on_message(void *context, int fd, __u32 events)
{
	struct xfn_instance *instance = context;
	int err = xfn_instance_read_messages(instance);

	(void)fd;
	(void)events;
	if (err == -EAGAIN)
		return;
	xfn_instance_close_channel(instance);
	if (err == -EPIPE)
		take_begin(instance); /* its program runs */
	else if (err != -ECONNRESET)  /* it ends */
		xfn_instance_fail(instance, "what it is to have cannot be taken");
}

void xfn_instance_on_notify(void *context, int fd, __u32 events)
{
	struct xfn_instance *instance = context;

	(void)fd;
	(void)events;
	if (xfn_instance_read_notify(instance))
		become_ready(instance, -1, true);
}
