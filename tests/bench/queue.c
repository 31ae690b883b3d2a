/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xfn/channel.h>

#include "bench.h"
#include "errnum.h"
#include "object.h"
#include "queue.h"

enum { LOOK_AGAIN_US = 20 };

int queue_open(struct queue *queue, const char *interface)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int err;

	*queue = (struct queue){.interface = interface, .link_fd = -1, .socket_fd = -1};
	err = object_load("port", NULL, NULL, &queue->object);
	if (err)
		return err;
	queue->sockets_fd = object_map(queue->object, "bench_sockets");
	queue->link_fd = bpf_link_create(object_program(queue->object, "bench_queue"),
					 (int)if_nametoindex(interface), BPF_XDP, &options);
	if (queue->link_fd >= 0)
		return 0;
	err = xfn_errno();
	fprintf(stderr, "bench: cannot attach to '%s': %s\n", interface, strerror(-err));
	return err;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void queue_close(struct queue *queue)
{
	close_fd(&queue->link_fd); /* the last reference: detaches */
	bpf_object__close(queue->object);
}

static void set_number(const char *name, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	setenv(name, text, 1);
}

static void become(const struct queue *queue, char **argv)
{
	set_number(XFN_ENV_SOCKET, queue->socket_fd);
	setenv(XFN_ENV_INTERFACE, queue->interface, 1);
	execv(argv[0], argv);
	fprintf(stderr, "bench: cannot run '%s': %s\n", argv[0], strerror(errno));
	_exit(127);
}

int queue_start(struct queue *queue, char **argv)
{
	queue->socket_fd = socket(AF_XDP, SOCK_RAW, 0);
	if (queue->socket_fd < 0)
		return xfn_errno();
	queue->pid = vfork(); /* the bench is large */
	if (!queue->pid)
		become(queue, argv);
	return queue->pid < 0 ? xfn_errno() : 0;
}

/* By what receiving says: ENXIO for as long as it is not. */
static bool is_bound(int socket_fd)
{
	return recv(socket_fd, NULL, 0, MSG_DONTWAIT) >= 0 || errno != ENXIO;
}

int queue_enter(struct queue *queue)
{
	__u32 zero = 0;

	while (!is_bound(queue->socket_fd)) {
		if (waitpid(queue->pid, NULL, WNOHANG)) {
			queue->pid = 0;
			fprintf(stderr, "bench: the program at '%s' ended before it was ready\n",
				queue->interface);
			return -EPIPE;
		}
		usleep(LOOK_AGAIN_US);
	}
	return bpf_map_update_elem(queue->sockets_fd, &zero, &queue->socket_fd, 0) ? xfn_errno()
										   : 0;
}

void queue_end(struct queue *queue)
{
	__u32 zero = 0;

	if (queue->pid > 0)
		waitpid(queue->pid, NULL, 0);
	queue->pid = 0;
	bpf_map_delete_elem(queue->sockets_fd, &zero);
	close_fd(&queue->socket_fd);
}

/* ---- bench hold ------------------------------------------------------------------------------------- */

int bench_hold(int argc, char **argv)
{
	struct queue queue;
	sigset_t ends;
	int err, signo;

	if (argc < 3) {
		fprintf(stderr, "usage: bench hold INTERFACE PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	err = queue_open(&queue, argv[1]) ?: queue_start(&queue, argv + 2) ?: queue_enter(&queue);
	sigprocmask(SIG_BLOCK, &ends, NULL); /* the program's are not */
	if (!err) {
		sigwait(&ends, &signo);
		kill(queue.pid, SIGKILL);
		queue_end(&queue);
	}
	queue_close(&queue);
	return err ? 1 : 0;
}
