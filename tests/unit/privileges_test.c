/* SPDX-License-Identifier: BSD-2-Clause */
/* What the filters of system calls refuse, and what they let through; each tried in a child. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/bpf.h>

#include "../../loader/privileges.h"

struct attempt {
	const char *name;
	int (*run)(void); /* returns -1 with errno, or 0 and above */
	bool daemon, broker, coexist, launcher, function; /* whether they may */
};

/* There is none of that name: what may execute is told so. */
static int try_exec(void)
{
	char name[] = "nonexistent", *words[] = {name, NULL};

	return execv("/nonexistent", words);
}

static int try_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static int try_mount(void)
{
	return mount("none", "/nonexistent", "tmpfs", 0, NULL);
}

static int try_setns(void)
{
	return setns(open("/proc/self/ns/net", O_RDONLY), CLONE_NEWNET);
}

/* Of any kind that it may be: more than a filter for one may let through. */
static int try_setns_any(void)
{
	return setns(open("/proc/self/ns/net", O_RDONLY), 0);
}

static int try_unshare(void)
{
	return unshare(CLONE_NEWNS);
}

static int try_unshare_net(void)
{
	return unshare(CLONE_NEWNET);
}

static int try_clone_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

/* ENOSYS is refused, too: whoever asks goes on with clone(2). */
static int try_clone3(void)
{
	long err = syscall(SYS_clone3, NULL, 0UL);

	if (err < 0 && errno == ENOSYS)
		errno = EPERM;
	return (int)err;
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_kill(void)
{
	return kill(getppid(), 0);
}

static int try_module(void)
{
	return (int)syscall(SYS_init_module, NULL, 0UL, "");
}

static int try_setuid(void)
{
	return setresuid(65534, 65534, 65534);
}

static int try_chown(void)
{
	return chown("/nonexistent", 0, 0);
}

static int try_raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* Reads no program; what comes back is the kernel's answer, and not the filter's. */
static int try_bpf(void)
{
	union bpf_attr attr = {0};
	long err = syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));

	return err < 0 && errno != EPERM ? 0 : (int)err;
}

static int try_write(void)
{
	char path[] = "/tmp/xfn-privileges-XXXXXX";
	int fd = mkstemp(path);

	return fd < 0 || unlink(path) < 0 ? -1 : 0;
}

static const struct attempt attempts[] = {
	{"exec", try_exec, false, false, false, true, true},
	{"fork", try_fork, false, false, false, true, true},
	{"mount", try_mount, false, false, false, false, false},
	{"unshare, mounts", try_unshare, false, false, false, false, false},
	{"unshare, network", try_unshare_net, false, false, false, true, false},
	{"clone with a namespace", try_clone_namespace, false, false, false, false, false},
	{"clone3", try_clone3, false, false, false, true, false},
	{"setns, any", try_setns_any, false, false, false, false, false},
	{"ptrace", try_ptrace, false, false, false, false, false},
	{"kill", try_kill, false, false, false, true, true},
	{"init_module", try_module, false, false, false, false, false},
	{"setresuid", try_setuid, false, false, false, true, true},
	{"chown", try_chown, false, false, false, true, true},
	{"a packet socket", try_raw_socket, false, false, false, true, true},
	{"setns", try_setns, false, true, false, true, false},
	{"a unix socket", try_unix, true, false, false, true, true},
	{"a netlink socket", try_netlink, true, false, true, true, true},
	{"bpf", try_bpf, true, true, true, false, false},
	{"a file", try_write, true, false, true, true, true},
};

/* 0: refused with EPERM; 1: let through, whatever came of it; 2: no filter. */
static int outcome(enum xfn_role role, const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (xfn_seccomp_apply(role) < 0)
			_exit(2);
		errno = 0;
		_exit(attempt->run() < 0 && errno == EPERM ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check(enum xfn_role role, const struct attempt *attempt, bool may)
{
	static const char *const names[] = {
		[XFN_ROLE_DAEMON] = "xfnd",         [XFN_ROLE_BROKER] = "broker",
		[XFN_ROLE_COEXIST] = "coexist",     [XFN_ROLE_LAUNCHER] = "launcher",
		[XFN_ROLE_FUNCTION] = "a function", [XFN_ROLE_KEEPER] = "the keeper"};
	int got = outcome(role, attempt);

	if (got != may)
		fail_msg("%s: %s: expected it %s, got %d", names[role], attempt->name,
			 may ? "let through" : "refused", got);
}

static void test_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		check(XFN_ROLE_DAEMON, &attempts[i], attempts[i].daemon);
		check(XFN_ROLE_BROKER, &attempts[i], attempts[i].broker);
		check(XFN_ROLE_COEXIST, &attempts[i], attempts[i].coexist);
		check(XFN_ROLE_LAUNCHER, &attempts[i], attempts[i].launcher);
		check(XFN_ROLE_FUNCTION, &attempts[i], attempts[i].function);
		check(XFN_ROLE_KEEPER, &attempts[i], false);
	}
}

/* Without rights to begin with there are none to drop, and that is no error. */
static void test_drop_without_rights(void **state)
{
	char error[256] = "";
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		_exit(xfn_privileges_drop(XFN_ROLE_DAEMON, error, sizeof(error)) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_drop_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
