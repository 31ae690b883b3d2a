/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PHASH_H
#define XFN_PHASH_H

/*
 * An immutable perfect hash over ruleset keys (hash and displace): a look-up reads one displacement
 * word and one entry, and compares one key. The hash functions are those of xfn/abi.h, which the
 * data plane runs too.
 *
 * Keys fall into buckets, four slots a bucket; each bucket gets the first displacement word that
 * sends all its keys to free slots, fullest bucket first. Where none does, the next seed is tried.
 * The result depends on the keys and the start seed only, not on the order of the keys.
 */

#include <stddef.h>
#include <linux/types.h>

#include "xfn/abi.h"

#define XFN_PHASH_SLOT_BITS_MIN 4
#define XFN_PHASH_SLOT_BITS_MAX 24

struct xfn_phash {
	__u64 seed;      /* the one that worked */
	__u32 slot_bits; /* the table has 2^slot_bits entries */
	__u32 attempts;  /* seeds tried, the last one included */
	__u32 *displace; /* 2^(slot_bits - XFN_BUCKET_BITS_LESS) words; 0 for an empty bucket */
	__u32 *position; /* of each key, in the order given: its entry in the table */
};

/* Two equal keys: positions in the array given, first < second. */
struct xfn_phash_clash {
	__u32 first;
	__u32 second;
};

/* The most keys a table of 2^slot_bits entries takes: nine tenths of its entries, rounded down. */
static inline __u32 xfn_phash_capacity(__u32 slot_bits)
{
	return (__u32)((9ULL << slot_bits) / 10);
}

/* The smallest slot_bits whose capacity is at least @count, or 0 when there is none. */
__u32 xfn_phash_slot_bits(__u64 count);

/*
 * Finds a seed and displacement words for @count keys, which are borrowed. The seeds
 * tried follow from @start_seed alone. @clash may be NULL.
 * Returns 0 and a hash that the caller ends with xfn_phash_fini(), or
 *   -EINVAL  slot_bits out of range
 *   -ENOSPC  more keys than xfn_phash_capacity()
 *   -EEXIST  two keys are equal; @clash says which
 *   -EAGAIN  no seed worked; expected never
 *   -ENOMEM
 */
int xfn_phash_init(struct xfn_phash *phash, const struct xfn_key *keys, __u32 count,
		   __u32 slot_bits, __u64 start_seed, struct xfn_phash_clash *clash);

/* Frees what the hash owns. Takes NULL and all zeros. */
void xfn_phash_fini(struct xfn_phash *phash);

/* The entry where @key is, if it is in the table at all. */
static inline __u32 xfn_phash_find(const struct xfn_phash *phash, const struct xfn_key *key)
{
	__u64 h = xfn_hash_key(phash->seed, key);
	__u32 displacement = phash->displace[xfn_hash_bucket(h, phash->slot_bits)];

	return xfn_hash_slot(h, displacement, phash->slot_bits);
}

#endif
