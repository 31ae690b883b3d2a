/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KEEPER_FIXTURE_H
#define KEEPER_FIXTURE_H

/* A real keeper in a process of its own, with a run directory for the test. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../loader/keeper.h"
#include "../../loader/launcher.h"

enum { LISTEN_FD = 3, PAUSE_NS = 1000000, PATIENCE_STEPS = 3000 };

/* What one client was told. */
struct told {
	unsigned wanted, gone;
};

struct fixture {
	char run_dir[32];
	char path[64];
	pid_t pid;
	struct xfn_loop *loop;
	struct told told;
	struct xfn_keeper *keeper;
	struct xfn_keeper_hello hello;
};

static inline void pause_a_moment(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	nanosleep(&pause, NULL);
}

static inline const char *keeper_binary(void)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 16);

	assert_true(length > 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "xfn-keeper");
	return path;
}

static inline int listen_in(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* A keeper that serves user @uid. */
static inline void start_keeper(struct fixture *f, uid_t uid)
{
	char number[16], *argv[] = {(char *)"xfn-keeper", number, NULL};
	int binary = open(keeper_binary(), O_PATH | O_CLOEXEC), fd;
	/* Memory that is locked is counted by user. */
	uid_t own = XFN_INSTANCE_UID_FIRST + (uid_t)getpid();

	strcpy(f->run_dir, "/tmp/xfn-keeper-XXXXXX");
	assert_non_null(mkdtemp(f->run_dir));
	snprintf(f->path, sizeof(f->path), "%s/%s", f->run_dir, XFN_KEEPER_SOCKET);
	snprintf(number, sizeof(number), "%u", uid);
	fd = listen_in(f->path);
	f->pid = fork();
	if (f->pid == 0) {
		if (geteuid() == 0 && setresuid(own, own, own) < 0)
			_exit(126);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
		binary = fcntl(binary, F_DUPFD_CLOEXEC, LISTEN_FD + 1);
		dup2(fd, LISTEN_FD);
		fexecve(binary, argv, environ);
		_exit(127);
	}
	assert_true(f->pid > 0);
	close(fd);
	close(binary);
}

static inline void on_wanted(void *context)
{
	((struct told *)context)->wanted++;
}

static inline void on_gone(void *context)
{
	((struct told *)context)->gone++;
}

static inline int open_client(struct fixture *f, struct told *told, struct xfn_keeper **ret,
			      struct xfn_keeper_hello *ret_hello)
{
	const struct xfn_keeper_options options = {
		.run_dir = f->run_dir,
		.loop = told ? f->loop : NULL,
		.on_wanted = on_wanted,
		.on_gone = on_gone,
		.context = told,
	};

	return xfn_keeper_open(&options, ret, ret_hello);
}

static inline void setup_keeper(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	start_keeper(f, geteuid());
	assert_int_equal(xfn_loop_new(&f->loop), 0);
	assert_int_equal(open_client(f, &f->told, &f->keeper, &f->hello), 0);
}

static inline void reap_keeper(struct fixture *f, int *ret_status)
{
	assert_int_equal(waitpid(f->pid, ret_status, 0), f->pid);
	f->pid = 0;
}

/* It ends well when it is told to, whatever it has gone through. */
static inline void teardown_keeper(struct fixture *f)
{
	int status;

	if (f->keeper && f->pid) {
		assert_int_equal(xfn_keeper_end(f->keeper), 0);
		reap_keeper(f, &status);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	} else if (f->pid) {
		kill(f->pid, SIGKILL);
		reap_keeper(f, &status);
	}
	xfn_keeper_close(f->keeper);
	xfn_loop_free(f->loop);
	unlink(f->path);
	rmdir(f->run_dir);
}

/* Serves the loop until *figure is @wanted, or much time has gone by. */
static inline void serve_until(struct fixture *f, const unsigned *figure, unsigned wanted)
{
	int steps;

	for (steps = 0; steps < PATIENCE_STEPS && *figure != wanted; steps++)
		xfn_loop_step(f->loop, PAUSE_NS);
	assert_int_equal(*figure, wanted);
}

/* What is there already, and no more. */
static inline void serve(struct fixture *f)
{
	while (xfn_loop_step(f->loop, 20 * PAUSE_NS) > 0)
		;
}

static inline unsigned count_fds(pid_t pid)
{
	char path[32];
	unsigned count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

#endif
