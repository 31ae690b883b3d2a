/* SPDX-License-Identifier: BSD-2-Clause */
/* What a misspelt word was probably meant to be. */
#include <string.h>

#include "diag.h"

#define WORD_MAX     63
#define DISTANCE_MAX 2

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edit distance with swapped neighbours (optimal string alignment), by three rolling rows. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *older = rows[0], *old = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		old[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = older;

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = min_of(old[j], now[j - 1]) + 1;
			now[j] = min_of(now[j], old[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min_of(now[j], older[j - 2] + 1);
		}
		older = old;
		old = now;
		now = spare;
	}
	return old[b_len];
}

const char *xfn_suggest(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strlen(word);
	unsigned best = (len <= 3 ? 1 : DISTANCE_MAX) + 1;
	const char *found = NULL;

	if (!len || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = candidates[i] ? strlen(candidates[i]) : 0;
		unsigned d;

		if (!other || other > WORD_MAX || other > len + DISTANCE_MAX ||
		    len > other + DISTANCE_MAX)
			continue;
		d = distance(word, len, candidates[i], other);
		if (d < best && d < len) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
