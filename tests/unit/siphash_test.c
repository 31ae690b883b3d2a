/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/siphash.h against SipHash-c-d as its paper has it, which is checked by the paper's own vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/siphash.h"

static void mix(uint64_t v[4], int rounds)
{
	for (; rounds; rounds--) {
		v[0] += v[1], v[2] += v[3];
		v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0], v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
		v[0] = v[0] << 32 | v[0] >> 32;
		v[2] += v[1], v[0] += v[3];
		v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2], v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
		v[2] = v[2] << 32 | v[2] >> 32;
	}
}

static uint64_t word_at(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	while (count--)
		word = word << 8 | bytes[count];
	return word;
}

/* SipHash-@c-@d of @bytes. */
static uint64_t reference(int c, int d, const uint8_t key[16], const uint8_t *text, size_t bytes)
{
	uint64_t k0 = word_at(key, 8), k1 = word_at(key + 8, 8), word;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	size_t at;

	for (at = 0; at <= bytes; at += 8) {
		word = bytes - at >= 8 ? word_at(text + at, 8)
				       : word_at(text + at, bytes - at) | (uint64_t)bytes << 56;
		v[3] ^= word;
		mix(v, c);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	mix(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A. */
static void test_reference(void **state)
{
	uint8_t key[16], text[15];
	uint8_t i;

	(void)state;
	for (i = 0; i < 16; i++)
		key[i] = i;
	for (i = 0; i < 15; i++)
		text[i] = i;
	assert_int_equal(reference(2, 4, key, text, 15), 0xa129ca6149be45e5);
}

static void test_of_sources(void **state)
{
	uint8_t key[16], text[17];
	uint64_t random = 1;
	__u64 keys[2], words[2];
	int round, i;

	(void)state;
	for (round = 0; round < 10000; round++) {
		for (i = 0; i < 33; i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			if (i < 16)
				key[i] = random >> 56;
			else
				text[i - 16] = random >> 56;
		}
		memcpy(keys, key, sizeof(keys));
		memcpy(words, text, sizeof(words));
		assert_int_equal(siphash13(keys, words, text[16]), reference(1, 3, key, text, 17));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_of_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
