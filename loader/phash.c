/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "alloc.h"
#include "phash.h"

enum {
	SEEDS_MAX = 64,       /* attempts; one is enough but for small or crowded tables */
	BUCKET_KEYS_MAX = 64, /* a fuller bucket has no chance: next seed */
};

/* Displacement words tried for one bucket. The last ones of a crowded table take some thousand. */
#define DISPLACEMENTS_MAX (1U << 18)

/* One attempt with one seed. Arrays are allocated once and used for every attempt. */
struct attempt {
	const struct xfn_key *keys;
	__u32 count;
	__u32 slot_bits;
	__u32 bucket_count;
	__u64 seed;
	__u64 *hashes;  /* of each key */
	__u32 *first;   /* of each bucket: where its keys start in `members`; one more at the end */
	__u32 *members; /* keys, bucket by bucket */
	__u32 *by_size; /* buckets, fullest first */
	__u64 *used;    /* bit per slot */
	__u32 *displace;
	__u32 *position;
};

__u32 xfn_phash_slot_bits(__u64 count)
{
	__u32 bits;

	for (bits = XFN_PHASH_SLOT_BITS_MIN; bits <= XFN_PHASH_SLOT_BITS_MAX; bits++)
		if (xfn_phash_capacity(bits) >= count)
			return bits;
	return 0;
}

/* splitmix64: seeds that have nothing in common, from neighbouring numbers. */
static __u64 seed_next(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void hash_keys(struct attempt *a)
{
	__u32 i;

	for (i = 0; i < a->count; i++)
		a->hashes[i] = xfn_hash_key(a->seed, &a->keys[i]);
}

/* Counting sort of the keys into buckets. */
static void fill_buckets(struct attempt *a)
{
	__u32 i, sum = 0, size;

	memset(a->first, 0, (a->bucket_count + 1) * sizeof(*a->first));
	for (i = 0; i < a->count; i++)
		a->first[xfn_hash_bucket(a->hashes[i], a->slot_bits)]++;
	for (i = 0; i <= a->bucket_count; i++) {
		size = a->first[i];
		sum += size;
		a->first[i] = sum;
	}
	/* Each start stands at its bucket's end now and walks down to its place. */
	for (i = a->count; i-- > 0;)
		a->members[--a->first[xfn_hash_bucket(a->hashes[i], a->slot_bits)]] = i;
}

static __u32 bucket_size(const struct attempt *a, __u32 bucket)
{
	return a->first[bucket + 1] - a->first[bucket];
}

/*
 * 0, -EEXIST, or -EAGAIN when two different keys can never part under this seed: they share bucket
 * and the half of the hash that picks the slot.
 */
static int check_pair(const struct attempt *a, __u32 one, __u32 other,
		      struct xfn_phash_clash *clash)
{
	if (a->hashes[one] >> 32 != a->hashes[other] >> 32)
		return 0;
	if (memcmp(&a->keys[one], &a->keys[other], sizeof(*a->keys)) != 0)
		return -EAGAIN;
	if (clash) {
		clash->first = one < other ? one : other;
		clash->second = one < other ? other : one;
	}
	return -EEXIST;
}

/* Looks at no more than the first keys of an overfull bucket: equal ones make it so, if any. */
static int check_bucket(const struct attempt *a, __u32 bucket, struct xfn_phash_clash *clash)
{
	const __u32 *members = a->members + a->first[bucket];
	__u32 size = bucket_size(a, bucket), look = size, i, j;
	int err, worst = 0;

	if (look > BUCKET_KEYS_MAX + 1)
		look = BUCKET_KEYS_MAX + 1;
	for (i = 1; i < look; i++)
		for (j = 0; j < i; j++) {
			err = check_pair(a, members[j], members[i], clash);
			if (err == -EEXIST)
				return err;
			if (err)
				worst = err;
		}
	return size > BUCKET_KEYS_MAX ? -EAGAIN : worst;
}

static int check_buckets(const struct attempt *a, struct xfn_phash_clash *clash)
{
	__u32 bucket;
	int err, worst = 0;

	for (bucket = 0; bucket < a->bucket_count; bucket++) {
		err = check_bucket(a, bucket, clash);
		if (err == -EEXIST)
			return err;
		if (err)
			worst = err;
	}
	return worst;
}

/* Counting sort of the buckets, fullest first. */
static void order_buckets(struct attempt *a)
{
	__u32 start[BUCKET_KEYS_MAX + 2] = {0}, bucket, size;

	for (bucket = 0; bucket < a->bucket_count; bucket++)
		start[BUCKET_KEYS_MAX - bucket_size(a, bucket) + 1]++;
	for (size = 1; size <= BUCKET_KEYS_MAX; size++)
		start[size] += start[size - 1];
	for (bucket = 0; bucket < a->bucket_count; bucket++)
		a->by_size[start[BUCKET_KEYS_MAX - bucket_size(a, bucket)]++] = bucket;
}

/* Takes the slot if it is free. */
static bool slot_take(struct attempt *a, __u32 slot)
{
	__u64 bit = 1ULL << (slot & 63);

	if (a->used[slot >> 6] & bit)
		return false;
	a->used[slot >> 6] |= bit;
	return true;
}

/* Takes a slot for each key of the bucket under this displacement, or none. */
static bool place(struct attempt *a, __u32 bucket, __u32 displacement)
{
	const __u32 *members = a->members + a->first[bucket];
	__u32 size = bucket_size(a, bucket), i, slot;

	for (i = 0; i < size; i++) {
		slot = xfn_hash_slot(a->hashes[members[i]], displacement, a->slot_bits);
		if (!slot_take(a, slot))
			break;
		a->position[members[i]] = slot;
	}
	if (i == size)
		return true;
	while (i-- > 0) {
		slot = a->position[members[i]];
		a->used[slot >> 6] &= ~(1ULL << (slot & 63));
	}
	return false;
}

static int place_bucket(struct attempt *a, __u32 bucket)
{
	__u32 i;

	for (i = 0; i < DISPLACEMENTS_MAX; i++) {
		if (place(a, bucket, i)) {
			a->displace[bucket] = i;
			return 0;
		}
	}
	return -EAGAIN;
}

static int attempt_run(struct attempt *a, struct xfn_phash_clash *clash)
{
	__u32 i;
	int err;

	hash_keys(a);
	fill_buckets(a);
	err = check_buckets(a, clash);
	if (err)
		return err;
	order_buckets(a);
	memset(a->used, 0, ((1UL << a->slot_bits) + 63) / 64 * sizeof(*a->used));
	memset(a->displace, 0, a->bucket_count * sizeof(*a->displace));
	for (i = 0; i < a->bucket_count && bucket_size(a, a->by_size[i]); i++) {
		err = place_bucket(a, a->by_size[i]);
		if (err)
			return err;
	}
	return 0;
}

static void attempt_fini(struct attempt *a)
{
	xfn_free(a->hashes);
	xfn_free(a->first);
	xfn_free(a->members);
	xfn_free(a->by_size);
	xfn_free(a->used);
	xfn_free(a->displace);
	xfn_free(a->position);
}

static int attempt_init(struct attempt *a)
{
	size_t keys = a->count ? a->count : 1;

	a->hashes = xfn_alloc(keys * sizeof(*a->hashes));
	a->first = xfn_alloc((a->bucket_count + 1UL) * sizeof(*a->first));
	a->members = xfn_alloc(keys * sizeof(*a->members));
	a->by_size = xfn_alloc(a->bucket_count * sizeof(*a->by_size));
	a->used = xfn_alloc(((1UL << a->slot_bits) + 63) / 64 * sizeof(*a->used));
	a->displace = xfn_alloc(a->bucket_count * sizeof(*a->displace));
	a->position = xfn_alloc(keys * sizeof(*a->position));
	if (a->hashes && a->first && a->members && a->by_size && a->used && a->displace &&
	    a->position)
		return 0;
	attempt_fini(a);
	return -ENOMEM;
}

int xfn_phash_init(struct xfn_phash *phash, const struct xfn_key *keys, __u32 count,
		   __u32 slot_bits, __u64 start_seed, struct xfn_phash_clash *clash)
{
	struct attempt a = {.keys = keys, .count = count, .slot_bits = slot_bits};
	__u32 attempts = 0;
	int err;

	if (slot_bits < XFN_PHASH_SLOT_BITS_MIN || slot_bits > XFN_PHASH_SLOT_BITS_MAX)
		return -EINVAL;
	if (count > xfn_phash_capacity(slot_bits))
		return -ENOSPC;
	a.bucket_count = 1U << (slot_bits - XFN_BUCKET_BITS_LESS);
	err = attempt_init(&a);
	if (err)
		return err;
	do {
		a.seed = seed_next(&start_seed);
		err = attempt_run(&a, clash);
		attempts++;
	} while (err == -EAGAIN && attempts < SEEDS_MAX);
	if (!err) {
		*phash = (struct xfn_phash){
			.seed = a.seed,
			.slot_bits = slot_bits,
			.attempts = attempts,
			.displace = a.displace,
			.position = a.position,
		};
		a.displace = NULL;
		a.position = NULL;
	}
	attempt_fini(&a);
	return err;
}

void xfn_phash_fini(struct xfn_phash *phash)
{
	if (!phash)
		return;
	xfn_free(phash->displace);
	xfn_free(phash->position);
	*phash = (struct xfn_phash){0};
}
