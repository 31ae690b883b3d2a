/* SPDX-License-Identifier: BSD-2-Clause */
/* A compiled ruleset on its way into the mapped arrays. */
#include <errno.h>

#include "ruleset_fixture.h"

static const size_t guard = 64; /* bytes behind each array, to see writes that go too far */

static void *array_new(size_t bytes)
{
	unsigned char *array = malloc(bytes + guard);

	assert_non_null(array);
	memset(array, 0xa5, bytes + guard);
	return array;
}

static void array_free(void *array, size_t bytes)
{
	unsigned char *end = (unsigned char *)array + bytes;
	size_t i;

	for (i = 0; i < guard; i++)
		assert_int_equal(end[i], 0xa5);
	free(array);
}

static size_t ports_bytes(void)
{
	return 2 * XFN_PORT_CHUNKS * sizeof(struct xfn_port_chunk);
}

static size_t displace_bytes(__u32 bits)
{
	return (2UL << (bits - XFN_BUCKET_BITS_LESS)) * sizeof(__u32);
}

static void maps_init(struct xfn_ruleset_maps *maps, __u32 bits)
{
	maps->slot_bits = bits;
	maps->key_seed = FIXTURE_KEY_SEED;
	maps->control = array_new(sizeof(*maps->control));
	maps->ports = array_new(ports_bytes());
	maps->probes = array_new(2 * XFN_PROBE_WORDS * sizeof(*maps->probes));
	maps->shapes = array_new(2 * XFN_SHAPES_MAX * sizeof(*maps->shapes));
	maps->displace = array_new(displace_bytes(bits));
	maps->entries = array_new((2UL << bits) * sizeof(*maps->entries));
}

static void maps_fini(struct xfn_ruleset_maps *maps)
{
	array_free(maps->control, sizeof(*maps->control));
	array_free(maps->ports, ports_bytes());
	array_free(maps->probes, 2 * XFN_PROBE_WORDS * sizeof(*maps->probes));
	array_free(maps->shapes, 2 * XFN_SHAPES_MAX * sizeof(*maps->shapes));
	array_free(maps->displace, displace_bytes(maps->slot_bits));
	array_free(maps->entries, (2UL << maps->slot_bits) * sizeof(*maps->entries));
}

static bool all_bytes(const void *data, int value, size_t bytes)
{
	const unsigned char *byte = data;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (byte[i] != value)
			return false;
	return true;
}

/* One generation of an array is what the ruleset says, zeros behind; the other one was not touched. */
static void check_array(const void *array, size_t generation_bytes, unsigned generation,
			const void *want, size_t want_bytes)
{
	const unsigned char *mine = (const unsigned char *)array + generation * generation_bytes;
	const unsigned char *other = (const unsigned char *)array + !generation * generation_bytes;

	assert_memory_equal(mine, want, want_bytes);
	assert_true(all_bytes(mine + want_bytes, 0, generation_bytes - want_bytes));
	assert_true(all_bytes(other, 0xa5, generation_bytes));
}

static void check_maps(const struct xfn_ruleset_maps *maps, const struct xfn_ruleset *ruleset,
		       unsigned generation)
{
	size_t displace = displace_bytes(maps->slot_bits) / 2;
	size_t entries = (1UL << maps->slot_bits) * sizeof(*maps->entries);

	check_array(maps->ports, ports_bytes() / 2, generation, ruleset->ports, ports_bytes() / 2);
	check_array(maps->probes, XFN_PROBE_WORDS * sizeof(*maps->probes), generation,
		    ruleset->probes, ruleset->probe_words * sizeof(*maps->probes));
	check_array(maps->shapes, XFN_SHAPES_MAX * sizeof(*maps->shapes), generation,
		    ruleset->shapes, (ruleset->shape_count + 1) * sizeof(*maps->shapes));
	check_array(maps->displace, displace, generation, ruleset->displace, displace);
	check_array(maps->entries, entries, generation, ruleset->entries, entries);
	check_array(maps->control->seed, 8, generation, &ruleset->seed, 8);
	check_array(maps->control->address_mask, 8, generation, &ruleset->address_mask, 8);
	assert_true(all_bytes(&maps->control->live, 0xa5, 8));
	assert_true(all_bytes(&maps->control->abi, 0xa5, 24));
}

static void test_store(void **state)
{
	static const __u32 sizes[] = {4, 5, 6, 10};
	struct xfn_ruleset_maps maps;
	struct fixture f;
	unsigned generation;
	size_t i;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53 to 10.0.0.0/8,2001:db8::/32");
	fixture_add(&f, "tcp/1-65535");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		f.input.slot_bits = sizes[i];
		assert_int_equal(fixture_compile(&f), 0);
		for (generation = 0; generation < 2; generation++) {
			maps_init(&maps, sizes[i]);
			assert_true(xfn_ruleset_store(f.ruleset, &maps, generation) > 0);
			check_maps(&maps, f.ruleset, generation);
			maps_fini(&maps);
		}
	}
	maps_init(&maps, 11);
	assert_int_equal(xfn_ruleset_store(f.ruleset, &maps, 0), -EINVAL);
	assert_true(all_bytes(maps.entries, 0xa5, 64));
	maps_fini(&maps);
	maps_init(&maps, f.input.slot_bits);
	maps.key_seed++; /* its digests would not be those of the readers */
	assert_int_equal(xfn_ruleset_store(f.ruleset, &maps, 0), -EINVAL);
	assert_true(all_bytes(maps.entries, 0xa5, 64));
	maps_fini(&maps);
	fixture_fini(&f);
}

/* Words of two arrays that differ. */
static long words_differing(const void *one, const void *other, size_t bytes)
{
	const unsigned char *a = one, *b = other;
	long differing = 0;
	size_t at;

	for (at = 0; at < bytes; at += 8)
		differing += memcmp(a + at, b + at, 8) != 0;
	return differing;
}

static void test_store_only_what_differs(void **state)
{
	struct xfn_ruleset_maps maps;
	struct xfn_entry *before;
	struct fixture f;
	size_t entries;
	long stored, entry_words;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53 to 10.0.0.0/8");
	fixture_add(&f, "udp/54");
	entries = (1UL << f.input.slot_bits) * sizeof(*before);
	before = malloc(entries);
	assert_non_null(before);
	maps_init(&maps, f.input.slot_bits);
	assert_int_equal(fixture_compile(&f), 0);
	assert_true(xfn_ruleset_store(f.ruleset, &maps, 1) > 0);
	assert_int_equal(xfn_ruleset_store(f.ruleset, &maps, 1), 0);

	maps.entries[(1UL << f.input.slot_bits) + 7].key.payload[1] = 1; /* one stale word */
	assert_int_equal(xfn_ruleset_store(f.ruleset, &maps, 1), 1);
	check_maps(&maps, f.ruleset, 1);

	/* Another trigger less: its entry becomes zero, its port has no list, little else moves. */
	memcpy(before, f.ruleset->entries, entries);
	f.count = 1;
	assert_int_equal(fixture_compile(&f), 0);
	entry_words = words_differing(before, f.ruleset->entries, entries);
	assert_true(entry_words > 0);
	stored = xfn_ruleset_store(f.ruleset, &maps, 1);
	assert_true(stored >= entry_words);
	assert_true(stored < 64);
	check_maps(&maps, f.ruleset, 1);
	free(before);
	maps_fini(&maps);
	fixture_fini(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_only_what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
