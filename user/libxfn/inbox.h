/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LIBXFN_INBOX_H
#define XFN_LIBXFN_INBOX_H

/*
 * Events that came before this instance was ready (struct xfn_inbox), read in order. Nothing in it is
 * believed: it may even change while it is read, though not its length.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* All zeros: an empty one. */
struct inbox {
	const __u8 *bytes;
	size_t size;
	size_t at; /* of the next record */
	size_t mapped_bytes;
	__u32 left; /* records, as far as is known */
};

/*
 * Maps the file @fd, which stays the caller's and may be closed. -EPROTO: it is no inbox, or not sealed against
 * being cut short; else -errno. The inbox is then empty.
 */
int xfn_inbox_open(struct inbox *inbox, int fd);
void xfn_inbox_close(struct inbox *inbox); /* takes an empty one; it is empty then */

/* The same of @size bytes in memory, which stay the caller's; not for xfn_inbox_close(). 0 or -EPROTO. */
int xfn_inbox_read(struct inbox *inbox, const void *bytes, size_t size);

/*
 * Copies the next frame to @to, where XFN_INBOX_FRAME_MAX bytes are. Returns its length; 0: there is none
 * any more, or what is there is no record, in which case *ret_lost is how many there should have been.
 */
__u32 xfn_inbox_next(struct inbox *inbox, __u8 *to, __u32 *ret_lost);

#endif
