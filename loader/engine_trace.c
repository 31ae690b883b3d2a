/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "engine_explain.h"
#include "engine_trace.h"
#include "journal.h"
#include "loop.h"
#include "trace.h"
#include "units.h"

/* The pace: so many records a turn, so that one turn takes a few milliseconds. */
#define TURN_NS      25000000ULL
#define TURN_RECORDS 250
#define ALIVE_NS     1000000000ULL /* a blank line at least so often: a reader that went is noticed */
#define QUEUED_MAX \
	(1U << 20) /* bytes; a reader that is slower loses records, not the daemon memory */

enum { SNAP_DEFAULT = 256, COUNT_MAX = 1000000000 };

struct xfn_tracing {
	struct xfn_engine *engine;
	struct xfn_trace *trace;
	struct xfn_trace_sink sink;
	struct xfn_trace_filter filter;
	struct xfn_source *timer;
	__u64 until_ns, alive_ns; /* CLOCK_MONOTONIC */
	__u64 for_ns;
	__u64 realtime_offset_ns; /* what makes CLOCK_REALTIME of it */
	__u64 count_max, records;
	__u64 identity; /* of the function that was asked for; its slot may become another's */
	bool ended;
	uid_t uid;
	pid_t pid;
	/* A version slot that was looked at last, and whether a handler is there. */
	__u32 looked_at;
	bool is_there;
};

/* ---- the query ------------------------------------------------------------------------------------- */

static int refuse(struct xfn_reply *reply, const char *what, const char *value,
		  const char *expected)
{
	int err = xfn_reply_error(reply, 400, "bad_request", NULL,
				  "cannot trace: %s '%s': expected %s", what, value, expected);

	return err ?: 1;
}

/* Labels with commas between. */
static int read_verdicts(const char *text, __u32 *ret, struct xfn_reply *reply)
{
	char expected[400] = "one or more of";
	size_t length;
	__u32 verdict;

	*ret = 0;
	for (verdict = 0; verdict < XFN_VERDICT_COUNT; verdict++)
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s %s",
			 verdict ? "," : "", xfn_verdict_label(verdict));
	while (*text) {
		length = strcspn(text, ",");
		for (verdict = 0; verdict < XFN_VERDICT_COUNT; verdict++)
			if (strlen(xfn_verdict_label(verdict)) == length &&
			    !memcmp(xfn_verdict_label(verdict), text, length))
				break;
		if (verdict == XFN_VERDICT_COUNT)
			return refuse(reply, "no verdict", text, expected);
		*ret |= 1U << verdict;
		text += length + (text[length] == ',');
	}
	return *ret ? 0 : refuse(reply, "no verdict", "", expected);
}

static void mask_of(const struct xfn_prefix *prefix, __u64 mask[2])
{
	__u8 *bytes = (__u8 *)mask;
	unsigned i;

	for (i = 0; i < 16; i++)
		bytes[i] = prefix->plen >= 8 * (i + 1) ? 0xff
			   : prefix->plen <= 8 * i     ? 0
						       : 0xff << (8 * (i + 1) - prefix->plen);
}

static int read_source(const char *text, struct xfn_trace_filter *filter, struct xfn_reply *reply)
{
	struct xfn_unit_error error;
	struct xfn_prefix prefix;

	if (xfn_prefix_parse(text, strlen(text), &prefix, &error))
		return refuse(reply, "cannot read the source", text, error.expected);
	filter->ip_version = strchr(text, ':') ? 6 : 4;
	memcpy(filter->src, prefix.addr, sizeof(filter->src));
	memset(filter->src_mask, 0, sizeof(filter->src_mask));
	mask_of(&prefix, filter->src_mask);
	return 0;
}

static int read_number(const char *what, const char *text, __u64 min, __u64 max, __u64 *ret,
		       struct xfn_reply *reply)
{
	char expected[XFN_UNIT_TEXT_MAX];
	struct xfn_unit_error error;

	if (!xfn_count_parse(text, strlen(text), min, max, ret, &error))
		return 0;
	snprintf(expected, sizeof(expected), "%llu to %llu", min, max);
	return refuse(reply, what, text, expected);
}

static int read_duration(const char *text, __u64 *ret, struct xfn_reply *reply)
{
	struct xfn_unit_error error;

	if (xfn_duration_parse(text, strlen(text), ret, &error) || !*ret ||
	    *ret > XFN_TRACE_FOR_MAX_NS)
		return refuse(reply, "cannot trace for", text, "a time up to 1h, as in 30s");
	return 0;
}

static int read_function(struct xfn_tracing *tracing, const char *name, struct xfn_reply *reply)
{
	struct xfn_selection selection;
	int err = xfn_selection_find(tracing->engine, name, reply, &selection);

	if (!err) {
		tracing->filter.function = selection.functions[0].slot;
		tracing->identity = selection.functions[0].identity;
	}
	return err;
}

static int read_query(struct xfn_tracing *tracing, const struct xfn_trace_query *query,
		      struct xfn_reply *reply)
{
	__u64 snap = SNAP_DEFAULT;
	int err = 0;

	tracing->filter = (struct xfn_trace_filter){.verdicts = ~0U, .function = XFN_TRACE_ANY};
	tracing->for_ns = XFN_TRACE_FOR_DEFAULT_NS;
	tracing->count_max = ~0ULL;
	if (query->function)
		err = read_function(tracing, query->function, reply);
	if (!err && query->verdict)
		err = read_verdicts(query->verdict, &tracing->filter.verdicts, reply);
	if (!err && query->from)
		err = read_source(query->from, &tracing->filter, reply);
	if (!err && query->count)
		err = read_number("cannot count", query->count, 1, COUNT_MAX, &tracing->count_max,
				  reply);
	if (!err && query->duration)
		err = read_duration(query->duration, &tracing->for_ns, reply);
	if (!err && query->snap)
		err = read_number("cannot copy", query->snap, XFN_TRACE_SNAP_MIN,
				  XFN_TRACE_SNAP_MAX, &snap, reply);
	tracing->filter.snap_bytes = (snap + 7) & ~7ULL; /* records are whole words */
	return err;
}

/* ---- lines ----------------------------------------------------------------------------------------- */

/* Takes over @line. */
static void write_line(const struct xfn_tracing *tracing, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!text)
		return; /* no memory for one line: the next may find some */
	tracing->sink.line(tracing->sink.context, text, strlen(text));
	tracing->sink.line(tracing->sink.context, "\n", 1);
	free(text);
}

static void write_begin(const struct xfn_tracing *tracing)
{
	const struct xfn_dataplane *dataplane = tracing->engine->dataplane;
	json_t *names = json_array();
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX && names; slot++)
		if (dataplane->interface[slot].used)
			json_array_append_new(names, json_string(dataplane->interface[slot].name));
	write_line(tracing, json_pack("{s:{s:o, s:I, s:i}}", "begin", "interfaces", names, "for_ns",
				      (json_int_t)tracing->for_ns, "snap_bytes",
				      (int)tracing->filter.snap_bytes));
}

/* In the notation that explain reads, from what ingress parsed; null where it got no ports. */
static json_t *packet_json(const struct xfn_sighting *seen)
{
	__u64 vlans[2] = {seen->meta >> XFN_META_OUTER_SHIFT, seen->meta >> XFN_META_INNER_SHIFT};
	struct xfn_packet packet = {
		.protocol = seen->l4_proto,
		.family = seen->ip_version == 4 ? AF_INET : AF_INET6,
		.src_port = ntohs(seen->src_port),
		.dst_port = ntohs(seen->dst_port),
		.tcp_flags = seen->tcp_flags & 0x3f,
	};
	char text[XFN_PACKET_TEXT_MAX];
	int i;

	if (!seen->payload_offset)
		return json_null();
	memcpy(packet.src, seen->src, sizeof(packet.src));
	memcpy(packet.dst, seen->dst, sizeof(packet.dst));
	for (i = 0; i < 2; i++)
		if (vlans[i] & XFN_VLAN_PRESENT)
			packet.vlan[packet.vlan_tags++] = vlans[i] & 0xfff;
	return json_string(xfn_packet_print(&packet, false, text, sizeof(text)));
}

static const struct xfn_model_function *function_of(const struct xfn_tracing *tracing,
						    const struct xfn_sighting *seen)
{
	if (seen->verdict >= XFN_FUNCTION_VERDICT_COUNT)
		return NULL;
	return xfn_model_function_in_slot(tracing->engine->model, seen->function);
}

static json_t *function_json(const struct xfn_model_function *function)
{
	char label[XFN_LABEL_BYTES];

	return function ? json_string(xfn_function_label(function->spec, label)) : json_null();
}

/* The live version, or the one before where the event was still its own. */
static json_t *version_json(const struct xfn_model_function *function,
			    const struct xfn_trace_record *record)
{
	char text[XFN_VERSION_TEXT];
	int role;

	for (role = 0; function && role < XFN_VERSION_ROLES; role++) {
		const struct xfn_version *version = xfn_function_version(function, role);

		if (version && version->slot == record->version)
			return json_string(xfn_version_print(version, text));
	}
	return json_null();
}

/*
 * `handled` is said before the tail call. Where the handler's slot is empty the call comes back, and a
 * second record says no_target: then the first is not one.
 */
static bool is_taken_back(struct xfn_tracing *tracing, const struct xfn_trace_record *record)
{
	int fd = tracing->engine->dataplane->map_fd[XFN_MAP_HANDLERS];
	__u32 id;

	if (record->seen.verdict != XFN_VERDICT_HANDLED)
		return false;
	if (tracing->looked_at != record->version) {
		tracing->looked_at = record->version;
		tracing->is_there = !bpf_map_lookup_elem(fd, &record->version, &id);
	}
	return !tracing->is_there;
}

/* The slot of the function that was asked for has changed hands, or is nobody's. */
static bool is_anothers(const struct xfn_tracing *tracing, const struct xfn_sighting *seen)
{
	const struct xfn_model_function *function = function_of(tracing, seen);

	return tracing->filter.function != XFN_TRACE_ANY &&
	       (!function || function->identity != tracing->identity);
}

static void write_record(void *context, const struct xfn_trace_record *record, const __u8 *frame)
{
	struct xfn_tracing *tracing = context;
	const struct xfn_sighting *seen = &record->seen;
	const struct xfn_model_function *function = function_of(tracing, seen);
	__u64 time_ns = record->time_ns + tracing->realtime_offset_ns;
	char hex[2 * XFN_TRACE_SNAP_MAX + 1];

	if (is_anothers(tracing, seen) || is_taken_back(tracing, record) ||
	    tracing->records >= tracing->count_max || record->interface >= XFN_INTERFACES_MAX ||
	    record->captured > XFN_TRACE_SNAP_MAX)
		return;
	tracing->records++;
	write_line(tracing,
		   json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:i, s:i, s:o, s:i, s:s}", "time",
			     xfn_time_json(time_ns), "time_ns", (json_int_t)time_ns, "interface",
			     tracing->engine->dataplane->interface[record->interface].name,
			     "verdict", xfn_verdict_label(seen->verdict), "function",
			     function_json(function), "version", version_json(function, record),
			     "bytes", (int)seen->bytes, "captured", (int)record->captured, "packet",
			     packet_json(seen), "payload_bytes", (int)seen->payload_bytes, "frame",
			     xfn_hex_print(frame, record->captured, hex)));
}

/* ---- its life -------------------------------------------------------------------------------------- */

static void drain(struct xfn_tracing *tracing)
{
	tracing->looked_at = ~0U;
	if (tracing->sink.queued(tracing->sink.context) < QUEUED_MAX)
		xfn_trace_drain(tracing->trace, TURN_RECORDS, write_record, tracing);
}

/* What is left in the ring is worth a last look, up to its size. */
static void end(struct xfn_tracing *tracing, const char *reason)
{
	__u64 lost;

	if (tracing->ended)
		return;
	tracing->ended = true;
	xfn_trace_stop(tracing->trace);
	tracing->looked_at = ~0U;
	if (tracing->sink.queued(tracing->sink.context) < QUEUED_MAX)
		xfn_trace_drain(tracing->trace, XFN_TRACE_RING_BYTES / XFN_TRACE_SNAP_MIN,
				write_record, tracing);
	lost = xfn_trace_lost(tracing->trace);
	write_line(tracing, json_pack("{s:{s:s, s:I, s:I}}", "end", "reason", reason, "records",
				      (json_int_t)tracing->records, "lost", (json_int_t)lost));
	tracing->sink.end(tracing->sink.context);
}

static bool is_detached(const struct xfn_tracing *tracing)
{
	int slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (tracing->engine->dataplane->interface[slot].used)
			return false;
	return true;
}

/* Whether the function that was asked for is no more. */
static bool is_removed(const struct xfn_tracing *tracing)
{
	const struct xfn_model_function *function;

	if (tracing->filter.function == XFN_TRACE_ANY)
		return false;
	function = xfn_model_function_in_slot(tracing->engine->model, tracing->filter.function);
	return !function || function->identity != tracing->identity;
}

static void turn(void *context)
{
	struct xfn_tracing *tracing = context;
	__u64 now = xfn_clock_ns(CLOCK_MONOTONIC);

	if (tracing->ended)
		return;
	drain(tracing);
	if (tracing->records >= tracing->count_max) {
		end(tracing, "count");
	} else if (now >= tracing->until_ns) {
		end(tracing, "time");
	} else if (is_detached(tracing)) {
		end(tracing, "detached");
	} else if (is_removed(tracing)) {
		end(tracing, "removed");
	} else {
		if (now >= tracing->alive_ns) {
			tracing->sink.line(tracing->sink.context, "\n", 1);
			tracing->alive_ns = now + ALIVE_NS;
		}
		xfn_timer_set(tracing->timer, TURN_NS);
	}
}

static int start(struct xfn_tracing *tracing, struct xfn_reply *reply)
{
	struct xfn_engine *engine = tracing->engine;
	struct xfn_fault fault = {""};
	__u64 now = xfn_clock_ns(CLOCK_MONOTONIC);
	int err = xfn_loop_add_timer(engine->options.loop, XFN_TIMER_OFF, turn, tracing,
				     &tracing->timer);

	if (!err)
		err = xfn_trace_start(engine->dataplane, &tracing->filter, &tracing->trace, &fault);
	if (err == -ENODEV) {
		err = xfn_reply_error(reply, 409, "nothing_attached", NULL,
				      "cannot trace: no interface is attached");
		return err ?: xfn_reply_error_set(reply, "hint", json_string("xfn attach IFACE")) ?:
						  1;
	}
	if (err && fault.text[0])
		return xfn_reply_error(reply, 500, "failed", NULL, "cannot trace: %s", fault.text)
			       ?: 1;
	if (err)
		return err;
	tracing->realtime_offset_ns = xfn_clock_ns(CLOCK_REALTIME) - now;
	tracing->until_ns = now + tracing->for_ns;
	tracing->alive_ns = now + ALIVE_NS;
	write_begin(tracing);
	xfn_timer_set(tracing->timer, TURN_NS);
	return 0;
}

static int refuse_second(const struct xfn_tracing *first, struct xfn_reply *reply)
{
	int err = xfn_reply_error(reply, 409, "busy", NULL,
				  "cannot trace: a trace runs already, of user %u, process %d; one "
				  "at a time",
				  first->uid, first->pid);

	return err ?: 1;
}

int xfn_engine_trace_open(struct xfn_engine *engine, const struct xfn_trace_query *query,
			  const struct xfn_actor *actor, const struct xfn_trace_sink *sink,
			  struct xfn_reply *reply, struct xfn_tracing **ret)
{
	struct xfn_tracing *tracing;
	int err;

	if (engine->tracing)
		return refuse_second(engine->tracing, reply);
	tracing = calloc(1, sizeof(*tracing));
	if (!tracing)
		return -ENOMEM;
	tracing->engine = engine;
	tracing->sink = *sink;
	tracing->uid = actor->uid;
	tracing->pid = actor->pid;
	err = read_query(tracing, query, reply) ?: start(tracing, reply);
	if (err) {
		xfn_source_free(tracing->timer);
		free(tracing);
		return err;
	}
	engine->tracing = tracing;
	xfn_journal_add(engine->options.journal, &(struct xfn_journal_event){.type = "trace"},
			"begins, for user %u, process %d", actor->uid, actor->pid);
	*ret = tracing;
	return 0;
}

void xfn_engine_trace_close(struct xfn_tracing *tracing)
{
	if (!tracing)
		return;
	tracing->engine->tracing = NULL;
	xfn_journal_add(tracing->engine->options.journal,
			&(struct xfn_journal_event){.type = "trace"},
			"ends after %llu packets, %llu lost", tracing->records,
			xfn_trace_lost(tracing->trace));
	xfn_source_free(tracing->timer);
	xfn_trace_close(tracing->trace);
	free(tracing);
}

void xfn_engine_trace_end(struct xfn_engine *engine, const char *reason)
{
	if (engine->tracing)
		end(engine->tracing, reason);
}
