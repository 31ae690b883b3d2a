/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INJECT_H
#define XFN_INJECT_H

#include <linux/types.h>

#include "dataplane.h"

/*
 * Sends every frame of an inbox (struct xfn_inbox) out of interface @ifindex, a port's host's end: so what waited comes
 * to the socket of a program that knows of no inbox, behind what has come there meanwhile. By live frames of
 * BPF_PROG_TEST_RUN (5.18). *ret_count: so many were sent. Returns 0 or -errno; then the rest is lost.
 */
int xfn_inject_inbox(int inbox_fd, __u32 ifindex, __u32 *ret_count);

#endif
