/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "manifest.h"
#include "sockets.h"
#include "xfn/abi.h"

static const char everything[] =
	"version: 1\n"
	"set: edge\n"
	"attach: [eth0, {interface: eth1, mode: generic}]\n"
	"capacity: {triggers: 200k, functions: 100}\n"
	"functions:\n"
	"  - name: dns\n"
	"    tenant: acme\n"
	"    description: \"says \\\"hi\\\" \xc3\xbc\"\n"
	"    enabled: false\n"
	"    trigger: udp/53\n"
	"    kernel: {object: a.bpf.o, program: answer}\n"
	"    limit: 200k/s\n"
	"  - name: two\n"
	"    triggers:\n"
	"      - tcp/9000-9009\n"
	"      - protocol: udp\n"
	"        port: \"80\"\n"
	"        destination: [10.0.0.0/8, 2001:db8::/32]\n"
	"        source: 192.0.2.1\n"
	"        vlan: [5, 6]\n"
	"        interface: eth0\n"
	"      - {protocol: udp, port: 1, destination: any, vlan: none}\n"
	"      - {protocol: udp, port: 1, source: any, vlan: 7}\n"
	"    deliver: {socket: existing}\n"
	"    limit: {rate: 30/m, burst: 20, excess: pass, packets: true,\n"
	"      per_source: {rate: 6/m, burst: 3, prefix4: 24, prefix6: 56,\n"
	"        entries: 1024}}\n"
	"    latency: {sample: 1, deadline: 500us}\n"
	"    objective: {p99: 1ms, loss: 0.1%}\n"
	"  - name: none-yet\n"
	"    triggers: []\n"
	"    kernel: b.o\n";

static struct xfn_manifest *parse(const char *text)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest = NULL;
	int err = xfn_manifest_parse("t.yaml", text, strlen(text), &diags, &manifest);

	if (err)
		xfn_diag_print(stderr, &diags, text, strlen(text));
	assert_int_equal(err, 0);
	assert_int_equal(diags.count + diags.more, 0);
	return manifest;
}

static char *write_text(const struct xfn_manifest *manifest)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(xfn_manifest_write(manifest, out), 0);
	fclose(out);
	return text;
}

/* ---- deliveries to what is there already -------------------------------------------------------- */

static const char deliveries[] =
	"version: 1\nfunctions:\n"
	"- {name: a, trigger: udp/1, socket: existing}\n"
	"- {name: b, trigger: udp/2, socket: {existing: true}}\n"
	"- {name: c, trigger: udp/3, socket: {existing: true, cpus: [3, 0, 8191]}}\n"
	"- {name: d, trigger: udp/4, netdev: veth0}\n"
	"- {name: e, trigger: udp/5, netdev: {interface: veth0, mac: \"02:aB:00:00:00:fF\"}}\n"
	"- {name: f, trigger: udp/6, deliver: {netdev: {interface: veth1}}}\n"
	"- {name: g, trigger: udp/7, deliver: {socket: {existing: true, cpus: [1]}}}\n";

static void check_deliveries(const struct xfn_manifest *manifest)
{
	static const __u8 mac[] = {0x02, 0xab, 0, 0, 0, 0xff};
	const struct xfn_function_spec *f = manifest->functions;

	assert_int_equal(manifest->function_count, 7);
	assert_int_equal(f[0].delivery, XFN_DELIVER_SOCKET);
	assert_int_equal(f[0].socket.cpu_count, 0);
	assert_int_equal(f[1].delivery, XFN_DELIVER_SOCKET);
	assert_int_equal(f[1].socket.cpu_count, 0);
	assert_int_equal(f[2].socket.cpu_count, 3);
	assert_int_equal(f[2].socket.cpus[0], 3);
	assert_int_equal(f[2].socket.cpus[1], 0);
	assert_int_equal(f[2].socket.cpus[2], 8191);
	assert_int_equal(f[3].delivery, XFN_DELIVER_NETDEV);
	assert_string_equal(f[3].netdev.interface, "veth0");
	assert_false(f[3].given & XFN_GIVEN_MAC);
	assert_string_equal(f[4].netdev.interface, "veth0");
	assert_true(f[4].given & XFN_GIVEN_MAC);
	assert_memory_equal(f[4].netdev.mac, mac, sizeof(mac));
	assert_string_equal(f[5].netdev.interface, "veth1");
	assert_int_equal(f[6].socket.cpu_count, 1);
	assert_string_equal(xfn_delivery_label(f[3].delivery), "netdev");
}

static void test_deliveries(void **state)
{
	struct xfn_manifest *manifest = parse(deliveries), *again;
	char *text = write_text(manifest);

	(void)state;
	check_deliveries(manifest);
	again = parse(text);
	check_deliveries(again);
	xfn_manifest_free(again);
	xfn_manifest_free(manifest);
	free(text);
}

/* ---- programs ----------------------------------------------------------------------------------- */

static const char programs[] =
	"version: 1\nfunctions:\n"
	"- {name: a, trigger: udp/1, xsk: ./a}\n"
	"- {name: b, trigger: udp/2, xsk: [b, \"--x y\", \"\", \"\\\"\\\\\"],\n"
	"   limit: {concurrency: 1M}, scale: {min: 1}}\n"
	"- {name: c, trigger: udp/3, deliver: {xsk: {exec: [sub/./c, 2], directory: ./d//e/,\n"
	"   env: {MODE: fast, _x9: \"\", URL: \"a=b: c\"}, user: \"65534\", send: any}},\n"
	"   limit: {rate: 1/s, concurrency: 1}}\n"
	"- {name: d, trigger: udp/4, xsk: {exec: ../d, env: {}, user: www-data,\n"
	"   directory: /srv/./x, oneway: true}}\n"
	"- {name: e, trigger: udp/5, xsk: {exec: /usr/bin/e, directory: ., oneway: false,\n"
	"   busy_poll: true, need_wakeup: false, memory: 96MiB, processes: 3,\n"
	"   cpu: 150%, park: {events: 0, age: 1500ms}}}\n";

static void check_texts(const struct xfn_manifest *manifest, struct xfn_text_span span,
			const char *const *expected)
{
	__u32 i;

	for (i = 0; expected[i]; i++) {
		assert_true(i < span.count);
		assert_string_equal(xfn_manifest_texts(manifest, span)[i], expected[i]);
	}
	assert_int_equal(span.count, i);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* All but paths, which are as written or absolute. */
static void check_programs(const struct xfn_manifest *manifest)
{
	const struct xfn_function_spec *f = manifest->functions;

	assert_int_equal(manifest->function_count, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(f[i].delivery, XFN_DELIVER_XSK);
	assert_string_equal(xfn_delivery_label(XFN_DELIVER_XSK), "xsk");
	assert_int_equal(f[0].exec.env.count, 0);
	assert_null(f[0].exec.directory);
	assert_null(f[0].exec.user);
	assert_false(f[0].xsk.one_way || f[0].xsk.send_any || f[0].limit.concurrency);
	check_texts(manifest, f[1].exec.argv, TEXTS("b", "--x y", "", "\"\\"));
	assert_int_equal(f[1].limit.concurrency, 1000000);
	assert_true(f[1].given & XFN_GIVEN_LIMIT && !xfn_has_rate(&f[1]));
	check_texts(manifest, f[2].exec.env, TEXTS("MODE=fast", "_x9=", "URL=a=b: c"));
	assert_string_equal(f[2].exec.user, "65534");
	assert_true(f[2].xsk.send_any && !f[2].xsk.one_way);
	assert_int_equal(f[2].limit.concurrency, 1);
	assert_true(xfn_has_rate(&f[2]));
	assert_int_equal(f[3].exec.env.count, 0);
	assert_string_equal(f[3].exec.user, "www-data");
	assert_string_equal(f[3].exec.directory, "/srv/./x");
	assert_true(f[3].xsk.one_way && !f[3].xsk.send_any);
	check_texts(manifest, f[4].exec.argv, TEXTS("/usr/bin/e"));
	assert_int_equal(f[3].xsk.park_age_ns, XFN_PARK_AGE_DEFAULT_NS);
	assert_true(!f[4].xsk.park_events && f[3].xsk.park_events == XFN_PARK_EVENTS_DEFAULT);
	assert_true(f[4].xsk.busy_poll && !f[4].xsk.need_wakeup && !f[3].xsk.busy_poll);
	assert_int_equal(f[4].xsk.park_age_ns, 1500000000);
	assert_true(f[4].exec.memory == 96 << 20 && f[4].exec.processes == 3);
	assert_true(f[4].exec.cpu == 150 && !f[3].exec.cpu && !f[3].exec.memory &&
		    !f[4].xsk.one_way);
}

static void test_programs(void **state)
{
	struct xfn_manifest *manifest = parse(programs), *again;
	char *text = write_text(manifest);

	(void)state;
	check_programs(manifest);
	check_texts(manifest, manifest->functions[0].exec.argv, TEXTS("./a"));
	check_texts(manifest, manifest->functions[2].exec.argv, TEXTS("sub/./c", "2"));
	again = parse(text);
	check_programs(again);
	assert_string_equal(again->functions[2].exec.directory, "./d//e/");
	xfn_manifest_free(again);
	xfn_manifest_free(manifest);
	free(text);
}

static const char activated[] =
	"version: 1\nfunctions:\n"
	"- {name: a, trigger: udp/1, socket: [python3, a.py]}\n"
	"- {name: b, triggers: [udp/1-15, tcp/53], socket: {exec: ./b, env: {A: b}, directory: d,\n"
	"   user: u, notify: true, reply_from: pktinfo, cpus: [2, 1]}, scale: {min: 0}}\n"
	"- {name: c, trigger: udp/3, socket: {exec: [c, d], notify: false}, scale: {min: 1}}\n"
	"- {name: d, trigger: udp/3, xsk: ./d, scale: {min: 0}}\n"
	"- {name: e, trigger: udp/3, socket: {existing: true}}\n";

static void check_activated(const struct xfn_manifest *manifest)
{
	const struct xfn_function_spec *f = manifest->functions;

	assert_int_equal(manifest->function_count, 5);
	check_texts(manifest, f[0].exec.argv, TEXTS("python3", "a.py"));
	assert_true(!f[0].socket.notify && !f[0].socket.pktinfo && f[0].scale_min == 1);
	assert_int_equal(f[1].delivery, XFN_DELIVER_SOCKET);
	check_texts(manifest, f[1].exec.argv, TEXTS("./b"));
	check_texts(manifest, f[1].exec.env, TEXTS("A=b"));
	assert_string_equal(f[1].exec.directory, "d");
	assert_string_equal(f[1].exec.user, "u");
	assert_true(f[1].socket.notify && f[1].socket.pktinfo && f[1].scale_min == 0);
	assert_true(f[1].socket.cpu_count == 2 && f[1].socket.cpus[0] == 2);
	check_texts(manifest, f[2].exec.argv, TEXTS("c", "d"));
	assert_true(!f[2].socket.notify && f[2].scale_min == 1);
	assert_int_equal(f[3].scale_min, 0);
	assert_false(xfn_has_program(&f[4]));
}

static const char awaited[] =
	"version: 1\nfunctions:\n"
	"- {name: a, trigger: udp/1, xsk: existing, limit: {concurrency: 2}}\n"
	"- {name: b, trigger: udp/2, deliver: {xsk: {existing: true, oneway: true, send: any,\n"
	"   park: {events: 3}}}}\n"
	"- {name: c, trigger: udp/3, xsk: [existing]}\n"
	"- {name: d, trigger: udp/4, xsk: existing2}\n";

static void check_awaited(const struct xfn_manifest *manifest)
{
	const struct xfn_function_spec *f = manifest->functions;

	assert_int_equal(manifest->function_count, 4);
	assert_true(xfn_is_awaited(&f[0]) && !xfn_has_program(&f[0]));
	assert_int_equal(f[0].xsk.park_events, XFN_PARK_EVENTS_DEFAULT);
	assert_true(xfn_is_awaited(&f[1]) && f[1].xsk.one_way && f[1].xsk.send_any);
	assert_int_equal(f[1].xsk.park_events, 3);
	assert_false(xfn_is_awaited(&f[2]) || xfn_is_awaited(&f[3]));
	check_texts(manifest, f[2].exec.argv, TEXTS("existing"));
	check_texts(manifest, f[3].exec.argv, TEXTS("existing2"));
}

static void test_awaited(void **state)
{
	struct xfn_manifest *manifest = parse(awaited), *again;
	char *text = write_text(manifest);

	(void)state;
	check_awaited(manifest);
	again = parse(text);
	check_awaited(again);
	xfn_manifest_free(again);
	xfn_manifest_free(manifest);
	free(text);
}

static void test_activated(void **state)
{
	struct xfn_manifest *manifest = parse(activated), *again;
	char *text = write_text(manifest);

	(void)state;
	check_activated(manifest);
	again = parse(text);
	check_activated(again);
	xfn_manifest_free(again);
	xfn_manifest_free(manifest);
	free(text);
}

/* Two triggers for one port want one socket; what is at an address is another one. */
static void test_sockets_wanted(void **state)
{
	struct xfn_manifest *manifest =
		parse("version: 1\nfunctions:\n- name: a\n  socket: [a]\n  triggers:\n"
		      "  - tcp/5-6\n  - {protocol: tcp, port: 5, source: 10.0.0.0/8}\n"
		      "  - {protocol: udp, port: 5, destination: [192.0.2.1, \"2001:db8::1\"]}\n"
		      "  - {protocol: udp, port: 5, destination: 192.0.2.1, source: 10.0.0.0/8}\n");
	struct xfn_socket_wanted wanted[XFN_SOCKETS_MAX];

	(void)state;
	assert_int_equal(xfn_sockets_wanted(manifest, &manifest->functions[0], wanted), 4);
	assert_true(wanted[0].own && wanted[0].protocol == IPPROTO_TCP && wanted[0].port == 5);
	assert_true(wanted[1].own && wanted[1].port == 6);
	assert_true(!wanted[2].own && wanted[2].protocol == IPPROTO_UDP && wanted[2].port == 5);
	assert_int_equal(wanted[2].address.family, AF_INET);
	assert_int_equal(wanted[3].address.family, AF_INET6);
	xfn_manifest_free(manifest);
}

static void test_anchor(void **state)
{
	struct xfn_manifest *manifest = parse(programs);
	const struct xfn_function_spec *f = manifest->functions;
	struct xfn_diag_list diags = {0};

	(void)state;
	assert_int_equal(xfn_manifest_anchor(manifest, "/srv/x", &diags), 0);
	check_programs(manifest);
	check_texts(manifest, f[0].exec.argv, TEXTS("/srv/x/a"));
	check_texts(manifest, f[2].exec.argv, TEXTS("/srv/x/sub/c", "2"));
	assert_string_equal(f[2].exec.directory, "/srv/x/d/e");
	check_texts(manifest, f[3].exec.argv, TEXTS("/srv/x/../d"));
	assert_string_equal(f[4].exec.directory, "/srv/x");
	assert_int_equal(diags.count, 0);
	/* What is absolute stays, wherever it is from. */
	assert_int_equal(xfn_manifest_anchor(manifest, NULL, &diags), 0);
	check_texts(manifest, f[0].exec.argv, TEXTS("/srv/x/a"));
	xfn_manifest_free(manifest);

	manifest = parse(programs);
	assert_int_equal(xfn_manifest_anchor(manifest, "/", &diags), 0);
	check_texts(manifest, manifest->functions[0].exec.argv, TEXTS("/a"));
	assert_string_equal(manifest->functions[4].exec.directory, "/");
	xfn_manifest_free(manifest);
}

static void check_anchor_refusal(const char *folder, unsigned count, const char *message)
{
	struct xfn_manifest *manifest = parse(programs);
	struct xfn_diag_list diags = {0};

	assert_int_equal(xfn_manifest_anchor(manifest, folder, &diags), -EINVAL);
	assert_int_equal(diags.count, count);
	assert_int_equal(diags.items[0].line, 3);
	assert_int_equal(diags.items[0].column, 3);
	assert_string_equal(diags.items[0].message, message);
	xfn_diag_list_fini(&diags);
	xfn_manifest_free(manifest);
}

static void test_anchor_refusals(void **state)
{
	char folder[XFN_TEXT_BYTES_MAX + 1];

	(void)state;
	check_anchor_refusal(NULL, 4,
			     "function 'a': path './a' is relative, and the manifest's "
			     "folder is not known");
	memset(folder, 'a', XFN_TEXT_BYTES_MAX);
	folder[0] = '/';
	folder[XFN_TEXT_BYTES_MAX - 1] = '\0'; /* no room for "/a"; "." alone would fit */
	check_anchor_refusal(folder, 3,
			     "function 'a': path './a' is relative, and too long with "
			     "the manifest's folder before it");
}

/* ---- what is read ------------------------------------------------------------------------------- */

static void test_top(void **state)
{
	struct xfn_manifest *manifest = parse(everything);

	(void)state;
	assert_string_equal(manifest->file, "t.yaml");
	assert_string_equal(manifest->set, "edge");
	assert_true(manifest->has_set);
	assert_true(manifest->has_attach);
	assert_int_equal(manifest->attach_count, 2);
	assert_string_equal(manifest->attach[0].interface, "eth0");
	assert_int_equal(manifest->attach[0].mode, XFN_ATTACH_NATIVE);
	assert_string_equal(manifest->attach[1].interface, "eth1");
	assert_int_equal(manifest->attach[1].mode, XFN_ATTACH_GENERIC);
	assert_int_equal(manifest->attach[1].line, 3);
	assert_int_equal(manifest->attach[1].column, 16);
	assert_int_equal(manifest->capacity.triggers, 200000);
	assert_int_equal(manifest->capacity.functions, 100);
	assert_int_equal(manifest->function_count, 3);
	assert_int_equal(manifest->trigger_count, 5);
	assert_int_equal(manifest->prefix_count, 3);
	xfn_manifest_free(manifest);
	xfn_manifest_free(NULL);
}

static void test_functions(void **state)
{
	struct xfn_manifest *manifest = parse(everything);
	const struct xfn_function_spec *dns = &manifest->functions[0], *two = dns + 1;

	(void)state;
	assert_string_equal(dns->name, "dns");
	assert_string_equal(dns->tenant, "acme");
	assert_string_equal(dns->description, "says \"hi\" \xc3\xbc");
	assert_false(dns->enabled);
	assert_int_equal(dns->delivery, XFN_DELIVER_KERNEL);
	assert_string_equal(dns->kernel.object, "a.bpf.o");
	assert_string_equal(dns->kernel.program, "answer");
	assert_int_equal(dns->limit.rate.count, 200000);
	assert_int_equal(dns->limit.rate.period_ns, XFN_NS_PER_S);
	assert_int_equal(dns->limit.burst, 20000);
	assert_int_equal(dns->given, XFN_GIVEN_TENANT | XFN_GIVEN_DESCRIPTION | XFN_GIVEN_ENABLED |
					     XFN_GIVEN_PROGRAM | XFN_GIVEN_LIMIT);
	assert_int_equal(dns->line, 6);
	assert_int_equal(dns->column, 5);
	assert_int_equal(two->delivery, XFN_DELIVER_SOCKET);
	assert_int_equal(two->limit.rate.count, 30);
	assert_int_equal(two->limit.rate.period_ns, 60 * XFN_NS_PER_S);
	assert_int_equal(two->limit.burst, 20);
	assert_int_equal(two->limit.excess, XFN_EXCESS_PASS);
	assert_true(two->limit.packets);
	assert_int_equal(two->limit.per_source.rate.count, 6);
	assert_int_equal(two->limit.per_source.burst, 3);
	assert_int_equal(two->limit.per_source.prefix4, 24);
	assert_int_equal(two->limit.per_source.prefix6, 56);
	assert_int_equal(two->limit.per_source.entries, 1024);
	assert_int_equal(two->latency.sample, 1);
	assert_int_equal(two->latency.deadline_ns, 500 * XFN_NS_PER_US);
	assert_int_equal(two->objective.p99_ns, XFN_NS_PER_MS);
	assert_int_equal(two->objective.loss_ppm, 1000);
	assert_int_equal(two->trigger_count, 4);
	assert_int_equal(two[1].trigger_count, 0);
	xfn_manifest_free(manifest);
}

static void test_triggers(void **state)
{
	struct xfn_manifest *manifest = parse(everything);
	const struct xfn_trigger_spec *dns = xfn_function_triggers(manifest, manifest->functions);
	const struct xfn_trigger_spec *two =
		xfn_function_triggers(manifest, manifest->functions + 1);
	const struct xfn_prefix *to = xfn_manifest_prefixes(manifest, two[1].destinations);
	const struct xfn_prefix *from = xfn_manifest_prefixes(manifest, two[1].sources);

	(void)state;
	assert_int_equal(dns->protocol, IPPROTO_UDP);
	assert_int_equal(dns->port_lo, 53);
	assert_int_equal(dns->port_hi, 53);
	assert_int_equal(dns->destination, XFN_DESTINATION_OWN);
	assert_int_equal(dns->line, 10);
	assert_int_equal(dns->column, 14);
	assert_int_equal(two[0].protocol, IPPROTO_TCP);
	assert_int_equal(two[0].port_lo, 9000);
	assert_int_equal(two[0].port_hi, 9009);
	assert_int_equal(two[1].destination, XFN_DESTINATION_LIST);
	assert_int_equal(two[1].destinations.count, 2);
	assert_int_equal(to[0].plen, 8);
	assert_int_equal(to[1].family, AF_INET6);
	assert_int_equal(two[1].sources.count, 1);
	assert_memory_equal(from->addr, "\xc0\x00\x02\x01", 4);
	assert_int_equal(two[1].vlan_tags, 2);
	assert_int_equal(two[1].vlan[0], 5);
	assert_int_equal(two[1].vlan[1], 6);
	assert_string_equal(two[1].interface, "eth0");
	assert_int_equal(two[1].line, 16);
	assert_int_equal(two[1].column, 9);
	assert_int_equal(two[2].destination, XFN_DESTINATION_ANY);
	assert_int_equal(two[2].vlan_tags, 0);
	assert_int_equal(two[3].vlan_tags, 1);
	assert_int_equal(two[3].sources.count, 0);
	assert_null(two[3].interface);
	xfn_manifest_free(manifest);
}

/* ---- defaults ----------------------------------------------------------------------------------- */

/* The same function twice: with nothing given, and with each default as the schema prints it. */
static const char defaults_unsaid[] =
	"version: 1\nfunctions:\n- {name: a, trigger: udp/1, kernel: a.o, limit: 1/s}\n";
static const char defaults_said[] =
	"version: 1\nset: main\nfunctions:\n"
	"- {name: a, tenant: default, enabled: true, kernel: a.o,\n"
	"   trigger: {protocol: udp, port: 1, source: any, vlan: none},\n"
	"   limit: {rate: 1/s, burst: 1, excess: drop, packets: false},\n"
	"   latency: {sample: 16, deadline: 1s}}\n";

static void test_defaults(void **state)
{
	struct xfn_manifest *unsaid = parse(defaults_unsaid), *said = parse(defaults_said);
	struct xfn_function_spec a = unsaid->functions[0], b = said->functions[0];

	(void)state;
	assert_string_equal(unsaid->set, said->set);
	assert_false(unsaid->has_set);
	assert_false(unsaid->has_attach);
	assert_int_equal(a.given, XFN_GIVEN_LIMIT);
	assert_string_equal(a.tenant, b.tenant);
	assert_int_equal(a.enabled, b.enabled);
	assert_memory_equal(&a.limit, &b.limit, sizeof(a.limit));
	assert_int_equal(a.latency.sample, b.latency.sample);
	assert_int_equal(a.latency.deadline_ns, b.latency.deadline_ns);
	assert_null(a.kernel.program);
	assert_null(a.description);
	xfn_manifest_free(unsaid);
	xfn_manifest_free(said);
}

static void test_rate_zero(void **state)
{
	struct xfn_manifest *manifest = parse(
		"version: 1\nfunctions: [{name: a, trigger: udp/1, kernel: a.o, limit: 0}]\n");

	(void)state;
	assert_true(manifest->functions[0].given & XFN_GIVEN_LIMIT);
	assert_int_equal(manifest->functions[0].limit.rate.count, 0);
	assert_int_equal(manifest->functions[0].limit.burst, 1);
	xfn_manifest_free(manifest);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void test_round_trip(void **state)
{
	static const char *const texts[] = {
		everything,
		programs,
		defaults_unsaid,
		defaults_said,
		"version: 1\nattach: []\nfunctions: []\n",
		"version: 1\r\nset: x\r\nfunctions: []\r\n",
		"{\"version\": 1, \"functions\": [{\"name\": \"1\", \"trigger\": \"tcp/1\",\n"
		"\"kernel\": \"C:\\\\a.o\"}]}",
		"version: 1\nfunctions: [{name: a, kernel: a, trigger: {protocol: udp, port: 1,\n"
		"destination: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6]}}]\n",
		"version: 1\nfunctions: [{name: a, kernel: a, triggers: [\n"
		"{protocol: udp, port: 1, key: {coap_path: '/a%2Fb/\xc3\xbc'}},\n"
		"{protocol: udp, port: 1, key: {dns_name: 'a\\.b\\009.Example.'}},\n"
		"{protocol: udp, port: 1, key: {dns_suffix: .}},\n"
		"{protocol: udp, port: 1, key: {bytes: {offset: 9, value: 0A, mask: 0F}}},\n"
		"{protocol: udp, port: 1, key: {bytes: {value: 1f, mask: ff, offset: 9}}}]}]\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct xfn_manifest *manifest = parse(texts[i]), *again;
		char *text = write_text(manifest), *again_text;

		again = parse(text);
		again_text = write_text(again);
		assert_string_equal(text, again_text);
		assert_int_equal(manifest->trigger_count, again->trigger_count);
		assert_int_equal(manifest->prefix_count, again->prefix_count);
		assert_int_equal(manifest->key_count, again->key_count);
		for (size_t n = 0; n < manifest->function_count; n++)
			assert_int_equal(manifest->functions[n].given, again->functions[n].given);
		free(text);
		free(again_text);
		xfn_manifest_free(manifest);
		xfn_manifest_free(again);
	}
}

static void test_write_failure(void **state)
{
	struct xfn_manifest *manifest = parse(everything);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(xfn_manifest_write(manifest, full), -EIO);
	fclose(full);
	xfn_manifest_free(manifest);
}

/* ---- memory ------------------------------------------------------------------------------------- */

/* Let each allocation fail in turn; returns what came out when none did. */
static int parse_short_of_memory(const char *text, struct xfn_manifest **ret)
{
	long before = xfn_alloc_live();

	for (long n = 0;; n++) {
		struct xfn_diag_list diags = {0};
		bool all_tried;
		int err;

		*ret = NULL;
		xfn_alloc_fail_after(n);
		err = xfn_manifest_parse("t", text, strlen(text), &diags, ret);
		all_tried = xfn_alloc_fail_after(-1);
		xfn_diag_list_fini(&diags);
		if (all_tried)
			return err;
		assert_true(err == -ENOMEM || err == -EINVAL);
		assert_null(*ret);
		assert_int_equal(xfn_alloc_live(), before);
	}
}

/* @count functions of 40 triggers each: arrays and strings have to grow. To be freed. */
static char *make_large(unsigned count)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fprintf(out, "version: 1\nfunctions:\n");
	for (unsigned i = 0; i < count; i++) {
		fprintf(out, "- name: f%u\n  kernel: o%u\n  triggers:\n", i, i);
		for (unsigned n = 0; n < 40; n++)
			fprintf(out, "  - {protocol: udp, port: %u, destination: 10.0.%u.%u}\n",
				n + 1, i, n);
	}
	fclose(out);
	return text;
}

static void test_short_memory(void **state)
{
	long before = xfn_alloc_live();
	struct xfn_manifest *manifest;
	char *large = make_large(50);

	(void)state;
	assert_int_equal(parse_short_of_memory(everything, &manifest), 0);
	xfn_manifest_free(manifest);
	assert_int_equal(parse_short_of_memory(programs, &manifest), 0);
	xfn_manifest_free(manifest);
	assert_int_equal(parse_short_of_memory(large, &manifest), 0);
	assert_int_equal(manifest->trigger_count, 2000);
	xfn_manifest_free(manifest);
	assert_int_equal(
		parse_short_of_memory("version: 2\nfunctions: [{nam: a}, *b]\n", &manifest),
		-EINVAL);
	assert_int_equal(xfn_alloc_live(), before);
	free(large);
}

static void test_large(void **state)
{
	char *large = make_large(250);
	struct xfn_manifest *manifest = parse(large);
	const struct xfn_function_spec *last = &manifest->functions[249];

	(void)state;
	assert_int_equal(manifest->trigger_count, 10000);
	assert_string_equal(last->name, "f249");
	assert_int_equal(xfn_function_triggers(manifest, last)[39].port_lo, 40);
	assert_int_equal(xfn_function_triggers(manifest, last)[39].line, 2 + 43 * 250);
	xfn_manifest_free(manifest);
	free(large);
}

static int reply_of(const char *trigger)
{
	const struct xfn_trigger_spec *odd;
	struct xfn_manifest *manifest;
	char text[256];
	int kind;

	snprintf(text, sizeof(text),
		 "version: 1\nfunctions:\n- {name: a, kernel: a.o, triggers: [%s],\n"
		 "   limit: {rate: 1/s, excess: reply}}\n",
		 trigger);
	manifest = parse(text);
	kind = xfn_function_reply(manifest, manifest->functions, &odd);
	assert_null(odd);
	xfn_manifest_free(manifest);
	return kind;
}

/* What is said to those over a limit goes by the key, else by the port. */
static void test_replies(void **state)
{
	(void)state;
	assert_int_equal(reply_of("udp/53"), XFN_REPLY_DNS);
	assert_int_equal(reply_of("tcp/53, udp/53, tcp/80"), XFN_REPLY_DNS);
	assert_int_equal(reply_of("udp/5683"), XFN_REPLY_COAP);
	assert_int_equal(reply_of("{protocol: udp, port: 7, key: {coap_path: /a}}"),
			 XFN_REPLY_COAP);
	assert_int_equal(reply_of("{protocol: udp, port: 5683, key: {dns_name: a.example}}"),
			 XFN_REPLY_DNS);
	assert_int_equal(reply_of("{protocol: udp, port: 1-9, key: {dns_suffix: example}}, udp/53"),
			 XFN_REPLY_DNS);
	assert_int_equal(reply_of(""), XFN_REPLY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),        cmocka_unit_test(test_top),
		cmocka_unit_test(test_functions),      cmocka_unit_test(test_triggers),
		cmocka_unit_test(test_deliveries),     cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_programs),       cmocka_unit_test(test_anchor),
		cmocka_unit_test(test_activated),      cmocka_unit_test(test_awaited),
		cmocka_unit_test(test_sockets_wanted), cmocka_unit_test(test_anchor_refusals),
		cmocka_unit_test(test_rate_zero),      cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_write_failure),  cmocka_unit_test(test_short_memory),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
