/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "ruleset_fixture.h"

/* ---- which trigger wins ------------------------------------------------------------------------ */

struct want {
	const char *packet;
	int trigger; /* -1: none */
};

static const struct {
	const char *name;
	const char *triggers[8];
	struct want wants[12];
} behaviours[] = {
	{"no trigger at all", {NULL}, {{"udp 1.2.3.4 192.0.2.1 53", -1}}},
	{"own addresses by default",
	 {"udp/53"},
	 {{"udp 1.2.3.4 192.0.2.1 53", 0},
	  {"udp 1.2.3.4 10.0.0.1 53 on eth1", 0},
	  {"udp 2001:db8::9 2001:db8::1 53", 0},
	  {"udp 1.2.3.4 192.0.2.2 53", -1},
	  {"udp 1.2.3.4 192.0.2.255 53", -1},
	  {"udp 2001:db8::9 2001:db8::2 53", -1},
	  {"tcp 1.2.3.4 192.0.2.1 53", -1},
	  {"udp 1.2.3.4 192.0.2.1 54", -1},
	  {"udp 1.2.3.4 192.0.2.1 53 group", -1}}},
	{"any destination, transit too",
	 {"udp/53 to any", "tcp/53 to any"},
	 {{"udp 1.2.3.4 8.8.8.8 53", 0},
	  {"tcp 2001:db8::9 2001:db8:f::2 53", 1},
	  {"udp 1.2.3.4 224.0.0.1 53 group", -1},
	  {"udp 1.2.3.4 255.255.255.255 53 group", -1}}},
	{"exact, then own, then prefixes by length, then any",
	 {"udp/53 to 192.0.2.1", "udp/53", "udp/53 to 192.0.2.0/24", "udp/53 to 0.0.0.0/0",
	  "udp/53 to any", "udp/53 to 192.0.2.0/31", "udp/53 to 10.0.0.0/31"},
	 {{"udp 1.2.3.4 192.0.2.1 53", 0},
	  {"udp 1.2.3.4 10.0.0.1 53", 1},
	  {"udp 1.2.3.4 10.0.0.0 53", 6},
	  {"udp 1.2.3.4 192.0.2.0 53", 5},
	  {"udp 1.2.3.4 192.0.2.9 53", 2},
	  {"udp 1.2.3.4 9.9.9.9 53", 3},
	  {"udp ::1 2001:db8::1 53", 1},
	  {"udp ::1 2001:db8::2 53", 4}}},
	{"one address, several lengths: shapes are told apart",
	 {"udp/53 to 10.0.0.0/16", "udp/53 to 20.0.0.0/8", "udp/53 to 10.0.0.0/9",
	  "udp/53 to 2001:db8::/32", "udp/53 to 2001:db8::/64", "udp/53 to 3000::/16"},
	 {{"udp 1.2.3.4 10.0.5.1 53", 0},
	  {"udp 1.2.3.4 10.5.0.1 53", 2},
	  {"udp 1.2.3.4 10.128.0.1 53", -1},
	  {"udp 1.2.3.4 20.128.0.1 53", 1},
	  {"udp ::1 2001:db8:0:0:7::1 53", 4},
	  {"udp ::1 2001:db8:1::1 53", 3},
	  {"udp ::1 2001:db9::1 53", -1}}},
	{"families are told apart",
	 {"udp/53 to 32.1.13.184", "udp/53 to 2001:db8::/32", "udp/53 to any from 10.0.0.0/8"},
	 {{"udp 1.2.3.4 32.1.13.184 53", 0},
	  {"udp ::1 2001:db8:1::1 53", 1},
	  {"udp a00::1 3000::1 53", -1},
	  {"udp 10.1.1.1 9.9.9.9 53", 2}}},
	{"sources, longest first; destination decides before",
	 {"udp/53 from 10.0.0.0/8", "udp/53 from 10.1.0.0/16", "udp/53", "udp/53 from 10.1.2.3",
	  "udp/53 to 192.0.2.1", "udp/53 from 2001:db8::/32", "udp/53 from 0.0.0.0/0"},
	 {{"udp 10.1.2.3 10.0.0.1 53", 3},
	  {"udp 10.1.2.4 10.0.0.1 53", 1},
	  {"udp 10.2.2.3 10.0.0.1 53", 0},
	  {"udp 11.2.2.3 10.0.0.1 53", 6},
	  {"udp 10.1.2.3 192.0.2.1 53", 4},
	  {"udp 2001:db8::9 2001:db8::1 53", 5},
	  {"udp 2002:db8::9 2001:db8::1 53", 2}}},
	{"lists stand for every pair of one family",
	 {"udp/53 to 10.0.0.5,2001:db8::5 from 1.0.0.0/8,2.0.0.0/8,3000::/16"},
	 {{"udp 1.2.3.4 10.0.0.5 53", 0},
	  {"udp 2.2.3.4 10.0.0.5 53", 0},
	  {"udp 3.2.3.4 10.0.0.5 53", -1},
	  {"udp 3000::1 2001:db8::5 53", 0},
	  {"udp 3001::1 2001:db8::5 53", -1}}},
	{"vlan: none means untagged, one means one",
	 {"udp/53", "udp/53 vlan 5", "udp/53 vlan 5.6", "udp/53 vlan 6.5", "udp/53 vlan 4094"},
	 {{"udp 1.2.3.4 192.0.2.1 53", 0},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 5", 1},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 5.6", 2},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 6.5", 3},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 4094", 4},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 4", -1},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 0", -1},
	  {"udp 1.2.3.4 192.0.2.1 53 vlan 5.0", -1}}},
	{"interface given before not given, after the source",
	 {"udp/53 on eth0", "udp/53", "udp/53 on eth1", "udp/53 from 10.0.0.0/8"},
	 {{"udp 1.2.3.4 192.0.2.1 53 on eth0", 0},
	  {"udp 1.2.3.4 192.0.2.1 53 on eth1", 2},
	  {"udp 10.2.3.4 192.0.2.1 53 on eth1", 3}}},
	{"one port before a range, narrow before wide, after the interface",
	 {"udp/50-60", "udp/53", "udp/52-54", "udp/1-65535", "udp/1-65535 on eth1", "udp/1",
	  "udp/65535", "tcp/65534-65535"},
	 {{"udp 1.2.3.4 192.0.2.1 53", 1},
	  {"udp 1.2.3.4 192.0.2.1 54", 2},
	  {"udp 1.2.3.4 192.0.2.1 55", 0},
	  {"udp 1.2.3.4 192.0.2.1 61", 3},
	  {"udp 1.2.3.4 192.0.2.1 53 on eth1", 4},
	  {"udp 1.2.3.4 192.0.2.1 1", 5},
	  {"udp 1.2.3.4 192.0.2.1 2", 3},
	  {"udp 1.2.3.4 192.0.2.1 65535", 6},
	  {"udp 1.2.3.4 192.0.2.1 65534", 3},
	  {"tcp 1.2.3.4 192.0.2.1 65535", 7},
	  {"tcp 1.2.3.4 192.0.2.1 65533", -1},
	  {"udp 1.2.3.4 192.0.2.1 0", -1}}},
	{"ranges that overlap in part, told apart by something else",
	 {"udp/100-200 to 10.0.0.0/8", "udp/150-250 to 10.0.0.0/16", "udp/150-250 to 11.0.0.0/8",
	  "tcp/150-250 to 10.0.0.0/8"},
	 {{"udp 1.2.3.4 10.0.0.1 160", 1},
	  {"udp 1.2.3.4 10.1.0.1 160", 0},
	  {"udp 1.2.3.4 10.1.0.1 210", -1},
	  {"udp 1.2.3.4 11.1.0.1 160", 2},
	  {"tcp 1.2.3.4 10.1.0.1 210", 3}}},
	{"group and broadcast only when named",
	 {"udp/53 to 0.0.0.0/0", "udp/53 to 224.0.0.0/4", "udp/53 to 224.0.0.251",
	  "udp/53 to 255.255.255.255", "udp/53 to ff00::/8", "udp/53 to ::/0",
	  "udp/53 to 192.0.2.255", "udp/53 to 240.0.0.0/4"},
	 {{"udp 1.2.3.4 224.0.0.251 53 group", 2},
	  {"udp 1.2.3.4 224.0.0.252 53 group", 1},
	  {"udp 1.2.3.4 224.0.0.252 53", 1},
	  {"udp 1.2.3.4 255.255.255.255 53 group", 3},
	  {"udp 1.2.3.4 255.255.255.255 53", 3},
	  {"udp ::1 ff02::fb 53 group", 4},
	  {"udp ::1 fe80::1 53", 5},
	  {"udp 1.2.3.4 192.0.2.255 53 group", 6},
	  {"udp 1.2.3.4 192.0.2.7 53 group", -1},
	  {"udp 1.2.3.4 192.0.2.7 53", 0},
	  {"udp 1.2.3.4 250.0.2.7 53", 7}}},
	{"a directed broadcast is one in any frame",
	 {"udp/53 to 192.0.2.0/24", "udp/54 to 192.0.2.255"},
	 {{"udp 1.2.3.4 192.0.2.255 53", -1},
	  {"udp 1.2.3.4 192.0.2.254 53", 0},
	  {"udp 1.2.3.4 192.0.2.255 54", 1}}},
	{"a prefix too short to name groups only",
	 {"udp/53 to 224.0.0.0/3", "udp/53 to fe00::/7", "udp/54 to 128.0.0.0/1"},
	 {{"udp 1.2.3.4 224.0.0.1 53", -1},
	  {"udp 1.2.3.4 240.0.0.1 53", 0},
	  {"udp ::1 ff02::1 53", -1},
	  {"udp ::1 fe80::1 53", 1},
	  {"udp 1.2.3.4 128.0.0.1 54", 2}}},
};

static void test_behaviours(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		struct fixture f;

		fixture_init(&f);
		for (j = 0; j < 8 && behaviours[i].triggers[j]; j++)
			fixture_add(&f, behaviours[i].triggers[j]);
		assert_int_equal(fixture_compile(&f), 0);
		for (j = 0; j < 12 && behaviours[i].wants[j].packet; j++) {
			const struct want *want = &behaviours[i].wants[j];
			struct xfn_packet_view packet = fixture_packet(want->packet);
			int got = fixture_find(&f, &packet);

			if (got != want->trigger)
				fail_msg("%s: '%s' went to %d, not to %d", behaviours[i].name,
					 want->packet, got, want->trigger);
		}
		fixture_fini(&f);
	}
}

/* ---- what is refused --------------------------------------------------------------------------- */

static const struct {
	const char *triggers[4];
	unsigned line; /* of the diagnostic */
	const char *message;
} refusals[] = {
	{{"udp/53", "udp/53"},
	 2,
	 "the trigger of function '1' matches the same packets as that of function '0' at "
	 "t.yaml:1:7"},
	{{"udp/53 to 10.0.0.1", "udp/54", "udp/53 to 10.0.0.2,10.0.0.1"},
	 3,
	 "the trigger of function '2' matches the same packets as that of function '0' at "
	 "t.yaml:1:7"},
	{{"tcp/1-65535 vlan 5 on eth1", "tcp/1-65535 vlan 5 on eth1"},
	 2,
	 "the trigger of function '1' matches the same packets as that of function '0' at "
	 "t.yaml:1:7"},
	{{"udp/53 on eth9", "udp/53 on eth8", "udp/53 on eth9"},
	 3,
	 "the trigger of function '2' matches the same packets as that of function '0' at "
	 "t.yaml:1:7"},
	{{"udp/53 to 10.0.0.0/8,10.0.0.0/8"},
	 1,
	 "the trigger of function '0' names the same destination and source twice"},
	{{"udp/53 to 10.0.0.0/8 from 2001:db8::/32"},
	 1,
	 "the trigger of function '0' can match no packet"},
	{{"udp/100-200", "udp/150-250"},
	 2,
	 "ports 150-250 of function '1' overlap in part with ports 100-200 of function '0' at "
	 "t.yaml:1:7"},
	{{"udp/150-250", "udp/1-1000", "udp/100-200"},
	 3,
	 "ports 100-200 of function '2' overlap in part with ports 150-250 of function '0' at "
	 "t.yaml:1:7"},
	{{"udp/1-2", "udp/2-3"},
	 2,
	 "ports 2-3 of function '1' overlap in part with ports 1-2 of function '0' at t.yaml:1:7"},
	{{"udp/65534-65535 on eth9", "udp/65533-65534 on eth9"},
	 2,
	 "ports 65533-65534 of function '1' overlap in part with ports 65534-65535 of function "
	 "'0' at t.yaml:1:7"},
};

static void test_refusals(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct fixture f;

		fixture_init(&f);
		for (j = 0; j < 4 && refusals[i].triggers[j]; j++)
			fixture_add(&f, refusals[i].triggers[j]);
		assert_int_equal(fixture_compile(&f), -EINVAL);
		assert_null(f.ruleset);
		assert_int_equal(f.diags.count, 1);
		assert_string_equal(f.diags.items[0].message, refusals[i].message);
		assert_string_equal(f.diags.items[0].file, "t.yaml");
		assert_int_equal(f.diags.items[0].line, refusals[i].line);
		assert_int_equal(f.diags.items[0].column, 7);
		assert_non_null(f.diags.items[0].hint);
		fixture_fini(&f);
	}
}

/* Ranges that nest or only touch are fine, and so are equal ones that differ elsewhere. */
static void test_not_refused(void **state)
{
	static const char *const triggers[] = {
		"udp/1-10",         "udp/11-20",      "udp/1-20",        "udp/5-10",
		"udp/10",           "tcp/5-15",       "udp/5-15 vlan 5", "udp/6-16 on eth0",
		"udp/7-17 on eth9", "udp/8-18 to any"};
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f);
	for (i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++)
		fixture_add(&f, triggers[i]);
	assert_int_equal(fixture_compile(&f), 0);
	fixture_fini(&f);
}

static void test_several_refusals_at_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53");
	fixture_add(&f, "tcp/20-30");
	fixture_add(&f, "tcp/25-35");
	fixture_add(&f, "udp/53");
	fixture_add(&f, "udp/53");
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_int_equal(f.diags.count, 3);
	assert_int_equal(f.diags.items[0].line, 3);
	assert_int_equal(f.diags.items[1].line, 4);
	assert_int_equal(f.diags.items[2].line, 5);
	fixture_fini(&f);
}

/* ---- limits ------------------------------------------------------------------------------------ */

static void test_probes_on_a_port(void **state)
{
	struct fixture f;
	char text[64];
	unsigned i;

	(void)state;
	fixture_init(&f);
	for (i = 0; i < XFN_PROBES_PER_PORT_MAX; i++) {
		snprintf(text, sizeof(text), "tcp/%u-%u to any", 1000 - i, 1001 + i);
		fixture_add(&f, text);
	}
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->longest_list, XFN_PROBES_PER_PORT_MAX);
	fixture_add(&f, "udp/1000"); /* another protocol */
	fixture_add(&f, "tcp/2000");
	assert_int_equal(fixture_compile(&f), 0);
	fixture_add(&f, "tcp/1001 to any");
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_int_equal(f.diags.count, 1);
	assert_non_null(strstr(f.diags.items[0].message, "tcp port 1001 needs 33 probes"));
	assert_non_null(strstr(f.diags.items[0].message, "at most 32"));
	assert_string_equal(f.diags.items[0].file, "t.yaml");
	fixture_fini(&f);
}

/* @count rules of one trigger each, in so many shapes: pairs of a destination and a source length. */
static struct fixture *many_shapes(unsigned count)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct xfn_trigger_spec spec = {
		.protocol = IPPROTO_UDP,
		.destination = XFN_DESTINATION_LIST,
	};
	unsigned i;

	assert_non_null(f);
	fixture_init(f);
	for (i = 0; i < 129; i++)
		f->prefixes[i] = (struct xfn_prefix){.family = AF_INET6, .plen = (__u8)i};
	for (i = 0; i < count; i += spec.destinations.count) {
		spec.port_lo = spec.port_hi = (__u16)(i + 1);
		spec.destinations = (struct xfn_prefix_span){.first = i % 129, .count = 1};
		spec.sources = (struct xfn_prefix_span){.first = i / 129, .count = 1};
		/* 16 lengths a trigger: fewer triggers than the fixture has room for */
		spec.destinations.count = count - i < 16 ? count - i : 16;
		if (spec.destinations.first + spec.destinations.count > 129)
			spec.destinations.count = 129 - spec.destinations.first;
		fixture_add_spec(f, &spec);
	}
	return f;
}

static void test_shapes(void **state)
{
	struct fixture *f;

	(void)state;
	f = many_shapes(255);
	assert_int_equal(fixture_compile(f), 0);
	assert_int_equal(f->ruleset->shape_count, 255);
	fixture_fini(f);
	free(f);
	f = many_shapes(256);
	assert_int_equal(fixture_compile(f), -EINVAL);
	assert_int_equal(f->diags.count, 1);
	assert_non_null(strstr(f->diags.items[0].message, "need 256 shapes"));
	assert_non_null(strstr(f->diags.items[0].message, "at most 255"));
	fixture_fini(f);
	free(f);
}

static void test_capacity(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53");
	fixture_add(&f, "udp/54 to 10.0.0.0/8,11.0.0.0/8,3000::/16 from 1.0.0.0/8,2.0.0.0/8");
	fixture_add(&f, "udp/55 on eth9"); /* waits, and takes its place */
	f.input.rules_max = 6 + FIXTURE_ADDRESSES;
	f.input.functions_max = 3;
	f.input.slot_bits = xfn_phash_slot_bits(f.input.rules_max);
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(xfn_ruleset_rule_count(&f.input), 6);
	assert_int_equal(f.ruleset->rule_count, 5);
	assert_int_equal(f.ruleset->address_count, FIXTURE_ADDRESSES);

	f.input.rules_max--;
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_int_equal(f.diags.count, 1);
	assert_string_equal(f.diags.items[0].message,
			    "the triggers make 6 rules, the interfaces have 4 addresses: 10 "
			    "entries, the capacity is 9");
	assert_string_equal(f.diags.items[0].hint,
			    "ask for more with 'capacity: {triggers: 1024}'");

	f.input.rules_max = 1000; /* the table itself is too small */
	f.input.address_count = 0;
	fixture_add(&f, "udp/56 to 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,"
			"10.0.0.7,10.0.0.8,10.0.0.9");
	f.input.functions_max = 4;
	f.input.slot_bits = 4;
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_non_null(strstr(f.diags.items[0].message, "15 entries, the capacity is 14"));

	f.input.slot_bits = 10;
	f.input.functions_max = 3;
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_string_equal(f.diags.items[0].message, "there are 4 functions, the capacity is 3");
	assert_non_null(strstr(f.diags.items[0].hint, "capacity: {functions: "));
	fixture_fini(&f);
}

/* A list for each of many ranges, until the words run out. */
static void test_probe_words(void **state)
{
	enum { RANGES = 32768 };
	struct xfn_trigger_spec *triggers = calloc(RANGES, sizeof(*triggers));
	struct fixture f;
	__u32 i;

	(void)state;
	assert_non_null(triggers);
	fixture_init(&f);
	for (i = 0; i < RANGES; i++)
		triggers[i] = (struct xfn_trigger_spec){
			.protocol = i < RANGES / 2 ? IPPROTO_UDP : IPPROTO_TCP,
			.destination = XFN_DESTINATION_ANY,
			.port_lo = (__u16)(1 + i % (RANGES / 2) * 3),
			.port_hi = (__u16)(2 + i % (RANGES / 2) * 3),
		};
	f.functions[0] = (struct xfn_ruleset_function){
		.files = fixture_files, .owner = "function 'x'", .triggers = triggers};
	f.count = 1;
	f.input.slot_bits = 17;
	f.input.rules_max = 100000;
	f.functions[0].trigger_count = RANGES / 2;
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->list_count, RANGES / 2);
	assert_int_equal(f.ruleset->probe_words, RANGES + 1);
	/* Ranges of both protocols have the same numbers, so they share lists, until samples differ. */
	f.functions[0].trigger_count = RANGES;
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->probe_words, RANGES + 1);
	f.functions[0].trigger_count = RANGES / 2;
	f.functions[1] = f.functions[0];
	f.functions[1].slot = 1;
	f.functions[1].sample = 5;
	f.functions[1].triggers = triggers + RANGES / 2;
	f.count = 2;
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_int_equal(f.diags.count, 1);
	assert_non_null(strstr(f.diags.items[0].message, "need 65537 words of probe lists"));
	assert_non_null(strstr(f.diags.items[0].message, "at most 65536"));
	fixture_fini(&f);
	free(triggers);
}

/* More ranges of one protocol than numbers; neighbours differ by VLAN, or they would overlap. */
static void test_ranges(void **state)
{
	enum { RANGES = XFN_PORT_COUNT };
	struct xfn_trigger_spec *triggers = calloc(RANGES, sizeof(*triggers));
	struct fixture f;
	__u32 i;

	(void)state;
	assert_non_null(triggers);
	fixture_init(&f);
	for (i = 0; i < RANGES; i++)
		triggers[i] = (struct xfn_trigger_spec){
			.protocol = IPPROTO_UDP,
			.destination = XFN_DESTINATION_ANY,
			.port_lo = (__u16)(1 + i % 65000),
			.port_hi = (__u16)(2 + i % 65000 + i / 65000),
			.vlan_tags = 1,
			.line = i + 1,
			.vlan = {(__u16)(i < 65000 ? 1 + i % 2 : 3 + i % 3)},
		};
	f.functions[0] = (struct xfn_ruleset_function){.files = fixture_files,
						       .owner = "function 'x'",
						       .triggers = triggers,
						       .trigger_count = RANGES};
	f.count = 1;
	f.input.slot_bits = 17;
	f.input.rules_max = 100000;
	assert_int_equal(fixture_compile(&f), -EINVAL);
	assert_int_equal(f.diags.count, 2); /* words of probe lists, too */
	assert_non_null(strstr(f.diags.items[0].message, "words of probe lists"));
	assert_int_equal(f.diags.items[1].line, 65000);
	assert_string_equal(f.diags.items[1].message,
			    "the triggers of one protocol name more than 65535 port ranges");
	fixture_fini(&f);
	free(triggers);
}

/* ---- waiting, samples, places ------------------------------------------------------------------ */

static void test_waiting(void **state)
{
	static const struct xfn_ruleset_interface both[] = {{"eth0", 0}, {"eth9", 63}};
	struct xfn_packet_view packet = fixture_packet("udp 1.2.3.4 192.0.2.1 53 on eth1");
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53 on eth0");
	fixture_add(&f, "udp/53 on eth9");
	fixture_add(&f, "udp/53 on eth8");
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->rule_count, 1);
	assert_int_equal(f.ruleset->waiting_count, 2);
	assert_int_equal(f.ruleset->waiting[0], 1);
	assert_int_equal(f.ruleset->waiting[1], 2);
	assert_string_equal(f.ruleset->names[f.ruleset->triggers[1].waits_for], "eth9");
	assert_string_equal(f.ruleset->names[f.ruleset->triggers[2].waits_for], "eth8");
	assert_int_equal(f.ruleset->triggers[0].waits_for, XFN_RULESET_NONE);
	assert_int_equal(fixture_find(&f, &packet), -1);

	f.input.interfaces = both;
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(f.ruleset->waiting_count, 1);
	assert_int_equal(fixture_find(&f, &packet), 1);
	fixture_fini(&f);
}

static const struct xfn_probe_list *list_of(const struct xfn_ruleset *ruleset, unsigned port)
{
	unsigned at = ruleset->ports[port / XFN_PORTS_PER_CHUNK].list[port % XFN_PORTS_PER_CHUNK];

	return &ruleset->probes[at].head;
}

static void test_sample(void **state)
{
	static const __u32 samples[] = {5, 7, 0, XFN_SAMPLE_ALWAYS, 5};
	struct fixture f;
	unsigned i;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53");
	fixture_add(&f, "udp/53 vlan 5");
	fixture_add(&f, "udp/54");
	fixture_add(&f, "udp/55-56");
	fixture_add(&f, "udp/57");
	for (i = 0; i < 5; i++)
		f.functions[i].sample = samples[i];
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(list_of(f.ruleset, 53)->sample, 7);
	assert_int_equal(list_of(f.ruleset, 54)->sample, 0);
	assert_int_equal(list_of(f.ruleset, 55)->sample, XFN_SAMPLE_ALWAYS);
	assert_ptr_equal(list_of(f.ruleset, 55), list_of(f.ruleset, 56));
	assert_int_equal(list_of(f.ruleset, 57)->sample, 5);
	assert_int_equal(f.ruleset->list_count, 4);
	f.functions[1].sample = 0;
	assert_int_equal(fixture_compile(&f), 0);
	assert_ptr_equal(list_of(f.ruleset, 53), list_of(f.ruleset, 57)); /* alike now */
	assert_int_equal(f.ruleset->list_count, 3);
	fixture_fini(&f);
}

/* What a compiled ruleset says of its triggers outlives the input. */
static void test_places(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53");
	fixture_add(&f, "udp/54");
	f.functions[0].trigger_count = 2; /* both, under one function */
	f.functions[0].slot = 9;
	f.count = 1;
	assert_int_equal(fixture_compile(&f), 0);
	memset(f.functions, 0, sizeof(f.functions));
	memset(f.triggers, 0, sizeof(f.triggers));
	assert_int_equal(f.ruleset->trigger_count, 2);
	assert_int_equal(f.ruleset->triggers[1].line, 2);
	assert_int_equal(f.ruleset->triggers[1].column, 7);
	assert_int_equal(f.ruleset->triggers[1].function, 9);
	assert_string_equal(f.ruleset->names[f.ruleset->triggers[1].file], "t.yaml");
	fixture_fini(&f);
}

/* Each address has one entry, which says what it is. */
static void test_addresses(void **state)
{
	unsigned kinds[3] = {0}, count = 0;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f);
	assert_int_equal(fixture_compile(&f), 0);
	for (i = 0; i < 1UL << f.ruleset->slot_bits; i++) {
		const struct xfn_entry *entry = &f.ruleset->entries[i];

		if (!entry->key.meta)
			continue;
		assert_int_equal(entry->key.meta & ~XFN_META_FAMILY_MASK,
				 XFN_META_VALID | XFN_META_ADDRESS);
		assert_true(f.ruleset->address_mask & xfn_address_bit(entry->key.dst));
		assert_in_range(entry->function, XFN_ADDRESS_OWN, XFN_ADDRESS_BROADCAST);
		kinds[entry->function]++;
		count++;
	}
	assert_int_equal(count, FIXTURE_ADDRESSES);
	assert_int_equal(kinds[XFN_ADDRESS_OWN], 3);
	assert_int_equal(kinds[XFN_ADDRESS_BROADCAST], 1);
	fixture_fini(&f);
}

/* ---- equal input, failing allocations ---------------------------------------------------------- */

static void test_equal_input_equal_ruleset(void **state)
{
	struct xfn_ruleset *first;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53 to 10.0.0.0/8,3000::/16");
	fixture_add(&f, "udp/50-60 from 10.0.0.0/8");
	assert_int_equal(fixture_compile(&f), 0);
	first = f.ruleset;
	f.ruleset = NULL;
	assert_int_equal(fixture_compile(&f), 0);
	assert_int_equal(first->seed, f.ruleset->seed);
	assert_memory_equal(first->entries, f.ruleset->entries,
			    sizeof(*first->entries) << first->slot_bits);
	assert_memory_equal(first->probes, f.ruleset->probes,
			    first->probe_words * sizeof(*first->probes));
	xfn_ruleset_free(first);
	fixture_fini(&f);
}

static void test_allocation_failures(void **state)
{
	struct fixture f;
	long before, n;
	int err;

	(void)state;
	fixture_init(&f);
	fixture_add(&f, "udp/53 to 10.0.0.0/8,3000::/16");
	fixture_add(&f, "udp/50-60 from 10.0.0.0/8 on eth0");
	fixture_add(&f, "udp/50-60 on eth9");
	f.input.function_count = f.count;
	before = xfn_alloc_live();
	for (n = 0;; n++) {
		xfn_alloc_fail_after(n);
		err = xfn_ruleset_compile(&f.input, &f.diags, &f.ruleset);
		if (xfn_alloc_fail_after(-1))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(f.ruleset);
		assert_int_equal(xfn_alloc_live(), before);
	}
	assert_int_equal(err, 0);
	assert_true(n > 20);
	fixture_fini(&f);
	assert_int_equal(xfn_alloc_live(), before);
	xfn_ruleset_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behaviours),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_not_refused),
		cmocka_unit_test(test_several_refusals_at_once),
		cmocka_unit_test(test_probes_on_a_port),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_probe_words),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_equal_input_equal_ruleset),
		cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
