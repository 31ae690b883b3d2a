/* SPDX-License-Identifier: BSD-2-Clause */
#include "books.h"

/* By how much A lies outside what B went through; 0: not at all. */
static __u64 apart(__u64 a, __u64 low, __u64 high)
{
	if (a < low)
		return low - a;
	return a > high ? a - high : 0;
}

static enum xfn_book_state state_of(const struct xfn_book_reading *reading)
{
	__u64 by = apart(reading->a, reading->low, reading->high);
	bool exact = reading->waited && reading->again == reading->a;

	if (!by)
		return exact || !reading->waited ? XFN_BOOK_AGREES : XFN_BOOK_MOVING;
	return exact || by > reading->slack ? XFN_BOOK_DIFFERS : XFN_BOOK_NEAR;
}

bool xfn_book_is_open(const struct xfn_book *book)
{
	return book->state == XFN_BOOK_NEAR || book->state == XFN_BOOK_MOVING;
}

bool xfn_book_is_ok(const struct xfn_book *book)
{
	return book->state == XFN_BOOK_AGREES || book->state == XFN_BOOK_MOVING;
}

void xfn_book_compare(struct xfn_book *book, const struct xfn_book_reading *reading)
{
	enum xfn_book_state state = state_of(reading);

	if (!xfn_book_is_open(book))
		return;
	/* To have agreed while it moved is worth more than to be near. */
	if (state == XFN_BOOK_NEAR && book->state == XFN_BOOK_MOVING)
		return;
	*book = (struct xfn_book){reading->a, reading->low, reading->high, state};
}

__u64 xfn_book_nearest(const struct xfn_book *book)
{
	if (book->a < book->low)
		return book->low;
	return book->a > book->high ? book->high : book->a;
}
