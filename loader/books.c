/* SPDX-License-Identifier: BSD-2-Clause */
#include "books.h"

/* By how much A lies outside what B went through; 0: not at all. */
static __u64 apart(const struct xfn_book *book)
{
	if (book->a < book->low)
		return book->low - book->a;
	return book->a > book->high ? book->a - book->high : 0;
}

enum xfn_book_state xfn_book_compare(const struct xfn_book *book, __u64 slack)
{
	__u64 by = apart(book);

	if (!by)
		return XFN_BOOK_AGREES;
	return by <= slack ? XFN_BOOK_NEAR : XFN_BOOK_DIFFERS;
}

__u64 xfn_book_nearest(const struct xfn_book *book)
{
	if (book->a < book->low)
		return book->low;
	return book->a > book->high ? book->high : book->a;
}
