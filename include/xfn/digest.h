/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_DIGEST_H
#define XFN_DIGEST_H
/* Digests of what a trigger's key names in a payload: the same in the kernel and in user space. */
#include <linux/types.h>

/*
 * A path or a name becomes 128 bits, by SipHash-1-3 (Aumasson and Bernstein, 2012) with a secret seed:
 * payloads come from anybody, and the hash of rules, xfn_hash_key(), can be made to collide whatever its
 * seed. One round takes a word; three end it, and leave 128 bits of the state.
 * The words of a part (segment or label): its length in a byte, then its bytes, in network order,
 * zeros behind. So no two sequences of parts have the same words.
 */
struct xfn_digest {
	__u64 v[4];
};

static inline __attribute__((always_inline)) __u64 xfn_rotate(__u64 x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void xfn_digest_round(struct xfn_digest *digest)
{
	__u64 a = digest->v[0], b = digest->v[1], c = digest->v[2], d = digest->v[3];

	a += b;
	b = xfn_rotate(b, 13) ^ a;
	a = xfn_rotate(a, 32);
	c += d;
	d = xfn_rotate(d, 16) ^ c;
	a += d;
	d = xfn_rotate(d, 21) ^ a;
	c += b;
	b = xfn_rotate(b, 17) ^ c;
	c = xfn_rotate(c, 32);
	digest->v[0] = a;
	digest->v[1] = b;
	digest->v[2] = c;
	digest->v[3] = d;
}

static inline __attribute__((always_inline)) void xfn_digest_start(struct xfn_digest *digest,
								   __u64 seed)
{
	digest->v[0] = seed ^ 0x736f6d6570736575ULL;
	digest->v[1] = ~seed ^ 0x646f72616e646f6dULL;
	digest->v[2] = seed ^ 0x6c7967656e657261ULL;
	digest->v[3] = ~seed ^ 0x7465646279746573ULL;
}

static inline __attribute__((always_inline)) void xfn_digest_word(struct xfn_digest *digest,
								  __u64 word)
{
	digest->v[3] ^= word;
	xfn_digest_round(digest);
	digest->v[0] ^= word;
}

static inline __attribute__((always_inline)) void xfn_digest_end(const struct xfn_digest *digest,
								 __u64 ret[2])
{
	struct xfn_digest last = *digest;

	last.v[2] ^= 0xee; /* as for 128 bits */
	xfn_digest_round(&last);
	xfn_digest_round(&last);
	xfn_digest_round(&last);
	ret[0] = last.v[0] ^ last.v[1];
	ret[1] = last.v[2] ^ last.v[3];
}

#endif
