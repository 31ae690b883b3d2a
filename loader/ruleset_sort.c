/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "ruleset_build.h"

enum {
	DIGIT_BITS = 8,
	DIGITS = 64 / DIGIT_BITS,
	DIGIT_VALUES = 1 << DIGIT_BITS,
};

static __u32 digit_of(const struct xfn_sort_item *item, unsigned digit)
{
	return item->key >> (digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

/* One pass of a radix sort. @counts: items with each value of the digit; becomes their places. */
static void scatter(const struct xfn_sort_item *from, struct xfn_sort_item *to, __u32 count,
		    unsigned digit, __u32 counts[DIGIT_VALUES])
{
	__u32 i, sum = 0, size;

	for (i = 0; i < DIGIT_VALUES; i++) {
		size = counts[i];
		counts[i] = sum;
		sum += size;
	}
	for (i = 0; i < count; i++)
		to[counts[digit_of(&from[i], digit)]++] = from[i];
}

int xfn_sort(struct xfn_sort_item *items, __u32 count)
{
	__u32 counts[DIGITS][DIGIT_VALUES] = {0}, i;
	struct xfn_sort_item *spare, *from = items, *to, *turn;
	unsigned digit;

	if (count < 2)
		return 0;
	spare = xfn_alloc((size_t)count * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	to = spare;
	for (i = 0; i < count; i++)
		for (digit = 0; digit < DIGITS; digit++)
			counts[digit][digit_of(&items[i], digit)]++;
	for (digit = 0; digit < DIGITS; digit++) {
		if (counts[digit][digit_of(&from[0], digit)] == count)
			continue; /* the same everywhere */
		scatter(from, to, count, digit, counts[digit]);
		turn = from;
		from = to;
		to = turn;
	}
	if (from != items)
		memcpy(items, from, (size_t)count * sizeof(*items));
	xfn_free(spare);
	return 0;
}

int xfn_intern_init(struct xfn_intern *intern, __u32 count_max)
{
	__u64 size = 16;
	__u32 *slots;

	while (size < 2ULL * count_max)
		size *= 2;
	slots = xfn_alloc(size * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	intern->slots = slots;
	intern->mask = (__u32)(size - 1);
	return 0;
}

void xfn_intern_fini(struct xfn_intern *intern)
{
	xfn_free(intern->slots);
	intern->slots = NULL;
}

__u32 xfn_intern_get(struct xfn_intern *intern, __u64 hash, xfn_intern_equal_fn *equal,
		     const void *context, const void *wanted, __u32 fresh_id)
{
	__u32 at = (__u32)(hash >> 32) & intern->mask;

	while (intern->slots[at]) {
		if (equal(context, intern->slots[at] - 1, wanted))
			return intern->slots[at] - 1;
		at = (at + 1) & intern->mask;
	}
	intern->slots[at] = fresh_id + 1;
	return fresh_id;
}
