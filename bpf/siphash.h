/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_SIPHASH_H
#define XFN_BPF_SIPHASH_H
/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012) of an address: what the kernel's own hash tables use
 * against whoever would choose keys that collide (Documentation/security/siphash.rst, hsiphash). A
 * multiplicative hash would not do: two IPv6 addresses can be chosen to collide under each of its keys.
 * Compiles for user space too, for the tests.
 */
#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct siphash {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 rotate_left(__u64 word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static __always_inline void siphash_round(struct siphash *state)
{
	state->v0 += state->v1;
	state->v1 = rotate_left(state->v1, 13) ^ state->v0;
	state->v0 = rotate_left(state->v0, 32);
	state->v2 += state->v3;
	state->v3 = rotate_left(state->v3, 16) ^ state->v2;
	state->v0 += state->v3;
	state->v3 = rotate_left(state->v3, 21) ^ state->v0;
	state->v2 += state->v1;
	state->v1 = rotate_left(state->v1, 17) ^ state->v2;
	state->v2 = rotate_left(state->v2, 32);
}

static __always_inline void siphash_word(struct siphash *state, __u64 word)
{
	state->v3 ^= word;
	siphash_round(state);
	state->v0 ^= word;
}

/* Of the 17 bytes that are @words (as they stand in memory on a little-endian machine) and @last. */
static __always_inline __u64 siphash13(const __u64 key[2], const __u64 words[2], __u8 last)
{
	struct siphash state = {
		.v0 = key[0] ^ 0x736f6d6570736575ULL,
		.v1 = key[1] ^ 0x646f72616e646f6dULL,
		.v2 = key[0] ^ 0x6c7967656e657261ULL,
		.v3 = key[1] ^ 0x7465646279746573ULL,
	};

	siphash_word(&state, words[0]);
	siphash_word(&state, words[1]);
	siphash_word(&state, 17ULL << 56 | last);
	state.v2 ^= 0xff;
	siphash_round(&state);
	siphash_round(&state);
	siphash_round(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

#endif
