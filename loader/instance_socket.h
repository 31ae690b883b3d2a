/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_INSTANCE_SOCKET_H
#define XFN_INSTANCE_SOCKET_H

/*
 * The AF_XDP socket of an instance, from before its program runs until it takes events. The program finds it
 * among its descriptors, as libxfn does; or it asks the kernel for one, as programs do that know nothing of xfn,
 * and gets this one (seccomp_unotify(2)). Either way it is bound when the program has brought it memory
 * and rings: that is what ready means. Nothing that the program says is needed for it.
 *
 * Single-threaded; callbacks come from the loop. They may free it.
 */

#include <stdbool.h>

struct xfn_instance_socket;
struct xfn_loop;

struct xfn_instance_socket_hooks {
	/*
	 * It is bound: once. Not @receives: it has no ring to receive from, and cannot get one any more. @fd is
	 * borrowed, and closed afterwards.
	 */
	void (*bound)(void *context, int fd, bool receives);
	/* The program asked for another: once. */
	void (*refused)(void *context);
};

/*
 * Takes over @socket_fd and @asking_fd, of xfn_seccomp_apply_asking(), or -1, on success. Questions are answered
 * from now on. Returns 0 or -errno.
 */
int xfn_instance_socket_new(struct xfn_loop *loop, int socket_fd, int asking_fd,
			    const struct xfn_instance_socket_hooks *hooks, void *context,
			    struct xfn_instance_socket **ret);
/* From now on its binding is looked for: the program runs. */
void xfn_instance_socket_watch(struct xfn_instance_socket *socket);
/* Whether the program asked for it: it knows nothing of xfn. */
bool xfn_instance_socket_is_given(const struct xfn_instance_socket *socket);
/* Takes NULL. */
void xfn_instance_socket_free(struct xfn_instance_socket *socket);

#endif
