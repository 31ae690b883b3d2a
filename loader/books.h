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
 * will be in B. What is under way is known: in NAPI, programs do not nest, so it is one event for each
 * CPU, and what a driver adds up at the end of a poll is one poll for each CPU. A difference beyond
 * that is one. A smaller one is looked into by waiting, between A and the second B, until all that was
 * under way has ended: an RCU grace period. If A has not moved by then, the reading is exact.
 */

#include <stdbool.h>
#include <linux/types.h>

enum xfn_book_state {
	XFN_BOOK_NEAR,   /* not known yet: apart by what may be under way */
	XFN_BOOK_MOVING, /* agrees, but what came meanwhile may hide a small difference */
	XFN_BOOK_AGREES,
	XFN_BOOK_DIFFERS,
};

/* One comparison. Starts as zeros. */
struct xfn_book {
	__u64 a;
	__u64 low;  /* B before A was read */
	__u64 high; /* B after */
	enum xfn_book_state state;
};

/* One reading of both counters. */
struct xfn_book_reading {
	__u64 a, low, high;
	__u64 again; /* A after the second B */
	__u64 slack; /* events that may be under way */
	bool waited; /* for what was under way, before the second B */
};

/* Compares, unless the book is settled: agrees or differs. */
void xfn_book_compare(struct xfn_book *book, const struct xfn_book_reading *reading);

/* Says whether another reading would tell more. */
bool xfn_book_is_open(const struct xfn_book *book);

/* What is to be said in the end: a difference that another reading did not do away with, is one. */
bool xfn_book_is_ok(const struct xfn_book *book);

/*
 * What to show beside A: A itself where B, between its two readings, had its value; else the reading
 * of B that comes nearest.
 */
__u64 xfn_book_nearest(const struct xfn_book *book);

#endif
