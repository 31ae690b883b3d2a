/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INSTANCE_PRIVATE_H
#define XFN_INSTANCE_PRIVATE_H

/* What instance.c and instance_file.c share. */

#include "instance.h"

struct xfn_source;

struct xfn_instance {
	struct xfn_instance_options options; /* name, folder and launch are our own copies */
	struct xfn_launch launch;
	const char **words; /* argv, then env: point into text */
	char *text;
	enum xfn_instance_state state;
	bool wanted; /* woken, and not ready since */
	pid_t pid;
	__u64 start_time;
	int pidfd, output_fd;
	int channel_fd; /* to what becomes the instance, until its program runs */
	int program_fd; /* to its program: tells, and takes nothing */
	struct xfn_instance_socket *socket;
	struct xfn_source *on_end, *on_message, *on_output, *timer, *listen_again;
	__u32 restarts, quick_ends;
	__u64 started_ns;  /* CLOCK_MONOTONIC */
	__u64 back_off_ns; /* before the next start */
	__u64 since_ns;    /* CLOCK_REALTIME */
	char failure[256]; /* what it said before its program ran; "": nothing */
	char last_end[256];
	char *output;       /* ring */
	__u64 output_total; /* bytes ever */
};

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

/* Its file, for the next xfnd. 0 or -errno. */
int xfn_instance_save(const struct xfn_instance *instance);
void xfn_instance_forget(const struct xfn_instance *instance);

/* Field 22 of /proc/PID/stat, in clock ticks; 0: no such process. */
__u64 xfn_process_start_time(pid_t pid);

#endif
