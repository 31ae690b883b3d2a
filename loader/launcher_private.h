/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LAUNCHER_PRIVATE_H
#define XFN_LAUNCHER_PRIVATE_H

/* What xfnd and the launcher say to each other, and the launcher's own parts. */

#include <net/if.h>
#include <sys/resource.h>

#include "aide.h"
#include "launcher.h"

enum xfn_launcher_op {
	XFN_LAUNCHER_MAKE_PORT, /* far program -> network namespace */
	XFN_LAUNCHER_FORK, /* text, output, channel; network namespace or sockets; cgroup -> pidfd */
	XFN_LAUNCHER_SIGNAL, /* pidfd -> */
	XFN_LAUNCHER_REAP,
	XFN_LAUNCHER_SWEEP,
	XFN_LAUNCHER_GIVE,   /* questions, socket -> */
	XFN_LAUNCHER_LISTEN, /* -> socket */
	XFN_LAUNCHER_KEEPER, /* uid, listening socket -> pid */
	XFN_LAUNCHER_SOCKET, /* perhaps network namespace -> AF_XDP socket */
	XFN_LAUNCHER_FORSAKE,
	XFN_LAUNCHER_OP_COUNT,
};

struct xfn_launcher_question {
	__u32 op;
	union {
		struct {
			char name[IFNAMSIZ];
			__u32 mtu;
		} port;
		struct {
			__u32 text_bytes; /* in the descriptor: directory, argv, env, each with a NUL behind */
			__u32 argc, env_count;
			__u32 uid, gid, group_count;
			__u32 groups[XFN_LAUNCH_GROUPS_MAX];
			__u32 listens, in_cgroup; /* 0 or 1 */
			__u32 flags;              /* XFN_LAUNCH_* */
			__u32 tasks, frames;
			__u64 data_bytes;
			__u32 socket_count;
			char socket_names[XFN_LAUNCH_SOCKET_NAMES_MAX]; /* with a NUL */
			char notify[XFN_LAUNCH_NOTIFY_MAX];
		} fork;
		struct {
			__u32 uid;
			__s32 signo;
		} signal;
		struct {
			__u64 id;
			__u32 cloexec;
		} give;
		struct xfn_listen_place listen;
		__s32 pid;
		__u32 uid;
	};
};

/*
 * Descriptors that come along with a question to fork, in this order: the last is the first of sockets. Behind them
 * all, with in_cgroup, the cgroup.
 */
enum { XFN_FORK_TEXT, XFN_FORK_OUTPUT, XFN_FORK_CHANNEL, XFN_FORK_NETNS };
#define XFN_FORK_SOCKETS XFN_FORK_NETNS

/* A pid, in a question to forsake: of the last child that was forked. */
enum { FORKED_LAST = 0 };

struct xfn_launcher_answer {
	__s32 err;
	__s32 value; /* ifindex, pid, or status */
};

/* launcher_port.c. *ret_netns_fd: -1 on failure. */
int xfn_launcher_answer_port(const struct xfn_launcher_question *question, int far_program_fd,
			     struct xfn_launcher_answer *answer, int *ret_netns_fd);

int xfn_launcher_answer_far_socket(int netns_fd, struct xfn_launcher_answer *answer, int *ret_fd);

/* launcher_fork.c */
int xfn_launcher_answer_fork(const struct xfn_aide_message *in, struct xfn_launcher_answer *answer,
			     int *ret_pidfd);
/*
 * In a child: waits to be told to begin, and becomes the program of a question to fork that is valid. @cgroup_fd: it
 * moves there first; -1: nowhere.
 */
__attribute__((noreturn)) void xfn_launcher_become(const struct xfn_launcher_question *question,
						   const int *fds, int cgroup_fd);
int xfn_launcher_answer_forsake(pid_t pid);
int xfn_launcher_answer_signal(const struct xfn_launcher_question *question, int pidfd);
int xfn_launcher_answer_sweep(uid_t uid);

/*
 * launcher_next.c: a child that is forked before it is asked for, since that takes as long as much of what follows.
 * It has what the launcher has, does nothing, and ends with it.
 */
#define XFN_LAUNCHER_NEXT_NAME "xfnd-next" /* until it is executed */

/* Has one stand by, unless one does. */
void xfn_launcher_stand_by(void);
/* Passes it the question. Returns its pid, and in *ret_pidfd a descriptor, the caller's; 0: none stands by. */
pid_t xfn_launcher_take_next(const struct xfn_aide_message *question, int *ret_pidfd);

/* launcher_give.c */
int xfn_launcher_answer_give(const struct xfn_launcher_question *question, const int *fds);
/* launcher_listen.c */
int xfn_launcher_answer_listen(const struct xfn_listen_place *place, int *ret_fd);
/* launcher_keeper.c. *ret_fd: -1 on failure. */
int xfn_launcher_answer_keeper(const struct xfn_launcher_question *question, int listen_fd,
			       struct xfn_launcher_answer *answer);
int xfn_launcher_answer_socket(int *ret_fd);

/* launcher_drop.c, in a child. Signals as usual, and a session of its own. */
void xfn_launcher_reset_signals(void);
/* As far as it may be. Returns what it is then. */
rlim_t xfn_launcher_raise_memlock(void);
int xfn_launcher_drop_bounding(void);
int xfn_launcher_become_user(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count);
int xfn_launcher_drop_capabilities(void);

#endif
