/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool of strings that live and die together; equal ones are, as a rule, kept once. */
#ifndef XFN_STRINGPOOL_H
#define XFN_STRINGPOOL_H

#include <stddef.h>

struct xfn_stringpool;

/* An empty pool with one owner; NULL when memory is short. */
struct xfn_stringpool *xfn_stringpool_new(void);

/* One more owner. Returns @pool. */
struct xfn_stringpool *xfn_stringpool_get(struct xfn_stringpool *pool);

/* One owner less; the last one frees the pool and every string in it. NULL is allowed. */
void xfn_stringpool_put(struct xfn_stringpool *pool);

/*
 * A terminated copy of the @len bytes at @text, owned by the pool, which may hand out the same one
 * for an equal text. NULL when memory is short.
 */
const char *xfn_stringpool_add(struct xfn_stringpool *pool, const char *text, size_t len);

#endif /* XFN_STRINGPOOL_H */
