/* SPDX-License-Identifier: BSD-2-Clause */
/* A compiled ruleset into one generation of the mapped arrays. */
#include <errno.h>
#include <string.h>

#include "ruleset.h"

/* Maps hold structures, and are written as words. */
typedef __u64 __attribute__((may_alias)) map_word;

/*
 * Makes @total words at @to equal to the @used words at @from and zeros behind. Stores whole aligned
 * words, and only those that differ: no libc copy, which may use any width. Returns words stored.
 */
static long store_words(void *to, size_t total, const void *from, size_t used)
{
	map_word *word = to;
	long stored = 0;
	__u64 value;
	size_t i;

	for (i = 0; i < total; i++) {
		value = 0;
		if (i < used)
			memcpy(&value, (const char *)from + i * sizeof(value), sizeof(value));
		if (__atomic_load_n(&word[i], __ATOMIC_RELAXED) == value)
			continue;
		__atomic_store_n(&word[i], value, __ATOMIC_RELAXED);
		stored++;
	}
	return stored;
}

static size_t words_of(size_t bytes)
{
	return bytes / sizeof(__u64);
}

long xfn_ruleset_store(const struct xfn_ruleset *ruleset, const struct xfn_ruleset_maps *maps,
		       unsigned generation)
{
	size_t entries = (size_t)1 << maps->slot_bits;
	size_t displace_bytes = (entries >> XFN_BUCKET_BITS_LESS) * sizeof(*ruleset->displace);
	size_t port_words = words_of(XFN_PORT_CHUNKS * sizeof(*maps->ports));
	size_t shape_words = words_of(XFN_SHAPES_MAX * sizeof(*maps->shapes));
	size_t entry_words = words_of(entries * sizeof(*maps->entries));
	long stored = 0;

	if (ruleset->slot_bits != maps->slot_bits || ruleset->key_seed != maps->key_seed)
		return -EINVAL;
	stored += store_words(maps->ports + generation * XFN_PORT_CHUNKS, port_words,
			      ruleset->ports, port_words);
	stored += store_words(maps->probes + generation * XFN_PROBE_WORDS, XFN_PROBE_WORDS,
			      ruleset->probes, ruleset->probe_words);
	stored += store_words(maps->shapes + generation * XFN_SHAPES_MAX, shape_words,
			      ruleset->shapes, shape_words);
	/* A small table's generations share a chunk: displacement words count through. */
	stored +=
		store_words((char *)maps->displace + generation * displace_bytes,
			    words_of(displace_bytes), ruleset->displace, words_of(displace_bytes));
	stored += store_words(maps->entries + generation * entries, entry_words, ruleset->entries,
			      entry_words);
	stored += store_words(&maps->control->seed[generation], 1, &ruleset->seed, 1);
	stored +=
		store_words(&maps->control->address_mask[generation], 1, &ruleset->address_mask, 1);
	return stored;
}
