/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_REVISION_PRIVATE_H
#define XFN_REVISION_PRIVATE_H

/* What the parts of the revision store share with each other, and with nobody else. */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define REVISIONS_FOLDER "revisions"
#define META_NAME        "meta.json"
#define SUMS_NAME        "SUMS"
#define SIZE_NAME        "SIZE"      /* ALL OWN: bytes of its files, and of those not shared */
#define CONFIRMED_NAME   "CONFIRMED" /* empty: being there is what it says */
#define NUMBER_BYTES     24          /* room for a directory's name, with a prefix for leftovers */

/* Opens a directory below @at (or AT_FDCWD). Returns a descriptor or -errno. */
int xfn_revision_open_folder(int at, const char *name);

/* Opens STATE/revisions/NUMBER. Returns a descriptor or -errno. */
int xfn_revision_open(const char *state_dir, __u64 number);

/* Removes the tree @name below @at. Returns 0 or the first -errno; what is not there is fine. */
int xfn_revision_remove_tree(int at, const char *name);

/*
 * Removes revision @number below @revisions_fd, under another name first, so that what is removed in
 * part never looks like a revision.
 */
int xfn_revision_remove(int revisions_fd, __u64 number);

/* The number that a directory's name stands for, or 0: it is not a revision. */
__u64 xfn_revision_number(const char *name);

#endif
