/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_COEXIST_H
#define XFN_COEXIST_H

/*
 * The root on an interface beside other XDP programs, through libxdp's dispatcher
 * (docs/adr/0012-beside-other-programs.md). libxdp goes by numbers of programs, which takes
 * CAP_SYS_ADMIN, and keeps pins of its own below /sys/fs/bpf/xdp: so it runs in a process of its own,
 * which does these three things to an interface and nothing else. The root is in that process's
 * program; its maps come with the question.
 *
 * Nothing of it is xfnd's to keep: what is attached stays attached, whichever process ends.
 */

#include <stdbool.h>
#include <linux/types.h>

#include "dataplane.h"

/* Starts and ends the process, as xfn_broker_start() and xfn_broker_stop(). */
int xfn_coexist_start(void);
void xfn_coexist_stop(void);

struct xfn_coexist_request {
	__u32 ifindex;
	__u32 slot; /* of the interface, for the root */
	bool generic;
	int packets_fd;     /* the map xfn_packets */
	int entry_progs_fd; /* the map xfn_entry_progs, whose programs have no attach type */
};

/*
 * Adds the root to the interface's dispatcher; makes one where none is. Returns the root, a descriptor
 * that is the caller's, or -errno with the reason in @fault: -EOPNOTSUPP where this kernel cannot,
 * -EBUSY where a program is there that no dispatcher calls.
 */
int xfn_coexist_attach(const struct xfn_coexist_request *request, struct xfn_fault *fault);

/* The root that the interface's dispatcher calls, with the caller's maps. -ENOENT: it calls none. */
int xfn_coexist_find(const struct xfn_coexist_request *request, struct xfn_fault *fault);

/* Takes it out; the others go on. 0 also where there is none. */
int xfn_coexist_detach(const struct xfn_coexist_request *request, struct xfn_fault *fault);

#endif
