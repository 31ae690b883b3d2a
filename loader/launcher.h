/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LAUNCHER_H
#define XFN_LAUNCHER_H

/*
 * The process that starts functions: xfnd itself cannot start a program (docs/adr/0014-instances.md).
 * It makes a port's veth pair and network namespace, forks instances, signals and reaps them. It never
 * runs anything as root, and what it runs has no capabilities, cannot gain any, and is refused the
 * system calls that reach beyond itself (privileges.h).
 *
 * Instances outlive both xfnd and the launcher.
 *
 * Functions return 0 or -errno; -EPIPE: the launcher is gone; -EPERM: xfnd was started without the rights
 * that it takes, so there is none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#include "dataplane.h"

/*
 * As xfn_broker_start(). @stand_by: it makes the next child before it is asked for it. One that is to be born in a
 * cgroup cannot be made before that is known.
 */
int xfn_launcher_start(bool stand_by);
void xfn_launcher_stop(void);

/* Whether questions are answered. */
int xfn_launcher_check(void);
/* What -EPERM and -EPIPE mean; NULL: @err is something else. */
const char *xfn_launcher_reason(int err);

/* ---- ports ----------------------------------------------------------------------------------------- */

#define XFN_PORT_FAR_NAME    "xfn0" /* the far end, alone in its network namespace */
#define XFN_PORT_NEAR_PREFIX "xfnp" /* the host's end: xfnp7a */

/*
 * Makes a veth pair: the host's end @name here, the other in a new network namespace, with the program
 * @far_program_fd there; both are up, without addresses. *ret_netns_fd, the caller's, keeps the namespace
 * where no instance does; with it, or with either end, all goes. -EEXIST: an interface of that name is there.
 */
int xfn_launcher_make_port(const char *name, __u32 mtu, int far_program_fd, __u32 *ret_ifindex,
			   int *ret_netns_fd);

/* ---- listening sockets ------------------------------------------------------------------------------ */

#define XFN_LISTEN_BACKLOG   4096      /* connections; net.core.somaxconn says less, perhaps */
#define XFN_LISTEN_UDP_BYTES (4 << 20) /* of datagrams that wait, as the kernel reckons them */

/* Where a socket is bound. */
struct xfn_listen_place {
	__u8 protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family;      /* AF_INET or AF_INET6 */
	bool dual;        /* of AF_INET6 and the address ::, IPv4 as well */
	bool pktinfo;     /* datagrams come with the address that they were sent to */
	__u16 port;       /* host order */
	__u8 address[16]; /* network order; IPv4 in the first four bytes */
	__u32 scope;      /* ifindex, of a link-local address */
};

/*
 * Makes a socket in xfnd's network namespace and binds it; one of TCP listens. *ret_fd is the caller's.
 * -EADDRINUSE, -EADDRNOTAVAIL: as of bind(2).
 */
int xfn_launcher_listen(const struct xfn_listen_place *place, int *ret_fd);

/* ---- instances --------------------------------------------------------------------------------------- */

#define XFN_LAUNCH_GROUPS_MAX       32
#define XFN_LAUNCH_SOCKETS_MAX      16
#define XFN_LAUNCH_SOCKET_NAME_MAX  9 /* "udp-65535" */
#define XFN_LAUNCH_SOCKET_NAMES_MAX (XFN_LAUNCH_SOCKETS_MAX * (XFN_LAUNCH_SOCKET_NAME_MAX + 1))
#define XFN_LAUNCH_NOTIFY_MAX       32
#define XFN_LAUNCH_BYTES_MAX        (1U << 20) /* of arguments and environment together */

#define XFN_LAUNCH_FRAMES_MAX 4096

#define XFN_LAUNCH_BUSY_POLL 1 /* the kernel looks at the queue when it is asked, for a while */
#define XFN_LAUNCH_NO_WAKEUP 2 /* bound without XDP_USE_NEED_WAKEUP */

/* What runs, as whom, and with what. Borrowed. */
struct xfn_launch {
	const char *const
		*argv; /* argc of them; without a slash argv[0] is looked for in XFN_LAUNCH_PATH */
	const char *const
		*env; /* NAME=VALUE, env_count of them: nothing else is in its environment */
	__u32 argc, env_count;
	const char *directory; /* where it starts */
	uid_t uid;             /* not 0 */
	gid_t gid;             /* not 0 */
	gid_t groups[XFN_LAUNCH_GROUPS_MAX];
	__u32 group_count;
	/*
	 * Its network namespace, where its AF_XDP socket is made. With @listens it stays in xfnd's and has
	 * listening sockets instead, as of sd_listen_fds(3).
	 */
	int netns_fd;
	int cgroup_fd; /* it is in that cgroup from its first moment on; -1: it stays in the launcher's */
	bool listens;
	const int *socket_fds; /* socket_count of them, at most XFN_LAUNCH_SOCKETS_MAX */
	__u32 socket_count;
	const char *socket_names; /* LISTEN_FDNAMES */
	const char *notify;       /* NOTIFY_SOCKET; NULL: none */
	__u32 flags;              /* XFN_LAUNCH_*: of its AF_XDP socket */
	__u64 data_bytes;         /* RLIMIT_DATA, of each of its processes */
	__u32 tasks;              /* RLIMIT_NPROC, of one with a user of its own */
	__u32 frames;             /* of its pool, XFN_LAUNCH_FRAMES_MAX at most */
	int output_fd;            /* standard output and error */
	int channel_fd;           /* its end of the channel (xfn/channel.h) */
};
#define XFN_LAUNCH_PATH "/usr/local/bin:/usr/bin:/bin"

/*
 * Forks an instance, which waits: it goes on at a XFN_CHANNEL_BEGIN, and ends where the channel ends before.
 * What keeps the program from running then is said on the channel, XFN_CHANNEL_FAILED. With @listens the channel is
 * closed once the program runs. *ret_pidfd is the caller's.
 */
int xfn_launcher_fork(const struct xfn_launch *launch, pid_t *ret_pid, int *ret_pidfd);

/*
 * Ends and reaps one that was not told to begin, and never will be. -EPERM or -ECHILD, and nothing done: it was told,
 * or is none of this launcher's.
 */
int xfn_launcher_forsake(pid_t pid);

/* "cannot enter its directory '/a'": what failed; @step: of XFN_CHANNEL_FAILED. */
void xfn_launch_describe(const struct xfn_launch *launch, __u32 step, char *text, size_t bytes);

/*
 * Sends SIGTERM or SIGKILL, others are refused, as user @uid, whose process it must be and who is not root.
 * Fine where it has ended.
 */
int xfn_launcher_signal(int pidfd, uid_t uid, int signo);

/*
 * How an instance that has ended did so: a status as of waitpid(2). -ECHILD: it was started by an
 * earlier launcher, and nobody knows.
 */
int xfn_launcher_reap(pid_t pid, int *ret_status);

/*
 * Answers question @id of @asking_fd, a function's that asks for an AF_XDP socket (seccomp_unotify(2)): with a
 * descriptor of its own for @socket_fd, @cloexec or not. Does not wait until it is taken. Returns 0 or -errno:
 * it is not answered.
 */
int xfn_launcher_give(int asking_fd, __u64 id, int socket_fd, bool cloexec);

/* Ends with SIGKILL what else runs as @uid, which must be a lone one. */
int xfn_launcher_sweep(uid_t uid);

/* ---- the keeper (keeper.h) ------------------------------------------------------------------------------ */

#define XFN_KEEPER_BINARY "xfn-keeper" /* in the folder of the running xfnd */

/*
 * Forks and executes the keeper with @listen_fd, where it takes clients of this user; nobody waits for its end.
 * Without capabilities, as @uid, a lone one. -ENOENT: the binary is not there.
 */
int xfn_launcher_start_keeper(int listen_fd, uid_t uid, pid_t *ret_pid);

/* An AF_XDP socket in this network namespace, neither bound nor with a pool; *ret_fd is the caller's. */
int xfn_launcher_make_socket(int *ret_fd);
/* The same in a port's network namespace; *ret_ifindex: of the far end there. */
int xfn_launcher_make_far_socket(int netns_fd, int *ret_fd, __u32 *ret_ifindex);

/* ---- users --------------------------------------------------------------------------------------------- */

/*
 * Users for one instance alone, so that functions cannot signal or trace each other: from a range that no
 * distribution and no container manager gives out (systemd's UIDS-GIDS.md). They are drawn by lot, since
 * several xfnd of one host do not know of each other.
 */
#define XFN_INSTANCE_UID_FIRST 1879048192U
#define XFN_INSTANCE_UIDS      268435456U
static inline bool xfn_uid_is_lone(uid_t uid)
{
	return uid >= XFN_INSTANCE_UID_FIRST && uid - XFN_INSTANCE_UID_FIRST < XFN_INSTANCE_UIDS;
}

#endif
