/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BENCH_QUEUE_H
#define XFN_BENCH_QUEUE_H

/*
 * AF_XDP on an interface's own queue, without xfn: port.bpf.c redirects to one socket, whose program is
 * started as xfnd starts one (xfn/channel.h), so that one program can be measured in both places.
 */

#include <sys/types.h>

struct bpf_object;

struct queue {
	const char *interface;
	struct bpf_object *object;
	int link_fd, sockets_fd;
	/* Of the program that runs. */
	int socket_fd;
	pid_t pid;
};

/* Functions return 0, or -errno and a line on standard error. */
int queue_open(struct queue *queue, const char *interface);
/* Takes what queue_open() left half-built, too. */
void queue_close(struct queue *queue);

/* Forks and executes. */
int queue_start(struct queue *queue, char **argv);
/* Waits until the program has bound its socket, then packets come to it. */
int queue_enter(struct queue *queue);
/* Waits for the program's end, and lets go of its socket. */
void queue_end(struct queue *queue);

#endif
