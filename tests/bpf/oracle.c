/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "oracle.h"
#include "oracle_key.h"

/* What is known of a packet that all standards agree is whole and for this host's functions. */
struct facts {
	const char *interface;
	bool group_frame; /* IEEE 802.3 s. 3.2.3: the first bit on the wire */
	unsigned tags[2];
	unsigned tag_count;
	unsigned family;
	const __u8 *src, *dst;
	unsigned protocol;
	unsigned dst_port;
	const __u8 *payload; /* of UDP: keys are for nothing else */
	size_t payload_bytes;
};

/* Either a verdict, or WHOLE. */
#define WHOLE (-1)

/* Bytes that are still to be read. */
struct rest {
	const __u8 *at;
	size_t bytes;
};

static unsigned number(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static void skip(struct rest *rest, size_t bytes)
{
	rest->at += bytes;
	rest->bytes -= bytes;
}

/* ---- UDP (RFC 768), TCP (RFC 9293 s. 3.1) ------------------------------------------------------ */

static int read_udp(struct rest rest, struct facts *facts)
{
	if (rest.bytes < 8)
		return XFN_VERDICT_MALFORMED;
	if (number(rest.at + 4) < 8 || number(rest.at + 4) > rest.bytes)
		return XFN_VERDICT_MALFORMED;
	facts->dst_port = number(rest.at + 2);
	facts->payload = rest.at + 8;
	facts->payload_bytes = number(rest.at + 4) - 8;
	return WHOLE;
}

static int read_tcp(struct rest rest, struct facts *facts)
{
	size_t header;

	if (rest.bytes < 20)
		return XFN_VERDICT_MALFORMED;
	header = (rest.at[12] >> 4) * 4;
	if (header < 20 || header > rest.bytes)
		return XFN_VERDICT_MALFORMED;
	facts->dst_port = number(rest.at + 2);
	return WHOLE;
}

static int read_transport(unsigned protocol, struct rest rest, struct facts *facts)
{
	facts->protocol = protocol;
	if (protocol == 17)
		return read_udp(rest, facts);
	if (protocol == 6)
		return read_tcp(rest, facts);
	return XFN_VERDICT_FOREIGN;
}

/* ---- IPv4 (RFC 791 s. 3.1) --------------------------------------------------------------------- */

static int read_ipv4(struct rest rest, struct facts *facts)
{
	const __u8 *ip = rest.at;
	size_t header, total;

	if (rest.bytes < 20 || ip[0] >> 4 != 4)
		return XFN_VERDICT_MALFORMED;
	header = (ip[0] & 15) * 4;
	total = number(ip + 2);
	if (header < 20 || total < header || total > rest.bytes)
		return XFN_VERDICT_MALFORMED;
	if (ip[6] & 0x20 || (number(ip + 6) & 0x1fff) != 0)
		return XFN_VERDICT_FRAGMENT;
	facts->family = 4;
	facts->src = ip + 12;
	facts->dst = ip + 16;
	rest.bytes = total; /* Ethernet pads short frames: what is behind is not the datagram's */
	skip(&rest, header);
	return read_transport(ip[9], rest, facts);
}

/* ---- IPv6 (RFC 8200) --------------------------------------------------------------------------- */

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION_OPTIONS = 60 };

static bool is_extension(unsigned next)
{
	return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT ||
	       next == DESTINATION_OPTIONS;
}

/* Section 4: eight bytes at least, the second says how many more; a fragment header has just these. */
static int read_extension(struct rest *rest, unsigned *next)
{
	const __u8 *header = rest->at;
	size_t bytes = 8;

	if (rest->bytes < 8)
		return XFN_VERDICT_MALFORMED;
	if (*next != FRAGMENT)
		bytes += header[1] * 8;
	if (bytes > rest->bytes)
		return XFN_VERDICT_MALFORMED;
	/* Section 4.5; one that is neither first nor last but all is no fragment (RFC 6946). */
	if (*next == FRAGMENT && (number(header + 2) >> 3 || header[3] & 1))
		return XFN_VERDICT_FRAGMENT;
	if (*next == ROUTING && header[3])
		return XFN_VERDICT_FOREIGN; /* section 4.4: others are to see it first */
	*next = header[0];
	skip(rest, bytes);
	return WHOLE;
}

static int read_ipv6(struct rest rest, struct facts *facts)
{
	const __u8 *ip = rest.at;
	unsigned next, headers;
	int verdict;

	if (rest.bytes < 40 || ip[0] >> 4 != 6)
		return XFN_VERDICT_MALFORMED;
	if (number(ip + 4) > rest.bytes - 40)
		return XFN_VERDICT_MALFORMED;
	facts->family = 6;
	facts->src = ip + 8;
	facts->dst = ip + 24;
	next = ip[6];
	rest.bytes = 40 + number(ip + 4);
	skip(&rest, 40);
	for (headers = 0; is_extension(next); headers++) {
		if (headers == 4)
			return XFN_VERDICT_FOREIGN;
		verdict = read_extension(&rest, &next);
		if (verdict != WHOLE)
			return verdict;
	}
	return read_transport(next, rest, facts);
}

/* ---- Ethernet (IEEE 802.3), VLAN tags (802.1Q) ---------------------------------------------------- */

static int read_frame(const struct oracle_world *world, const __u8 *frame, size_t bytes,
		      struct facts *facts)
{
	struct rest rest = {frame, bytes};
	unsigned type, tags, id;

	if (bytes < 14)
		return XFN_VERDICT_MALFORMED;
	facts->group_frame = frame[0] & 1;
	if (!facts->group_frame && memcmp(frame, world->mac, 6) != 0)
		return XFN_VERDICT_FOREIGN;
	type = number(frame + 12);
	skip(&rest, 14);
	for (tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); tags++) {
		if (rest.bytes < 4)
			return XFN_VERDICT_MALFORMED;
		id = number(rest.at) & 0xfff;
		if (id) /* 0 gives a priority and no VLAN: 802.1Q s. 9.6 */
			facts->tags[facts->tag_count++] = id;
		type = number(rest.at + 2);
		skip(&rest, 4);
	}
	if (type == 0x0800)
		return read_ipv4(rest, facts);
	if (type == 0x86dd)
		return read_ipv6(rest, facts);
	return XFN_VERDICT_FOREIGN;
}

/* ---- destinations ------------------------------------------------------------------------------ */

static size_t address_bytes(const struct facts *facts)
{
	return facts->family == 4 ? 4 : 16;
}

static bool is_listed(const struct oracle_world *world, const struct facts *facts, bool broadcast)
{
	size_t i;

	for (i = 0; i < world->address_count; i++)
		if (world->addresses[i].family == facts->family &&
		    world->addresses[i].broadcast == broadcast &&
		    !memcmp(world->addresses[i].bytes, facts->dst, address_bytes(facts)))
			return true;
	return false;
}

/* RFC 5771, RFC 4291 s. 2.7. */
static bool is_multicast(const struct facts *facts)
{
	return facts->family == 4 ? facts->dst[0] >= 224 && facts->dst[0] < 240
				  : facts->dst[0] == 0xff;
}

/* RFC 919; and whatever unicast address a frame to many carries is for many, too. */
static bool is_broadcast(const struct oracle_world *world, const struct facts *facts)
{
	static const __u8 ones[4] = {255, 255, 255, 255};

	if (is_multicast(facts))
		return false;
	if (facts->family == 4 && !memcmp(facts->dst, ones, 4))
		return true;
	return facts->group_frame ||
	       (is_listed(world, facts, true) && !is_listed(world, facts, false));
}

/* ---- triggers ------------------------------------------------------------------------------------- */

static bool prefix_covers(const struct xfn_prefix *prefix, const struct facts *facts,
			  const __u8 *address)
{
	unsigned bit;

	if ((prefix->family == AF_INET ? 4U : 6U) != facts->family)
		return false;
	for (bit = 0; bit < prefix->plen; bit++)
		if ((prefix->addr[bit / 8] ^ address[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool is_one_address(const struct xfn_prefix *prefix)
{
	return prefix->plen == (prefix->family == AF_INET ? 32 : 128);
}

/* How well an address is named, the higher the better: "most specific first". -1: not at all. */
enum { NAMES_ANY = 0, NAMES_PREFIX = 1, NAMES_OWN = 200, NAMES_ADDRESS = 300 };

static int names_source(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger,
			const struct facts *facts)
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, trigger->sources);
	int best = trigger->sources.count ? -1 : NAMES_ANY;
	__u32 i;

	for (i = 0; i < trigger->sources.count; i++)
		if (prefix_covers(&prefixes[i], facts, facts->src) &&
		    NAMES_PREFIX + prefixes[i].plen > best)
			best = NAMES_PREFIX + prefixes[i].plen;
	return best;
}

/* "Group and broadcast only when named": a prefix of groups alone, or the very address. */
static bool names_group(const struct oracle_world *world, const struct facts *facts,
			const struct xfn_prefix *prefix)
{
	if (is_multicast(facts))
		return prefix->plen >= (facts->family == 4 ? 4 : 8);
	if (is_broadcast(world, facts))
		return is_one_address(prefix);
	return true;
}

static int names_prefix(const struct xfn_prefix *prefix)
{
	return is_one_address(prefix) ? NAMES_ADDRESS : NAMES_PREFIX + prefix->plen;
}

static int names_destination(const struct oracle_world *world,
			     const struct xfn_trigger_spec *trigger, const struct facts *facts)
{
	const struct xfn_prefix *prefixes =
		xfn_manifest_prefixes(world->manifest, trigger->destinations);
	bool group = is_multicast(facts) || is_broadcast(world, facts);
	int best = -1;
	__u32 i;

	if (trigger->destination == XFN_DESTINATION_ANY)
		return group ? -1 : NAMES_ANY;
	if (trigger->destination == XFN_DESTINATION_OWN)
		return !group && is_listed(world, facts, false) ? NAMES_OWN : -1;
	for (i = 0; i < trigger->destinations.count; i++)
		if (prefix_covers(&prefixes[i], facts, facts->dst) &&
		    names_group(world, facts, &prefixes[i]) && names_prefix(&prefixes[i]) > best)
			best = names_prefix(&prefixes[i]);
	return best;
}

static bool has_tags(const struct xfn_trigger_spec *trigger, const struct facts *facts)
{
	unsigned i;

	if (trigger->vlan_tags != facts->tag_count)
		return false;
	for (i = 0; i < facts->tag_count; i++)
		if (trigger->vlan[i] != facts->tags[i])
			return false;
	return true;
}

/* In the order of what counts most. */
struct rank {
	int part[5]; /* destination, source, interface, port, key; -1 in the first: does not match */
};

static bool is_for_port(const struct xfn_trigger_spec *trigger, const struct facts *facts)
{
	return trigger->protocol == facts->protocol && facts->dst_port >= trigger->port_lo &&
	       facts->dst_port <= trigger->port_hi;
}

static struct rank rank_of(const struct oracle_world *world, const struct xfn_trigger_spec *trigger,
			   const struct facts *facts)
{
	const struct xfn_key_spec *key = xfn_manifest_key(world->manifest, trigger);
	struct rank none = {{-1}}, rank;

	if (!is_for_port(trigger, facts) || !has_tags(trigger, facts))
		return none;
	if (key && oracle_key_ask(key, facts->payload, facts->payload_bytes) != ORACLE_KEY_MATCHES)
		return none;
	if (trigger->interface && strcmp(trigger->interface, facts->interface) != 0)
		return none;
	rank.part[0] = names_destination(world, trigger, facts);
	rank.part[1] = names_source(world->manifest, trigger, facts);
	rank.part[2] = trigger->interface != NULL;
	rank.part[3] = trigger->port_lo - trigger->port_hi;
	rank.part[4] = oracle_key_rank(key);
	return rank.part[0] < 0 || rank.part[1] < 0 ? none : rank;
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	int i;

	for (i = 0; i < 5; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] > b->part[i];
	return false;
}

static int choose(const struct oracle_world *world, const struct facts *facts)
{
	const struct xfn_manifest *manifest = world->manifest;
	const struct xfn_function_spec *function;
	struct rank best = {{-1}}, rank;
	int chosen = -1;
	size_t i;
	__u32 t;

	for (i = 0; i < manifest->function_count; i++) {
		function = &manifest->functions[i];
		for (t = 0; t < function->trigger_count; t++) {
			rank = rank_of(world, &xfn_function_triggers(manifest, function)[t], facts);
			if (!is_better(&rank, &best))
				continue;
			best = rank;
			chosen = (int)i;
		}
	}
	return chosen;
}

static bool is_attached(const struct oracle_world *world, const char *interface)
{
	size_t i;

	for (i = 0; interface && i < world->interface_count; i++)
		if (!strcmp(world->interfaces[i], interface))
			return true;
	return !interface;
}

/* Nothing matched: was the payload odd for each key that is wanted on the port, wherever else? */
static enum xfn_verdict why_none(const struct oracle_world *world, const struct facts *facts)
{
	const struct xfn_manifest *manifest = world->manifest;
	const struct xfn_key_spec *key;
	unsigned wanted = 0;
	size_t t;

	for (t = 0; t < manifest->trigger_count; t++) {
		key = xfn_manifest_key(manifest, &manifest->triggers[t]);
		if (!key || !is_for_port(&manifest->triggers[t], facts) ||
		    !is_attached(world, manifest->triggers[t].interface))
			continue;
		wanted++;
		if (oracle_key_ask(key, facts->payload, facts->payload_bytes) != ORACLE_KEY_ODD)
			return XFN_VERDICT_UNMATCHED;
	}
	return wanted ? XFN_VERDICT_KEY_ERROR : XFN_VERDICT_UNMATCHED;
}

/* ---- the answer ------------------------------------------------------------------------------------ */

static struct oracle_answer serve(const struct xfn_function_spec *function, int position)
{
	struct oracle_answer answer = {XFN_VERDICT_STEERED, position, false};
	bool closed = function->given & XFN_GIVEN_LIMIT && !function->limit.rate.count;

	if (!function->enabled || closed) {
		answer.verdict = XFN_VERDICT_DISABLED;
		answer.drop = function->enabled;
	} else if (function->delivery == XFN_DELIVER_KERNEL) {
		answer.verdict = XFN_VERDICT_NO_TARGET;
	}
	return answer;
}

struct oracle_answer oracle_ask(const struct oracle_world *world, unsigned interface,
				const __u8 *frame, size_t bytes)
{
	struct facts facts = {.interface = world->interfaces[interface]};
	int verdict = read_frame(world, frame, bytes, &facts), chosen;

	if (verdict != WHOLE)
		return (struct oracle_answer){verdict, -1, false};
	chosen = choose(world, &facts);
	if (chosen < 0)
		return (struct oracle_answer){why_none(world, &facts), -1, false};
	return serve(&world->manifest->functions[chosen], chosen);
}
