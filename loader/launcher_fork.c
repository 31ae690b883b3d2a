/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a fork of the launcher to an instance's program: enters the port's namespace, makes the socket,
 * gives up everything, executes. In the launcher's process and in the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aide.h"
#include "errnum.h"
#include "launcher_private.h"
#include "xfn/channel.h"

#include <linux/sched.h>

/* Numbers that the instance finds its descriptors at; listening sockets begin at the first. */
enum { SOCKET_FD = 3, CHANNEL_FD = 4, FIRST_FREE_FD = 5 };
/* What is ours, until it executes, is behind them. */
enum { LAUNCHER_FD = FIRST_FREE_FD };

enum {
	FRAME_BYTES = 2048,
	FRAMES_MIN = 256,
	OOM_SCORE = 500,     /* the kernel ends it before what it serves */
	FIRST_SAVED_FD = 64, /* of copies, above all that is given a number */
	BUSY_POLL_US = 20,
	BUSY_POLL_BUDGET = 64, /* packets at a look */
	ENV_OWN = 9,           /* variables that the launcher adds */
	ENV_TEXT_BYTES = 256,
};

/* What the instance gets, in the child's memory. */
struct plan {
	const struct xfn_launcher_question *question;
	int netns_fd, output_fd, channel_fd, socket_fd;
	int cgroup_fd; /* to move to; -1: it is there */
	int handed_fd; /* the starter's end of the program's channel */
	int listening[XFN_LAUNCH_SOCKETS_MAX];
	char *directory;
	char **argv;
	char **env;
	char own[ENV_OWN][ENV_TEXT_BYTES];
};

/* ---- the steps --------------------------------------------------------------------------------------- */

static int wait_for_begin(struct plan *plan)
{
	struct xfn_channel_message message;
	struct xfn_aide_message in = {.data = &message, .bytes = sizeof(message)};
	int err = xfn_aide_receive(plan->channel_fd, &in);

	if (err || message.type != XFN_CHANNEL_BEGIN)
		_exit(EXIT_FAILURE); /* nobody is there who would want it */
	return 0;
}

static int enter_cgroup(struct plan *plan)
{
	int fd, err = 0;

	if (plan->cgroup_fd < 0)
		return 0;
	fd = openat(plan->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return xfn_errno();
	if (write(fd, "0", 1) < 0)
		err = xfn_errno();
	close(fd);
	return err;
}

static int reset_signals(struct plan *plan)
{
	(void)plan;
	xfn_launcher_reset_signals();
	return 0;
}

static int enter_netns(struct plan *plan)
{
	if (plan->question->fork.listens)
		return 0;
	return setns(plan->netns_fd, CLONE_NEWNET) < 0 ? xfn_errno() : 0;
}

/* It takes CAP_NET_ADMIN, so it is done here. What the kernel does not give, show does not tell (5.11). */
static void poll_busily(int fd)
{
	static const int options[][2] = {{SO_PREFER_BUSY_POLL, 1},
					 {SO_BUSY_POLL, BUSY_POLL_US},
					 {SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET}};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, SOL_SOCKET, options[i][0], &options[i][1], sizeof(options[i][1]));
}

static int make_socket(struct plan *plan)
{
	if (plan->question->fork.listens)
		return 0;
	plan->socket_fd = socket(AF_XDP, SOCK_RAW, 0);
	if (plan->socket_fd < 0)
		return xfn_errno();
	if (plan->question->fork.flags & XFN_LAUNCH_BUSY_POLL)
		poll_busily(plan->socket_fd);
	return 0;
}

static int save_fd(int *fd)
{
	*fd = fcntl(*fd, F_DUPFD, FIRST_SAVED_FD);
	return *fd < 0 ? xfn_errno() : 0;
}

static int place_fd(int *fd, int number)
{
	if (dup2(*fd, number) < 0)
		return xfn_errno();
	*fd = number;
	return 0;
}

static int arrange_stdio(struct plan *plan)
{
	int nothing = open("/dev/null", O_RDONLY), err;

	if (nothing < 0)
		return xfn_errno();
	err = save_fd(&nothing) ?: save_fd(&plan->output_fd) ?: save_fd(&plan->channel_fd);
	if (!err && (dup2(nothing, STDIN_FILENO) < 0 || dup2(plan->output_fd, STDOUT_FILENO) < 0 ||
		     dup2(plan->output_fd, STDERR_FILENO) < 0))
		err = xfn_errno();
	return err;
}

/* The last that it has, and only until it executes: its end says that the program begins. */
static int place_ours(struct plan *plan, int number)
{
	int err = place_fd(&plan->channel_fd, number);

	if (!err && fcntl(plan->channel_fd, F_SETFD, FD_CLOEXEC) < 0)
		err = xfn_errno();
	if (!err)
		close_range((unsigned)number + 1, ~0U, 0);
	return err;
}

static int arrange_listening(struct plan *plan)
{
	__u32 i, count = plan->question->fork.socket_count;
	int err = arrange_stdio(plan);

	for (i = 0; i < count && !err; i++)
		err = save_fd(&plan->listening[i]);
	for (i = 0; i < count && !err; i++)
		err = place_fd(&plan->listening[i], SOCKET_FD + (int)i);
	return err ?: place_ours(plan, SOCKET_FD + (int)count);
}

/* Its channel is made later, where its place is kept for it. */
static int arrange_fds(struct plan *plan)
{
	int err, nothing = STDIN_FILENO;

	if (plan->question->fork.listens)
		return arrange_listening(plan);
	err = arrange_stdio(plan) ?: save_fd(&plan->socket_fd);
	err = err ?: place_fd(&plan->socket_fd, SOCKET_FD);
	err = err ?: place_fd(&nothing, CHANNEL_FD);
	return err ?: place_ours(plan, LAUNCHER_FD);
}

/*
 * One that only brings. What a program sends would lie in xfnd's end, and who lets go of descriptors there may have
 * to wait until they are closed: for as long as the program likes.
 */
static int make_channel(struct plan *plan)
{
	int pair[2];

	if (plan->question->fork.listens)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    shutdown(pair[1], SHUT_RD) < 0 || dup2(pair[0], CHANNEL_FD) < 0)
		return xfn_errno();
	plan->handed_fd = pair[1];
	return 0;
}

/* Pools are counted against the limit by user: a quarter of what cannot be raised leaves room for others. */
static unsigned frames_of(const struct xfn_launcher_question *question, rlim_t limit)
{
	rlim_t frames = question->fork.frames, fit = limit / FRAME_BYTES / 4;

	while (limit != RLIM_INFINITY && frames > FRAMES_MIN && frames > fit)
		frames /= 2;
	return (unsigned)frames;
}

static void write_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "%d\n", OOM_SCORE);
	close(fd);
}

static int set_limits(struct plan *plan)
{
	static const struct rlimit no_core;
	rlim_t data = plan->question->fork.data_bytes, tasks = plan->question->fork.tasks;
	rlim_t memory = xfn_launcher_raise_memlock();
	uid_t uid = plan->question->fork.uid;

	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_DATA, &(struct rlimit){data, data});
	if (xfn_uid_is_lone(uid))
		setrlimit(RLIMIT_NPROC, &(struct rlimit){tasks, tasks});
	else if (!plan->question->fork.listens) /* the user has other programs */
		snprintf(plan->own[0], ENV_TEXT_BYTES, XFN_ENV_FRAMES "=%u",
			 frames_of(plan->question, memory));
	write_oom_score();
	return 0;
}

static int drop_bounding(struct plan *plan)
{
	(void)plan;
	return xfn_launcher_drop_bounding();
}

static int become_user(struct plan *plan)
{
	const struct xfn_launcher_question *question = plan->question;

	return xfn_launcher_become_user(question->fork.uid, question->fork.gid,
					question->fork.groups, question->fork.group_count);
}

static int drop_capabilities(struct plan *plan)
{
	(void)plan;
	return xfn_launcher_drop_capabilities();
}

static int enter_directory(struct plan *plan)
{
	return chdir(plan->directory) < 0 ? xfn_errno() : 0;
}

static int filter_calls(struct plan *plan)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_HANDED};
	struct xfn_aide_message out = {.data = &message,
				       .bytes = sizeof(message),
				       .fds = {[XFN_HANDED_SOCKET] = plan->socket_fd,
					       [XFN_HANDED_CHANNEL] = plan->handed_fd},
				       .fd_count = XFN_HANDED_FDS};
	int err;

	if (plan->question->fork.listens)
		return xfn_seccomp_apply(XFN_ROLE_FUNCTION);
	err = xfn_seccomp_apply_asking(&out.fds[XFN_HANDED_SOCKETING]);
	return err ?: xfn_aide_send(plan->channel_fd, &out);
}

/* Without a slash, the first of that name in XFN_LAUNCH_PATH that can be executed. */
static int execute(struct plan *plan)
{
	char path[4096];
	const char *folder = XFN_LAUNCH_PATH;
	int err = -ENOENT, length;

	if (strchr(plan->argv[0], '/')) {
		execve(plan->argv[0], plan->argv, plan->env);
		return xfn_errno();
	}
	for (; *folder; folder += length + (folder[length] == ':')) {
		length = (int)strcspn(folder, ":");
		snprintf(path, sizeof(path), "%.*s/%s", length, folder, plan->argv[0]);
		execve(path, plan->argv, plan->env);
		if (errno != ENOENT)
			err = xfn_errno();
	}
	return err;
}

static const struct {
	int (*run)(struct plan *plan);
	const char *what; /* completes "cannot ..." */
} steps[] = {
	{wait_for_begin, "begin"},
	{enter_cgroup, "enter its cgroup"},
	{reset_signals, "reset its signals"},
	{enter_netns, "enter its network namespace"},
	{make_socket, "make its AF_XDP socket"},
	{arrange_fds, "arrange its descriptors"},
	{make_channel, "make its channel"},
	{set_limits, "set its limits"},
	{drop_bounding, "forgo new privileges"},
	{become_user, "become its user"},
	{drop_capabilities, "drop its capabilities"},
	{enter_directory, "enter its directory"},
	{filter_calls, "filter its system calls"},
	{execute, "execute"},
	/* The kernel says "No such file" of that, too. */
	{NULL, "find the interpreter of"},
};
enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]), STEP_INTERPRET = STEP_COUNT - 1 };

void xfn_launch_describe(const struct xfn_launch *launch, __u32 step, char *text, size_t bytes)
{
	const char *thing = NULL;

	if (step >= STEP_COUNT) {
		snprintf(text, bytes, "cannot start");
		return;
	}
	if (steps[step].run == enter_directory)
		thing = launch->directory;
	else if (steps[step].run == execute || step == STEP_INTERPRET)
		thing = launch->argv[0];
	snprintf(text, bytes, "cannot %s%s%.150s%s", steps[step].what, thing ? " '" : "",
		 thing ?: "", thing ? "'" : "");
}

/* ---- the child --------------------------------------------------------------------------------------- */

static __attribute__((noreturn)) void become(struct plan *plan)
{
	struct xfn_channel_message message = {.version = XFN_CHANNEL_VERSION,
					      .type = XFN_CHANNEL_FAILED};
	struct xfn_aide_message out = {.data = &message, .bytes = sizeof(message)};
	int err = 0;
	__u32 step;

	for (step = 0; step < STEP_INTERPRET && !err; step++)
		err = steps[step].run(plan);
	if (step == STEP_INTERPRET && err == -ENOENT && !access(plan->argv[0], F_OK))
		step++;
	message.flags = step - 1;
	message.error = (__u32)-err;
	xfn_aide_send(plan->channel_fd, &out);
	_exit(EXIT_FAILURE);
}

/* ---- the text ---------------------------------------------------------------------------------------- */

/* @count texts from *at on, up to @end. Returns 0 or -EBADMSG. */
static int take_texts(char **at, const char *end, char **texts, __u32 count)
{
	size_t length;

	for (; count; count--) {
		length = strnlen(*at, (size_t)(end - *at));
		if (*at + length >= end)
			return -EBADMSG;
		*texts++ = *at;
		*at += length + 1;
	}
	return 0;
}

/* What the manifest does not say itself. */
static void add_own(struct plan *plan, __u32 count)
{
	__u32 given = count, i, j;
	size_t name;

	for (i = 0; i < ENV_OWN; i++) {
		name = strcspn(plan->own[i], "=") + 1;
		if (!plan->own[i][0])
			continue;
		for (j = 0; j < given && strncmp(plan->env[j], plan->own[i], name); j++)
			;
		if (j == given)
			plan->env[count++] = plan->own[i];
	}
}

/* sd_listen_fds(3), sd_notify(3); an empty text is passed over. */
static void write_listening(struct plan *plan)
{
	const struct xfn_launcher_question *question = plan->question;

	snprintf(plan->own[0], ENV_TEXT_BYTES, "LISTEN_FDS=%u", question->fork.socket_count);
	snprintf(plan->own[1], ENV_TEXT_BYTES, "LISTEN_PID=%d", getpid());
	snprintf(plan->own[2], ENV_TEXT_BYTES, "LISTEN_FDNAMES=%s", question->fork.socket_names);
	if (question->fork.notify[0])
		snprintf(plan->own[3], ENV_TEXT_BYTES, "NOTIFY_SOCKET=%s", question->fork.notify);
}

static void write_own(struct plan *plan)
{
	snprintf(plan->own[0], ENV_TEXT_BYTES, XFN_ENV_FRAMES "=%u", plan->question->fork.frames);
	snprintf(plan->own[1], ENV_TEXT_BYTES, XFN_ENV_SOCKET "=%d", SOCKET_FD);
	snprintf(plan->own[2], ENV_TEXT_BYTES, XFN_ENV_CHANNEL "=%d", CHANNEL_FD);
	snprintf(plan->own[3], ENV_TEXT_BYTES, XFN_ENV_INTERFACE "=" XFN_PORT_FAR_NAME);
	snprintf(plan->own[6], ENV_TEXT_BYTES, XFN_ENV_GO "=1");
	if (plan->question->fork.flags & XFN_LAUNCH_BUSY_POLL)
		snprintf(plan->own[7], ENV_TEXT_BYTES, XFN_ENV_BUSY_POLL "=1");
	if (plan->question->fork.flags & XFN_LAUNCH_NO_WAKEUP)
		snprintf(plan->own[8], ENV_TEXT_BYTES, XFN_ENV_NEED_WAKEUP "=0");
}

static int read_text(struct plan *plan, char *text)
{
	const struct xfn_launcher_question *question = plan->question;
	const char *end = text + question->fork.text_bytes;
	__u32 argc = question->fork.argc, count = question->fork.env_count;

	plan->argv = calloc(argc + 1, sizeof(char *));
	plan->env = calloc(count + ENV_OWN + 1, sizeof(char *));
	if (!plan->argv || !plan->env)
		return -ENOMEM;
	if (question->fork.listens)
		write_listening(plan);
	else
		write_own(plan);
	snprintf(plan->own[4], ENV_TEXT_BYTES, "PATH=" XFN_LAUNCH_PATH);
	snprintf(plan->own[5], ENV_TEXT_BYTES, "HOME=/");
	if (take_texts(&text, end, &plan->directory, 1) ||
	    take_texts(&text, end, plan->argv, argc) || take_texts(&text, end, plan->env, count))
		return -EBADMSG;
	add_own(plan, count);
	return 0;
}

/* A private copy: what the descriptor shows may change under us. */
static int load_text(struct plan *plan, int fd)
{
	size_t bytes = plan->question->fork.text_bytes;
	char *text = malloc(bytes);

	if (!text)
		return -ENOMEM;
	if (pread(fd, text, bytes, 0) != (ssize_t)bytes)
		return -EBADMSG;
	return read_text(plan, text);
}

/* ---- the launcher ------------------------------------------------------------------------------------ */

/* Its number; 0: none was. */
static pid_t forked_last;

static bool is_valid(const struct xfn_launcher_question *question)
{
	return question->fork.uid && question->fork.gid && question->fork.argc &&
	       question->fork.argc <= 1024 && question->fork.data_bytes && question->fork.tasks &&
	       question->fork.frames <= XFN_LAUNCH_FRAMES_MAX && question->fork.env_count <= 1024 &&
	       question->fork.text_bytes && question->fork.text_bytes <= XFN_LAUNCH_BYTES_MAX &&
	       question->fork.group_count <= XFN_LAUNCH_GROUPS_MAX &&
	       question->fork.socket_count <= XFN_LAUNCH_SOCKETS_MAX;
}

/* One network namespace, or so many sockets; and one cgroup, or none. */
static bool has_fds(const struct xfn_launcher_question *question, unsigned fd_count)
{
	return fd_count == XFN_FORK_NETNS +
				   (question->fork.listens ? question->fork.socket_count : 1) +
				   !!question->fork.in_cgroup;
}

static bool has_root_group(const struct xfn_launcher_question *question)
{
	__u32 i;

	for (i = 0; i < question->fork.group_count; i++)
		if (!question->fork.groups[i])
			return true;
	return false;
}

void xfn_launcher_become(const struct xfn_launcher_question *question, const int *fds,
			 int cgroup_fd)
{
	struct plan plan = {.question = question,
			    .netns_fd = -1,
			    .output_fd = fds[XFN_FORK_OUTPUT],
			    .channel_fd = fds[XFN_FORK_CHANNEL],
			    .cgroup_fd = cgroup_fd,
			    .socket_fd = -1};

	if (question->fork.listens)
		memcpy(plan.listening, fds + XFN_FORK_SOCKETS,
		       question->fork.socket_count * sizeof(*fds));
	else
		plan.netns_fd = fds[XFN_FORK_NETNS];
	if (load_text(&plan, fds[XFN_FORK_TEXT]))
		_exit(EXIT_FAILURE);
	become(&plan);
}

/*
 * Into its cgroup, where it has one. Moving it there afterwards would take a grace period: 10 ms and more, seen on
 * 6.18. CLONE_INTO_CGROUP is of Linux 5.7; who hides clone3(2) gets it moved.
 */
static pid_t fork_into(int cgroup_fd, bool *ret_outside)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)cgroup_fd};
	pid_t pid = cgroup_fd < 0 ? -1 : (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	*ret_outside = pid < 0 && cgroup_fd >= 0 && errno == ENOSYS;
	return cgroup_fd < 0 || *ret_outside ? fork() : pid;
}

/* Returns its pid, or -errno. */
static pid_t fork_now(const struct xfn_aide_message *in, int *ret_pidfd)
{
	const struct xfn_launcher_question *question = in->data;
	int fd, cgroup_fd = question->fork.in_cgroup ? in->fds[in->fd_count - 1] : -1;
	bool outside;
	pid_t pid = fork_into(cgroup_fd, &outside);

	if (pid < 0)
		return xfn_errno();
	if (pid == 0)
		xfn_launcher_become(question, in->fds, outside ? cgroup_fd : -1);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		int err = xfn_errno();

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err;
	}
	*ret_pidfd = fd;
	return pid;
}

int xfn_launcher_answer_fork(const struct xfn_aide_message *in, struct xfn_launcher_answer *answer,
			     int *ret_pidfd)
{
	const struct xfn_launcher_question *question = in->data;
	pid_t pid;

	if (!is_valid(question) || !has_fds(question, in->fd_count))
		return -EINVAL;
	if (has_root_group(question))
		return -EPERM;
	pid = question->fork.in_cgroup ? 0 : xfn_launcher_take_next(in, ret_pidfd);
	pid = pid ?: fork_now(in, ret_pidfd);
	if (pid < 0)
		return pid;
	answer->value = forked_last = pid;
	return 0;
}

/* Until it is told to begin it is of the launcher's own user, which it waits for with nothing in between. */
int xfn_launcher_answer_forsake(pid_t pid)
{
	pid_t ended;

	if (pid == FORKED_LAST)
		pid = forked_last;
	if (pid <= 0)
		return -ECHILD;
	ended = waitpid(pid, NULL, WNOHANG); /* a number of somebody else's by now is no child */
	if (ended == 0 && kill(pid, SIGKILL) == 0)
		ended = waitpid(pid, NULL, 0);
	return ended == pid ? 0 : xfn_errno();
}

/* ---- signals ------------------------------------------------------------------------------------------ */

/*
 * With the right to signal @uid's processes, and no other's; its own user stays the one that is saved, so that those
 * processes cannot signal it.
 */
static int signal_as(uid_t uid, int pidfd, int signo)
{
	if (setresuid((uid_t)-1, uid, (uid_t)-1) < 0)
		return xfn_errno();
	if (syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 && errno != ESRCH)
		return xfn_errno();
	return 0;
}

int xfn_launcher_answer_signal(const struct xfn_launcher_question *question, int pidfd)
{
	int signo = question->signal.signo, status;
	pid_t pid;

	if (!question->signal.uid || (signo != SIGTERM && signo != SIGKILL))
		return -EPERM;
	pid = fork();
	if (pid < 0)
		return xfn_errno();
	if (pid == 0)
		_exit(-signal_as(question->signal.uid, pidfd, signo));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

/*
 * As that user in every respect, since "all that I may signal" would otherwise be all of ours. So they may signal
 * it in turn, stop it even: it is not waited for. Its parent ends at once, and init reaps it.
 */
int xfn_launcher_answer_sweep(uid_t uid)
{
	int status;
	pid_t pid;

	if (!xfn_uid_is_lone(uid))
		return -EPERM;
	pid = fork();
	if (pid < 0)
		return xfn_errno();
	if (pid == 0) {
		if (fork() == 0 && setresuid(uid, uid, uid) == 0)
			kill(-1, SIGKILL);
		_exit(EXIT_SUCCESS);
	}
	return waitpid(pid, &status, 0) == pid ? 0 : xfn_errno();
}
