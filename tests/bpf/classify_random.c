/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random rulesets and packets: verdict and function of the programs must be those of
 * xfn_ruleset_find(), which unit tests compare with an oracle of its own. All values come from short
 * lists, so that rules overlap in many ways and packets hit them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "classify_random.h"
#include "diag.h"
#include "harness.h"
#include "manifest.h"
#include "message.h"

enum { RULESETS = 2000, PACKETS = 100, TRIGGERS = 40, FUNCTIONS = 8 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* No two of these overlap in part: that would be refused. */
static const __u16 ports[][2] = {{1, 65535},   {1000, 1015}, {1000, 1007},  {1008, 1015},
				 {1004, 1007}, {1000, 1000}, {1001, 1001},  {1003, 1003},
				 {1005, 1005}, {1015, 1015}, {65535, 65535}};
static const __u16 packet_ports[] = {1,    999,  1000, 1001, 1002, 1003, 1004,
				     1005, 1007, 1008, 1014, 1015, 1016, 65535};
static const __u16 vlans[][2] = {{0, 0}, {0, 0}, {0, 0}, {5, 0}, {6, 0}, {5, 6}, {4094, 1}};
static const char *const interface_names[] = {NULL, NULL, NULL, "test0", "test1", "test9"};
static const char *const destinations[] = {
	"0.0.0.0/0",     "192.0.2.0/24",    "192.0.2.1",   "192.0.2.255",   "10.0.0.0/8",
	"10.0.0.0/16",   "10.0.0.0/24",     "10.0.1.0/24", "10.0.0.0/31",   "224.0.0.251",
	"224.0.0.0/4",   "255.255.255.255", "::/0",        "2001:db8::/32", "2001:db8::/64",
	"2001:db8::/65", "2001:db8::1",     "ff02::fb",    "ff00::/8",      "fe80::/10"};
static const char *const sources[] = {"0.0.0.0/0",  "192.0.2.0/24",  "192.0.2.9",
				      "10.0.0.0/8", "2001:db8::/32", "2001:db8::9"};
static const char *const packet_destinations[] = {
	"192.0.2.1", "192.0.2.255",     "192.0.2.7",   "10.0.0.1",    "10.0.0.2",
	"10.0.1.1",  "10.9.9.9",        "8.8.8.8",     "224.0.0.251", "224.0.0.9",
	"239.1.1.1", "255.255.255.255", "2001:db8::1", "2001:db8::2", "2001:db8:1::1",
	"fe80::1",   "fe80::2",         "ff02::fb",    "ff02::1",     "2a00::1"};
static const char *const packet_sources4[] = {"192.0.2.9", "192.0.2.8", "10.1.1.1", "8.8.4.4"};
static const char *const packet_sources6[] = {"2001:db8::9", "2001:db8::8", "2a00::9"};
static const char *const macs[] = {FRAME_MAC,
				   FRAME_MAC,
				   FRAME_MAC,
				   FRAME_MAC,
				   "\xff\xff\xff\xff\xff\xff",
				   "\x01\x00\x5e\x00\x00\xfb"};

/* Bytes in the first place: value, mask. */
static const struct xfn_key_spec keys[] = {
	{.kind = XFN_KEY_COAP_PATH, .text = "/"},
	{.kind = XFN_KEY_COAP_PATH, .text = "/a/b"},
	{.kind = XFN_KEY_DNS_NAME, .text = "a.b"},
	{.kind = XFN_KEY_DNS_SUFFIX, .text = "."},
	{.kind = XFN_KEY_DNS_SUFFIX, .text = "b"},
	{.kind = XFN_KEY_DNS_SUFFIX, .text = "a.b"},
	{.kind = XFN_KEY_BYTES, .value_bytes = 1, .value = {0x40}, .mask = {0xff}},
	{.kind = XFN_KEY_BYTES, .value_bytes = 2, .value = {0, 1}, .mask = {0, 0xff}},
	{.kind = XFN_KEY_BYTES, .value_bytes = 1, .offset = 3, .value = {0x34}, .mask = {0xff}},
};
static const char *const paths[] = {"/", "/a", "/a/b", "//"};
static const char *const names[] = {".", "b", "a.B", "x.a.b", "c.b", "c"};

struct random_rules {
	struct xfn_trigger_spec triggers[TRIGGERS];
	struct xfn_prefix prefixes[2 * TRIGGERS];
	struct xfn_ruleset_function functions[FUNCTIONS];
};

static __u64 state = 42;

static __u32 below(__u32 limit)
{
	return frame_random(&state) % limit;
}

#define PICK(array) ((array)[below(COUNT(array))])

/* ---- rules ------------------------------------------------------------------------------------- */

static void pick_prefix(const char *const *from, __u32 count, struct xfn_prefix *ret)
{
	const char *text = from[below(count)];
	struct xfn_unit_error error;

	if (xfn_prefix_parse(text, strlen(text), ret, &error))
		test_expect(false, "prefix '%s' %s", text, error.problem);
}

static void make_trigger(struct random_rules *rules, __u32 number)
{
	struct xfn_trigger_spec *trigger = &rules->triggers[number];
	struct xfn_prefix *dst = &rules->prefixes[2 * number], *src = dst + 1;
	const __u16 *port = PICK(ports), *vlan = PICK(vlans);

	*trigger = (struct xfn_trigger_spec){
		.protocol = below(4) ? IPPROTO_UDP : IPPROTO_TCP,
		.destination = below(4) ? XFN_DESTINATION_LIST : below(2),
		.port_lo = port[0],
		.port_hi = port[1],
		.vlan_tags = (vlan[0] != 0) + (vlan[1] != 0),
		.vlan = {vlan[0], vlan[1]},
		.line = number + 1,
		.column = 1,
		.interface = PICK(interface_names),
	};
	if (trigger->protocol == IPPROTO_UDP && below(2))
		trigger->key = 1 + below(COUNT(keys));
	pick_prefix(destinations, COUNT(destinations), dst);
	if (trigger->destination == XFN_DESTINATION_LIST)
		trigger->destinations = (struct xfn_prefix_span){2 * number, 1};
	if (below(3))
		return;
	do {
		pick_prefix(sources, COUNT(sources), src);
	} while (trigger->destination == XFN_DESTINATION_LIST && src->family != dst->family);
	trigger->sources = (struct xfn_prefix_span){2 * number + 1, 1};
}

/* Returns NULL where the rules were refused: two may be alike. */
static struct xfn_ruleset *make_ruleset(const struct harness *harness, struct random_rules *rules)
{
	static const char *const files[] = {"random"};
	struct xfn_ruleset_input input;
	struct xfn_ruleset *ruleset = NULL;
	struct xfn_diag_list diags;
	__u32 per_function = 1 + below(TRIGGERS / FUNCTIONS), i;

	for (i = 0; i < per_function * FUNCTIONS; i++)
		make_trigger(rules, i);
	for (i = 0; i < FUNCTIONS; i++)
		rules->functions[i] = (struct xfn_ruleset_function){
			.files = files,
			.owner = "random",
			.slot = i,
			.triggers = &rules->triggers[i * per_function],
			.trigger_count = per_function,
			.prefixes = rules->prefixes,
			.keys = keys,
		};
	harness_ruleset_input(harness, &input);
	input.functions = rules->functions;
	input.function_count = FUNCTIONS;
	input.start_seed = frame_random(&state);
	xfn_diag_list_init(&diags);
	if (xfn_ruleset_compile(&input, &diags, &ruleset))
		ruleset = NULL;
	xfn_diag_list_fini(&diags);
	return ruleset;
}

/* All functions are steered to the stack, so that they show in the counters. */
static void set_functions(struct harness *harness)
{
	struct xfn_function_config config = {.limit = XFN_FUNCTION_DELIVERY(XFN_DELIVERY_SOCKET)};
	unsigned generation, i;

	for (generation = 0; generation < 2; generation++)
		for (i = 0; i < FUNCTIONS; i++)
			xfn_dataplane_set_function(harness->dataplane, generation, i, &config);
}

/* ---- packets ----------------------------------------------------------------------------------- */

/* Three in four go to the port and VLAN of some trigger, wherever that is for. */
static void aim(struct frame_spec *spec, const struct random_rules *rules)
{
	__u32 per_function = rules->functions[0].trigger_count;
	const struct xfn_trigger_spec *trigger = &rules->triggers[below(per_function * FUNCTIONS)];

	if (!below(4))
		return;
	spec->l4_proto = trigger->protocol;
	spec->vlan[0] = trigger->vlan[0];
	spec->vlan[1] = trigger->vlan[1];
	spec->dst_port = trigger->port_lo + below(trigger->port_hi - trigger->port_lo + 1);
}

/* A request, a query, or one byte; perhaps cut short. */
static unsigned make_payload(__u8 payload[MESSAGE_BYTES_MAX])
{
	unsigned bytes = 1, kind = below(5);

	payload[0] = 'x';
	if (kind < 2)
		bytes = message_coap(PICK(paths), payload);
	else if (kind < 4)
		bytes = message_dns(PICK(names), payload);
	return below(8) ? bytes : below(bytes + 1);
}

static void make_packet(const struct random_rules *rules, struct frame_spec *spec,
			struct xfn_packet_view *view)
{
	static __u8 payload[MESSAGE_BYTES_MAX];
	const __u16 *vlan = PICK(vlans);
	bool ipv6;
	int i;

	*spec = (struct frame_spec){
		.eth_dst = PICK(macs),
		.dst = PICK(packet_destinations),
		.dst_port = PICK(packet_ports),
		.l4_proto = below(4) ? IPPROTO_UDP : IPPROTO_TCP,
		.vlan = {vlan[0], vlan[1]},
		.payload = payload,
		.payload_bytes = make_payload(payload),
	};
	aim(spec, rules);
	ipv6 = strchr(spec->dst, ':');
	spec->src = ipv6 ? PICK(packet_sources6) : PICK(packet_sources4);
	*view = (struct xfn_packet_view){
		.family = ipv6 ? AF_INET6 : AF_INET,
		.protocol = spec->l4_proto,
		.dst_port = spec->dst_port,
		.interface = below(2),
		.group_frame = spec->eth_dst[0] & 1,
		.payload = payload,
		.payload_bytes = spec->payload_bytes,
	};
	inet_pton(view->family, spec->dst, view->dst);
	inet_pton(view->family, spec->src, view->src);
	for (i = 0; i < 2 && spec->vlan[i]; i++)
		view->vlan[i] = spec->vlan[i] | XFN_VLAN_PRESENT;
}

struct tally {
	__u64 matched, unmatched, key_errors, keyed, rulesets;
};

static void run_packet(struct harness *harness, const struct random_rules *rules,
		       const struct xfn_ruleset *ruleset, struct tally *tally)
{
	struct xfn_function_counts before = {}, after = {};
	__u64 verdicts[2][XFN_VERDICT_COUNT];
	const struct xfn_entry *entry;
	struct xfn_packet_view view;
	enum xfn_verdict wanted;
	struct frame_spec spec;
	static struct frame frame;
	static struct run run;

	make_packet(rules, &spec, &view);
	frame_build(&spec, &frame);
	entry = xfn_ruleset_find(ruleset, &view);
	wanted = entry                                   ? XFN_VERDICT_STEERED
		 : xfn_ruleset_key_error(ruleset, &view) ? XFN_VERDICT_KEY_ERROR
							 : XFN_VERDICT_UNMATCHED;
	harness_read_verdicts(harness, view.interface, verdicts[0]);
	if (entry)
		harness_read_counts(harness, entry->function, &before);
	harness_run(harness, view.interface, BY_INGRESS, &frame, &run);
	harness_read_verdicts(harness, view.interface, verdicts[1]);
	if (entry)
		harness_read_counts(harness, entry->function, &after);
	test_expect(verdicts[1][wanted] - verdicts[0][wanted] == 1,
		    "ruleset %llu: %s:%u from %s: not %s", tally->rulesets, spec.dst, spec.dst_port,
		    spec.src, verdict_label(wanted));
	test_expect(!entry || after.verdicts[wanted] - before.verdicts[wanted] == 1,
		    "ruleset %llu: %s:%u from %s: not function %u's, line %u", tally->rulesets,
		    spec.dst, spec.dst_port, spec.src, entry ? entry->function : 0,
		    entry ? entry->rule + 1 : 0);
	tally->matched += entry != NULL;
	tally->unmatched += entry == NULL;
	tally->key_errors += wanted == XFN_VERDICT_KEY_ERROR;
	tally->keyed += entry && rules->triggers[entry->rule].key;
}

void classify_random(struct harness *harness)
{
	unsigned wanted = harness_scaled(harness, RULESETS, 20), tried, i;
	static struct random_rules rules;
	struct tally tally = {};
	struct xfn_ruleset *ruleset;

	test_begin("classify: random rules and packets, as the look-up in user space says");
	set_functions(harness);
	for (tried = 0; tally.rulesets < wanted && tried < 4 * wanted; tried++) {
		ruleset = make_ruleset(harness, &rules);
		if (!ruleset)
			continue;
		harness_apply_ruleset(harness, ruleset);
		for (i = 0; i < PACKETS; i++)
			run_packet(harness, &rules, ruleset, &tally);
		xfn_ruleset_free(ruleset);
		tally.rulesets++;
	}
	test_expect(tally.rulesets == wanted, "%llu rulesets of %u", tally.rulesets, wanted);
	/* All must come up often, or the comparison says little. */
	test_expect(tally.keyed * 100 > tally.matched && tally.key_errors * 100 > tally.unmatched,
		    "%llu by key, %llu key errors", tally.keyed, tally.key_errors);
	test_expect(tally.matched * 12 > tally.unmatched && tally.unmatched * 8 > tally.matched,
		    "%llu packets matched and %llu did not", tally.matched, tally.unmatched);
	test_end();
}
