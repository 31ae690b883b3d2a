/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FD_H
#define XFN_FD_H

/* Descriptors that may not be there: -1 stands for none. */

#include <fcntl.h>
#include <unistd.h>

#include "errnum.h"

/* A second one for the same, close-on-exec and none of 0 to 2; the caller's. Or -errno. */
static inline int xfn_fd_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? xfn_errno() : copy;
}

/* Closes *fd, if it is one, and leaves none there. */
static inline void xfn_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
