/* SPDX-License-Identifier: BSD-2-Clause */
/* A manifest as YAML again. */
#include <errno.h>
#include <string.h>

#include "key.h"
#include "manifest.h"

/* Texts have no control characters: two characters alone need care between double quotes. */
static void write_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void write_attach(FILE *out, const struct xfn_attach_spec *attach)
{
	fprintf(out, "  - {interface: ");
	write_quoted(out, attach->interface);
	fprintf(out, ", mode: %s", xfn_attach_mode_label(attach->mode));
	if (attach->coexist)
		fprintf(out, ", coexist: true");
	if (attach->next) {
		fprintf(out, ", next: ");
		write_quoted(out, attach->next);
	}
	fprintf(out, "}\n");
}

static void write_top(FILE *out, const struct xfn_manifest *manifest)
{
	const struct xfn_capacity_spec *capacity = &manifest->capacity;

	fprintf(out, "version: 1\n");
	if (manifest->has_set)
		fprintf(out, "set: %s\n", manifest->set);
	if (manifest->has_attach)
		fprintf(out, "attach:%s\n", manifest->attach_count ? "" : " []");
	for (size_t i = 0; i < manifest->attach_count; i++)
		write_attach(out, &manifest->attach[i]);
	if (!capacity->triggers && !capacity->functions)
		return;
	fprintf(out, "capacity:\n");
	if (capacity->triggers)
		fprintf(out, "  triggers: %llu\n", capacity->triggers);
	if (capacity->functions)
		fprintf(out, "  functions: %llu\n", capacity->functions);
}

/* Lines stay short: the reader takes none that is endless. */
static const char *separator(__u32 i)
{
	if (!i)
		return "";
	return i % 4 ? ", " : ",\n          ";
}

static void write_prefixes(FILE *out, const struct xfn_manifest *manifest,
			   struct xfn_prefix_span span)
{
	const struct xfn_prefix *prefixes = xfn_manifest_prefixes(manifest, span);
	char buf[XFN_UNIT_TEXT_MAX];

	fputc('[', out);
	for (__u32 i = 0; i < span.count; i++)
		fprintf(out, "%s\"%s\"", separator(i),
			xfn_prefix_print(&prefixes[i], buf, sizeof(buf)));
	fputc(']', out);
}

static void write_bytes(FILE *out, const struct xfn_key_spec *key)
{
	char hex[2 * XFN_KEY_BYTES_MAX + 1];
	bool is_whole = true;

	for (unsigned i = 0; i < key->value_bytes; i++)
		is_whole &= key->mask[i] == 0xff;
	fprintf(out, "{offset: %u, value: \"%s\"", key->offset,
		xfn_key_hex_print(key->value, key->value_bytes, hex));
	if (!is_whole)
		fprintf(out, ", mask: \"%s\"", xfn_key_hex_print(key->mask, key->value_bytes, hex));
	fputc('}', out);
}

static void write_key(FILE *out, const struct xfn_key_spec *key)
{
	fprintf(out, ", key: {%s: ", xfn_key_label(key->kind));
	if (key->kind == XFN_KEY_BYTES)
		write_bytes(out, key);
	else
		write_quoted(out, key->text);
	fputc('}', out);
}

void xfn_trigger_write(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger,
		       FILE *out)
{
	char ports[XFN_UNIT_TEXT_MAX];

	fprintf(out, "{protocol: %s, port: \"%s\"", xfn_protocol_label(trigger->protocol),
		xfn_ports_print(trigger->port_lo, trigger->port_hi, ports, sizeof(ports)));
	if (trigger->destination == XFN_DESTINATION_ANY)
		fprintf(out, ", destination: any");
	if (trigger->destination == XFN_DESTINATION_LIST) {
		fprintf(out, ", destination: ");
		write_prefixes(out, manifest, trigger->destinations);
	}
	if (trigger->sources.count) {
		fprintf(out, ", source: ");
		write_prefixes(out, manifest, trigger->sources);
	}
	if (trigger->vlan_tags == 1)
		fprintf(out, ", vlan: %u", trigger->vlan[0]);
	if (trigger->vlan_tags == 2)
		fprintf(out, ", vlan: [%u, %u]", trigger->vlan[0], trigger->vlan[1]);
	if (trigger->interface) {
		fprintf(out, ", interface: ");
		write_quoted(out, trigger->interface);
	}
	if (trigger->key)
		write_key(out, xfn_manifest_key(manifest, trigger));
	fputc('}', out);
}

static void write_netdev(FILE *out, const struct xfn_function_spec *function)
{
	const __u8 *mac = function->netdev.mac;

	fprintf(out, "    netdev:\n      interface: ");
	write_quoted(out, function->netdev.interface);
	if (function->given & XFN_GIVEN_MAC)
		fprintf(out, "\n      mac: \"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1],
			mac[2], mac[3], mac[4], mac[5]);
	fputc('\n', out);
}

static void write_bounds(FILE *out, const struct xfn_function_spec *function)
{
	const struct xfn_exec_spec *exec = &function->exec;
	char text[XFN_UNIT_TEXT_MAX];

	if (exec->memory)
		fprintf(out, "      memory: %s\n",
			xfn_bytes_print(exec->memory, text, sizeof(text)));
	if (function->given & XFN_GIVEN_PROCESSES)
		fprintf(out, "      processes: %u\n", exec->processes);
	if (exec->cpu)
		fprintf(out, "      cpu: %s\n", xfn_cpu_print(exec->cpu, text, sizeof(text)));
}

/* Each text on a line of its own: the reader takes no line that is endless. */
static void write_exec(FILE *out, const struct xfn_manifest *manifest,
		       const struct xfn_function_spec *function)
{
	const struct xfn_exec_spec *exec = &function->exec;
	const char *const *argv = xfn_manifest_texts(manifest, exec->argv);
	const char *const *env = xfn_manifest_texts(manifest, exec->env);
	__u32 i;

	fprintf(out, "      exec:\n");
	for (i = 0; i < exec->argv.count; i++) {
		fprintf(out, "        - ");
		write_quoted(out, argv[i]);
		fputc('\n', out);
	}
	if (exec->env.count)
		fprintf(out, "      env:\n");
	for (i = 0; i < exec->env.count; i++) {
		fprintf(out, "        %.*s: ", (int)strcspn(env[i], "="), env[i]);
		write_quoted(out, strchr(env[i], '=') + 1);
		fputc('\n', out);
	}
	if (exec->directory) {
		fprintf(out, "      directory: ");
		write_quoted(out, exec->directory);
		fputc('\n', out);
	}
	if (exec->user)
		fprintf(out, "      user: \"%s\"\n", exec->user);
	write_bounds(out, function);
}

static void write_cpus(FILE *out, const struct xfn_socket_spec *socket)
{
	__u16 i;

	if (!socket->cpu_count)
		return;
	fprintf(out, "      cpus: [");
	for (i = 0; i < socket->cpu_count; i++)
		fprintf(out, "%s%u", i ? ", " : "", socket->cpus[i]);
	fprintf(out, "]\n");
}

static void write_socket(FILE *out, const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function)
{
	const struct xfn_socket_spec *socket = &function->socket;

	if (!xfn_has_program(function) && !socket->cpu_count) {
		fprintf(out, "    socket: existing\n");
		return;
	}
	fprintf(out, "    socket:\n");
	if (xfn_has_program(function))
		write_exec(out, manifest, function);
	else
		fprintf(out, "      existing: true\n");
	write_cpus(out, socket);
	if (function->given & XFN_GIVEN_NOTIFY)
		fprintf(out, "      notify: %s\n", socket->notify ? "true" : "false");
	if (socket->pktinfo)
		fprintf(out, "      reply_from: pktinfo\n");
}

static void write_park(FILE *out, const struct xfn_function_spec *function)
{
	char buf[XFN_UNIT_TEXT_MAX];

	if (!(function->given & (XFN_GIVEN_PARK_EVENTS | XFN_GIVEN_PARK_AGE)))
		return;
	fprintf(out, "      park:\n");
	if (function->given & XFN_GIVEN_PARK_EVENTS)
		fprintf(out, "        events: %u\n", function->xsk.park_events);
	if (function->given & XFN_GIVEN_PARK_AGE)
		fprintf(out, "        age: %s\n",
			xfn_duration_print(function->xsk.park_age_ns, buf, sizeof(buf)));
}

static void write_xsk(FILE *out, const struct xfn_manifest *manifest,
		      const struct xfn_function_spec *function)
{
	fprintf(out, "    xsk:\n");
	if (function->xsk.existing)
		fprintf(out, "      existing: true\n");
	else
		write_exec(out, manifest, function);
	if (function->given & XFN_GIVEN_ONE_WAY)
		fprintf(out, "      oneway: %s\n", function->xsk.one_way ? "true" : "false");
	if (function->given & XFN_GIVEN_BUSY_POLL)
		fprintf(out, "      busy_poll: %s\n", function->xsk.busy_poll ? "true" : "false");
	if (function->given & XFN_GIVEN_NEED_WAKEUP)
		fprintf(out, "      need_wakeup: %s\n",
			function->xsk.need_wakeup ? "true" : "false");
	if (function->xsk.send_any)
		fprintf(out, "      send: any\n");
	write_park(out, function);
}

static void write_delivery(FILE *out, const struct xfn_manifest *manifest,
			   const struct xfn_function_spec *function)
{
	if (function->delivery == XFN_DELIVER_XSK) {
		write_xsk(out, manifest, function);
		return;
	}
	if (function->delivery == XFN_DELIVER_SOCKET) {
		write_socket(out, manifest, function);
		return;
	}
	if (function->delivery == XFN_DELIVER_NETDEV) {
		write_netdev(out, function);
		return;
	}
	fprintf(out, "    kernel:\n      object: ");
	write_quoted(out, function->kernel.object);
	if (function->given & XFN_GIVEN_PROGRAM)
		fprintf(out, "\n      program: %s", function->kernel.program);
	fputc('\n', out);
}

static void write_per_source(FILE *out, const struct xfn_function_spec *function)
{
	const struct xfn_source_limit_spec *limit = &function->limit.per_source;
	char buf[XFN_UNIT_TEXT_MAX];

	if (!(function->given & XFN_GIVEN_PER_SOURCE))
		return;
	fprintf(out, "      per_source:\n        rate: %s\n",
		xfn_rate_print(limit->rate, buf, sizeof(buf)));
	if (function->given & XFN_GIVEN_SOURCE_BURST)
		fprintf(out, "        burst: %llu\n", limit->burst);
	if (function->given & XFN_GIVEN_PREFIX4)
		fprintf(out, "        prefix4: %u\n", limit->prefix4);
	if (function->given & XFN_GIVEN_PREFIX6)
		fprintf(out, "        prefix6: %u\n", limit->prefix6);
	if (function->given & XFN_GIVEN_ENTRIES)
		fprintf(out, "        entries: %u\n", limit->entries);
}

static void write_limit(FILE *out, const struct xfn_function_spec *function)
{
	const struct xfn_limit_spec *limit = &function->limit;
	char buf[XFN_UNIT_TEXT_MAX];

	if (!(function->given & XFN_GIVEN_LIMIT))
		return;
	fprintf(out, "    limit:\n");
	if (xfn_has_rate(function))
		fprintf(out, "      rate: %s\n", xfn_rate_print(limit->rate, buf, sizeof(buf)));
	if (function->given & XFN_GIVEN_BURST)
		fprintf(out, "      burst: %llu\n", limit->burst);
	if (function->given & XFN_GIVEN_EXCESS)
		fprintf(out, "      excess: %s\n", xfn_excess_label(limit->excess));
	if (function->given & XFN_GIVEN_PACKETS)
		fprintf(out, "      packets: %s\n", limit->packets ? "true" : "false");
	if (function->given & XFN_GIVEN_CONCURRENCY)
		fprintf(out, "      concurrency: %u\n", limit->concurrency);
	write_per_source(out, function);
}

static void write_timing(FILE *out, const struct xfn_function_spec *function)
{
	const __u32 latency = XFN_GIVEN_SAMPLE | XFN_GIVEN_DEADLINE;
	const __u32 objective = XFN_GIVEN_P99 | XFN_GIVEN_LOSS;
	char buf[XFN_UNIT_TEXT_MAX];

	if (function->given & latency)
		fprintf(out, "    latency:\n");
	if (function->given & XFN_GIVEN_SAMPLE)
		fprintf(out, "      sample: %u\n", function->latency.sample);
	if (function->given & XFN_GIVEN_DEADLINE)
		fprintf(out, "      deadline: %s\n",
			xfn_duration_print(function->latency.deadline_ns, buf, sizeof(buf)));
	if (function->given & objective)
		fprintf(out, "    objective:\n");
	if (function->given & XFN_GIVEN_P99)
		fprintf(out, "      p99: %s\n",
			xfn_duration_print(function->objective.p99_ns, buf, sizeof(buf)));
	if (function->given & XFN_GIVEN_LOSS)
		fprintf(out, "      loss: %s\n",
			xfn_percent_print(function->objective.loss_ppm, buf, sizeof(buf)));
}

static void write_function(FILE *out, const struct xfn_manifest *manifest,
			   const struct xfn_function_spec *function)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function);

	fprintf(out, "  - name: %s\n", function->name);
	if (function->given & XFN_GIVEN_TENANT)
		fprintf(out, "    tenant: %s\n", function->tenant);
	if (function->given & XFN_GIVEN_DESCRIPTION) {
		fprintf(out, "    description: ");
		write_quoted(out, function->description);
		fputc('\n', out);
	}
	if (function->given & XFN_GIVEN_ENABLED)
		fprintf(out, "    enabled: %s\n", function->enabled ? "true" : "false");
	if (function->given & XFN_GIVEN_DISABLED)
		fprintf(out, "    disabled: %s\n", function->disabled_drops ? "drop" : "pass");
	if (function->triggers_from) {
		fprintf(out, "    triggers_from: ");
		write_quoted(out, function->triggers_from);
		fputc('\n', out);
	}
	fprintf(out, "    triggers:%s\n", function->trigger_count ? "" : " []");
	for (__u32 i = 0; i < function->trigger_count; i++) {
		fprintf(out, "      - ");
		xfn_trigger_write(manifest, &triggers[i], out);
		fputc('\n', out);
	}
	write_delivery(out, manifest, function);
	if (function->given & XFN_GIVEN_SCALE)
		fprintf(out, "    scale:\n      min: %u\n", function->scale_min);
	write_limit(out, function);
	write_timing(out, function);
}

int xfn_manifest_write(const struct xfn_manifest *manifest, FILE *out)
{
	write_top(out, manifest);
	fprintf(out, "functions:%s\n", manifest->function_count ? "" : " []");
	for (size_t i = 0; i < manifest->function_count; i++)
		write_function(out, manifest, &manifest->functions[i]);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
