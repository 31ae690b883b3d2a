/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compiled rulesets against an oracle that shares nothing with the compiler: it compares every packet
 * with every trigger, bit by bit, and takes the most specific one; it compares every trigger with
 * every other to say what must be refused.
 */
#include <errno.h>
#include <strings.h>

#include "ruleset_fixture.h"

enum { RULESETS = 600, PACKETS = 150 };

/* ---- the oracle -------------------------------------------------------------------------------- */

/* One (destination, source) pair of a trigger, as the manifest means it. */
struct pair {
	const struct xfn_trigger_spec *spec;
	const struct xfn_prefix *dst;   /* NULL: own or any */
	const struct xfn_prefix *src;   /* NULL: any */
	const struct xfn_key_spec *key; /* NULL: none */
};

/* In the order of the contract, each the bigger the more specific. */
struct rank {
	int dst, src, interface, port, key;
};

static bool bit_of(const void *address, unsigned bit)
{
	return ((const __u8 *)address)[bit / 8] >> (7 - bit % 8) & 1;
}

static bool covers(const struct xfn_prefix *prefix, __u8 family, const void *address)
{
	unsigned bit;

	if (prefix->family != family)
		return false;
	for (bit = 0; bit < prefix->plen; bit++)
		if (bit_of(prefix->addr, bit) != bit_of(address, bit))
			return false;
	return true;
}

static bool is_listed(const struct xfn_packet_view *packet, enum xfn_address_kind kind)
{
	size_t i, bytes = packet->family == AF_INET ? 4 : 16;

	for (i = 0; i < sizeof(fixture_addresses) / sizeof(fixture_addresses[0]); i++)
		if (fixture_addresses[i].kind == kind &&
		    fixture_addresses[i].family == packet->family &&
		    memcmp(fixture_addresses[i].addr, packet->dst, bytes) == 0)
			return true;
	return false;
}

static bool is_own(const struct xfn_packet_view *packet)
{
	return is_listed(packet, XFN_ADDRESS_OWN);
}

/* Of an attached subnet; what one interface calls its broadcast may be another's address. */
static bool is_directed_broadcast(const struct xfn_packet_view *packet)
{
	return is_listed(packet, XFN_ADDRESS_BROADCAST) && !is_own(packet);
}

static bool is_exact(const struct xfn_prefix *prefix)
{
	return prefix->plen == (prefix->family == AF_INET ? 32 : 128);
}

/* Groups match only what names them: an address, or a prefix with nothing but groups in it. */
static bool group_allows(const struct pair *pair, const struct xfn_packet_view *packet)
{
	static const __u8 all_ones[4] = {255, 255, 255, 255};
	const __u8 *dst = (const __u8 *)packet->dst;

	if (packet->family == AF_INET && dst[0] >= 224 && dst[0] <= 239)
		return pair->dst && pair->dst->plen >= 4;
	if (packet->family == AF_INET6 && dst[0] == 0xff)
		return pair->dst && pair->dst->plen >= 8;
	if (packet->group_frame || is_directed_broadcast(packet) ||
	    (packet->family == AF_INET && memcmp(dst, all_ones, 4) == 0))
		return pair->dst && is_exact(pair->dst);
	return true;
}

static const char *packet_interface(const struct xfn_packet_view *packet)
{
	return packet->interface ? "eth1" : "eth0";
}

static bool vlan_matches(const struct xfn_trigger_spec *spec, const struct xfn_packet_view *packet)
{
	unsigned i, tags = 0;

	for (i = 0; i < 2; i++)
		tags += packet->vlan[i] != 0;
	if (tags != spec->vlan_tags)
		return false;
	for (i = 0; i < tags; i++)
		if ((packet->vlan[i] & 0xfff) != spec->vlan[i])
			return false;
	return true;
}

/* ---- keys: what a payload is was decided when it was made -------------------------------------- */

/* The packet's payload in words. */
static struct {
	char kind; /* 'p' a request for a path, 'n' a query for a name, 'r' something else */
	const char *text;
} content;

static bool key_fits(const struct xfn_key_spec *key, const struct xfn_packet_view *packet)
{
	if (key->kind == XFN_KEY_BYTES)
		return packet->payload_bytes >= key->offset + key->value_bytes;
	return content.kind == (key->kind == XFN_KEY_COAP_PATH ? 'p' : 'n');
}

static bool bytes_match(const struct xfn_key_spec *key, const struct xfn_packet_view *packet)
{
	const __u8 *at = (const __u8 *)packet->payload + key->offset;
	unsigned i;

	for (i = 0; i < key->value_bytes; i++)
		if ((at[i] & key->mask[i]) != key->value[i])
			return false;
	return true;
}

static bool is_below(const char *name, const char *suffix)
{
	size_t rest = strlen(name) - strlen(suffix);

	if (strcmp(suffix, ".") == 0 || strcasecmp(name, suffix) == 0)
		return true;
	return strlen(name) > strlen(suffix) && name[rest - 1] == '.' &&
	       strcasecmp(name + rest, suffix) == 0;
}

static bool key_matches(const struct xfn_key_spec *key, const struct xfn_packet_view *packet)
{
	if (!key)
		return true;
	if (!key_fits(key, packet))
		return false;
	switch (key->kind) {
	case XFN_KEY_COAP_PATH:
		return strcmp(key->text, content.text) == 0;
	case XFN_KEY_DNS_NAME:
		return strcasecmp(key->text, content.text) == 0;
	case XFN_KEY_DNS_SUFFIX:
		return is_below(content.text, key->text);
	}
	return bytes_match(key, packet);
}

static unsigned count_labels(const char *name)
{
	unsigned labels = strcmp(name, ".") != 0;

	for (; *name; name++)
		labels += *name == '.' && name[1];
	return labels;
}

static int key_rank(const struct xfn_key_spec *key)
{
	int bits = 0, i;

	if (!key)
		return -1;
	if (key->kind == XFN_KEY_DNS_SUFFIX)
		return 50000 + (int)count_labels(key->text);
	if (key->kind != XFN_KEY_BYTES)
		return 100000;
	for (i = 0; i < 16; i++)
		bits += __builtin_popcount(key->mask[i]);
	return 100 * bits - (int)key->offset;
}

static bool same_key(const struct xfn_key_spec *a, const struct xfn_key_spec *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	if (a->kind == XFN_KEY_BYTES)
		return a->offset == b->offset && a->value_bytes == b->value_bytes &&
		       !memcmp(a->value, b->value, 16) && !memcmp(a->mask, b->mask, 16);
	return a->kind == XFN_KEY_COAP_PATH ? !strcmp(a->text, b->text)
					    : !strcasecmp(a->text, b->text);
}

/* ---- matches ----------------------------------------------------------------------------------- */

static bool pair_matches(const struct pair *pair, const struct xfn_packet_view *packet)
{
	const struct xfn_trigger_spec *spec = pair->spec;

	if (spec->protocol != packet->protocol || packet->dst_port < spec->port_lo ||
	    packet->dst_port > spec->port_hi || !vlan_matches(spec, packet))
		return false;
	if (spec->interface && strcmp(spec->interface, packet_interface(packet)) != 0)
		return false;
	if (spec->destination == XFN_DESTINATION_OWN && !is_own(packet))
		return false;
	if (pair->dst && !covers(pair->dst, packet->family, packet->dst))
		return false;
	if (pair->src && !covers(pair->src, packet->family, packet->src))
		return false;
	return group_allows(pair, packet) && key_matches(pair->key, packet);
}

static struct rank rank_of(const struct pair *pair)
{
	const struct xfn_trigger_spec *spec = pair->spec;
	struct rank rank = {
		.dst = -1,
		.src = pair->src ? pair->src->plen : -1,
		.interface = spec->interface != NULL,
		.port = spec->port_lo - spec->port_hi,
		.key = key_rank(pair->key),
	};

	if (spec->destination == XFN_DESTINATION_OWN)
		rank.dst = 500;
	if (pair->dst)
		rank.dst = is_exact(pair->dst) ? 1000 : pair->dst->plen;
	return rank;
}

static int rank_compare(struct rank a, struct rank b)
{
	if (a.dst != b.dst)
		return a.dst - b.dst;
	if (a.src != b.src)
		return a.src - b.src;
	if (a.interface != b.interface)
		return a.interface - b.interface;
	if (a.port != b.port)
		return a.port - b.port;
	return a.key - b.key;
}

/* All pairs of one trigger; returns how many. */
static unsigned pairs_of(const struct fixture *f, __u32 trigger, struct pair *pairs)
{
	const struct xfn_trigger_spec *spec = &f->triggers[trigger];
	unsigned d = 0, s, count = 0;

	do {
		s = 0;
		do {
			struct pair pair = {.spec = spec};

			if (spec->key)
				pair.key = &f->keys[spec->key - 1];

			if (spec->destinations.count)
				pair.dst = &f->prefixes[spec->destinations.first + d];
			if (spec->sources.count)
				pair.src = &f->prefixes[spec->sources.first + s];
			if (!pair.dst || !pair.src || pair.dst->family == pair.src->family)
				pairs[count++] = pair;
		} while (++s < spec->sources.count);
	} while (++d < spec->destinations.count);
	return count;
}

enum { PAIRS_MAX = 64 };

/* Some trigger on the port wants a key, and the payload is odd for all of them. */
static bool oracle_key_error(const struct fixture *f, const struct xfn_packet_view *packet)
{
	bool wanted = false;
	__u32 t;

	for (t = 0; t < f->count; t++) {
		const struct xfn_trigger_spec *spec = &f->triggers[t];

		if (!spec->key || spec->protocol != packet->protocol ||
		    packet->dst_port < spec->port_lo || packet->dst_port > spec->port_hi)
			continue;
		if (spec->interface && strcmp(spec->interface, "eth9") == 0)
			continue; /* not attached: it waits */
		if (key_fits(&f->keys[spec->key - 1], packet))
			return false;
		wanted = true;
	}
	return wanted;
}

static int oracle_find(const struct fixture *f, const struct xfn_packet_view *packet)
{
	struct pair pairs[PAIRS_MAX];
	struct rank best = {0};
	unsigned count, i;
	int found = -1;
	__u32 t;

	for (t = 0; t < f->count; t++) {
		count = pairs_of(f, t, pairs);
		for (i = 0; i < count; i++) {
			if (!pair_matches(&pairs[i], packet))
				continue;
			if (found < 0 || rank_compare(rank_of(&pairs[i]), best) > 0) {
				best = rank_of(&pairs[i]);
				found = (int)t;
			}
		}
	}
	if (found < 0 && oracle_key_error(f, packet))
		return FIXTURE_KEY_ERROR;
	return found;
}

static bool same_prefix(const struct xfn_prefix *a, const struct xfn_prefix *b)
{
	if (!a || !b)
		return a == b;
	return a->family == b->family && a->plen == b->plen && memcmp(a->addr, b->addr, 16) == 0;
}

static bool pairs_conflict(const struct pair *a, const struct pair *b)
{
	const struct xfn_trigger_spec *x = a->spec, *y = b->spec;

	if (x->protocol != y->protocol || x->interface != y->interface ||
	    x->vlan_tags != y->vlan_tags || memcmp(x->vlan, y->vlan, sizeof(x->vlan)) != 0 ||
	    x->destination != y->destination)
		return false;
	if (!same_prefix(a->dst, b->dst) || !same_prefix(a->src, b->src) ||
	    !same_key(a->key, b->key))
		return false;
	if (x->port_hi < y->port_lo || y->port_hi < x->port_lo)
		return false;
	if (x->port_lo == y->port_lo && x->port_hi == y->port_hi)
		return true;
	return !(x->port_lo <= y->port_lo && x->port_hi >= y->port_hi) &&
	       !(y->port_lo <= x->port_lo && y->port_hi >= x->port_hi);
}

/* Whether trigger t must be refused because of itself or one before it. */
static bool oracle_refuses(const struct fixture *f, __u32 t)
{
	struct pair mine[PAIRS_MAX], others[PAIRS_MAX];
	unsigned count = pairs_of(f, t, mine), other_count, i, j;
	__u32 o;

	if (!count)
		return true;
	for (o = 0; o <= t; o++) {
		other_count = pairs_of(f, o, others);
		for (i = 0; i < count; i++)
			for (j = 0; j < (o == t ? i : other_count); j++)
				if (pairs_conflict(&mine[i], &others[j]))
					return true;
	}
	return false;
}

/* ---- random rulesets and packets --------------------------------------------------------------- */

static __u64 random_state = 0x1234567;

static __u32 random_below(__u32 bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (__u32)((random_state >> 32) * bound >> 32);
}

static const char *const bases[] = {
	"192.0.2.1",    "10.0.0.1",        "10.0.0.0", "10.255.3.4",  "192.0.2.255", "224.0.0.251",
	"239.1.2.3",    "255.255.255.255", "0.0.0.0",  "32.1.13.184", "2001:db8::1", "2001:db8::ff",
	"2001:db8:1::", "ff02::fb",        "fe80::1",  "::",          "c000:201::",
};
static const __u16 ports[] = {1, 2, 53, 54, 100, 104, 107, 110, 32768, 65534, 65535};
static const __u8 lengths4[] = {0, 1, 3, 4, 8, 16, 24, 31, 32, 32, 32};
static const __u8 lengths6[] = {0, 1, 7, 8, 32, 64, 65, 127, 128, 128, 128};

#define PICK(array) ((array)[random_below(sizeof(array) / sizeof((array)[0]))])

/* An address near one of the bases, so that prefixes and packets often meet. */
static __u8 random_address(__u8 addr[16])
{
	const char *base = PICK(bases);
	__u8 family = strchr(base, ':') ? AF_INET6 : AF_INET;
	unsigned bit;

	memset(addr, 0, 16);
	assert_int_equal(inet_pton(family, base, addr), 1);
	if (random_below(3) == 0) {
		bit = random_below(family == AF_INET ? 32 : 128);
		addr[bit / 8] ^= (__u8)(1 << bit % 8);
	}
	return family;
}

static void random_prefix(struct xfn_prefix *prefix)
{
	unsigned bit;

	memset(prefix, 0, sizeof(*prefix));
	prefix->family = random_address(prefix->addr);
	prefix->plen = prefix->family == AF_INET ? PICK(lengths4) : PICK(lengths6);
	for (bit = prefix->plen; bit < 128; bit++)
		prefix->addr[bit / 8] &= (__u8) ~(0x80 >> bit % 8);
}

static struct xfn_prefix_span random_prefixes(struct fixture *f, unsigned count)
{
	struct xfn_prefix_span span = {.first = f->prefix_count, .count = count};

	assert_true(f->prefix_count + count <= FIXTURE_PREFIXES);
	while (count--)
		random_prefix(&f->prefixes[f->prefix_count++]);
	return span;
}

static const char *const key_texts[][2] = {
	{"path", "/"},       {"path", "/a"},       {"path", "/a/b"},     {"name", "a.b"},
	{"name", "A.B"},     {"name", "."},        {"suffix", "."},      {"suffix", "b"},
	{"suffix", "a.b"},   {"bytes", "0:40"},    {"bytes", "0:40/f0"}, {"bytes", "1:01"},
	{"bytes", "4:b161"}, {"bytes", "0:00/01"}, {"bytes", "3:34"},
};
static const char *const payloads[][2] = {
	{"path", "/"}, {"path", "/a"},  {"path", "/a/b"},    {"path", "/b"},   {"name", "a.b"},
	{"name", "b"}, {"name", "c.B"}, {"name", "x.A.b"},   {"name", "."},    {"name", "z"},
	{"hex", ""},   {"hex", "40"},   {"hex", "4e0100b1"}, {"hex", "010101"}};

static void random_payload(struct xfn_packet_view *packet)
{
	const char *const *payload = PICK(payloads);

	assert_true(fixture_payload(packet, payload[0], payload[1]));
	content.kind = payload[0][0] == 'h' ? 'r' : payload[0][0];
	content.text = payload[1];
}

static void random_trigger(struct fixture *f)
{
	static const char *const interfaces[] = {"eth0", "eth1", "eth9"};
	struct xfn_trigger_spec spec = {.destination = (__u8)random_below(3)};
	__u16 port = PICK(ports);

	spec.protocol = random_below(4) ? IPPROTO_UDP : IPPROTO_TCP;
	spec.port_lo = spec.port_hi = port;
	if (random_below(2)) {
		spec.port_hi = PICK(ports);
		if (spec.port_hi < port) {
			spec.port_lo = spec.port_hi;
			spec.port_hi = port;
		}
	}
	if (spec.destination == XFN_DESTINATION_LIST)
		spec.destinations = random_prefixes(f, 1 + random_below(3));
	if (random_below(3) == 0)
		spec.sources = random_prefixes(f, 1 + random_below(3));
	spec.vlan_tags = random_below(3) ? 0 : (__u8)(1 + random_below(2));
	spec.vlan[0] = spec.vlan_tags > 0 ? (__u16)(5 + random_below(2)) : 0;
	spec.vlan[1] = spec.vlan_tags > 1 ? (__u16)(5 + random_below(2)) : 0;
	if (random_below(3) == 0)
		spec.interface = fixture_interface(PICK(interfaces));
	if (spec.protocol == IPPROTO_UDP && random_below(3) == 0) {
		const char *const *key = PICK(key_texts);

		spec.key = fixture_key(f, key[0], key[1]);
	}
	fixture_add_spec(f, &spec);
}

static struct xfn_packet_view random_packet(const struct fixture *f)
{
	struct xfn_packet_view packet = {.protocol = IPPROTO_UDP, .dst_port = PICK(ports)};
	__u8 family;

	if (random_below(4) == 0)
		packet.protocol = IPPROTO_TCP;
	if (random_below(4) == 0)
		packet.dst_port = (__u16)random_below(1 << 16);
	packet.family = random_address((__u8 *)packet.dst);
	do
		family = random_address((__u8 *)packet.src);
	while (family != packet.family);
	if (random_below(3) == 0)
		packet.vlan[0] = (__u16)(XFN_VLAN_PRESENT | (5 + random_below(2)));
	if (packet.vlan[0] && random_below(2))
		packet.vlan[1] = (__u16)(XFN_VLAN_PRESENT | (5 + random_below(2)));
	packet.interface = random_below(2) ? 63 : 0;
	packet.group_frame = random_below(8) == 0;
	random_payload(&packet);
	/* Often aim at a trigger, so that matches are not rare. */
	if (f->count && random_below(2)) {
		const struct xfn_trigger_spec *spec = &f->triggers[random_below(f->count)];

		packet.dst_port = random_below(2) ? spec->port_lo : spec->port_hi;
		packet.protocol = spec->protocol;
	}
	return packet;
}

static void remove_trigger(struct fixture *f, __u32 t)
{
	struct xfn_trigger_spec specs[FIXTURE_TRIGGERS];
	__u32 count = f->count, i;

	memcpy(specs, f->triggers, sizeof(specs));
	f->count = 0;
	for (i = 0; i < count; i++)
		if (i != t)
			fixture_add_spec(f, &specs[i]);
}

static bool oracle_refuses_any(const struct fixture *f)
{
	__u32 t;

	for (t = 0; t < f->count; t++)
		if (oracle_refuses(f, t))
			return true;
	return false;
}

/*
 * Refused as long as the oracle refuses, and whatever is named is to blame; it is taken out, until
 * the rest compiles. Returns how often that was.
 */
static unsigned compile_checked(struct fixture *f)
{
	unsigned refused = 0, i;

	for (; oracle_refuses_any(f); refused++) {
		assert_int_equal(fixture_compile(f), -EINVAL);
		for (i = 0; i < f->diags.count; i++)
			assert_true(oracle_refuses(f, f->diags.items[i].line - 1));
		remove_trigger(f, f->diags.items[0].line - 1);
	}
	assert_int_equal(fixture_compile(f), 0);
	return refused;
}

static void print_packet(const struct xfn_packet_view *packet)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(packet->family, packet->src, src, sizeof(src));
	inet_ntop(packet->family, packet->dst, dst, sizeof(dst));
	print_message("%s %s %s %u vlan %#x.%#x on %u%s, %c %s\n",
		      packet->protocol == IPPROTO_UDP ? "udp" : "tcp", src, dst, packet->dst_port,
		      packet->vlan[0], packet->vlan[1], packet->interface,
		      packet->group_frame ? " group" : "", content.kind, content.text);
}

static void test_random_rulesets(void **state)
{
	unsigned round, i, refused = 0, matched = 0, unmatched = 0, odd = 0, keyed = 0;
	unsigned longest = 0;
	static struct fixture f;

	(void)state;
	for (round = 0; round < RULESETS; round++) {
		fixture_init(&f);
		f.input.start_seed = round;
		for (i = random_below(26); i > 0; i--)
			random_trigger(&f);
		if (round % 2)
			f.input.slot_bits = xfn_phash_slot_bits(
				xfn_ruleset_rule_count(&(struct xfn_ruleset_input){
					.functions = f.functions,
					.function_count = f.count,
				}) +
				FIXTURE_ADDRESSES);
		refused += compile_checked(&f);
		if (f.ruleset->longest_list > longest)
			longest = f.ruleset->longest_list;
		for (i = 0; i < PACKETS; i++) {
			struct xfn_packet_view packet = random_packet(&f);
			int want = oracle_find(&f, &packet), got = fixture_find(&f, &packet);

			if (got != want) {
				print_packet(&packet);
				fail_msg("round %u: to %d, not to %d", round, got, want);
			}
			matched += want >= 0;
			unmatched += want < 0;
			odd += want == FIXTURE_KEY_ERROR;
			keyed += want >= 0 && f.triggers[want].key;
		}
		fixture_fini(&f);
	}
	/* The test has been where it wants to be. */
	assert_true(refused > 200);
	assert_true(matched > 10000);
	assert_true(unmatched > 10000);
	assert_true(odd > 1000);
	assert_true(keyed > 1000);
	assert_true(longest > 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_rulesets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
