/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aide.h"
#include "clock.h"
#include "errnum.h"
#include "fd.h"
#include "instance_private.h"
#include "instance_socket.h"
#include "journal.h"
#include "loop.h"
#include "spool.h"
#include "xfn/channel.h"

#define MS 1000000ULL
#define S  1000000000ULL

static const __u64 START_NS = 10 * S, STOP_NS = 5 * S, PARKED_NS = 300 * S,
		   BACK_OFF_FIRST_NS = 100 * MS, BACK_OFF_MAX_NS = 30 * S,
		   LISTEN_PAUSE_NS = 50 * MS, AGAIN_NS = 1 * S;
enum { QUICK_ENDS_MAX = 5 };

static void start(struct xfn_instance *instance);

void xfn_instance_say(const struct xfn_instance *instance, const char *type, const char *format,
		      ...)
{
	char text[512];
	va_list words;

	va_start(words, format);
	vsnprintf(text, sizeof(text), format, words);
	va_end(words);
	xfn_journal_add(
		instance->options.journal,
		&(struct xfn_journal_event){.type = type, .function = instance->options.name}, "%s",
		text);
}

void xfn_instance_write(struct xfn_instance *instance)
{
	int err = instance->pid ? xfn_instance_save(instance) : 0;

	if (err)
		xfn_instance_say(instance, "error",
				 "what the next xfnd needs of it cannot be written: %s",
				 strerror(-err));
}

void xfn_instance_set_state(struct xfn_instance *instance, enum xfn_instance_state state)
{
	instance->state = state;
	instance->since_ns = xfn_clock_ns(CLOCK_REALTIME);
	xfn_instance_write(instance);
}

/* ---- making ------------------------------------------------------------------------------------------ */

static size_t text_bytes(const struct xfn_launch *launch)
{
	size_t bytes = strlen(launch->directory) + 1;
	__u32 i;

	for (i = 0; i < launch->argc; i++)
		bytes += strlen(launch->argv[i]) + 1;
	for (i = 0; i < launch->env_count; i++)
		bytes += strlen(launch->env[i]) + 1;
	return bytes;
}

static char *put_text(char *at, const char *text, const char **ret)
{
	*ret = at;
	return stpcpy(at, text) + 1;
}

static int copy_launch(struct xfn_instance *instance, const struct xfn_launch *launch)
{
	const char **word;
	__u32 i;
	char *at;

	instance->text = malloc(text_bytes(launch));
	instance->words = calloc(launch->argc + launch->env_count, sizeof(*instance->words));
	if (!instance->text || !instance->words)
		return -ENOMEM;
	instance->launch = *launch;
	at = put_text(instance->text, launch->directory, &instance->launch.directory);
	word = instance->words;
	instance->launch.argv = word;
	for (i = 0; i < launch->argc; i++)
		at = put_text(at, launch->argv[i], word++);
	instance->launch.env = word;
	for (i = 0; i < launch->env_count; i++)
		at = put_text(at, launch->env[i], word++);
	return 0;
}

int xfn_instance_new(const struct xfn_instance_options *options, struct xfn_instance **ret)
{
	struct xfn_instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return -ENOMEM;
	instance->options = *options;
	instance->pidfd = instance->channel_fd = instance->program_fd = instance->output_fd = -1;
	instance->notify_fd = -1;
	instance->back_off_ns = BACK_OFF_FIRST_NS;
	instance->state = XFN_INSTANCE_STOPPED;
	instance->options.name = strdup(options->name);
	instance->options.folder = strdup(options->folder);
	if (!instance->options.name || !instance->options.folder ||
	    copy_launch(instance, options->launch)) {
		xfn_instance_free(instance);
		return -ENOMEM;
	}
	*ret = instance;
	return 0;
}

void xfn_instance_close_channel(struct xfn_instance *instance)
{
	xfn_source_free(instance->on_message);
	instance->on_message = NULL;
	xfn_fd_close(&instance->channel_fd);
}

void xfn_instance_close_notify(struct xfn_instance *instance)
{
	xfn_source_free(instance->on_notify);
	instance->on_notify = NULL;
	xfn_fd_close(&instance->notify_fd);
}

/* What hangs on one process. */
static void let_go(struct xfn_instance *instance)
{
	xfn_instance_close_channel(instance);
	xfn_instance_close_notify(instance);
	xfn_instance_socket_free(instance->socket);
	instance->socket = NULL;
	xfn_fd_close(&instance->program_fd);
	xfn_source_free(instance->on_end);
	xfn_source_free(instance->on_output);
	instance->on_end = instance->on_output = NULL;
	xfn_fd_close(&instance->pidfd);
	xfn_fd_close(&instance->output_fd);
}

void xfn_instance_free(struct xfn_instance *instance)
{
	if (!instance)
		return;
	let_go(instance);
	xfn_source_free(instance->timer);
	xfn_source_free(instance->listen_again);
	free((char *)instance->options.name);
	free((char *)instance->options.folder);
	free(instance->words);
	free(instance->text);
	free(instance);
}

void xfn_instance_arm(struct xfn_instance *instance, __u64 after_ns)
{
	xfn_timer_set(instance->timer, after_ns);
}

void xfn_instance_end(struct xfn_instance *instance)
{
	if (!instance->options.awaited) {
		xfn_launcher_signal(instance->pidfd, instance->launch.uid, SIGKILL);
		return;
	}
	instance->dropped = true; /* not at once: the caller has it in its hands */
	xfn_instance_arm(instance, 1);
}

/* ---- its end ----------------------------------------------------------------------------------------- */

static void describe_end(struct xfn_instance *instance, int err, int status)
{
	char *text = instance->last_end, why[128] = "";
	size_t bytes = sizeof(instance->last_end);

	if (!err && WIFSIGNALED(status))
		instance->options.hooks.explain(instance->options.hooks.context, why, sizeof(why));
	if (instance->failure[0])
		snprintf(text, bytes, "%s", instance->failure);
	else if (instance->options.awaited)
		snprintf(text, bytes, "process %d has ended", instance->pid);
	else if (err)
		snprintf(text, bytes, "ended; how is not known");
	else if (WIFSIGNALED(status))
		snprintf(text, bytes, "killed by SIG%s%s", sigabbrev_np(WTERMSIG(status)) ?: "?",
			 why);
	else
		snprintf(text, bytes, "exit status %d", WEXITSTATUS(status));
}

static void wait_or_park(struct xfn_instance *instance, bool quick)
{
	__u64 wait = instance->back_off_ns;

	instance->quick_ends = quick ? instance->quick_ends + 1 : 1;
	if (instance->quick_ends >= QUICK_ENDS_MAX) {
		instance->quick_ends = 0;
		xfn_instance_say(instance, "parked",
				 "%s; it ended %d times in a row within %llu s of its start: tried "
				 "again after %llu min, or when it is changed%s",
				 instance->last_end, QUICK_ENDS_MAX, XFN_INSTANCE_QUICK_NS / S,
				 PARKED_NS / 60 / S,
				 instance->failure[0] ? "" : "; xfn logs tells what it wrote");
		xfn_instance_set_state(instance, XFN_INSTANCE_PARKED);
		instance->options.hooks.give_up(instance->options.hooks.context);
		xfn_instance_arm(instance, PARKED_NS);
		return;
	}
	xfn_instance_say(instance, "ended", "%s; started again after %llu ms", instance->last_end,
			 wait / MS);
	instance->back_off_ns = 2 * wait < BACK_OFF_MAX_NS ? 2 * wait : BACK_OFF_MAX_NS;
	xfn_instance_set_state(instance, XFN_INSTANCE_WAITING);
	xfn_instance_arm(instance, wait);
}

static void finish_stop(struct xfn_instance *instance)
{
	xfn_instance_set_state(instance, XFN_INSTANCE_STOPPED);
	xfn_instance_arm(instance, XFN_TIMER_OFF);
	xfn_instance_forget(instance);
	instance->options.hooks.stopped(instance->options.hooks.context);
}

/* Nobody wants it; or nobody is known to. */
static void rest(struct xfn_instance *instance)
{
	xfn_instance_set_state(instance, XFN_INSTANCE_IDLE);
	xfn_instance_arm(instance, XFN_TIMER_OFF);
	if (instance->options.hooks.idle)
		instance->options.hooks.idle(instance->options.hooks.context);
}

/* It has done what there was to do. */
static void finish_demand(struct xfn_instance *instance)
{
	xfn_instance_say(instance, "idle", "%s; started again when it is wanted",
			 instance->last_end);
	instance->back_off_ns = BACK_OFF_FIRST_NS;
	instance->quick_ends = 0;
	rest(instance);
}

/* Nobody is there to start. */
static void await_another(struct xfn_instance *instance)
{
	xfn_instance_say(instance, "idle", "%s; another comes with 'xfn run'", instance->last_end);
	rest(instance);
}

void xfn_instance_after_end(struct xfn_instance *instance, bool done)
{
	bool quick = xfn_clock_ns(CLOCK_MONOTONIC) - instance->started_ns < XFN_INSTANCE_QUICK_NS,
	     again;

	let_go(instance);
	again = instance->options.hooks.leave(instance->options.hooks.context);
	/* Only now: its file tells of what it has started, too. */
	xfn_instance_forget(instance);
	instance->pid = 0;
	instance->dropped = false;
	if (!again || instance->state == XFN_INSTANCE_STOPPING)
		finish_stop(instance);
	else if (instance->options.awaited)
		await_another(instance);
	else if (done && instance->options.on_demand)
		finish_demand(instance);
	else
		wait_or_park(instance, quick);
}

static void on_end(void *context, int fd, __u32 events)
{
	struct xfn_instance *instance = context;
	int status = 0, err;

	(void)fd;
	(void)events;
	instance->options.hooks.shut(instance->options.hooks.context);
	if (instance->on_message)
		xfn_instance_read_messages(instance); /* its last words */
	xfn_instance_drain_output(instance);
	err = instance->options.awaited ? 0 : xfn_launcher_reap(instance->pid, &status);
	describe_end(instance, err, status);
	xfn_instance_after_end(instance, instance->state == XFN_INSTANCE_READY && !err && !status);
}

/* ---- what it says ------------------------------------------------------------------------------------ */

static void listen_again(void *context)
{
	struct xfn_instance *instance = context;

	if (instance->on_output)
		xfn_source_enable(instance->on_output, true);
}

/* One that writes without end gets as much of this process's time as LISTEN_PAUSE_NS leaves it. */
static void on_output(void *context, int fd, __u32 events)
{
	struct xfn_instance *instance = context;
	long taken = xfn_instance_drain_output(instance);

	(void)fd;
	(void)events;
	if (taken == -EPIPE) { /* it has closed its standard output and error */
		xfn_source_free(instance->on_output);
		instance->on_output = NULL;
	} else if (taken >= XFN_SPOOL_BYTES) {
		xfn_source_enable(instance->on_output, false);
		xfn_timer_set(instance->listen_again, LISTEN_PAUSE_NS);
	}
}

/* ---- starting ---------------------------------------------------------------------------------------- */

static void on_timer(void *context)
{
	struct xfn_instance *instance = context;

	if (instance->dropped ||
	    (instance->options.awaited && instance->state == XFN_INSTANCE_STOPPING)) {
		xfn_instance_let_go_on(instance);
		return;
	}
	switch (instance->state) {
	case XFN_INSTANCE_STARTING:
		snprintf(instance->failure, sizeof(instance->failure),
			 "not ready within %llu s of its start", START_NS / S);
		xfn_instance_end(instance);
		xfn_instance_arm(instance, AGAIN_NS);
		break;
	case XFN_INSTANCE_READY:
		instance->back_off_ns = BACK_OFF_FIRST_NS;
		instance->quick_ends = 0;
		break;
	case XFN_INSTANCE_STOPPING:
		xfn_instance_end(instance);
		xfn_instance_arm(instance, AGAIN_NS);
		break;
	case XFN_INSTANCE_WAITING:
	case XFN_INSTANCE_PARKED:
		if (instance->options.on_demand && !instance->wanted) {
			rest(instance);
			break;
		}
		instance->restarts++;
		start(instance);
		break;
	case XFN_INSTANCE_IDLE:
	case XFN_INSTANCE_STOPPED:
		break;
	}
}

int xfn_instance_watch(struct xfn_instance *instance)
{
	struct xfn_loop *loop = instance->options.loop;
	int err = xfn_loop_add_io(loop, instance->pidfd, EPOLLIN, on_end, instance,
				  &instance->on_end);

	if (!err && instance->output_fd >= 0)
		err = xfn_loop_add_io(loop, instance->output_fd, EPOLLIN, on_output, instance,
				      &instance->on_output);
	if (!err && instance->channel_fd >= 0)
		err = xfn_loop_add_io(loop, instance->channel_fd, EPOLLIN, xfn_instance_on_message,
				      instance, &instance->on_message);
	if (!err && instance->notify_fd >= 0)
		err = xfn_loop_add_io(loop, instance->notify_fd, EPOLLIN, xfn_instance_on_notify,
				      instance, &instance->on_notify);
	return err;
}

static int ensure_timers(struct xfn_instance *instance)
{
	struct xfn_loop *loop = instance->options.loop;
	int err = 0;

	if (!instance->timer)
		err = xfn_loop_add_timer(loop, XFN_TIMER_OFF, on_timer, instance, &instance->timer);
	if (!err && !instance->listen_again)
		err = xfn_loop_add_timer(loop, XFN_TIMER_OFF, listen_again, instance,
					 &instance->listen_again);
	return err;
}

/* Forks it, with what it needs. */
static int fork_it(struct xfn_instance *instance)
{
	struct xfn_launch *launch = &instance->launch;
	int pair[2] = {-1, -1}, err;

	launch->output_fd = -1;
	err = xfn_instance_open_output(instance, &launch->output_fd);
	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		err = xfn_errno();
	launch->channel_fd = pair[1];
	launch->notify = NULL;
	if (!err && instance->options.notifies) {
		err = xfn_instance_open_notify(instance);
		launch->notify = instance->notify;
	}
	if (!err)
		err = xfn_launcher_fork(launch, &instance->pid, &instance->pidfd);
	instance->channel_fd = pair[0];
	if (!err && fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		err = xfn_errno(); /* whatever the other end does, xfnd waits for nobody */
	xfn_fd_close(&pair[1]);
	xfn_fd_close(&launch->output_fd);
	return err;
}

/* From here on the file says that it is there; so only now it may go on. */
static int let_it_begin(struct xfn_instance *instance)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_BEGIN};
	struct xfn_aide_message out = {.data = &message, .bytes = sizeof(message)};
	int err;

	instance->start_time = xfn_process_start_time(instance->pid);
	instance->state = XFN_INSTANCE_STARTING;
	/* Without it the next xfnd would not know it again. */
	err = instance->start_time ? xfn_instance_watch(instance) : -ESRCH;
	if (!err)
		err = xfn_instance_save(instance);
	return err ?: xfn_aide_send(instance->channel_fd, &out);
}

static void start(struct xfn_instance *instance)
{
	struct xfn_instance_hooks *hooks = &instance->options.hooks;
	struct xfn_fault fault = {};
	int err;

	instance->started_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	instance->since_ns = xfn_clock_ns(CLOCK_REALTIME);
	instance->failure[0] = '\0';
	instance->served = instance->bare = false;
	err = hooks->prepare(hooks->context, &instance->launch, &fault);
	if (err == -EAGAIN) {
		xfn_instance_set_state(instance, XFN_INSTANCE_WAITING);
		instance->wanted = true;
		xfn_instance_arm(instance, BACK_OFF_FIRST_NS);
		return;
	}
	if (!err)
		err = fork_it(instance);
	xfn_fd_close(&instance->launch.netns_fd);
	xfn_fd_close(&instance->launch.cgroup_fd);
	if (!err)
		err = let_it_begin(instance);
	if (!err) {
		xfn_instance_arm(instance, START_NS);
		return;
	}
	if (instance->pid) /* it was not told to begin */
		xfn_launcher_forsake(instance->pid);
	snprintf(instance->last_end, sizeof(instance->last_end), "cannot be started: %.200s",
		 fault.text[0] ? fault.text : strerror(-err));
	xfn_instance_after_end(instance, false);
}

void xfn_instance_start(struct xfn_instance *instance)
{
	int err = ensure_timers(instance);

	if (err)
		xfn_instance_say(instance, "error", "cannot be started: %s", strerror(-err));
	else if (instance->options.on_demand && !instance->wanted)
		rest(instance);
	else
		start(instance);
}

void xfn_instance_wake(struct xfn_instance *instance)
{
	__u64 since = xfn_clock_ns(CLOCK_MONOTONIC) - instance->started_ns;

	if (instance->options.awaited)
		return;
	instance->wanted = instance->state != XFN_INSTANCE_READY;
	if (instance->state != XFN_INSTANCE_IDLE)
		return;
	if (instance->started_ns && since < BACK_OFF_FIRST_NS) {
		xfn_instance_set_state(instance, XFN_INSTANCE_WAITING);
		xfn_instance_arm(instance, BACK_OFF_FIRST_NS - since);
	} else {
		start(instance);
	}
}

void xfn_instance_set_on_demand(struct xfn_instance *instance, bool on_demand)
{
	instance->options.on_demand = on_demand || instance->options.awaited;
	if (!instance->options.on_demand && instance->state == XFN_INSTANCE_IDLE)
		start(instance);
}

int xfn_instance_adopt(struct xfn_instance *instance, const struct xfn_instance_left *left)
{
	int err = ensure_timers(instance);

	if (err)
		return err;
	instance->pidfd = xfn_process_open(left->pid, left->start_time);
	if (instance->pidfd < 0)
		return -ESRCH;
	instance->pid = left->pid;
	instance->start_time = left->start_time;
	instance->restarts = left->restarts;
	instance->served = left->served;
	instance->bare = left->bare;
	instance->busy_polls = left->busy_polls;
	instance->zero_copy = left->zero_copy;
	instance->options.awaited = left->awaited;
	instance->launch.uid = left->uid;
	instance->started_ns = xfn_clock_ns(CLOCK_MONOTONIC);
	xfn_instance_reopen_output(instance); /* without it there is less to read */
	err = xfn_instance_watch(instance);
	if (err) {
		let_go(instance);
		return err;
	}
	xfn_instance_set_state(instance, XFN_INSTANCE_READY);
	xfn_instance_arm(instance, XFN_INSTANCE_QUICK_NS);
	return 0;
}

void xfn_instance_take_channel(struct xfn_instance *instance, int channel_fd)
{
	xfn_fd_close(&instance->program_fd);
	instance->program_fd = channel_fd;
}

void xfn_instance_resume(struct xfn_instance *instance)
{
	int err = instance->served ? 0 : xfn_instance_serve(instance);

	if (err)
		xfn_instance_refuse_entry(instance, err);
}

int xfn_instance_channel(const struct xfn_instance *instance)
{
	return instance->served && !instance->options.awaited ? -1 : instance->program_fd;
}

/* ---- stopping ---------------------------------------------------------------------------------------- */

void xfn_instance_tell_stop(int channel_fd)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_STOP};
	struct xfn_aide_message out = {.data = &message, .bytes = sizeof(message)};

	xfn_aide_send(channel_fd, &out);
}

void xfn_instance_stop(struct xfn_instance *instance)
{
	if (instance->state == XFN_INSTANCE_STOPPING)
		return;
	if (!instance->pid) {
		finish_stop(instance);
		return;
	}
	xfn_instance_set_state(instance, XFN_INSTANCE_STOPPING);
	if (instance->program_fd >= 0)
		xfn_instance_tell_stop(instance->program_fd);
	/* Of root's it is refused: they have to listen. */
	xfn_launcher_signal(instance->pidfd, instance->launch.uid, SIGTERM);
	xfn_instance_arm(instance, STOP_NS);
}

/* ---- what there is to tell --------------------------------------------------------------------------- */

void xfn_instance_read(const struct xfn_instance *instance, struct xfn_instance_info *ret)
{
	*ret = (struct xfn_instance_info){
		.state = instance->state,
		.pid = instance->pid,
		.restarts = instance->restarts,
		.since_ns = instance->since_ns,
		.last_end = instance->last_end,
		.busy_polls = instance->busy_polls,
		.zero_copy = instance->zero_copy,
	};
}

const char *xfn_instance_state_label(enum xfn_instance_state state)
{
	static const char *const labels[] = {
		[XFN_INSTANCE_STARTING] = "starting", [XFN_INSTANCE_READY] = "ready",
		[XFN_INSTANCE_WAITING] = "waiting",   [XFN_INSTANCE_PARKED] = "parked",
		[XFN_INSTANCE_IDLE] = "idle",         [XFN_INSTANCE_STOPPING] = "stopping",
		[XFN_INSTANCE_STOPPED] = "stopped",
	};

	return labels[state];
}
