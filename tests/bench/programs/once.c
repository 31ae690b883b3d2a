/* SPDX-License-Identifier: BSD-2-Clause */
/* once: answers one datagram, with libxfn, and ends. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xfn/function.h>

int main(void)
{
	struct xfn_socket *socket;
	struct xfn_event event;
	struct pollfd ready;
	int err = xfn_socket_open(&socket), count;

	if (err) {
		fprintf(stderr, "once: %s\n", strerror(-err));
		return 1;
	}
	ready = (struct pollfd){.fd = xfn_socket_fd(socket), .events = POLLIN};
	while (!(count = xfn_socket_receive(socket, &event, 1)))
		poll(&ready, 1, -1);
	if (count < 0)
		return 1;
	xfn_event_reply(socket, &event, event.payload_bytes);
	while (xfn_socket_flush(socket))
		usleep((useconds_t)xfn_socket_timeout_us(socket));
	xfn_socket_close(socket);
	return 0;
}
