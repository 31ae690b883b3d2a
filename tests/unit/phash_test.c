/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "../../loader/phash.h"

/* @count different keys; every third has addresses, so that both hash forms are in one table. */
static struct xfn_key *keys_new(__u32 count)
{
	struct xfn_key *keys = calloc(count + 1, sizeof(*keys));
	__u32 i;

	assert_non_null(keys);
	for (i = 0; i < count; i++) {
		keys[i].meta = XFN_META_VALID | (__u64)i << XFN_META_OUTER_SHIFT;
		if (i % 3 == 0) {
			keys[i].meta = XFN_META_VALID | XFN_META_IPV6 | 53;
			keys[i].dst[i / 3 % 2] = i + 1;
			keys[i].src[i / 6 % 2] = (__u64)i << 32 | 1;
		}
	}
	return keys;
}

/* No two keys share an entry, and a look-up by key leads where `position` says. */
static void check_perfect(const struct xfn_phash *phash, const struct xfn_key *keys, __u32 count)
{
	unsigned char *used = calloc(1UL << phash->slot_bits, 1);
	__u32 i;

	assert_non_null(used);
	for (i = 0; i < count; i++) {
		assert_true(phash->position[i] < 1U << phash->slot_bits);
		assert_int_equal(xfn_phash_find(phash, &keys[i]), phash->position[i]);
		assert_int_equal(used[phash->position[i]]++, 0);
	}
	free(used);
}

static void test_sizes(void **state)
{
	static const struct {
		__u32 count;
		__u32 slot_bits;
	} sizes[] = {
		{0, 4},     {1, 4},       {2, 4},       {13, 4},      {14, 4},
		{28, 5},    {57, 6},      {115, 7},     {3, 17},      {921, 10},
		{5000, 13}, {131072, 18}, {100000, 17}, {117964, 17}, {30000, 17},
	};
	size_t i;
	__u64 seed;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct xfn_key *keys = keys_new(sizes[i].count);

		for (seed = 0; seed < (sizes[i].count < 200 ? 200 : 1); seed++) {
			struct xfn_phash phash;

			assert_int_equal(xfn_phash_init(&phash, keys, sizes[i].count,
							sizes[i].slot_bits, seed, NULL),
					 0);
			check_perfect(&phash, keys, sizes[i].count);
			xfn_phash_fini(&phash);
		}
		free(keys);
	}
}

static void test_order_does_not_matter(void **state)
{
	enum { COUNT = 4000, BITS = 13 };
	struct xfn_key *keys = keys_new(COUNT), *turned = keys_new(COUNT);
	struct xfn_phash one, other;
	__u32 i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		turned[i] = keys[COUNT - 1 - i];
	assert_int_equal(xfn_phash_init(&one, keys, COUNT, BITS, 7, NULL), 0);
	assert_int_equal(xfn_phash_init(&other, turned, COUNT, BITS, 7, NULL), 0);
	assert_int_equal(one.seed, other.seed);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(one.position[i], other.position[COUNT - 1 - i]);
	xfn_phash_fini(&one);
	assert_int_equal(xfn_phash_init(&one, keys, COUNT, BITS, 8, NULL), 0);
	assert_int_not_equal(one.seed, other.seed);
	xfn_phash_fini(&one);
	xfn_phash_fini(&other);
	free(keys);
	free(turned);
}

static void test_equal_keys(void **state)
{
	enum { COUNT = 5000 };
	static const __u32 pairs[][2] = {{0, 1}, {0, COUNT - 1}, {1234, 4321}, {3, 9}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct xfn_key *keys = keys_new(COUNT);
		struct xfn_phash_clash clash = {0};
		struct xfn_phash phash = {.attempts = 99};

		keys[pairs[i][1]] = keys[pairs[i][0]];
		assert_int_equal(xfn_phash_init(&phash, keys, COUNT, 13, i, &clash), -EEXIST);
		assert_int_equal(clash.first, pairs[i][0]);
		assert_int_equal(clash.second, pairs[i][1]);
		assert_int_equal(phash.attempts, 99); /* untouched */
		free(keys);
	}
}

static void test_all_keys_equal(void **state)
{
	struct xfn_key *keys = calloc(100000, sizeof(*keys));
	struct xfn_phash_clash clash = {0};
	struct xfn_phash phash;

	(void)state;
	assert_non_null(keys);
	assert_int_equal(xfn_phash_init(&phash, keys, 100000, 17, 1, &clash), -EEXIST);
	assert_true(clash.first < clash.second);
	free(keys);
}

static void test_limits(void **state)
{
	struct xfn_key *keys = keys_new(116);
	struct xfn_phash phash;

	(void)state;
	assert_int_equal(xfn_phash_init(&phash, keys, 15, 4, 1, NULL), -ENOSPC);
	assert_int_equal(xfn_phash_init(&phash, keys, 116, 7, 1, NULL), -ENOSPC);
	assert_int_equal(xfn_phash_init(&phash, keys, 1, 3, 1, NULL), -EINVAL);
	assert_int_equal(xfn_phash_init(&phash, keys, 1, 25, 1, NULL), -EINVAL);
	assert_int_equal(xfn_phash_slot_bits(0), 4);
	assert_int_equal(xfn_phash_slot_bits(14), 4);
	assert_int_equal(xfn_phash_slot_bits(15), 5);
	assert_int_equal(xfn_phash_slot_bits(117964), 17);
	assert_int_equal(xfn_phash_slot_bits(117965), 18);
	assert_int_equal(xfn_phash_slot_bits(15099494), 24);
	assert_int_equal(xfn_phash_slot_bits(15099495), 0);
	xfn_phash_fini(NULL);
	free(keys);
}

static void test_allocation_failures(void **state)
{
	struct xfn_key *keys = keys_new(100);
	struct xfn_phash phash;
	long before = xfn_alloc_live(), n;
	int err;

	(void)state;
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		err = xfn_phash_init(&phash, keys, 100, 7, 1, NULL);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(xfn_alloc_live(), before);
	}
	assert_int_equal(err, 0);
	assert_true(n > 3);
	xfn_phash_fini(&phash);
	assert_int_equal(xfn_alloc_live(), before);
	free(keys);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),      cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_equal_keys), cmocka_unit_test(test_all_keys_equal),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
