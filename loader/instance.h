/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INSTANCE_H
#define XFN_INSTANCE_H

/*
 * One instance of a function: a process that is started, watched, started again when it ends, and stopped
 * (docs/adr/0014-instances.md). Where its packets come from is somebody else's business.
 *
 *   starting   forked; not ready yet: XFN_INSTANCE_START_NS, then it is ended
 *   ready      its socket is bound, and entered; of one that listens, its program runs, or says so
 *   waiting    it has ended by itself: started again after 100 ms, twice as long each time up to 30 s,
 *              100 ms again once it was ready for 10 s
 *   parked     it ended 5 times in a row within 10 s of its start: tried again after 5 minutes, or
 *              when it is changed
 *   idle       on demand, and nobody wants it: xfn_instance_wake() starts it
 *   stopping   told to stop: SIGKILL after 5 s
 *   stopped    and not to be started again
 *
 * One on demand is idle before it is wanted, when it has been ready and ended with exit status 0, and,
 * where it is not wanted meanwhile, when it would be started again.
 *
 * One that is awaited is somebody else's process, which xfn_instance_take() makes the instance: it is idle until then
 * and after its end, is not started again, writes to wherever it likes, and is told to stop, but never killed: who
 * does not end within 5 s goes on without events. It is waited for without a limit until its socket is bound.
 *
 * It outlives xfnd: the process, its socket, and what it writes to a FIFO, which holds 64 KiB while nobody
 * reads. A file says what the next xfnd needs to go on with it.
 *
 * Single-threaded; callbacks come from the loop, or from xfn_instance_start() and _stop().
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#include "launcher.h"

struct xfn_instance;
struct xfn_journal;
struct xfn_loop;
struct xfn_spool;

enum xfn_instance_state {
	XFN_INSTANCE_STARTING,
	XFN_INSTANCE_READY,
	XFN_INSTANCE_WAITING,
	XFN_INSTANCE_PARKED,
	XFN_INSTANCE_IDLE,
	XFN_INSTANCE_STOPPING,
	XFN_INSTANCE_STOPPED,
};

/* What happens around it. */
struct xfn_instance_hooks {
	void *context;
	/*
	 * Before each start: makes the place where its socket will be, and says where that is and as whom it
	 * runs, in launch->netns_fd, cgroup_fd, uid, gid, groups. Returns 0; -EAGAIN: not yet, it is asked again after 100 ms; or
	 * -errno with the reason in @fault.
	 */
	int (*prepare)(void *context, struct xfn_launch *launch, struct xfn_fault *fault);
	/*
	 * It is ready: @socket_fd, which stays the instance's, may get events; -1 of one that listens. Returns 0 or
	 * -errno.
	 */
	int (*enter)(void *context, int socket_fd);
	/*
	 * Lets events go to it, once that is in its file. *ret_inbox_fd is the caller's: what waited for it, or -1.
	 * May be asked again by the next xfnd. Returns 0 or -errno.
	 */
	int (*open)(void *context, int *ret_inbox_fd);
	/* Its process is gone: no event is to go to it any more. Told before all else; leave() follows. */
	void (*shut)(void *context);
	/* The same for a program that knows nothing of an inbox: what waited comes to its socket. */
	void (*inject)(void *context, int inbox_fd);
	/*
	 * Keeps a duplicate of its channel's end for the next xfnd, while the instance waits for an answer there; -1:
	 * not any more.
	 */
	void (*keep)(void *context, int channel_fd);
	/* It was killed: why, behind "killed by SIGKILL", where that is known; else "". Before leave(). */
	void (*explain)(void *context, char *text, size_t bytes);
	/* It has ended, or was never there: whatever prepare() made goes. False: it is not wanted any more. */
	bool (*leave)(void *context);
	/* It ends again and again: parked. */
	void (*give_up)(void *context);
	/* It is idle: whoever sees that it is wanted wakes it. May do so at once. NULL: nothing to do. */
	void (*idle)(void *context);
	/* It is stopped for good. May free the instance. */
	void (*stopped)(void *context);
	/* Writes what is only the hooks' into the instance's file, and reads it; by name. */
	void (*save)(void *context, void *json);
};

struct xfn_instance_options {
	struct xfn_loop *loop;
	struct xfn_journal *journal;
	const char *name;   /* TENANT/NAME; copied */
	const char *folder; /* for its files; copied */
	/* Gets what it writes, beside others of its function; borrowed. Unused where @awaited. */
	struct xfn_spool *spool;
	__u64 identity; /* names its files, with @serial */
	__u32 serial;
	bool on_demand;
	bool awaited;
	bool notifies; /* of one that listens: it says that it is ready, sd_notify(3) */
	/* argv, env, directory and their counts; copied. */
	const struct xfn_launch *launch;
	struct xfn_instance_hooks hooks;
};

int xfn_instance_new(const struct xfn_instance_options *options, struct xfn_instance **ret);
/* Lets go of it: the process goes on. Takes NULL. */
void xfn_instance_free(struct xfn_instance *instance);

/* Starts it, or, on demand, makes it idle. What goes wrong is said and tried again, like an end. */
void xfn_instance_start(struct xfn_instance *instance);
/*
 * Something is there for it. Starts it where it is idle, though not within 100 ms of its last start; where it waits
 * or is parked, it is started behind that, and not idle; where it starts or runs, nothing happens, but that one which
 * ends before it was ready is still wanted.
 */
void xfn_instance_wake(struct xfn_instance *instance);
/* From now on. One that is idle is started where @on_demand is false. */
void xfn_instance_set_on_demand(struct xfn_instance *instance, bool on_demand);
/* What an earlier xfnd has left: a process that was ready. */
struct xfn_instance_left {
	pid_t pid;
	__u64 start_time; /* field 22 of /proc/PID/stat */
	uid_t uid;
	__u32 restarts;
	bool served; /* it was told what waited for it */
	bool bare;   /* its program knows nothing of xfn */
	bool busy_polls, zero_copy;
	bool awaited;
};
/* Goes on with it. -ESRCH: it is not there any more. */
int xfn_instance_adopt(struct xfn_instance *instance, const struct xfn_instance_left *left);
/* Of one that was adopted: its channel, which is the instance's then. */
void xfn_instance_take_channel(struct xfn_instance *instance, int channel_fd);
/* Behind that, once: one that was not told what waited for it is told now. */
void xfn_instance_resume(struct xfn_instance *instance);
/* Its channel, while it waits for an answer there; else -1. Borrowed. */
int xfn_instance_channel(const struct xfn_instance *instance);
/* Who comes by itself, and what it gets. */
struct xfn_instance_guest {
	pid_t pid;
	uid_t uid;
	int pidfd;
};
struct xfn_instance_gift {
	int socket_fd, channel_fd; /* the caller's */
	__u32 ifindex;             /* of the socket's interface, in its namespace */
};
/*
 * Makes @guest the instance, which is awaited and idle; it takes over guest->pidfd. Where that fails, -errno with the
 * reason in @fault, it is as if it had ended: the instance may be freed.
 */
int xfn_instance_take(struct xfn_instance *instance, const struct xfn_instance_guest *guest,
		      struct xfn_instance_gift *ret, struct xfn_fault *fault);
/* Tells whoever is at the other end of a channel to stop. */
void xfn_instance_tell_stop(int channel_fd);
/* Tells it to stop; hooks.stopped() comes when it has, perhaps before this returns. */
void xfn_instance_stop(struct xfn_instance *instance);

/* ---- what there is to tell ----------------------------------------------------------------------------- */

struct xfn_instance_info {
	enum xfn_instance_state state;
	pid_t pid;       /* 0: none */
	__u32 restarts;  /* since it is wanted */
	__u64 since_ns;  /* CLOCK_REALTIME, of its state */
	bool busy_polls; /* what its socket has obtained */
	bool zero_copy;
	const char *last_end; /* how it ended last: "exit status 1"; "": it did not */
};
void xfn_instance_read(const struct xfn_instance *instance, struct xfn_instance_info *ret);
const char *xfn_instance_state_label(enum xfn_instance_state state);

/* ---- what an earlier xfnd left behind -------------------------------------------------------------------- */

/* The process @pid that began at @start_time: a descriptor, the caller's, or -ESRCH. */
int xfn_process_open(pid_t pid, __u64 start_time);

#endif
