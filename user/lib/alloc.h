/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allocator of user/lib: malloc() and friends with one addition. Built with XFN_TESTING, a test
 * can make the n-th allocation from now on fail, and can ask how many blocks are alive, so that
 * every path out of a half-built object is walked:
 *
 *	for (n = 0; ; n++) {
 *		xfn_alloc_fail_after(n);
 *		err = thing_new(&thing);
 *		if (xfn_alloc_fail_after(-1))
 *			break;			// fewer than n + 1 allocations: all were tried
 *		assert(err == -ENOMEM && xfn_alloc_live() == before);
 *	}
 */
#ifndef XFN_ALLOC_H
#define XFN_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* @size bytes, zeroed; NULL when memory is short. */
void *xfn_alloc(size_t size);

/*
 * Resize @block (NULL: a new one) to @count elements of @size bytes. What is new is not zeroed. On
 * failure, which an overflow of the product is too, returns NULL and leaves @block as it was.
 */
void *xfn_realloc(void *block, size_t count, size_t size);

/* A terminated copy of the @len bytes at @text; NULL when memory is short. */
char *xfn_strndup(const char *text, size_t len);

/* Free a block of the functions above; NULL is allowed. */
void xfn_free(void *block);

/*
 * Make room for element @count, the next one, in an array that grows by doubling: its room is full
 * whenever @count is zero or a power of two from @first on, and never else. Returns the array, moved
 * or not, or NULL, which leaves it as it was.
 */
void *xfn_array_grow(void *array, size_t count, size_t size, size_t first);

#ifdef XFN_TESTING
/*
 * Let @n more allocations succeed, then one fail, then all succeed again. -1: none fails. Returns
 * true if the failure that was asked for before has not happened.
 */
bool xfn_alloc_fail_after(long n);

/* Blocks allocated and not yet freed. */
long xfn_alloc_live(void);
#endif

#endif /* XFN_ALLOC_H */
