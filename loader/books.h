/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_BOOKS_H
#define XFN_BOOKS_H

/*
 * Comparing two counters that go on counting while they are read.
 *
 * Each event moves counter A, then counter B. B is read, then A, then B again: so
 *
 *	first B <= A <= second B, plus what is under way
 *
 * for then every event in the first reading of B was in A when that was read, and every event in A
 * will be in B. Under way is at most one event per CPU, for programs in NAPI do not nest: that much
 * the reading allows until it has waited for them to end.
 */

#include <stdbool.h>
#include <linux/types.h>

/* One comparison. `low` and `high` are the readings of B around the reading of A. */
struct xfn_book {
	__u64 a;
	__u64 low;
	__u64 high;
};

enum xfn_book_state {
	XFN_BOOK_AGREES, /* as exactly as it can be read */
	XFN_BOOK_NEAR,   /* apart by what may be under way: wait, and read again */
	XFN_BOOK_DIFFERS,
};

/* @slack: events that may be under way. */
enum xfn_book_state xfn_book_compare(const struct xfn_book *book, __u64 slack);

/*
 * What to show beside A: A itself where B, between its two readings, had its value; else the reading
 * of B that comes nearest.
 */
__u64 xfn_book_nearest(const struct xfn_book *book);

#endif
