/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_WIRE_H
#define XFN_TESTS_WIRE_H

/*
 * A veth pair in a network namespace of its own, with a program on its near end and an AF_XDP socket at the
 * near end's queue 0: for what BPF_PROG_TEST_RUN does not show.
 */

#include <stdbool.h>

#include "frame.h"
#include "../../user/libxfn/xsk.h"

struct wire {
	int host_netns;
	int far; /* AF_PACKET at the far end */
	struct xsk xsk;
};

/* Returns 0 or -errno. Until wire_close() this thread is in the namespace. */
int wire_open(struct wire *wire, int program_fd);
void wire_close(struct wire *wire);
/* A frame in by the far end. */
bool wire_send(const struct wire *wire, const struct frame *frame);
/* What came to the socket within two seconds, in its pool; NULL: nothing. Metadata is in front of it. */
const __u8 *wire_receive(struct wire *wire, __u32 *ret_bytes);

#endif
