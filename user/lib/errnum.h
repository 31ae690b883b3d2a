/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ERRNUM_H
#define XFN_ERRNUM_H

#include <errno.h>

/*
 * Turns errno round after a call that failed: -errno, and never 0, so that a call that failed
 * without saying why (errno 0) does not read as success.
 */
static inline int xfn_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

#endif
