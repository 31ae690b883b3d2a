/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "loop.h"

/* Timers are few, and some are for fractions of a millisecond: an instance that starts. */
enum { TIMER_ACCURACY_US = 50 };

struct xfn_loop {
	sd_event *event;
};

struct xfn_source {
	sd_event_source *source;
	xfn_io_fn *on_io;
	xfn_event_fn *on_event;
	void *context;
};

int xfn_loop_new(struct xfn_loop **ret)
{
	struct xfn_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	err = sd_event_new(&loop->event);
	if (err < 0) {
		free(loop);
		return err;
	}
	/* Where the service manager wants a sign of life now and then; else nothing happens. */
	sd_event_set_watchdog(loop->event, true);
	*ret = loop;
	return 0;
}

void xfn_loop_free(struct xfn_loop *loop)
{
	if (!loop)
		return;
	sd_event_unref(loop->event);
	free(loop);
}

int xfn_loop_run(struct xfn_loop *loop)
{
	return sd_event_loop(loop->event);
}

int xfn_loop_step(struct xfn_loop *loop, __u64 timeout_ns)
{
	return sd_event_run(loop->event, timeout_ns / 1000);
}

void xfn_loop_exit(struct xfn_loop *loop, int code)
{
	sd_event_exit(loop->event, code);
}

/* sd-event disables a source whose callback fails; ours tell their own failures and go on. */
static int dispatch_io(sd_event_source *s, int fd, uint32_t events, void *context)
{
	struct xfn_source *source = context;

	(void)s;
	source->on_io(source->context, fd, events);
	return 0;
}

static int dispatch_time(sd_event_source *s, uint64_t usec, void *context)
{
	struct xfn_source *source = context;

	(void)s;
	(void)usec;
	source->on_event(source->context);
	return 0;
}

static int dispatch_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *context)
{
	struct xfn_source *source = context;

	(void)s;
	(void)info;
	source->on_event(source->context);
	return 0;
}

static int dispatch_defer(sd_event_source *s, void *context)
{
	struct xfn_source *source = context;

	(void)s;
	source->on_event(source->context);
	return 0;
}

static struct xfn_source *new_source(xfn_event_fn *on_event, void *context)
{
	struct xfn_source *source = calloc(1, sizeof(*source));

	if (source) {
		source->on_event = on_event;
		source->context = context;
	}
	return source;
}

static int finish_source(struct xfn_source *source, int err, struct xfn_source **ret)
{
	if (err < 0) {
		free(source);
		return err;
	}
	*ret = source;
	return 0;
}

int xfn_loop_add_io(struct xfn_loop *loop, int fd, __u32 events, xfn_io_fn *fn, void *context,
		    struct xfn_source **ret)
{
	struct xfn_source *source = new_source(NULL, context);

	if (!source)
		return -ENOMEM;
	source->on_io = fn;
	return finish_source(
		source,
		sd_event_add_io(loop->event, &source->source, fd, events, dispatch_io, source),
		ret);
}

static uint64_t usec_from(__u64 ns)
{
	/* Rounded up: a timer that fires before its time would be armed again at once. */
	return ns / 1000 + !!(ns % 1000);
}

int xfn_loop_add_timer(struct xfn_loop *loop, __u64 after_ns, xfn_event_fn *fn, void *context,
		       struct xfn_source **ret)
{
	struct xfn_source *source = new_source(fn, context);
	uint64_t usec = after_ns == XFN_TIMER_OFF ? 0 : usec_from(after_ns);
	int err;

	if (!source)
		return -ENOMEM;
	err = sd_event_add_time_relative(loop->event, &source->source, CLOCK_MONOTONIC, usec,
					 TIMER_ACCURACY_US, dispatch_time, source);
	if (err >= 0 && after_ns == XFN_TIMER_OFF)
		err = sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
	if (err < 0)
		sd_event_source_disable_unref(source->source);
	return finish_source(source, err, ret);
}

int xfn_loop_add_signal(struct xfn_loop *loop, int signo, xfn_event_fn *fn, void *context,
			struct xfn_source **ret)
{
	struct xfn_source *source = new_source(fn, context);
	sigset_t set;
	int err;

	if (!source)
		return -ENOMEM;
	sigemptyset(&set);
	sigaddset(&set, signo);
	err = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (err >= 0)
		err = sd_event_add_signal(loop->event, &source->source, signo, dispatch_signal,
					  source);
	return finish_source(source, err, ret);
}

int xfn_loop_add_defer(struct xfn_loop *loop, xfn_event_fn *fn, void *context,
		       struct xfn_source **ret)
{
	struct xfn_source *source = new_source(fn, context);
	int err;

	if (!source)
		return -ENOMEM;
	err = sd_event_add_defer(loop->event, &source->source, dispatch_defer, source);
	if (err >= 0)
		err = sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
	if (err < 0)
		sd_event_source_disable_unref(source->source);
	return finish_source(source, err, ret);
}

int xfn_timer_set(struct xfn_source *source, __u64 after_ns)
{
	int err;

	if (after_ns == XFN_TIMER_OFF)
		return sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
	err = sd_event_source_set_time_relative(source->source, usec_from(after_ns));
	return err < 0 ? err : sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
}

int xfn_defer_arm(struct xfn_source *source)
{
	return sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
}

int xfn_source_enable(struct xfn_source *source, bool on)
{
	return sd_event_source_set_enabled(source->source, on ? SD_EVENT_ON : SD_EVENT_OFF);
}

void xfn_source_free(struct xfn_source *source)
{
	if (!source)
		return;
	sd_event_source_disable_unref(source->source);
	free(source);
}
