/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INSTANCE_PRIVATE_H
#define XFN_INSTANCE_PRIVATE_H

/* What the files of instances share. */

#include "instance.h"

struct xfn_source;

struct xfn_instance {
	struct xfn_instance_options options; /* name, folder and launch are our own copies */
	struct xfn_launch launch;
	const char **words; /* argv, then env: point into text */
	char *text;
	enum xfn_instance_state state;
	bool wanted;                /* woken, and not ready since */
	bool served;                /* it was told what waited for it */
	bool bare;                  /* its program knows nothing of xfn */
	bool busy_polls, zero_copy; /* obtained by its socket */
	bool dropped;               /* awaited: it is let go, with `failure` */
	pid_t pid;
	__u64 start_time;
	int pidfd, output_fd, notify_fd;
	int channel_fd; /* to what becomes the instance, until its program runs */
	int program_fd; /* to its program: tells, and takes nothing */
	struct xfn_instance_socket *socket;
	char notify[XFN_LAUNCH_NOTIFY_MAX]; /* address of notify_fd */
	struct xfn_source *on_end, *on_message, *on_output, *on_notify, *timer, *listen_again;
	__u32 restarts, quick_ends;
	__u64 started_ns;  /* CLOCK_MONOTONIC */
	__u64 back_off_ns; /* before the next start */
	__u64 since_ns;    /* CLOCK_REALTIME */
	char failure[256]; /* what it said before its program ran; "": nothing */
	char last_end[256];
};

/* One that ends sooner after its start has ended quickly. */
#define XFN_INSTANCE_QUICK_NS 10000000000ULL

/* ---- instance.c ------------------------------------------------------------------------------------- */

/* A line in the journal, of this instance. */
void xfn_instance_say(const struct xfn_instance *instance, const char *type, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));
/* Writes its file, where there is a process; where that fails, says so. */
void xfn_instance_write(struct xfn_instance *instance);
void xfn_instance_set_state(struct xfn_instance *instance, enum xfn_instance_state state);
/* Arms the one timer; what it means is the state's. */
void xfn_instance_arm(struct xfn_instance *instance, __u64 after_ns);
/* Watches what there is of it: its process, and what it says. 0 or -errno. */
int xfn_instance_watch(struct xfn_instance *instance);
/* Its process is no more, or was never there. @done: by itself, ready, and with exit status 0. May free it. */
void xfn_instance_after_end(struct xfn_instance *instance, bool done);
/* SIGKILL; one that is awaited is let go, soon. */
void xfn_instance_end(struct xfn_instance *instance);
void xfn_instance_close_channel(struct xfn_instance *instance);
void xfn_instance_close_notify(struct xfn_instance *instance);

/* ---- instance_ready.c ------------------------------------------------------------------------------- */

/* Of the channel to what becomes the instance, and of sd_notify(3). */
void xfn_instance_on_message(void *context, int fd, __u32 events);
void xfn_instance_on_notify(void *context, int fd, __u32 events);
/* Until there is none at the moment, -EAGAIN, or the other end is closed, -EPIPE. */
int xfn_instance_read_messages(struct xfn_instance *instance);
/* Ends it, and says why when it has ended. */
void xfn_instance_fail(struct xfn_instance *instance, const char *text);
void xfn_instance_refuse_entry(struct xfn_instance *instance, int err);
/* Lets events go to one that is written down as ready, and tells it what waited. 0 or -errno. */
int xfn_instance_serve(struct xfn_instance *instance);

/* Its socket is bound, or was given away in vain: hooks of xfn_instance_socket_new(). */
extern const struct xfn_instance_socket_hooks xfn_instance_socket_events;

/* ---- instance_guest.c ------------------------------------------------------------------------------- */

/* It goes on, but not as the instance. May free it. */
void xfn_instance_let_go_on(struct xfn_instance *instance);

/* ---- instance_file.c -------------------------------------------------------------------------------- */

/* Paths of its files. */
void xfn_instance_path(const struct xfn_instance *instance, const char *suffix, char *path,
		       size_t bytes);

/* Both ends of its output: *ret_write_fd is the caller's, the other the instance's. 0 or -errno. */
int xfn_instance_open_output(struct xfn_instance *instance, int *ret_write_fd);
int xfn_instance_reopen_output(struct xfn_instance *instance);
/*
 * Takes what is there, 64 KiB at most. Returns how much; -EPIPE: nobody writes any more, and nobody can.
 */
long xfn_instance_drain_output(struct xfn_instance *instance);

/* instance_notify.c: a socket for sd_notify(3), and its name in the environment. 0 or -errno. */
int xfn_instance_open_notify(struct xfn_instance *instance);
/* Takes one message. True: the process itself says that it is ready. */
bool xfn_instance_read_notify(const struct xfn_instance *instance);

/* Its file, for the next xfnd. 0 or -errno. */
int xfn_instance_save(const struct xfn_instance *instance);
void xfn_instance_forget(const struct xfn_instance *instance);

/* Field 22 of /proc/PID/stat, in clock ticks; 0: no such process. */
__u64 xfn_process_start_time(pid_t pid);

#endif
