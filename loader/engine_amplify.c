/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions that could be used to amplify: who are they, and what was measured of them. */
#include <netinet/in.h>
#include <stdlib.h>

#include "engine_apply.h"
#include "engine_read.h"

#define EVENTS_MIN 100 /* fewer say little */
#define ADVICE     "limit: {per_source: RATE} bounds what one source can draw"

/* UDP services that answer with more than they were sent: CISA alert TA14-017A; CoAP: RFC 7252 s. 11.3. */
static const __u16 amplifying_ports[] = {17,  19,  53,   69,   111,  123,  137,  161,
					 389, 520, 1900, 3702, 5353, 5683, 11211};

static bool is_open(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger)
{
	const struct xfn_prefix *sources = xfn_manifest_prefixes(manifest, trigger->sources);
	__u32 i;

	if (trigger->protocol != IPPROTO_UDP)
		return false;
	for (i = 0; i < trigger->sources.count; i++)
		if (!sources[i].plen)
			return true;
	return !trigger->sources.count;
}

static __u16 amplifying_port(const struct xfn_trigger_spec *trigger)
{
	size_t i;

	for (i = 0; i < sizeof(amplifying_ports) / sizeof(amplifying_ports[0]); i++)
		if (amplifying_ports[i] >= trigger->port_lo &&
		    amplifying_ports[i] <= trigger->port_hi)
			return amplifying_ports[i];
	return 0;
}

static bool can_answer(const struct xfn_function_spec *spec)
{
	return spec->delivery == XFN_DELIVER_KERNEL || spec->delivery == XFN_DELIVER_SOCKET ||
	       (spec->delivery == XFN_DELIVER_XSK && !spec->xsk.one_way);
}

/*
 * Says whether the function answers UDP to all without a limit for each source. *ret_port: a port of
 * those triggers on which answers tend to be large, or 0.
 */
static bool answers_all(const struct xfn_manifest *manifest, const struct xfn_function_spec *spec,
			__u16 *ret_port)
{
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, spec);
	bool open = false;
	__u32 i;

	*ret_port = 0;
	if (!spec->enabled || spec->given & XFN_GIVEN_PER_SOURCE ||
	    (xfn_has_rate(spec) && !spec->limit.rate.count) || !can_answer(spec))
		return false;
	for (i = 0; i < spec->trigger_count; i++) {
		if (!is_open(manifest, &triggers[i]))
			continue;
		open = true;
		*ret_port = *ret_port ? *ret_port : amplifying_port(&triggers[i]);
	}
	return open;
}

/* What a live handler sent for what it got, in hundredths; -1 where too little is known. */
static long long measured(struct xfn_engine *engine, const struct xfn_function_spec *spec)
{
	struct xfn_model_function *live =
		xfn_model_function(engine->model, spec->tenant, spec->name);
	struct xfn_selection selection = {.functions = live, .count = 1};
	struct xfn_function_counts *counts = NULL;
	xfn_version_pair *versions = NULL;
	struct xfn_retired sum = {};
	long long ratio = -1;

	if (!live || !live->version)
		return -1;
	if (!xfn_selection_counts(engine->dataplane, &selection, &counts) &&
	    !xfn_selection_versions(engine->dataplane, &selection, &versions)) {
		xfn_versions_sum(live, *versions, &sum);
		/* A handler that was compiled before replies were measured says nothing of them. */
		if (counts->verdicts[XFN_VERDICT_HANDLED] >= EVENTS_MIN && counts->bytes &&
		    (sum.reply_bytes || !sum.outcomes[XFN_OUTCOME_REPLIED]))
			ratio = sum.reply_bytes * 100 / counts->bytes;
	}
	free(counts);
	free(versions);
	return ratio;
}

static void warn_function(struct xfn_apply *apply, const struct xfn_function_spec *spec, __u16 port)
{
	long long ratio = measured(apply->change.engine, spec);
	char label[XFN_LABEL_BYTES];
	const char *name = xfn_function_label(spec, label);

	if (ratio > 100)
		xfn_apply_warn(
			apply,
			"function '%s' answers all who ask, with %lld.%02lld times the bytes "
			"it got (measured): spoofed, they hit others; " ADVICE,
			name, ratio / 100, ratio % 100);
	else if (ratio < 0 && port)
		xfn_apply_warn(
			apply,
			"function '%s' answers all who ask on udp/%u, where answers tend to be "
			"larger than what was asked: spoofed, they hit others; " ADVICE,
			name, port);
}

void xfn_apply_warn_amplifiers(struct xfn_apply *apply)
{
	const struct xfn_manifest *manifest = apply->set->manifest;
	__u16 port;
	size_t i;

	for (i = 0; i < manifest->function_count; i++)
		if (answers_all(manifest, &manifest->functions[i], &port))
			warn_function(apply, &manifest->functions[i], port);
}
