/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PRIVILEGES_H
#define XFN_PRIVILEGES_H

/*
 * What xfnd's processes may still do once they are up (docs/adr/0011-privileges.md).
 *
 *   xfnd          CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN; system calls: files, sockets, memory, bpf(2)
 *   the broker    CAP_SYS_ADMIN; system calls: bpf(2), setns(2), and what a question takes
 *   coexist       CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN; system calls: what libxdp makes
 *   the launcher  CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SETUID, CAP_SETGID, CAP_SETPCAP,
 *                 CAP_NET_BIND_SERVICE; system calls: all but those that reach into the kernel or other processes
 *   a function    none; system calls: likewise, and none that leaves its namespaces
 *   the keeper    none; system calls: memory, and what it does with descriptors that it is given
 *
 * None can gain a right, trace another process, mount, or load a module; the launcher alone can start a
 * program (launcher.h). What they are not allowed to call fails with EPERM, and the kernel's log has a line
 * of it.
 */

#include <stddef.h>

enum xfn_role {
	XFN_ROLE_DAEMON,
	XFN_ROLE_BROKER,
	XFN_ROLE_COEXIST,
	XFN_ROLE_LAUNCHER,
	XFN_ROLE_FUNCTION, /* its system calls only: capabilities are the launcher's business */
	XFN_ROLE_KEEPER,
};

/*
 * Gives up, for good, all that the role does not need: capabilities of every set, the bounding set
 * where it may be changed, new privileges by exec, and system calls. What the process never had it
 * does not get. Returns 0, or -errno and one line in @error.
 */
int xfn_privileges_drop(enum xfn_role role, char *error, size_t error_bytes);

/* The filter of system calls alone: seccomp.c. Returns 0 or -errno. */
int xfn_seccomp_apply(enum xfn_role role);
/*
 * A function's, and each AF_XDP socket that it asks for is a question that *ret_fd tells of
 * (seccomp_unotify(2)); the caller's, close-on-exec. With no copy of it left the call fails with ENOSYS.
 */
int xfn_seccomp_apply_asking(int *ret_fd);

#endif
