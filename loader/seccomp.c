/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that xfnd and its aides may make: lists of what is allowed, by purpose. All
 * else fails with EPERM and is logged. The lists have what the C library does behind our back.
 *
 * A filter stays with whoever is forked or executed. So the launcher, which starts any program, and
 * functions have lists of what is refused instead.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <linux/types.h>

#include <seccomp.h>

#include "fd.h"
#include "privileges.h"

#define CALL(name) SCMP_SYS(name)
#define END        INT_MIN

#define SOCK_TYPE_MASK 0xf /* linux/net.h: the rest of socket(2)'s type is flags */

static const int memory[] = {
	CALL(brk),      CALL(mmap),    CALL(munmap), CALL(mremap),
	CALL(mprotect), CALL(madvise), CALL(msync),  END,
};

static const int process[] = {
	CALL(exit),        CALL(exit_group),      CALL(futex),
	CALL(getpid),      CALL(gettid),          CALL(tgkill),
	CALL(getuid),      CALL(geteuid),         CALL(getgid),
	CALL(getegid),     CALL(getgroups),       CALL(getppid),
	CALL(capget),      CALL(prctl),           CALL(arch_prctl),
	CALL(rseq),        CALL(set_robust_list), CALL(set_tid_address),
	CALL(prlimit64),   CALL(getrlimit),       CALL(setrlimit),
	CALL(getrusage),   CALL(uname),           CALL(sysinfo),
	CALL(getrandom),   CALL(getcpu),          CALL(sched_getaffinity),
	CALL(sched_yield), CALL(membarrier),      CALL(wait4),
	CALL(waitid),      CALL(pidfd_open),      END,
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
	CALL(open),       CALL(openat),     CALL(openat2),
	CALL(stat),       CALL(fstat),      CALL(lstat),
	CALL(newfstatat), CALL(statx),      CALL(statfs),
	CALL(fstatfs),    CALL(access),     CALL(faccessat),
	CALL(faccessat2), CALL(getcwd),     CALL(getdents64),
	CALL(readlink),   CALL(readlinkat), CALL(mkdir),
	CALL(mkdirat),    CALL(rmdir),      CALL(unlink),
	CALL(unlinkat),   CALL(rename),     CALL(renameat),
	CALL(renameat2),  CALL(link),       CALL(linkat),
	CALL(ftruncate),  CALL(fallocate),  CALL(fsync),
	CALL(fdatasync),  CALL(syncfs),     CALL(flock),
	CALL(chmod),      CALL(fchmod),     CALL(fchmodat),
	CALL(umask),      CALL(utimensat),  CALL(fadvise64),
	CALL(mknodat),    CALL(mknod),      END,
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
static const int processors[] = {CALL(sched_setaffinity), END};

/* What the kernel says of interfaces and packet filters, ioctls on an interface, the API. */
static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, END};

static const int broker_calls[] = {
	CALL(recvmsg),    CALL(sendmsg), CALL(close), CALL(bpf),   CALL(openat), CALL(fstat),
	CALL(newfstatat), CALL(ioctl),   CALL(read),  CALL(write), END,
};
static const int broker_families[] = {AF_INET, END};

/* AF_XDP sockets that it is given, its client, inboxes. None that makes a descriptor but these. */
static const int keeper_calls[] = {
	CALL(poll),      CALL(ppoll),         CALL(accept4),         CALL(recvmsg),
	CALL(sendmsg),   CALL(bind),          CALL(getsockopt),      CALL(setsockopt),
	CALL(close),     CALL(fcntl),         CALL(memfd_create),    CALL(write),
	CALL(nanosleep), CALL(clock_gettime), CALL(clock_nanosleep), END,
};
static const int no_families[] = {END};

/* libxdp: its objects, its pins, programs; links and interfaces by netlink. */
static const int coexist_families[] = {AF_NETLINK, AF_INET, END};

/* What reaches into the kernel, or into other processes: of no use to who answers events. */
static const int refused_always[] = {
	CALL(bpf),
	CALL(perf_event_open),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(process_madvise),
	CALL(pidfd_getfd),
	CALL(kcmp),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(fsopen),
	CALL(fsconfig),
	CALL(fsmount),
	CALL(fspick),
	CALL(open_tree),
	CALL(move_mount),
	CALL(mount_setattr),
	CALL(open_by_handle_at),
	CALL(quotactl),
	CALL(acct),
	CALL(swapon),
	CALL(swapoff),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(kexec_file_load),
	CALL(reboot),
	CALL(syslog),
	CALL(add_key),
	CALL(request_key),
	CALL(keyctl),
	CALL(userfaultfd),
	CALL(io_uring_setup),
	CALL(io_uring_enter),
	CALL(io_uring_register),
	CALL(fanotify_init),
	CALL(iopl),
	CALL(ioperm),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(adjtimex),
	CALL(clock_adjtime),
	CALL(sethostname),
	CALL(setdomainname),
	CALL(vhangup),
	END,
};
/* The launcher needs these two, and chroot with them would lead out of anything. */
static const int refused_to_functions[] = {CALL(setns), CALL(unshare), CALL(chroot), END};

/* Ends with NULL. */
static const int *const launcher_refused[] = {refused_always, NULL};
static const int *const function_refused[] = {refused_always, refused_to_functions, NULL};
static const int *const daemon_lists[] = {memory, process, signals, time_and_events, descriptors,
					  files,  sockets, kernel,  processors,      NULL};
static const int *const broker_lists[] = {memory, process, signals, broker_calls, NULL};
static const int *const coexist_lists[] = {
	memory, process, signals, time_and_events, descriptors, files, sockets, kernel, NULL};

static const int *const keeper_lists[] = {memory, process, signals, keeper_calls, NULL};

static const struct filter {
	const int *const *lists;   /* allowed, and nothing else; NULL: all but what is refused */
	const int *families;       /* of sockets that are allowed, with lists */
	const int *const *refused; /* without lists */
	bool enters; /* network namespaces, and with @refused makes them, too; none of another kind */
} filters[] = {
	[XFN_ROLE_DAEMON] = {.lists = daemon_lists, .families = families},
	[XFN_ROLE_BROKER] = {.lists = broker_lists, .families = broker_families, .enters = true},
	[XFN_ROLE_COEXIST] = {.lists = coexist_lists, .families = coexist_families},
	[XFN_ROLE_LAUNCHER] = {.refused = launcher_refused, .enters = true},
	[XFN_ROLE_FUNCTION] = {.refused = function_refused},
	[XFN_ROLE_KEEPER] = {.lists = keeper_lists, .families = no_families},
};

static int add_lists(scmp_filter_ctx filter, __u32 action, const int *const *lists)
{
	int err = 0;

	for (; *lists && !err; lists++)
		for (const int *call = *lists; *call != END && !err; call++)
			err = seccomp_rule_add(filter, action, *call, 0);
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

static int add_allowed(scmp_filter_ctx filter, const struct filter *rules)
{
	int err = add_lists(filter, SCMP_ACT_ALLOW, rules->lists);

	if (!err && rules->enters)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setns), 1,
				       SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNET));
	return err ?: allow_families(filter, rules->families);
}

/* No new namespaces by clone(2). */
static int refuse_clones(scmp_filter_ctx filter)
{
	static const scmp_datum_t namespaces[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
						  CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
						  CLONE_NEWNET};
	int err = 0;

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	return err;
}

/* A filter cannot see the flags of clone3(2): that call is not there, and C libraries do without. */
static int hide_clone3(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/*
 * Of namespaces but those of the network. The launcher needs clone3(2), for cgroups: as far as that goes it is
 * trusted.
 */
static int refuse_other_kinds(scmp_filter_ctx filter)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
				   SCMP_A0(SCMP_CMP_NE, CLONE_NEWNET));

	return err
		       ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setns), 1,
					   SCMP_A1(SCMP_CMP_NE, CLONE_NEWNET));
}

static int add_refused(scmp_filter_ctx filter, enum xfn_role role)
{
	int err = add_lists(filter, SCMP_ACT_ERRNO(EPERM), filters[role].refused);

	err = err ?: refuse_clones(filter);
	return err ?: filters[role].enters ? refuse_other_kinds(filter) : hide_clone3(filter);
}

/* What the kernel would refuse for another reason, such as its type, it does refuse: that is no question. */
static int ask_for_sockets(scmp_filter_ctx filter)
{
	return seccomp_rule_add(
		filter, SCMP_ACT_NOTIFY, SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, AF_XDP),
		SCMP_A1(SCMP_CMP_MASKED_EQ, SOCK_TYPE_MASK, SOCK_RAW), SCMP_A2(SCMP_CMP_EQ, 0));
}

/* @ret_fd: of the questions; NULL: there are none. */
static int apply(enum xfn_role role, int *ret_fd)
{
	bool allows = filters[role].lists != NULL;
	scmp_filter_ctx filter = seccomp_init(allows ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return -ENOMEM;
	/* Where the kernel cannot log, it filters all the same. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	err = allows ? add_allowed(filter, &filters[role]) : add_refused(filter, role);
	if (!err && ret_fd)
		err = ask_for_sockets(filter);
	if (!err)
		err = seccomp_load(filter);
	if (!err && ret_fd) {
		*ret_fd = xfn_fd_copy(seccomp_notify_fd(filter));
		err = *ret_fd < 0 ? *ret_fd : 0;
	}
	seccomp_release(filter);
	return err;
}

int xfn_seccomp_apply(enum xfn_role role)
{
	return apply(role, NULL);
}

int xfn_seccomp_apply_asking(int *ret_fd)
{
	return apply(XFN_ROLE_FUNCTION, ret_fd);
}
