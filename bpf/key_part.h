/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_KEY_PART_H
#define XFN_BPF_KEY_PART_H
/*
 * What the readers of paths and names share: the payload's first bytes in scratch, and parts of it
 * (a length byte and as many bytes) taken into a digest, a word at a time.
 *
 * The readers loop by bpf_loop(), whose callback the verifier walks once. What a loop finds out
 * stays in the scratch, not on the stack: before 6.7 the verifier believes that a callback runs once.
 * All of it compiles for user space too, where tests bring a bpf_loop() of their own.
 */
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include "xfn/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct key_loop {
	struct xfn_key_scratch *scratch;
};

/*
 * An offset that callers have compared, masked for the verifier alone; the compiler must not know that,
 * or it leaves the mask out.
 */
static __always_inline __u32 key_offset(__u32 at)
{
	asm volatile("" : "+r"(at));
	return at & (XFN_KEY_HEAD_BYTES - 1);
}

static __always_inline __u8 key_byte(const struct xfn_key_scratch *scratch, __u32 at)
{
	return scratch->bytes[key_offset(at)];
}

/* Eight bytes from @at on, the first one highest; there are eight behind the last, whatever they are. */
static __always_inline __u64 key_word(const struct xfn_key_scratch *scratch, __u32 at)
{
	const __u8 *from = scratch->bytes + key_offset(at);
	__u64 word;

#ifdef __bpf__
	word = *(const __u64 *)from; /* the kernels this is for have no alignment to keep */
#else
	__builtin_memcpy(&word, from, sizeof(word));
#endif
	return bpf_be64_to_cpu(word);
}

/* The next word of the part that is open, zeros behind its end; the cursor moves on. */
static __always_inline __u64 key_part_word(struct xfn_key_scratch *scratch)
{
	__u64 word = key_word(scratch, scratch->at);
	__u32 left = scratch->left;

	if (left < 8) {
		word &= ~0ULL << (8 * (8 - left) & 63); /* left is 1 to 7 */
		scratch->at += left;
		scratch->left = 0;
	} else {
		scratch->at += 8;
		scratch->left = left - 8;
	}
	return word;
}

#endif
