/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers each datagram with what it says: the least function on an AF_XDP socket. */
#include <stdio.h>
#include <string.h>
#include <xfn/function.h>

static void answer(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	(void)context;
	xfn_event_reply(socket, event, event->payload_bytes);
}

int main(void)
{
	int err = xfn_serve(answer, NULL);

	if (err)
		fprintf(stderr, "echo: %s\n", strerror(-err));
	return err ? 1 : 0;
}
