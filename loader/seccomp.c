/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that xfnd and its broker may make: lists of what is allowed, by purpose. All
 * else fails with EPERM and is logged. Both lists have what the C library does behind our back.
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "privileges.h"

#define CALL(name) SCMP_SYS(name)
#define END        INT_MIN

static const int memory[] = {
	CALL(brk),      CALL(mmap),    CALL(munmap), CALL(mremap),
	CALL(mprotect), CALL(madvise), CALL(msync),  END,
};

static const int process[] = {
	CALL(exit),
	CALL(exit_group),
	CALL(futex),
	CALL(getpid),
	CALL(gettid),
	CALL(tgkill),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getgroups),
	CALL(getppid),
	CALL(capget),
	CALL(prctl),
	CALL(arch_prctl),
	CALL(rseq),
	CALL(set_robust_list),
	CALL(set_tid_address),
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(setrlimit),
	CALL(getrusage),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrandom),
	CALL(getcpu),
	CALL(sched_getaffinity),
	CALL(sched_yield),
	CALL(membarrier),
	CALL(wait4),
	CALL(waitid),
	END,
};

static const int signals[] = {
	CALL(rt_sigaction),    CALL(rt_sigprocmask),  CALL(rt_sigreturn), CALL(rt_sigpending),
	CALL(rt_sigtimedwait), CALL(restart_syscall), CALL(sigaltstack),  END,
};

static const int time_and_events[] = {
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(epoll_create),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(eventfd2),
	CALL(signalfd4),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),
	END,
};

static const int descriptors[] = {
	CALL(read),  CALL(readv),        CALL(pread64),     CALL(preadv),
	CALL(write), CALL(writev),       CALL(pwrite64),    CALL(pwritev),
	CALL(lseek), CALL(close),        CALL(close_range), CALL(dup),
	CALL(dup2),  CALL(dup3),         CALL(fcntl),       CALL(ioctl),
	CALL(pipe2), CALL(memfd_create), CALL(sendfile),    CALL(copy_file_range),
	END,
};

static const int files[] = {
	CALL(open),      CALL(openat),     CALL(openat2),    CALL(stat),      CALL(fstat),
	CALL(lstat),     CALL(newfstatat), CALL(statx),      CALL(statfs),    CALL(fstatfs),
	CALL(access),    CALL(faccessat),  CALL(faccessat2), CALL(getcwd),    CALL(getdents64),
	CALL(readlink),  CALL(readlinkat), CALL(mkdir),      CALL(mkdirat),   CALL(rmdir),
	CALL(unlink),    CALL(unlinkat),   CALL(rename),     CALL(renameat),  CALL(renameat2),
	CALL(link),      CALL(linkat),     CALL(ftruncate),  CALL(fallocate), CALL(fsync),
	CALL(fdatasync), CALL(syncfs),     CALL(flock),      CALL(chmod),     CALL(fchmod),
	CALL(fchmodat),  CALL(umask),      CALL(utimensat),  CALL(fadvise64), END,
};

static const int sockets[] = {
	CALL(bind),        CALL(listen),     CALL(accept),
	CALL(accept4),     CALL(connect),    CALL(getsockname),
	CALL(getpeername), CALL(getsockopt), CALL(setsockopt),
	CALL(sendto),      CALL(sendmsg),    CALL(sendmmsg),
	CALL(recvfrom),    CALL(recvmsg),    CALL(recvmmsg),
	CALL(shutdown),    CALL(socketpair), END,
};

static const int kernel[] = {CALL(bpf), CALL(perf_event_open), END};

/* What the kernel says of interfaces and packet filters, ioctls on an interface, the API. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, END};

static const int broker_calls[] = {
	CALL(recvmsg), CALL(sendmsg),    CALL(close), CALL(bpf),  CALL(setns), CALL(openat),
	CALL(fstat),   CALL(newfstatat), CALL(ioctl), CALL(read), CALL(write), END,
};
static const int broker_families[] = {AF_INET, END};

/* libxdp: its objects, its pins, programs; links and interfaces by netlink. */
static const int coexist_families[] = {AF_NETLINK, AF_INET, END};

/* Ends with NULL. */
static const int *const daemon_lists[] = {
	memory, process, signals, time_and_events, descriptors, files, sockets, kernel, NULL};
static const int *const broker_lists[] = {memory, process, signals, broker_calls, NULL};
static const int *const coexist_lists[] = {
	memory, process, signals, time_and_events, descriptors, files, sockets, kernel, NULL};

static const struct {
	const int *const *lists;
	const int *families;
} filters[] = {
	[XFN_ROLE_DAEMON] = {daemon_lists, families},
	[XFN_ROLE_BROKER] = {broker_lists, broker_families},
	[XFN_ROLE_COEXIST] = {coexist_lists, coexist_families},
};

static int allow_lists(scmp_filter_ctx filter, const int *const *lists)
{
	int err = 0;

	for (; *lists && !err; lists++)
		for (const int *call = *lists; *call != END && !err; call++)
			err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, *call, 0);
	return err;
}

static int allow_families(scmp_filter_ctx filter, const int *family)
{
	int err = 0;

	for (; *family != END && !err; family++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)*family));
	return err;
}

int xfn_seccomp_apply(enum xfn_role role)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!filter)
		return -ENOMEM;
	/* Where the kernel cannot log, it filters all the same. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	err = allow_lists(filter, filters[role].lists);
	if (!err)
		err = allow_families(filter, filters[role].families);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
