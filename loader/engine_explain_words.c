/* SPDX-License-Identifier: BSD-2-Clause */
/* A dry run in words, stage by stage. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine_explain.h"
#include "engine_instances.h"
#include "engine_ports_ready.h"
#include "port.h"
#include "units.h"

enum {
	DETAIL_BYTES = 1024,
	ETHERTYPE_AT = 12,
	/* As the kernel takes it: with an Ethernet header and room for a VLAN tag (net/core/filter.c, xdp_ok_fwd_dev()). */
	FORWARDED_MAX = XFN_PORT_MTU + 14 + 4,
};

/* Stages in the order a packet goes through; the one that gave the verdict is the last but account. */
enum stage { PARSE, CLASSIFY, POLICE, STEER, ACCOUNT };

static const char *const stage_names[] = {"parse", "classify", "police", "steer", "account"};

static const struct {
	const char *label;
	enum stage stage; /* that gives it */
} verdicts[XFN_VERDICT_COUNT] = {
	[XFN_VERDICT_HANDLED] = {"handled", STEER},
	[XFN_VERDICT_STEERED] = {"steered", STEER},
	[XFN_VERDICT_RATE_LIMITED] = {"rate_limited", POLICE},
	[XFN_VERDICT_SOURCE_LIMITED] = {"source_limited", POLICE},
	[XFN_VERDICT_CONCURRENCY_LIMITED] = {"concurrency_limited", POLICE},
	[XFN_VERDICT_DISABLED] = {"disabled", POLICE},
	[XFN_VERDICT_NO_TARGET] = {"no_target", STEER},
	[XFN_VERDICT_KEY_ERROR] = {"key_error", CLASSIFY},
	[XFN_VERDICT_UNMATCHED] = {"unmatched", CLASSIFY},
	[XFN_VERDICT_FOREIGN] = {"foreign", PARSE},
	[XFN_VERDICT_FRAGMENT] = {"fragment", PARSE},
	[XFN_VERDICT_MALFORMED] = {"malformed", PARSE},
};

const char *xfn_verdict_label(__u32 verdict)
{
	return verdict < XFN_VERDICT_COUNT ? verdicts[verdict].label : "?";
}

bool xfn_explain_has_matched(const struct xfn_explain *explain)
{
	return explain->result.report.seen.verdict < XFN_FUNCTION_VERDICT_COUNT;
}

static const struct xfn_attachment *explain_attachment(const struct xfn_explain *explain)
{
	const struct xfn_engine *engine = explain->engine;

	return xfn_model_attachment(engine->model,
				    engine->dataplane->interface[explain->slot].name);
}

/* What is nobody's goes to the program that `next` names, if it is there. */
static bool goes_on(const struct xfn_explain *explain)
{
	const struct xfn_attachment *attachment = explain_attachment(explain);

	return !xfn_explain_has_matched(explain) && attachment && attachment->next[0] &&
	       xfn_engine_next_runs(explain->engine, explain->slot, attachment);
}

const char *xfn_explain_action(const struct xfn_explain *explain)
{
	static const char *const labels[] = {"aborted", "drop", "pass", "tx", "redirect"};

	if (explain->result.report.seen.verdict == XFN_VERDICT_HANDLED)
		return "handler";
	if (goes_on(explain))
		return "next";
	return explain->result.action <= XDP_REDIRECT ? labels[explain->result.action] : "?";
}

/* Words are gathered in a text that is cut where it is too long. */
struct words {
	char text[DETAIL_BYTES];
	size_t length;
};

static void say(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
	size_t room = sizeof(words->text) - words->length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(words->text + words->length, room, format, args);
	va_end(args);
	if (length > 0)
		words->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* ---- parse ----------------------------------------------------------------------------------------- */

static void say_vlan(struct words *words, __u64 meta)
{
	__u32 outer = meta >> XFN_META_OUTER_SHIFT & 0x1fff;
	__u32 inner = meta >> XFN_META_INNER_SHIFT & 0x1fff;

	if (!outer && !inner)
		say(words, ", untagged");
	else if (outer && inner)
		say(words, ", VLAN %u in VLAN %u", inner & 0xfff, outer & 0xfff);
	else
		say(words, ", VLAN %u", (outer ?: inner) & 0xfff);
}

static void say_parsed(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	__u8 family = seen->ip_version == 4 ? AF_INET : AF_INET6;
	char src[XFN_ENDPOINT_TEXT_MAX], dst[XFN_ENDPOINT_TEXT_MAX];

	say(words, "%s over IPv%u, %s > %s", seen->l4_proto == IPPROTO_TCP ? "TCP" : "UDP",
	    seen->ip_version,
	    xfn_endpoint_print(family, (const __u8 *)seen->src, ntohs(seen->src_port), src),
	    xfn_endpoint_print(family, (const __u8 *)seen->dst, ntohs(seen->dst_port), dst));
	say_vlan(words, seen->meta);
	say(words, ", %u bytes of payload in a frame of %u", seen->payload_bytes, seen->bytes);
	if (seen->group)
		say(words, ", to a %s",
		    seen->group == XFN_GROUP_MULTICAST ? "multicast group" : "broadcast address");
}

static void say_foreign(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	const char *interface = explain->engine->dataplane->interface[explain->slot].name;
	char mac[XFN_UNIT_TEXT_MAX];

	if (!seen->l3_offset)
		say(words, "addressed to %s, which is not '%s'",
		    xfn_mac_print(explain->frame, mac, sizeof(mac)), interface);
	else if (!seen->ip_version)
		say(words, "neither IPv4 nor IPv6: Ethernet protocol 0x%02x%02x",
		    explain->frame[seen->l3_offset - 2], explain->frame[seen->l3_offset - 1]);
	else
		say(words,
		    "IP protocol %u: neither UDP nor TCP, or behind more than four extension "
		    "headers",
		    seen->l4_proto);
}

static void say_malformed(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	const char *where = "the Ethernet header or its tags";

	if (seen->l4_offset)
		where = seen->l4_proto == IPPROTO_TCP ? "the TCP header" : "the UDP header";
	else if (seen->l3_offset)
		where = "the IP header";
	say(words, "%s is cut short, or its lengths contradict each other", where);
}

static void say_parse(const struct xfn_explain *explain, struct words *words)
{
	switch (explain->result.report.seen.verdict) {
	case XFN_VERDICT_FOREIGN:
		say_foreign(explain, words);
		break;
	case XFN_VERDICT_FRAGMENT:
		say(words, "a fragment: only the first one has ports, so all go to the stack, "
			   "which puts them together");
		break;
	case XFN_VERDICT_MALFORMED:
		say_malformed(explain, words);
		break;
	default:
		say_parsed(explain, words);
	}
}

/* ---- classify -------------------------------------------------------------------------------------- */

static void say_classify(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	const char *protocol = xfn_protocol_label(seen->l4_proto);
	char label[XFN_LABEL_BYTES];
	unsigned port = ntohs(seen->dst_port);

	if (xfn_explain_has_matched(explain)) {
		say(words, "function '%s'",
		    explain->function ? xfn_function_label(explain->function->spec, label) : "?");
		if (explain->trigger)
			say(words, ", by its trigger at %s:%u",
			    explain->engine->ruleset->names[explain->trigger->file],
			    explain->trigger->line);
		say(words, explain->on_port > 1 ? ", the most specific of those that match" : "");
	} else if (seen->verdict == XFN_VERDICT_KEY_ERROR) {
		say(words, "the payload is too short or odd for every key wanted on %s/%u",
		    protocol, port);
	} else if (explain->on_port) {
		say(words, "%u trigger%s for %s/%u, and %s", explain->on_port,
		    explain->on_port == 1 ? "" : "s", protocol, port,
		    explain->on_port == 1 ? "it does not match" : "none matches");
	} else {
		say(words, "no trigger is for %s/%u", protocol, port);
	}
}

/* ---- police ---------------------------------------------------------------------------------------- */

/* A limiter as the dry run found it; times in 1/16 ns. */
struct stand {
	__u64 arrival, now, interval, burst;
};

/* Events that it would admit now, one after another. */
static __u64 events_left(const struct stand *stand)
{
	__u64 from = stand->arrival > stand->now ? stand->arrival : stand->now;
	__u64 latest = stand->now + stand->burst;

	return stand->interval && latest > from ? (latest - from) / stand->interval : 0;
}

/* @refused: this limiter gave the verdict. */
static void say_stand(const struct stand *stand, bool refused, enum xfn_excess excess,
		      struct words *words)
{
	__u64 wait;

	if (!refused) {
		say(words, "%llu event%s left of the burst at this moment, this one counted",
		    events_left(stand), events_left(stand) == 1 ? "" : "s");
		return;
	}
	wait = stand->arrival + stand->interval - stand->now - stand->burst;
	say(words,
	    "nothing left of the burst; room for one in %llu us, if none comes before; excess: %s",
	    wait / XFN_TIME_FRACTION / 1000 + 1, xfn_excess_label(excess));
}

static void say_limit(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_report *report = &explain->result.report;
	const struct xfn_limit_spec *limit = &explain->function->spec->limit;
	const struct stand stand = {report->arrival, report->now,
				    report->config.limit & XFN_LIMIT_INTERVAL_MASK,
				    report->config.burst};
	char rate[XFN_UNIT_TEXT_MAX];

	say(words, "%s, burst %llu: ", xfn_rate_print(limit->rate, rate, sizeof(rate)),
	    limit->burst);
	say_stand(&stand, report->seen.verdict == XFN_VERDICT_RATE_LIMITED, limit->excess, words);
}

/* Of the source's two cells the emptier one decides; sources that share both are one to it. */
static void say_source(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_report *report = &explain->result.report;
	const struct xfn_limit_spec *limit = &explain->function->spec->limit;
	const struct xfn_dataplane *dataplane = explain->engine->dataplane;
	const struct xfn_policy_config *policy =
		&dataplane->policies[report->seen.function]
			 .config[XFN_LIVE_GENERATION(dataplane->rules.control->live)];
	const struct stand stand = {report->source_arrival, report->source_now, policy->interval,
				    policy->burst};
	char rate[XFN_UNIT_TEXT_MAX];

	say(words, "its source %s, burst %llu: ",
	    xfn_rate_print(limit->per_source.rate, rate, sizeof(rate)), limit->per_source.burst);
	say_stand(&stand, report->seen.verdict == XFN_VERDICT_SOURCE_LIMITED, limit->excess, words);
}

static void say_limits(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_report *report = &explain->result.report;

	if (report->source_now)
		say_source(explain, words);
	if (report->source_now && report->now)
		say(words, "; ");
	if (report->now)
		say_limit(explain, words);
	if (!report->now && !report->source_now)
		say(words, "the limit counts connections, and this segment opens none");
}

/* As it stands: what is in flight beyond its deadline is counted off with the next event. */
static void say_concurrency(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_model_function *function = explain->function;
	const struct xfn_dataplane *dataplane = explain->engine->dataplane;
	int port = xfn_port_of(dataplane, function->identity);

	if (port < 0)
		return;
	say(words, "%s%llu of at most %u in flight", words->length ? "; " : "",
	    __atomic_load_n(&dataplane->port_lines[port].in_flight, __ATOMIC_RELAXED),
	    function->spec->limit.concurrency);
	if (explain->result.report.seen.verdict == XFN_VERDICT_CONCURRENCY_LIMITED)
		say(words, "; excess: %s", xfn_excess_label(function->spec->limit.excess));
}

static void say_police(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_report *report = &explain->result.report;
	bool policed = report->config.limit & (XFN_FUNCTION_LIMITED | XFN_FUNCTION_PER_SOURCE);
	bool counted = explain->function && explain->function->spec->limit.concurrency;

	if (report->seen.verdict == XFN_VERDICT_DISABLED)
		say(words, "the function is switched off; its events are %s",
		    report->config.limit & XFN_FUNCTION_OFF_DROP ? "dropped" : "passed");
	else if (!policed && !counted)
		say(words, "no limit");
	else if (policed && explain->function)
		say_limits(explain, words);
	if (counted && report->seen.verdict != XFN_VERDICT_DISABLED)
		say_concurrency(explain, words);
}

/* ---- steer, account -------------------------------------------------------------------------------- */

static void say_handler(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_model_function *function = explain->function;
	__u32 slot = XFN_TARGET_HANDLER(explain->result.report.config.target);

	if (explain->result.report.seen.verdict == XFN_VERDICT_NO_TARGET)
		say(words, "handler '%s' is not there (version slot %u is empty)",
		    function->spec->kernel.object, slot);
	else
		say(words, "handler '%s'%s%s, version v%u", function->spec->kernel.object,
		    function->spec->kernel.program ? ", program " : "",
		    function->spec->kernel.program ?: "",
		    function->version ? function->version->number : 0);
}

/* What becomes of it behind a redirect is for the kernel to say: `lost` in stats. */
static void say_redirect(const struct xfn_explain *explain, struct words *words)
{
	bool there = explain->result.report.seen.verdict != XFN_VERDICT_NO_TARGET;
	const struct xfn_model_function *function = explain->function;

	if (function && function->spec->delivery == XFN_DELIVER_NETDEV)
		say(words, there ? "redirected to interface '%s'" : "interface '%s' is not there",
		    function->spec->netdev.interface);
	else
		say(words, there ? "moved to another CPU, where the stack finds the function's "
				   "socket"
				 : "its CPUs are not there");
}

/* What is the matter with the program that events are for, where it takes none, behind @link. */
static void say_health(const struct xfn_explain *explain, const char *link, struct words *words)
{
	char why[XFN_HEALTH_WORDS];

	if (explain->function &&
	    xfn_instances_health(explain->engine, explain->function, why) > XFN_HEALTH_READY)
		say(words, "%s%s", link, why);
}

/* Where nobody is ready and it is steered all the same, it went to the keeper. */
static void say_port(const struct xfn_explain *explain, struct words *words)
{
	__u32 port = XFN_TARGET_HANDLER(explain->result.report.config.target);
	bool there = explain->result.report.seen.verdict != XFN_VERDICT_NO_TARGET;

	if (there && xfn_port_ifindex(explain->engine->dataplane, port)) {
		say(words, "handed to the function's AF_XDP socket, through port %u", port);
		if (explain->result.report.seen.bytes > FORWARDED_MAX)
			say(words, ", whose MTU of %u is too small for it: lost, as too_big",
			    XFN_PORT_MTU);
		return;
	}
	say(words, "%sno instance of the function is ready%s", there ? "parked: " : "",
	    there ? ", and it waits for one" : "");
	say_health(explain, ": ", words);
}

static void say_steer(const struct xfn_explain *explain, struct words *words)
{
	switch (XFN_FUNCTION_DELIVERY_OF(explain->result.report.config.limit)) {
	case XFN_DELIVERY_KERNEL:
		if (explain->function)
			say_handler(explain, words);
		break;
	case XFN_DELIVERY_SOCKET:
		say(words, "left to the stack, which finds the function's socket");
		/* The socket of a program that xfnd starts is there without it. */
		say_health(explain, ", where it waits: ", words);
		break;
	case XFN_DELIVERY_NETDEV:
	case XFN_DELIVERY_CPU:
		say_redirect(explain, words);
		break;
	case XFN_DELIVERY_XSK:
		say_port(explain, words);
		break;
	default:
		say(words, "the function has no delivery in this generation");
	}
}

static void say_account(const struct xfn_explain *explain, struct words *words)
{
	const struct xfn_sighting *seen = &explain->result.report.seen;
	const char *action = xfn_explain_action(explain);

	say(words, "would be counted as %s, for '%s'%s; ", xfn_verdict_label(seen->verdict),
	    explain->engine->dataplane->interface[explain->slot].name,
	    xfn_explain_has_matched(explain) ? " and the function" : "");
	if (seen->verdict == XFN_VERDICT_HANDLED)
		say(words, "then the handler decides");
	else if (!strcmp(action, "tx"))
		say(words, "then a refusal goes back to the source");
	else if (goes_on(explain))
		say(words, "then the program '%s' gets it", explain_attachment(explain)->next);
	else
		say(words, "then XDP_%s",
		    !strcmp(action, "drop")       ? "DROP"
		    : !strcmp(action, "redirect") ? "REDIRECT"
						  : "PASS");
}

/* ---- together -------------------------------------------------------------------------------------- */

static void (*const sayers[])(const struct xfn_explain *explain, struct words *words) = {
	[PARSE] = say_parse, [CLASSIFY] = say_classify, [POLICE] = say_police,
	[STEER] = say_steer, [ACCOUNT] = say_account,
};

/* One word for what a stage said. */
static const char *result_of(const struct xfn_explain *explain, enum stage stage)
{
	static const char *const go_on[] = {"read", "matched", "admitted", "", ""};
	__u32 verdict = explain->result.report.seen.verdict;

	if (stage == ACCOUNT)
		return xfn_explain_action(explain);
	return stage == verdicts[verdict].stage ? verdicts[verdict].label : go_on[stage];
}

json_t *xfn_explain_stages(const struct xfn_explain *explain)
{
	enum stage last = verdicts[explain->result.report.seen.verdict].stage, stage;
	json_t *list = json_array();

	for (stage = PARSE; stage <= ACCOUNT && list; stage++) {
		struct words words = {.length = 0};

		if (stage > last && stage != ACCOUNT)
			continue;
		sayers[stage](explain, &words);
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:s}", "stage", stage_names[stage],
						    "result", result_of(explain, stage), "detail",
						    words.text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- what cannot be known -------------------------------------------------------------------------- */

static bool is_passed(const struct xfn_explain *explain)
{
	return !strcmp(xfn_explain_action(explain), "pass");
}

static bool is_handled(const struct xfn_explain *explain)
{
	return explain->result.report.seen.verdict == XFN_VERDICT_HANDLED;
}

static bool is_at_port(const struct xfn_explain *explain)
{
	return explain->result.report.seen.verdict == XFN_VERDICT_STEERED &&
	       XFN_FUNCTION_DELIVERY_OF(explain->result.report.config.limit) == XFN_DELIVERY_XSK;
}

static bool is_limited(const struct xfn_explain *explain)
{
	return explain->result.report.now != 0;
}

static bool is_per_source(const struct xfn_explain *explain)
{
	return explain->result.report.config.limit & XFN_FUNCTION_PER_SOURCE;
}

static bool is_always(const struct xfn_explain *explain)
{
	return explain != NULL;
}

static bool is_tagged(const struct xfn_explain *explain)
{
	return explain->result.report.seen.meta & XFN_META_VLAN_MASK;
}

static const struct {
	bool (*applies)(const struct xfn_explain *explain);
	const char *text;
} unknown[] = {
	{is_handled, "what the handler does with it: explain stops before it; --run runs it, with "
		     "empty maps of its own"},
	{is_at_port,
	 "what its program answers, and whether that gets away: xfn stats tells what became of "
	 "replies, xfn doctor whether the interface takes them"},
	{is_limited, "which other events come first: the limit is as it stood at this moment"},
	{is_per_source,
	 "which other sources share this one's two cells, and how far they filled them"},
	{is_passed, "what comes after XDP passes it: nftables, routing, whether a socket listens"},
	{is_tagged, "whether the driver takes VLAN tags off before XDP sees them (doctor tells)"},
	{is_always,
	 "what comes before XDP: the driver's and the card's own filters, checksums that "
	 "it would refuse, the receive queue"},
	{is_always, "packets of this host to itself: they never meet XDP"},
};

json_t *xfn_explain_unknown(const struct xfn_explain *explain)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]) && list; i++) {
		if (unknown[i].applies(explain) &&
		    json_array_append_new(list, json_string(unknown[i].text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
