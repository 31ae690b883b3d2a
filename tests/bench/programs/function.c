/* SPDX-License-Identifier: BSD-2-Clause */
/* function COUNTS: drops or echoes, with libxfn, as its manual tells to. */
#include <stdio.h>
#include <string.h>

#include <xfn/function.h>

#include "counts.h"

static void serve(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	struct bench_counts *counts = context;

	counts->received++;
	if (event->payload_bytes && event->payload[0] == BENCH_DROP)
		xfn_event_release(socket, event);
	else
		xfn_event_reply(socket, event, event->payload_bytes);
}

int main(int argc, char **argv)
{
	struct bench_counts *counts = argc == 2 ? counts_open(argv[1]) : NULL;
	int err;

	if (!counts)
		return 2;
	counts->pid = (__u64)getpid();
	err = xfn_serve(serve, counts);
	if (err)
		fprintf(stderr, "function: %s\n", strerror(-err));
	return err ? 1 : 0;
}
