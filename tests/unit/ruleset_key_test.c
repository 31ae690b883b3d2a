/* SPDX-License-Identifier: BSD-2-Clause */
/* Triggers with keys: which one wins, what is refused, and key_error against unmatched. */
#include <errno.h>

#include "ruleset_fixture.h"

enum { NOBODY = FIXTURE_NOBODY, KEY_ERROR = FIXTURE_KEY_ERROR };

#define TO "udp 1.2.3.4 192.0.2.1 7 "

static const struct {
	const char *name;
	const char *triggers[8];
	struct {
		const char *packet;
		int trigger;
	} wants[12];
} behaviours[] = {
	{"a path, all of it",
	 {"udp/7 path /a/b"},
	 {{TO "path /a/b", 0},
	  {TO "path /a", NOBODY},
	  {TO "path /a/b/c", NOBODY},
	  {TO "path /a/b/", NOBODY},
	  {TO "path /ab", NOBODY},
	  {TO "path /A/b", NOBODY},
	  {TO "path /", NOBODY},
	  {TO "name a.b", KEY_ERROR},
	  {TO "hex 00", KEY_ERROR},
	  {TO, KEY_ERROR}}},
	{"the empty path, as no option and as an empty one",
	 {"udp/7 path /"},
	 {{TO "path /", 0},
	  {TO "hex 40010000b0", 0},
	  {TO "path //", NOBODY},
	  {TO "path /a", NOBODY},
	  {TO "hex 40000000", KEY_ERROR},   /* an empty message */
	  {TO "hex 60450000", KEY_ERROR}}}, /* a response */
	{"a percent sign decodes into a segment",
	 {"udp/7 path /a%2Fb", "udp/7 path /a/b"},
	 {{TO "path /a/b", 1}, {TO "hex 40010000b3612f62", 0}}},
	{"a name, in any case",
	 {"udp/7 name x.Example"},
	 {{TO "name x.example", 0},
	  {TO "name X.EXAMPLE", 0},
	  {TO "name example", NOBODY},
	  {TO "name y.x.example", NOBODY},
	  {TO "name xx.example", NOBODY},
	  {TO "name .", NOBODY},
	  {TO "path /x", KEY_ERROR}}},
	{"the root", {"udp/7 name ."}, {{TO "name .", 0}, {TO "name a", NOBODY}}},
	{"a suffix is for the name itself and for what is below it",
	 {"udp/7 suffix b.c"},
	 {{TO "name b.c", 0},
	  {TO "name a.b.c", 0},
	  {TO "name 1.2.3.4.5.6.7.8.9.b.C", 0},
	  {TO "name xb.c", NOBODY},
	  {TO "name c", NOBODY},
	  {TO "name .", NOBODY},
	  {TO "name b.c.d", NOBODY}}},
	{"exact, then longer suffixes, then none; in whatever order they are written",
	 {"udp/7", "udp/7 suffix .", "udp/7 suffix c", "udp/7 suffix b.c", "udp/7 suffix a.b.c",
	  "udp/7 name b.c"},
	 {{TO "name b.c", 5},
	  {TO "name x.b.c", 3},
	  {TO "name a.b.c", 4},
	  {TO "name x.a.b.c", 4},
	  {TO "name x.c", 2},
	  {TO "name d", 1},
	  {TO "name .", 1},
	  {TO "path /a", 0},
	  {TO, 0}}},
	{"bytes: more bits first, then the smaller offset",
	 {"udp/7 bytes 0:00/80", "udp/7 bytes 0:10/f0", "udp/7 bytes 1:20/f0", "udp/7 bytes 0:1122",
	  "udp/7 bytes 0:11"},
	 {{TO "hex 1122", 3},
	  {TO "hex 1123", 4},
	  {TO "hex 11", 4},
	  {TO "hex 1220", 1},
	  {TO "hex 7f20", 2},
	  {TO "hex 7f30", 0},
	  {TO "hex ff30", NOBODY},
	  {TO "hex ff", NOBODY},
	  {TO, KEY_ERROR}}},
	{"bytes far in, and sixteen of them",
	 {"udp/7 bytes 3:000102030405060708090a0b0c0d0e0f", "udp/7 bytes 2:00"},
	 {{TO "hex ffffff000102030405060708090a0b0c0d0e0f", 0},
	  {TO "hex ffff00000102030405060708090a0b0c0d0e0f", 0},
	  {TO "hex ffff00000102030405060708090a0b0c0d0e", 1},
	  {TO "hex ffffff000102030405060708090a0b0c0d0e", NOBODY},
	  {TO "hex ffff", KEY_ERROR}}},
	{"a masked value of zero is not an empty slot",
	 {"udp/7 bytes 0:0000"},
	 {{TO "hex 0000", 0}, {TO "hex 0001", NOBODY}, {TO "hex 00", KEY_ERROR}}},
	{"kinds of keys: paths, names, bytes",
	 {"udp/7 bytes 0:40", "udp/7 path /a", "udp/7 name a"},
	 {{TO "path /a", 1},
	  {TO "path /b", 0},
	  {TO "name a", 2},
	  {TO "hex 41", NOBODY},
	  {TO, KEY_ERROR}}},
	{"key_error asks for every key: one that can be read is enough for unmatched",
	 {"udp/7 path /a", "udp/7 bytes 0:ff"},
	 {{TO "hex 00", NOBODY}, {TO, KEY_ERROR}}},
	{"the key comes last: after the port, and after all else",
	 {"udp/7 path /a", "udp/7 to 192.0.2.0/24", "udp/1-9 to 192.0.2.1 path /b",
	  "udp/7 to 192.0.2.1", "udp/7 on eth0 path /c", "udp/7 from 1.0.0.0/8"},
	 {{TO "path /b", 3},
	  {"udp 1.2.3.4 192.0.2.1 8 path /b", 2},
	  {"udp 1.2.3.4 192.0.2.1 8 path /a", NOBODY},
	  {"udp 1.2.3.4 10.0.0.1 7 path /a", 5},
	  {"udp 2.2.3.4 10.0.0.1 7 path /a", 0},
	  {"udp 2.2.3.4 10.0.0.1 7 path /c", 4},
	  {"udp 2.2.3.4 10.0.0.1 7 path /d", NOBODY},
	  {"udp 2.2.3.4 10.0.0.1 7 hex 00", KEY_ERROR}}},
	{"key_error whatever the address, and of this port alone",
	 {"udp/7 path /a", "udp/8"},
	 {{"udp 1.2.3.4 9.9.9.9 7 hex 00", KEY_ERROR},
	  {"udp 1.2.3.4 9.9.9.9 7 path /a", NOBODY},
	  {"udp 1.2.3.4 192.0.2.1 7 vlan 5 hex 00", KEY_ERROR},
	  {"udp 1.2.3.4 9.9.9.9 8 hex 00", NOBODY},
	  {"tcp 1.2.3.4 192.0.2.1 7 hex 00", NOBODY}}},
	{"one key for several addresses",
	 {"udp/7 to 10.0.0.0/8,192.0.2.1 path /a", "udp/7 path /a"},
	 {{TO "path /a", 0},
	  {"udp 1.2.3.4 10.0.0.1 7 path /a", 1},
	  {"udp 1.2.3.4 10.9.9.9 7 path /a", 0}}},
	{"ranges with different keys may overlap in part",
	 {"udp/1-10 path /a", "udp/5-15 path /b", "udp/5-15 name a"},
	 {{TO "path /a", 0}, {TO "path /b", 1}, {TO "name a", 2}}},
};

static void test_behaviours(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		static struct fixture f;

		fixture_init(&f);
		for (j = 0; j < 8 && behaviours[i].triggers[j]; j++)
			fixture_add(&f, behaviours[i].triggers[j]);
		assert_int_equal(fixture_compile(&f), 0);
		for (j = 0; j < 12 && behaviours[i].wants[j].packet; j++) {
			const char *text = behaviours[i].wants[j].packet;
			struct xfn_packet_view packet = fixture_packet(text);
			int got = fixture_find(&f, &packet);

			if (got != behaviours[i].wants[j].trigger)
				fail_msg("%s: '%s' went to %d, not to %d", behaviours[i].name, text,
					 got, behaviours[i].wants[j].trigger);
		}
		fixture_fini(&f);
	}
}

/* ---- what is refused --------------------------------------------------------------------------- */

static const struct {
	const char *triggers[2];
	bool refused;
} pairs[] = {
	{{"udp/7 path /a", "udp/7 path /a"}, true},
	{{"udp/7 path /a", "udp/7 path /%61"}, true},
	{{"udp/7 path /a", "udp/7 path /a/"}, false},
	{{"udp/7 path /a", "udp/7 path /A"}, false},
	{{"udp/7 path /", "udp/7"}, false},
	{{"udp/7 name a.b", "udp/7 name A.b."}, true},
	{{"udp/7 name a.b", "udp/7 suffix a.b"}, false},
	{{"udp/7 suffix a.b", "udp/7 suffix A.B"}, true},
	{{"udp/7 suffix a.b", "udp/7 suffix b.a"}, false},
	{{"udp/7 bytes 0:10", "udp/7 bytes 0:10"}, true},
	{{"udp/7 bytes 0:10/f0", "udp/7 bytes 0:10"}, false},
	{{"udp/7 bytes 0:10", "udp/7 bytes 1:10"}, false},
	{{"udp/7 bytes 0:10", "udp/7 bytes 0:1000/ff00"}, false}, /* another length is asked for */
	{{"udp/7 path /a on eth9", "udp/7 path /a on eth9"}, true},
	{{"udp/7 path /a on eth9", "udp/7 path /a on eth8"}, false},
	{{"udp/1-10 path /a", "udp/5-15 path /a"}, true},
	{{"udp/1-10 path /a", "udp/5-15 path /b"}, false},
};

static void test_conflicts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		static struct fixture f;
		int want = pairs[i].refused ? -EINVAL : 0, got;

		fixture_init(&f);
		fixture_add(&f, pairs[i].triggers[0]);
		fixture_add(&f, pairs[i].triggers[1]);
		got = fixture_compile(&f);
		if (got != want)
			fail_msg("'%s' and '%s': %d", pairs[i].triggers[0], pairs[i].triggers[1],
				 got);
		if (got) {
			assert_int_equal(f.diags.items[0].line, 2);
			assert_non_null(strstr(f.diags.items[0].message, "t.yaml:1:7"));
		}
		fixture_fini(&f);
	}
}

/* ---- bounds ------------------------------------------------------------------------------------ */

/* Masks of as many kinds, on so many to a port, in one trigger each. */
static struct fixture *many_kinds(unsigned count)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct xfn_trigger_spec *specs = calloc(count, sizeof(*specs));
	struct xfn_key_spec *keys = calloc(count, sizeof(*keys));
	unsigned i;

	assert_true(f && specs && keys);
	fixture_init(f);
	for (i = 0; i < count; i++) {
		specs[i] = (struct xfn_trigger_spec){.protocol = IPPROTO_UDP,
						     .port_lo = (__u16)(1 + i / 32),
						     .port_hi = (__u16)(1 + i / 32),
						     .line = i + 1,
						     .column = 1,
						     .key = i + 1};
		keys[i] = (struct xfn_key_spec){.kind = XFN_KEY_BYTES,
						.offset = i,
						.value_bytes = 1,
						.mask_bytes = 1,
						.value = {1},
						.mask = {0xff}};
	}
	f->functions[0] = (struct xfn_ruleset_function){.files = fixture_files,
							.owner = "function '0'",
							.triggers = specs,
							.trigger_count = count,
							.keys = keys};
	f->count = 1;
	return f;
}

static void free_kinds(struct fixture *f)
{
	free((void *)f->functions[0].triggers);
	free((void *)f->functions[0].keys);
	fixture_fini(f);
	free(f);
}

static void test_many_kinds(void **state)
{
	static const unsigned counts[] = {254, 255, 300};
	struct fixture *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		f = many_kinds(counts[i]);
		assert_int_equal(fixture_compile(f), i ? -EINVAL : 0);
		if (i)
			assert_non_null(
				strstr(f->diags.items[0].message, "more than 254 kinds of keys"));
		else
			assert_int_equal(f->ruleset->longest_list, 32);
		free_kinds(f);
	}
}

static void test_probes_on_a_port(void **state)
{
	struct fixture *f = many_kinds(33);
	struct xfn_trigger_spec *specs = (struct xfn_trigger_spec *)f->functions[0].triggers;

	(void)state;
	specs[32].port_lo = specs[32].port_hi = 1;
	assert_int_equal(fixture_compile(f), -EINVAL);
	assert_non_null(strstr(f->diags.items[0].message, "udp port 1 needs 33 probes"));
	free_kinds(f);
}

/* Alike keys share their shape: 60 paths on a port are one probe. */
static void test_one_probe_for_all_paths(void **state)
{
	static struct fixture f;
	struct xfn_packet_view packet;
	char text[64];
	int i;

	(void)state;
	fixture_init(&f);
	for (i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "udp/7 path /sensors/%d", i);
		fixture_add(&f, text);
	}
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->longest_list, 1);
	assert_int_equal(f.ruleset->shape_count, 1);
	for (i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), TO "path /sensors/%d", i);
		packet = fixture_packet(text);
		assert_int_equal(fixture_find(&f, &packet), i);
	}
	fixture_fini(&f);
}

/* Another seed, other entries, the same answers. */
static void test_seeds(void **state)
{
	static struct fixture f;
	struct xfn_packet_view packet;
	__u64 payload, seed;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/7 path /a");
	for (seed = 0, payload = 0; seed < 100; seed++) {
		f.input.key_seed = seed * 0x123456789abcdef1ULL;
		assert_int_equal(fixture_compile(&f), 0);
		packet = fixture_packet(TO "path /a");
		assert_int_equal(fixture_find(&f, &packet), 0);
		assert_true(payload != xfn_ruleset_find(f.ruleset, &packet)->key.payload[0]);
		payload = xfn_ruleset_find(f.ruleset, &packet)->key.payload[0];
	}
	fixture_fini(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behaviours),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_many_kinds),
		cmocka_unit_test(test_probes_on_a_port),
		cmocka_unit_test(test_one_probe_for_all_paths),
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
