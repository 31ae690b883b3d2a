/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#ifdef XFN_TESTING
static long fail_after = -1;
static long live;

bool xfn_alloc_fail_after(long n)
{
	bool pending = fail_after >= 0;

	fail_after = n;
	return pending;
}

long xfn_alloc_live(void)
{
	return live;
}

static bool refused(void)
{
	return fail_after >= 0 && fail_after-- == 0;
}

static void count_live(long by)
{
	live += by;
}
#else
static inline bool refused(void)
{
	return false;
}

static inline void count_live(long by)
{
	(void)by;
}
#endif

void *xfn_alloc(size_t size)
{
	void *block = refused() ? NULL : calloc(1, size ? size : 1);

	if (block)
		count_live(1);
	return block;
}

void *xfn_realloc(void *block, size_t count, size_t size)
{
	void *moved;

	if (refused() || (size && count > SIZE_MAX / size) || !count || !size)
		return NULL;
	moved = realloc(block, count * size);
	if (moved && !block)
		count_live(1);
	return moved;
}

char *xfn_strndup(const char *text, size_t len)
{
	char *copy = xfn_realloc(NULL, len + 1, 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void xfn_free(void *block)
{
	if (block)
		count_live(-1);
	free(block);
}

void *xfn_array_grow(void *array, size_t count, size_t size, size_t first)
{
	if (count && (count < first || (count & (count - 1))))
		return array;
	return xfn_realloc(array, count ? 2 * count : first, size);
}
