/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dry runs: what they report, and that they leave no trace. That verdict and action are those of the
 * live program is expected of every packet of every suite, in harness_expect().
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "snapshot.h"
#include "suites.h"
#include "units.h"
#include "../../loader/dry.h"

enum { ACTOR, LIMITED, COUNTING, OFF, ABSENT };

static const char manifest[] =
	"version: 1\n"
	"functions:\n"
	"  - {name: actor, kernel: a.bpf.o, trigger: udp/7, latency: {sample: 1}}\n"
	"  - {name: limited, socket: existing, limit: {rate: 1/m, burst: 3}, triggers: [udp/9, "
	"tcp/9]}\n"
	"  - {name: counting, kernel: c.bpf.o, trigger: udp/10, latency: {sample: 1}}\n"
	"  - {name: off, enabled: false, socket: existing, trigger: udp/11}\n"
	"  - {name: absent, kernel: n.bpf.o, trigger: udp/12}\n"
	"  - {name: keyed, socket: existing, trigger: {protocol: udp, port: 14,\n"
	"     key: {coap_path: /a}}}\n";

static const struct {
	struct frame_spec frame;
	enum xfn_verdict verdict;
} packets[] = {
	{{.dst_port = 7, .payload = "R", .payload_bytes = 1}, XFN_VERDICT_HANDLED},
	{{.dst_port = 9}, XFN_VERDICT_STEERED},
	{{.dst_port = 9, .l4_proto = IPPROTO_TCP}, XFN_VERDICT_STEERED},
	{{.dst_port = 10}, XFN_VERDICT_HANDLED},
	{{.dst_port = 11}, XFN_VERDICT_DISABLED},
	{{.dst_port = 12}, XFN_VERDICT_NO_TARGET},
	{{.dst_port = 13}, XFN_VERDICT_UNMATCHED},
	{{.dst_port = 14}, XFN_VERDICT_KEY_ERROR},
	{{.dst_port = 14,
	  .payload = "\x40\1\0\0\xb1"
		     "a",
	  .payload_bytes = 6},
	 XFN_VERDICT_STEERED},
	{{.dst_port = 7, .dst = "2001:db8::1"}, XFN_VERDICT_HANDLED},
	{{.dst_port = 7, .vlan = {5}}, XFN_VERDICT_UNMATCHED},
	{{.eth_proto = 0x0806}, XFN_VERDICT_FOREIGN},
	{{.patch = {{FRAME_L3, 6, 2, 0x2000}}}, XFN_VERDICT_FRAGMENT},
	{{.patch = {{FRAME_L3, 2, 2, 19}}}, XFN_VERDICT_MALFORMED},
};
enum { PACKETS = sizeof(packets) / sizeof(packets[0]) };

static bool set_up(struct harness *harness)
{
	return harness_apply(harness, manifest) &&
	       harness_enter_handler(harness, ACTOR, "tests/bpf/actor.bpf.o") &&
	       harness_enter_handler(harness, COUNTING, "tests/bpf/count_events.bpf.o");
}

static void dry_run(struct harness *harness, const struct frame_spec *spec,
		    struct xfn_dry_result *ret)
{
	static struct frame frame;
	struct xfn_dry_frame dry = {.bytes = frame.bytes};
	int err;

	frame_build(spec, &frame);
	dry.size = frame.size;
	err = xfn_dry_step(harness->dry[0], &dry, ret);
	test_expect(!err, "dry run: %s", strerror(-err));
}

static void run_untouched(struct harness *harness)
{
	struct snapshot *before;
	struct xfn_dry_result result;
	unsigned i;

	test_begin("explain: dry runs leave every byte of every map as it was");
	before = set_up(harness) ? snapshot_take(harness->dataplane) : NULL;
	for (i = 0; i < PACKETS; i++) {
		dry_run(harness, &packets[i].frame, &result);
		test_expect(result.report.seen.verdict == packets[i].verdict, "packet %u: %s", i,
			    verdict_label(result.report.seen.verdict));
	}
	snapshot_expect_equal(harness->dataplane, before);
	snapshot_free(before);
	test_end();
}

/* A snapshot that sees nothing would be of no use: a real run has to show. */
static void run_snapshot_sees(struct harness *harness)
{
	static struct frame frame;
	struct books before, after;
	struct run run;

	test_begin("explain: a live run right behind moves what a dry run did not");
	frame_build(&packets[0].frame, &frame);
	harness_read_books(harness, 0, &before);
	harness_run(harness, 0, BY_INGRESS, &frame, &run);
	harness_read_books(harness, 0, &after);
	test_expect(after.verdicts[XFN_VERDICT_HANDLED] == before.verdicts[XFN_VERDICT_HANDLED] + 1,
		    "not counted");
	test_end();
}

static void run_parsed(struct harness *harness)
{
	static const struct frame_spec spec = {
		.dst_port = 9, .src_port = 4001, .payload = "hello", .payload_bytes = 5};
	const struct xfn_ruleset_trigger *trigger;
	struct xfn_dry_result result;
	const struct xfn_sighting *seen = &result.report.seen;

	test_begin("explain: what was parsed, and which trigger matched");
	set_up(harness);
	dry_run(harness, &spec, &result);
	test_expect(seen->ip_version == 4 && seen->l4_proto == IPPROTO_UDP, "IPv%u, protocol %u",
		    seen->ip_version, seen->l4_proto);
	test_expect(ntohs(seen->dst_port) == 9 && ntohs(seen->src_port) == 4001, "ports %u, %u",
		    ntohs(seen->dst_port), ntohs(seen->src_port));
	test_expect(seen->payload_offset == 42 && seen->payload_bytes == 5, "payload: %u at %u",
		    seen->payload_bytes, seen->payload_offset);
	test_expect((__u32)seen->dst[0] == htonl(0xc0000201), "destination %llx", seen->dst[0]);
	test_expect(seen->function == LIMITED && seen->rule < harness->ruleset->trigger_count,
		    "function %u, rule %u", seen->function, seen->rule);
	trigger = &harness->ruleset->triggers[seen->rule];
	test_expect(trigger->line == 4 && trigger->function == LIMITED, "line %u", trigger->line);
	test_end();
}

/* In events: what explain shows as left of the burst. */
static __u64 events_left(const struct xfn_report *report)
{
	__u64 interval = report->config.limit & XFN_LIMIT_INTERVAL_MASK;
	__u64 from = report->arrival > report->now ? report->arrival : report->now;

	return (report->now + report->config.burst - from) / interval;
}

static void run_limiter(struct harness *harness)
{
	static const struct frame_spec spec = {.dst_port = 9};
	struct expected expected = {
		.action = XDP_PASS,
		.verdict = XFN_VERDICT_STEERED,
		.function = LIMITED,
		.outcome = -1,
	};
	static struct frame frame;
	struct xfn_dry_result result;
	__u64 i, run;

	test_begin("explain: what is left of a burst, read and not used up");
	set_up(harness);
	harness->dataplane->functions[LIMITED].arrival = 0;
	frame_build(&spec, &frame);
	for (i = 0; i <= 3; i++) {
		for (run = 0; run < 5; run++) {
			dry_run(harness, &spec, &result);
			test_expect(result.report.now && events_left(&result.report) == 3 - i,
				    "%llu left after %llu", events_left(&result.report), i);
		}
		test_expect(result.report.seen.verdict ==
				    (i < 3 ? XFN_VERDICT_STEERED : XFN_VERDICT_RATE_LIMITED),
			    "after %llu: %s", i, verdict_label(result.report.seen.verdict));
		if (i < 3)
			harness_expect(harness, "live", 0, BY_INGRESS, &frame, &expected, NULL);
	}
	test_expect(result.action == XDP_DROP, "action %s", action_label(result.action));
	dry_run(harness, &packets[0].frame, &result);
	test_expect(!result.report.now, "a function without a limit was asked for one");
	test_end();
}

/* ---- handlers ------------------------------------------------------------------------------------ */

static bool run_handler(struct harness *harness, __u32 slot, const char *object,
			const struct frame *frame, struct xfn_dry_handler *ret)
{
	struct xfn_handler_request request = {
		.tenant = "default",
		.name = "test",
		.path = object,
		.version_slot = slot,
	};
	const struct xfn_dry_frame dry = {frame->bytes, frame->size};
	struct xfn_fault fault;
	int err;

	request.object = harness_read_file(harness, object, &request.object_bytes);
	if (!request.object)
		return false;
	err = xfn_dry_run_handler(harness->dataplane, 0, &request, &dry, ret, &fault);
	free((void *)request.object);
	return test_expect(!err, "run %s: %s %s", object, strerror(-err), fault.text);
}

static void run_reply(struct harness *harness)
{
	static const struct frame_spec spec = {
		.dst_port = 7, .payload = "R, as it was", .payload_bytes = 12};
	static struct frame frame, reply;
	static struct xfn_dry_handler result;
	struct snapshot *before;

	test_begin("explain: a handler with maps of its own replies as the live one would");
	set_up(harness);
	before = snapshot_take(harness->dataplane);
	frame_build(&spec, &frame);
	frame_build_reply(&spec, spec.payload, spec.payload_bytes, &reply);
	if (run_handler(harness, ACTOR, "tests/bpf/actor.bpf.o", &frame, &result)) {
		test_expect(result.ran && result.outcome == XFN_OUTCOME_REPLIED, "outcome %d",
			    result.outcome);
		test_expect(result.action == XDP_TX, "action %s", action_label(result.action));
		test_expect_bytes("reply", result.bytes, result.size, reply.bytes, reply.size);
	}
	snapshot_expect_equal(harness->dataplane, before);
	snapshot_free(before);
	test_end();
}

static void run_private_maps(struct harness *harness)
{
	__u8 payload[32] = {};
	const struct frame_spec spec = {.dst_port = 10, .payload = payload, .payload_bytes = 32};
	static struct frame frame;
	static struct xfn_dry_handler result;
	static struct run run;
	__u64 count;
	int i;

	test_begin("explain: the live handler's private maps are not the second one's");
	set_up(harness);
	frame_build(&spec, &frame);
	for (i = 1; i <= 3; i++) {
		if (!run_handler(harness, COUNTING, "tests/bpf/count_events.bpf.o", &frame,
				 &result))
			break;
		memcpy(&count, result.bytes + frame.payload + 16, sizeof(count));
		test_expect(result.ran && count == 1, "the second one counted %llu", count);
		test_expect(result.maps.count == 1 && !strcmp(result.maps.names[0], "seen"),
			    "%u maps, the first is '%s'", result.maps.count, result.maps.names[0]);
		harness_run(harness, 0, BY_INGRESS, &frame, &run);
		memcpy(&count, run.after.bytes + frame.payload + 16, sizeof(count));
		test_expect(count == (__u64)i, "the live one counted %llu, expected %d", count, i);
	}
	test_end();
}

/* What police keeps from the handler does not reach it in a dry run either. */
static void run_refused(struct harness *harness)
{
	static const struct frame_spec spec = {.dst_port = 11};
	static struct frame frame;
	static struct xfn_dry_handler result;

	test_begin("explain: an event that the function does not get is not run");
	set_up(harness);
	frame_build(&spec, &frame);
	if (run_handler(harness, ACTOR, "tests/bpf/actor.bpf.o", &frame, &result))
		test_expect(!result.ran && result.outcome == -1, "it ran");
	test_end();
}

void suite_explain(struct harness *harness)
{
	run_untouched(harness);
	run_snapshot_sees(harness);
	run_parsed(harness);
	run_limiter(harness);
	run_reply(harness);
	run_private_maps(harness);
	run_refused(harness);
}
