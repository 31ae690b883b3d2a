/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts events, and answers none. One that begins with '?' is not counted: it has the count printed. */
#include <stdio.h>
#include <string.h>
#include <xfn/function.h>

static void count(struct xfn_socket *socket, struct xfn_event *event, void *context)
{
	unsigned long *events = context;

	if (!event->payload_bytes || *(const char *)event->payload != '?')
		++*events;
	else
		printf("%lu\n", *events);
	fflush(stdout);
	xfn_event_release(socket, event);
}

int main(void)
{
	unsigned long events = 0;
	int err = xfn_serve(count, &events);

	if (err)
		fprintf(stderr, "tally: %s\n", strerror(-err));
	return err ? 1 : 0;
}
