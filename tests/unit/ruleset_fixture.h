/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RULESET_FIXTURE_H
#define XFN_RULESET_FIXTURE_H

/*
 * Rulesets and packets from short texts, for the ruleset's tests.
 *
 *	trigger  PROTO/PORTS [to P,P...|any] [from P,P...] [vlan N[.M]] [on IFACE] [KEY]
 *	packet   PROTO SRC DST PORT [vlan N[.M]] [on IFACE] [group] [PAYLOAD]
 *	KEY      path P | name N | suffix N | bytes OFFSET:VALUE[/MASK]
 *	PAYLOAD  path P (a CoAP request) | name N (a DNS query) | hex BYTES
 *
 * Each trigger is a function of its own, in the slot of its position, called by that number, in the
 * file "t.yaml", in the line of its position from 1. eth0 is attached in slot 0, eth1 in slot 63.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "diag.h"
#include "key.h"
#include "manifest.h"
#include "../../loader/phash.h"
#include "../../loader/ruleset.h"
#include "../bpf/message.h"

enum { FIXTURE_TRIGGERS = 64, FIXTURE_PREFIXES = 1024 };

#define FIXTURE_KEY_SEED 0xa5a5a5a5a5a5a5a5ULL

struct fixture {
	struct xfn_trigger_spec triggers[FIXTURE_TRIGGERS];
	struct xfn_ruleset_function functions[FIXTURE_TRIGGERS];
	char owners[FIXTURE_TRIGGERS][32];
	struct xfn_prefix prefixes[FIXTURE_PREFIXES];
	struct xfn_key_spec keys[FIXTURE_TRIGGERS];
	char texts[FIXTURE_TRIGGERS][300]; /* of the keys */
	__u32 count;
	__u32 prefix_count;
	__u32 key_count;
	struct xfn_ruleset_input input;
	struct xfn_diag_list diags;
	struct xfn_ruleset *ruleset;
};

static const struct xfn_ruleset_interface fixture_interfaces[] = {{"eth0", 0}, {"eth1", 63}};

static const struct xfn_ruleset_address fixture_addresses[] = {
	{AF_INET, XFN_ADDRESS_BROADCAST, {10, 0, 0, 1}}, /* of one interface, another's own */
	{AF_INET, XFN_ADDRESS_OWN, {192, 0, 2, 1}},
	{AF_INET, XFN_ADDRESS_OWN, {10, 0, 0, 1}},
	{AF_INET, XFN_ADDRESS_OWN, {192, 0, 2, 1}}, /* on another interface too */
	{AF_INET, XFN_ADDRESS_BROADCAST, {192, 0, 2, 255}},
	{AF_INET6, XFN_ADDRESS_OWN, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};
enum { FIXTURE_ADDRESSES = 4 }; /* different ones */

static inline __u8 fixture_protocol(const char *text)
{
	assert_true(strncmp(text, "udp", 3) == 0 || strncmp(text, "tcp", 3) == 0);
	return text[0] == 'u' ? IPPROTO_UDP : IPPROTO_TCP;
}

static inline unsigned fixture_vlan(const char *text, __u16 vlan[2])
{
	int tags = sscanf(text, "%hu.%hu", &vlan[0], &vlan[1]);

	assert_true(tags >= 1);
	return (unsigned)tags;
}

static inline struct xfn_prefix_span fixture_prefixes(struct fixture *f, char *list)
{
	struct xfn_prefix_span span = {.first = f->prefix_count};
	struct xfn_unit_error err;
	char *save, *item;

	for (item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		assert_true(f->prefix_count < FIXTURE_PREFIXES);
		assert_int_equal(
			xfn_prefix_parse(item, strlen(item), &f->prefixes[f->prefix_count++], &err),
			0);
		span.count++;
	}
	return span;
}

static inline const char *fixture_interface(const char *name)
{
	static const char *const names[] = {"eth0", "eth1", "eth8", "eth9"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return names[i];
	fail_msg("no interface %s", name);
	return NULL;
}

static const char *const fixture_files[] = {"t.yaml"};

static inline void fixture_add_spec(struct fixture *f, const struct xfn_trigger_spec *spec)
{
	struct xfn_ruleset_function *function = &f->functions[f->count];

	assert_true(f->count < FIXTURE_TRIGGERS);
	f->triggers[f->count] = *spec;
	f->triggers[f->count].line = f->count + 1;
	f->triggers[f->count].column = 7;
	snprintf(f->owners[f->count], sizeof(f->owners[0]), "function '%u'", f->count);
	*function = (struct xfn_ruleset_function){
		.files = fixture_files,
		.owner = f->owners[f->count],
		.slot = f->count,
		.triggers = &f->triggers[f->count],
		.trigger_count = 1,
		.prefixes = f->prefixes,
		.keys = f->keys,
	};
	f->count++;
}

static inline void fixture_bytes(struct xfn_key_spec *key, const char *text)
{
	struct xfn_unit_error err;
	const char *value = strchr(text, ':') + 1, *mask = strchr(value, '/');
	size_t len = mask ? (size_t)(mask - value) : strlen(value);

	key->offset = (__u32)atoi(text);
	assert_int_equal(xfn_key_hex_parse(value, len, key->value, &key->value_bytes, &err), 0);
	key->mask_bytes = key->value_bytes;
	memset(key->mask, 0xff, key->value_bytes);
	if (mask)
		assert_int_equal(xfn_key_hex_parse(mask + 1, strlen(mask + 1), key->mask,
						   &key->mask_bytes, &err),
				 0);
}

/* The number of a new key, as a trigger has it; 0: @kind is no kind of key. */
static inline __u32 fixture_key(struct fixture *f, const char *kind, const char *text)
{
	static const char *const kinds[] = {
		[XFN_KEY_COAP_PATH] = "path",
		[XFN_KEY_DNS_NAME] = "name",
		[XFN_KEY_DNS_SUFFIX] = "suffix",
		[XFN_KEY_BYTES] = "bytes",
	};
	struct xfn_key_spec *key = &f->keys[f->key_count];
	__u8 number = XFN_KEY_BYTES;

	while (number && strcmp(kinds[number], kind) != 0)
		number--;
	if (!number)
		return 0;
	assert_true(f->key_count < FIXTURE_TRIGGERS);
	memset(key, 0, sizeof(*key));
	key->kind = number;
	snprintf(f->texts[f->key_count], sizeof(f->texts[0]), "%s", text);
	key->text = f->texts[f->key_count];
	if (number == XFN_KEY_BYTES)
		fixture_bytes(key, text);
	return ++f->key_count;
}

static inline void fixture_add(struct fixture *f, const char *text)
{
	struct xfn_trigger_spec spec = {.destination = XFN_DESTINATION_OWN};
	char copy[512], *save, *word, *value;
	struct xfn_unit_error err;

	snprintf(copy, sizeof(copy), "%s", text);
	word = strtok_r(copy, " ", &save);
	spec.protocol = fixture_protocol(word);
	assert_int_equal(
		xfn_ports_parse(word + 4, strlen(word + 4), &spec.port_lo, &spec.port_hi, &err), 0);
	while ((word = strtok_r(NULL, " ", &save))) {
		value = strtok_r(NULL, " ", &save);
		assert_non_null(value);
		if (strcmp(word, "to") == 0 && strcmp(value, "any") == 0) {
			spec.destination = XFN_DESTINATION_ANY;
		} else if (strcmp(word, "to") == 0) {
			spec.destination = XFN_DESTINATION_LIST;
			spec.destinations = fixture_prefixes(f, value);
		} else if (strcmp(word, "from") == 0) {
			spec.sources = fixture_prefixes(f, value);
		} else if (strcmp(word, "vlan") == 0) {
			spec.vlan_tags = (__u8)fixture_vlan(value, spec.vlan);
		} else if (strcmp(word, "on") == 0) {
			spec.interface = fixture_interface(value);
		} else {
			spec.key = fixture_key(f, word, value);
			if (!spec.key)
				fail_msg("what is '%s'?", word);
		}
	}
	fixture_add_spec(f, &spec);
}

/* Input with room to spare; a test changes what it is about. */
static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->input = (struct xfn_ruleset_input){
		.functions = f->functions,
		.interfaces = fixture_interfaces,
		.interface_count = sizeof(fixture_interfaces) / sizeof(fixture_interfaces[0]),
		.addresses = fixture_addresses,
		.address_count = sizeof(fixture_addresses) / sizeof(fixture_addresses[0]),
		.slot_bits = 10,
		.rules_max = 900,
		.functions_max = FIXTURE_TRIGGERS,
		.start_seed = 1,
		.key_seed = FIXTURE_KEY_SEED,
	};
}

static inline int fixture_compile(struct fixture *f)
{
	f->input.function_count = f->count;
	xfn_diag_list_fini(&f->diags);
	xfn_ruleset_free(f->ruleset);
	f->ruleset = NULL;
	return xfn_ruleset_compile(&f->input, &f->diags, &f->ruleset);
}

static inline void fixture_fini(struct fixture *f)
{
	xfn_ruleset_free(f->ruleset);
	xfn_diag_list_fini(&f->diags);
}

static inline void fixture_address(const char *text, struct xfn_packet_view *packet,
				   __u64 address[2])
{
	packet->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(packet->family, text, address), 1);
}

/* Takes the payload named @kind from @text; false: that is no kind of payload. It lives a while. */
static inline bool fixture_payload(struct xfn_packet_view *packet, const char *kind,
				   const char *text)
{
	static __u8 payloads[8][MESSAGE_BYTES_MAX];
	static unsigned next;
	__u8 *payload = payloads[next++ % 8];

	if (strcmp(kind, "path") == 0)
		packet->payload_bytes = message_coap(text, payload);
	else if (strcmp(kind, "name") == 0)
		packet->payload_bytes = message_dns(text, payload);
	else if (strcmp(kind, "hex") == 0)
		packet->payload_bytes = message_hex(text, payload);
	else
		return false;
	packet->payload = payload;
	return true;
}

static inline struct xfn_packet_view fixture_packet(const char *text)
{
	struct xfn_packet_view packet = {0};
	char copy[256], *save, *word;
	unsigned i, tags;

	snprintf(copy, sizeof(copy), "%s", text);
	packet.protocol = fixture_protocol(strtok_r(copy, " ", &save));
	fixture_address(strtok_r(NULL, " ", &save), &packet, packet.src);
	fixture_address(strtok_r(NULL, " ", &save), &packet, packet.dst);
	packet.dst_port = (__u16)atoi(strtok_r(NULL, " ", &save));
	while ((word = strtok_r(NULL, " ", &save))) {
		if (strcmp(word, "vlan") == 0) {
			tags = fixture_vlan(strtok_r(NULL, " ", &save), packet.vlan);
			for (i = 0; i < tags; i++)
				packet.vlan[i] |= XFN_VLAN_PRESENT;
		} else if (strcmp(word, "on") == 0) {
			packet.interface = strcmp(strtok_r(NULL, " ", &save), "eth0") ? 63 : 0;
		} else if (strcmp(word, "group") == 0) {
			packet.group_frame = true;
		} else if (!fixture_payload(&packet, word, strtok_r(NULL, " ", &save))) {
			fail_msg("what is '%s'?", word);
		}
	}
	return packet;
}

enum { FIXTURE_NOBODY = -1, FIXTURE_KEY_ERROR = -2 };

/* The number of the trigger that a packet matches, or one of those above. Function and rule must agree. */
static inline int fixture_find(const struct fixture *f, const struct xfn_packet_view *packet)
{
	const struct xfn_entry *entry = xfn_ruleset_find(f->ruleset, packet);

	if (!entry)
		return xfn_ruleset_key_error(f->ruleset, packet) ? FIXTURE_KEY_ERROR
								 : FIXTURE_NOBODY;
	assert_int_equal(entry->function, entry->rule);
	return (int)entry->rule;
}

#endif
