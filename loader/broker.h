/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BROKER_H
#define XFN_BROKER_H

/*
 * The few things that take CAP_SYS_ADMIN, in a process of their own: from an object that xfnd holds
 * to one that hangs on it, the name of an XDP program, and what ethtool says in another network
 * namespace. The broker keeps that one capability and answers these questions, nothing else; xfnd
 * itself drops it (privileges.h).
 *
 * What is asked for by descriptor can only be what xfnd has a right to: the broker turns no number
 * into a descriptor unless it hangs on an object that the question brought along.
 *
 * Without a broker (in tests, and where there was no CAP_SYS_ADMIN to begin with) the same questions
 * are answered in this process, with what rights it has.
 *
 * Descriptors that are returned are the caller's, close-on-exec. The kernel's own refusals come back
 * as they are: -EPERM where the right is missing. -EPIPE: the broker is gone.
 */

#include <stddef.h>
#include <linux/types.h>

#include "interface.h"

/*
 * Starts the broker, a child that ends when this process does. To be called before anything is
 * opened that must not outlive this process, such as a lock. Returns 0, -EPERM without
 * CAP_SYS_ADMIN, or -errno.
 */
int xfn_broker_start(void);
/* Ends it. Fine where there is none. */
void xfn_broker_stop(void);

/*
 * Whether questions are answered: 0; -EPERM where there is no broker and this process has no
 * CAP_SYS_ADMIN either; -EPIPE where it is gone.
 */
int xfn_broker_check(void);

/* The program in slot @slot of the program array @array_fd. -ENOENT: the slot is empty. */
int xfn_broker_program(int array_fd, __u32 slot);
/* The map @map_id, which must be one of the program's; else -ENOENT. */
int xfn_broker_map(int program_fd, __u32 map_id);
/* The BTF that a map came with. -ENOENT: it has none. */
int xfn_broker_btf(int map_fd);

/* Name of any loaded program into @ret (XFN_PROG_NAME_BYTES). Returns 0 or -errno. */
int xfn_broker_program_name(__u32 program_id, char *ret);

/*
 * Features and queues of the interface called @name in the network namespace @netns_fd. Returns 0 or
 * -errno; what cannot be asked is unknown, and no error.
 */
int xfn_broker_features(int netns_fd, const char *name, struct xfn_interface_features *ret,
			__u32 *ret_tx_queues);

#endif
