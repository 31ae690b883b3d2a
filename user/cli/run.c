/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn run: asks xfnd for what an instance needs, and becomes the program. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "errnum.h"
#include "output.h"
#include "xfn/channel.h"
#include "xfn/run.h"

enum {
	PATIENCE_S = 30,
	/* As of env(1): the program is not there, or cannot be executed. */
	EXIT_NOT_FOUND = 127,
	EXIT_NOT_EXECUTED = 126,
};

/* Beside the API's. */
static int socket_path(const struct xfn_cli *cli, struct sockaddr_un *address)
{
	const char *slash = strrchr(cli->socket, '/');
	int folder = slash ? (int)(slash + 1 - cli->socket) : 0;
	int bytes = snprintf(address->sun_path, sizeof(address->sun_path), "%.*s" XFN_RUN_SOCKET,
			     folder, cli->socket);

	return bytes < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* A descriptor or -errno. */
static int connect_to(const struct sockaddr_un *address)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return xfn_errno();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	err = xfn_errno();
	close(fd);
	return err;
}

/* The descriptors beside an answer; -EPROTO: there are others, or none. */
static int take_fds(struct msghdr *header, int fds[XFN_RUN_FDS])
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);

	if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS ||
	    rights->cmsg_len != CMSG_LEN(XFN_RUN_FDS * sizeof(int)))
		return -EPROTO;
	memcpy(fds, CMSG_DATA(rights), XFN_RUN_FDS * sizeof(int));
	return 0;
}

static int receive(int fd, struct xfn_run_answer *answer, int fds[XFN_RUN_FDS])
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(XFN_RUN_FDS * sizeof(int))];
	} control;
	struct iovec piece = {answer, sizeof(*answer)};
	struct msghdr header = {.msg_iov = &piece,
				.msg_iovlen = 1,
				.msg_control = control.room,
				.msg_controllen = sizeof(control.room)};
	ssize_t bytes = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

	if (bytes < 0)
		return xfn_errno();
	if (!bytes)
		return -EBUSY;
	if (bytes != sizeof(*answer) || answer->version != XFN_RUN_VERSION)
		return -EPROTO;
	answer->function[sizeof(answer->function) - 1] = '\0';
	answer->error[sizeof(answer->error) - 1] = '\0';
	return answer->status == 200 ? take_fds(&header, fds) : 0;
}

static int ask(int fd, const char *name, struct xfn_run_answer *answer, int fds[XFN_RUN_FDS])
{
	struct xfn_run_question question = {.version = XFN_RUN_VERSION};

	strcpy(question.function, name);
	if (send(fd, &question, sizeof(question), MSG_NOSIGNAL) < 0)
		return errno == EPIPE ? -EBUSY : xfn_errno();
	return receive(fd, answer, fds);
}

static int put_number(const char *name, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	return setenv(name, text, 1);
}

/* What the program finds; only these two descriptors are its own beyond what xfn was started with. */
static int prepare(const struct xfn_run_answer *answer, const int fds[XFN_RUN_FDS])
{
	if (fcntl(fds[XFN_RUN_FD_SOCKET], F_SETFD, 0) < 0 ||
	    fcntl(fds[XFN_RUN_FD_CHANNEL], F_SETFD, 0) < 0 ||
	    setenv(XFN_ENV_FUNCTION, answer->function, 1) || setenv(XFN_ENV_GO, "1", 1) ||
	    unsetenv(XFN_ENV_INTERFACE) || put_number(XFN_ENV_SOCKET, fds[XFN_RUN_FD_SOCKET]) ||
	    put_number(XFN_ENV_CHANNEL, fds[XFN_RUN_FD_CHANNEL]) ||
	    put_number(XFN_ENV_IFINDEX, answer->ifindex) || put_number(XFN_ENV_MTU, answer->mtu) ||
	    put_number(XFN_ENV_VERSION, answer->function_version))
		return xfn_errno();
	return 0;
}

static int become(const struct xfn_run_answer *answer, const int fds[XFN_RUN_FDS], char **argv)
{
	int err = prepare(answer, fds);

	if (!err) {
		execvp(argv[0], argv);
		err = xfn_errno();
	}
	xfn_say("cannot run '%s': %s", argv[0], strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTED;
}

static int say_refused(const struct xfn_cli *cli, const struct xfn_run_answer *answer)
{
	json_t *body = json_loads(answer->error, 0, NULL);
	int code = xfn_print_error(cli, answer->status, body);

	json_decref(body);
	return code ? code : XFN_EXIT_FAILED;
}

static int say_no_answer(const struct xfn_cli *cli, const char *path, int err)
{
	if (err == -EBUSY) {
		xfn_say("xfnd takes no more questions of this user at the moment: try again");
		return XFN_EXIT_FAILED;
	}
	return xfn_say_unreachable(cli, path, -err);
}

int xfn_cli_run(struct xfn_cli *cli)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct xfn_run_answer answer;
	int fds[XFN_RUN_FDS], fd, err = socket_path(cli, &address);

	if (strlen(cli->words[0]) >= XFN_RUN_NAME_BYTES) {
		xfn_say("no function '%s'", cli->words[0]);
		return XFN_EXIT_NO_SUCH;
	}
	fd = err ? err : connect_to(&address);
	if (fd < 0)
		return say_no_answer(cli, address.sun_path, fd);
	err = ask(fd, cli->words[0], &answer, fds);
	close(fd);
	if (err)
		return say_no_answer(cli, address.sun_path, err);
	if (answer.status != 200)
		return say_refused(cli, &answer);
	return become(&answer, fds, cli->words + 1);
}
