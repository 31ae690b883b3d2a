/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bareecho INTERFACE
 *
 * An echo on an AF_XDP socket by libxdp, as such programs are written. It knows nothing of xfn.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <xdp/xsk.h>

#include "turn.h"

enum { FRAMES = 2048, FRAME_BYTES = XSK_UMEM__DEFAULT_FRAME_SIZE };

static struct {
	__u8 *memory;
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completion, rx;
} echo;

static void fail(const char *what, int err)
{
	fprintf(stderr, "bareecho: cannot %s: %s\n", what, strerror(err));
	exit(1);
}

static void give(__u64 address)
{
	__u32 place;

	if (xsk_ring_prod__reserve(&echo.fill, 1, &place) != 1)
		return;
	*xsk_ring_prod__fill_addr(&echo.fill, place) = address;
	xsk_ring_prod__submit(&echo.fill, 1);
}

static void make(const char *interface)
{
	const struct xsk_socket_config config = {
		.rx_size = FRAMES,
		.tx_size = FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY,
	};
	int err;
	__u64 i;

	echo.memory = mmap(NULL, FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (echo.memory == MAP_FAILED)
		fail("get memory", errno);
	err = xsk_umem__create(&echo.umem, echo.memory, FRAMES * FRAME_BYTES, &echo.fill,
			       &echo.completion, NULL);
	if (err)
		fail("make a pool", -err);
	err = xsk_socket__create(&echo.socket, interface, 0, echo.umem, &echo.rx, &echo.tx,
				 &config);
	if (err)
		fail("make a socket", -err);
	for (i = 0; i < FRAMES; i++)
		give(i * FRAME_BYTES);
}

static void answer(const struct xdp_desc *desc)
{
	__u32 place;

	turn(echo.memory + desc->addr);
	if (xsk_ring_prod__reserve(&echo.tx, 1, &place) != 1) {
		give(desc->addr);
		return;
	}
	*xsk_ring_prod__tx_desc(&echo.tx, place) = *desc;
	xsk_ring_prod__submit(&echo.tx, 1);
}

static void answer_all(void)
{
	__u32 place, i, count = xsk_ring_cons__peek(&echo.rx, 64, &place);

	for (i = 0; i < count; i++)
		answer(xsk_ring_cons__rx_desc(&echo.rx, place + i));
	xsk_ring_cons__release(&echo.rx, count);
}

static void reclaim(void)
{
	__u32 place, i, count = xsk_ring_cons__peek(&echo.completion, 64, &place);

	for (i = 0; i < count; i++)
		give(*xsk_ring_cons__comp_addr(&echo.completion, place + i));
	xsk_ring_cons__release(&echo.completion, count);
}

int main(int argc, char **argv)
{
	struct pollfd poller = {.events = POLLIN};

	if (argc != 2) {
		fprintf(stderr, "usage: bareecho INTERFACE\n");
		return 2;
	}
	make(argv[1]);
	poller.fd = xsk_socket__fd(echo.socket);
	for (;;) {
		poll(&poller, 1, 1000);
		answer_all();
		sendto(poller.fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		reclaim();
	}
}
