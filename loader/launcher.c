/* SPDX-License-Identifier: BSD-2-Clause */
/* The launcher's process, and how it is asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aide.h"
#include "errnum.h"
#include "launcher_private.h"

enum { PATIENCE_S = 10 };

static struct xfn_aide aide = {.fd = -1};
/* In the launcher: it has been asked for what a program needs. */
static bool starts_programs;

/* ---- the launcher -------------------------------------------------------------------------------- */

static int answer_reap(const struct xfn_launcher_question *question,
		       struct xfn_launcher_answer *answer)
{
	int status;
	pid_t pid;

	if (question->pid <= 0)
		return -EINVAL;
	pid = waitpid(question->pid, &status, WNOHANG);
	answer->value = status;
	if (pid == 0)
		return -EAGAIN;
	return pid < 0 ? xfn_errno() : 0;
}

/* What is asked for programs. */
static bool is_for_program(__u32 op)
{
	return op == XFN_LAUNCHER_MAKE_PORT || op == XFN_LAUNCHER_LISTEN || op == XFN_LAUNCHER_FORK;
}

static void answer_question(const struct xfn_aide_message *in, struct xfn_aide_message *out)
{
	const struct xfn_launcher_question *question = in->data;
	struct xfn_launcher_answer *answer = out->data;
	int fd = -1, err = -EBADMSG;

	starts_programs |= is_for_program(question->op);
	if (question->op == XFN_LAUNCHER_MAKE_PORT && in->fd_count == 1)
		err = xfn_launcher_answer_port(question, in->fds[0], answer, &fd);
	else if (question->op == XFN_LAUNCHER_FORK && in->fd_count >= XFN_FORK_NETNS)
		err = xfn_launcher_answer_fork(in, answer, &fd);
	else if (question->op == XFN_LAUNCHER_SIGNAL && in->fd_count == 1)
		err = xfn_launcher_answer_signal(question, in->fds[0]);
	else if (question->op == XFN_LAUNCHER_REAP)
		err = answer_reap(question, answer);
	else if (question->op == XFN_LAUNCHER_SWEEP)
		err = xfn_launcher_answer_sweep(question->uid);
	else if (question->op == XFN_LAUNCHER_GIVE && in->fd_count == 2)
		err = xfn_launcher_answer_give(question, in->fds);
	else if (question->op == XFN_LAUNCHER_LISTEN)
		err = xfn_launcher_answer_listen(&question->listen, &fd);
	else if (question->op == XFN_LAUNCHER_KEEPER && in->fd_count == 1)
		err = xfn_launcher_answer_keeper(question, in->fds[0], answer);
	else if (question->op == XFN_LAUNCHER_SOCKET && in->fd_count == 1)
		err = xfn_launcher_answer_far_socket(in->fds[0], answer, &fd);
	else if (question->op == XFN_LAUNCHER_SOCKET)
		err = xfn_launcher_answer_socket(&fd);
	else if (question->op == XFN_LAUNCHER_FORSAKE)
		err = xfn_launcher_answer_forsake(question->pid);
	answer->err = err;
	if (fd >= 0)
		out->fds[out->fd_count++] = fd;
}

static void rest(void)
{
	if (starts_programs)
		xfn_launcher_stand_by();
}

int xfn_launcher_start(bool stand_by)
{
	const struct xfn_aide_options options = {
		.name = "xfnd-launcher",
		.role = XFN_ROLE_LAUNCHER,
		.patience_s = PATIENCE_S,
		.question_bytes = sizeof(struct xfn_launcher_question),
		.answer_bytes = sizeof(struct xfn_launcher_answer),
		.answer = answer_question,
		.rest = stand_by ? rest : NULL,
	};

	return xfn_aide_start(&aide, &options);
}

void xfn_launcher_stop(void)
{
	xfn_aide_stop(&aide);
}

int xfn_launcher_check(void)
{
	int err = xfn_aide_check(&aide);

	return err == -ENOENT ? -EPERM : err;
}

const char *xfn_launcher_reason(int err)
{
	if (err == -EPERM)
		return "xfnd was started without the rights that it takes";
	return err == -EPIPE ? "xfnd's launcher is gone: restart xfnd" : NULL;
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* *ret_fd: the descriptor that came back, or -1; NULL where none does. Returns the value, or -errno. */
static int ask(const struct xfn_launcher_question *question, const int *fds, unsigned fd_count,
	       int *ret_fd)
{
	struct xfn_launcher_answer answer;
	struct xfn_aide_message in = {.data = &answer, .bytes = sizeof(answer)};
	struct xfn_aide_message out = {
		.data = (void *)question, .bytes = sizeof(*question), .fd_count = fd_count};
	int err = xfn_launcher_check();

	if (err)
		return err;
	if (fd_count)
		memcpy(out.fds, fds, fd_count * sizeof(*fds));
	err = xfn_aide_ask(&aide, &out, &in);
	if (err)
		return err == -EAGAIN ? -EPIPE : err;
	if (ret_fd) {
		*ret_fd = in.fd_count ? in.fds[0] : -1;
		in.fd_count = 0;
	}
	xfn_aide_close_fds(&in);
	return answer.err ?: answer.value;
}

int xfn_launcher_make_port(const char *name, __u32 mtu, int far_program_fd, __u32 *ret_ifindex,
			   int *ret_netns_fd)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_MAKE_PORT, .port.mtu = mtu};
	int ifindex;

	snprintf(question.port.name, sizeof(question.port.name), "%s", name);
	ifindex = ask(&question, &far_program_fd, 1, ret_netns_fd);
	if (ifindex < 0)
		return ifindex;
	*ret_ifindex = (__u32)ifindex;
	return 0;
}

int xfn_launcher_listen(const struct xfn_listen_place *place, int *ret_fd)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_LISTEN, .listen = *place};
	int err = ask(&question, NULL, 0, ret_fd);

	return !err && *ret_fd < 0 ? -EPIPE : err;
}

/* ---- forking --------------------------------------------------------------------------------------- */

static void put_texts(FILE *out, const char *const *texts, __u32 count)
{
	__u32 i;

	for (i = 0; i < count; i++)
		fwrite(texts[i], strlen(texts[i]) + 1, 1, out);
}

/* All texts in memory that can be sent along. Returns a descriptor or -errno. */
static int texts_of(const struct xfn_launch *launch, __u32 *ret_bytes)
{
	int fd = memfd_create("xfn-launch", MFD_CLOEXEC);
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = fd < 0 ? NULL : open_memstream(&text, &bytes);
	int err = 0;

	if (!out) {
		err = xfn_errno();
		if (fd >= 0)
			close(fd);
		return err;
	}
	put_texts(out, &launch->directory, 1);
	put_texts(out, launch->argv, launch->argc);
	put_texts(out, launch->env, launch->env_count);
	if (fclose(out))
		err = -ENOMEM;
	else if (bytes > XFN_LAUNCH_BYTES_MAX)
		err = -E2BIG;
	else if (pwrite(fd, text, bytes, 0) != (ssize_t)bytes)
		err = xfn_errno();
	free(text);
	if (err) {
		close(fd);
		return err;
	}
	*ret_bytes = (__u32)bytes;
	return fd;
}

static void put_sockets(const struct xfn_launch *launch, struct xfn_launcher_question *question,
			int *fds)
{
	__u32 i;

	for (i = 0; i < launch->socket_count; i++)
		fds[XFN_FORK_SOCKETS + i] = launch->socket_fds[i];
	snprintf(question->fork.socket_names, sizeof(question->fork.socket_names), "%s",
		 launch->socket_names);
	snprintf(question->fork.notify, sizeof(question->fork.notify), "%s", launch->notify ?: "");
}

int xfn_launcher_fork(const struct xfn_launch *launch, pid_t *ret_pid, int *ret_pidfd)
{
	struct xfn_launcher_question question = {
		.op = XFN_LAUNCHER_FORK,
		.fork = {.argc = launch->argc,
			 .env_count = launch->env_count,
			 .uid = launch->uid,
			 .gid = launch->gid,
			 .group_count = launch->group_count,
			 .listens = launch->listens,
			 .in_cgroup = launch->cgroup_fd >= 0,
			 .flags = launch->flags,
			 .tasks = launch->tasks,
			 .frames = launch->frames,
			 .data_bytes = launch->data_bytes,
			 .socket_count = launch->listens ? launch->socket_count : 0},
	};
	unsigned count =
		launch->listens ? XFN_FORK_SOCKETS + launch->socket_count : XFN_FORK_NETNS + 1;
	int fds[XFN_FORK_SOCKETS + XFN_LAUNCH_SOCKETS_MAX + 1] = {
		[XFN_FORK_NETNS] = launch->netns_fd,
		[XFN_FORK_OUTPUT] = launch->output_fd,
		[XFN_FORK_CHANNEL] = launch->channel_fd};
	int pid;

	memcpy(question.fork.groups, launch->groups, sizeof(question.fork.groups));
	if (launch->listens)
		put_sockets(launch, &question, fds);
	if (launch->cgroup_fd >= 0)
		fds[count++] = launch->cgroup_fd;
	fds[XFN_FORK_TEXT] = texts_of(launch, &question.fork.text_bytes);
	if (fds[XFN_FORK_TEXT] < 0)
		return fds[XFN_FORK_TEXT];
	pid = ask(&question, fds, count, ret_pidfd);
	close(fds[XFN_FORK_TEXT]);
	if (pid == -EBADMSG) { /* no room for its descriptor */
		xfn_launcher_forsake(FORKED_LAST);
		pid = -EMFILE;
	}
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	return 0;
}

int xfn_launcher_forsake(pid_t pid)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_FORSAKE, .pid = pid};

	return ask(&question, NULL, 0, NULL);
}

int xfn_launcher_signal(int pidfd, uid_t uid, int signo)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_SIGNAL,
						 .signal = {.uid = uid, .signo = signo}};

	return ask(&question, &pidfd, 1, NULL);
}

int xfn_launcher_reap(pid_t pid, int *ret_status)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_REAP, .pid = pid};
	int status = ask(&question, NULL, 0, NULL);

	if (status < 0)
		return status;
	*ret_status = status;
	return 0;
}

int xfn_launcher_sweep(uid_t uid)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_SWEEP, .uid = uid};

	return ask(&question, NULL, 0, NULL);
}

int xfn_launcher_give(int asking_fd, __u64 id, int socket_fd, bool cloexec)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_GIVE,
						 .give = {.id = id, .cloexec = cloexec}};
	const int fds[] = {asking_fd, socket_fd};

	return ask(&question, fds, 2, NULL);
}

int xfn_launcher_start_keeper(int listen_fd, uid_t uid, pid_t *ret_pid)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_KEEPER, .uid = uid};
	int pid = ask(&question, &listen_fd, 1, NULL);

	if (pid < 0)
		return pid;
	*ret_pid = pid;
	return 0;
}

int xfn_launcher_make_socket(int *ret_fd)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_SOCKET};

	return ask(&question, NULL, 0, ret_fd);
}

int xfn_launcher_make_far_socket(int netns_fd, int *ret_fd, __u32 *ret_ifindex)
{
	struct xfn_launcher_question question = {.op = XFN_LAUNCHER_SOCKET};
	int ifindex = ask(&question, &netns_fd, 1, ret_fd);

	if (ifindex < 0)
		return ifindex;
	if (*ret_fd < 0)
		return -EPIPE;
	*ret_ifindex = (__u32)ifindex;
	return 0;
}
