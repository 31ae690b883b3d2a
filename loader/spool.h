/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_SPOOL_H
#define XFN_SPOOL_H

/*
 * What a function's programs wrote lately: the last 64 KiB, of all its instances one behind the other, so that who
 * follows it misses nothing when another program takes over. A ring in a file that is mapped: it is there for the next
 * xfnd, however this one ends. The file is made with the first byte, all of it at once, so that storing cannot fail
 * later; where it cannot be made, the ring is in memory and ends with xfnd.
 *
 * Its path belongs to the caller's folder, which nobody else may write to. Single-threaded.
 */

#include <stddef.h>
#include <linux/types.h>

struct xfn_spool;

#define XFN_SPOOL_BYTES 65536

/* @path: copied. What an earlier xfnd left there is gone on with; what is no such file is replaced. 0 or -ENOMEM. */
int xfn_spool_open(const char *path, struct xfn_spool **ret);
/* The file stays. Takes NULL. */
void xfn_spool_close(struct xfn_spool *spool);
/* The same, and removes the file. */
void xfn_spool_remove(struct xfn_spool *spool);

/* Adds what @writer, any number but 0, wrote. A line that another left unfinished is ended first. */
void xfn_spool_add(struct xfn_spool *spool, __u64 writer, const char *data, size_t bytes);

struct xfn_spool_part {
	__u64 first; /* so many bytes were written before these */
	size_t bytes;
};
/*
 * From byte @after on, or from the oldest that is left, or, beyond the newest, from there; @buffer has room for
 * XFN_SPOOL_BYTES.
 */
void xfn_spool_read(const struct xfn_spool *spool, __u64 after, char *buffer,
		    struct xfn_spool_part *ret);

#endif
