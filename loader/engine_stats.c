/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters by interface, function and version: GET /v1/stats. */
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "engine_keeper.h"
#include "engine_lost.h"
#include "engine_read.h"
#include "losses.h"
#include "port.h"

static const char *const verdict_labels[XFN_VERDICT_COUNT] = {
#define X(number, NAME, label, scope, meaning) [number] = #label,
	XFN_VERDICTS(X)
#undef X
};

static const char *const outcome_labels[XFN_OUTCOME_COUNT] = {
#define X(number, NAME, label, meaning) [number] = #label,
	XFN_OUTCOMES(X)
#undef X
};

static const char *const port_labels[] = {
#define X(number, NAME, label, meaning) [number] = #label,
	XFN_PORT_OUTCOMES(X)
#undef X
};

/*
 * What one answer is made from. Most counters of many functions are zero, so the objects that hold
 * nothing but zeros are made once and shared: nobody changes a reply's body.
 */
struct page {
	json_t *no_verdicts, *no_outcomes, *no_losses;
	struct xfn_lost_view lost;
	struct xfn_function_counts *counts;
	xfn_version_pair *versions;
};

/* Every label, @count of @counts given and zeros for the rest. */
static json_t *labelled(const char *const *labels, size_t label_count, const __u64 *counts,
			size_t count)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < label_count && object; i++) {
		if (json_object_set_new_nocheck(
			    object, labels[i],
			    json_integer((json_int_t)(i < count ? counts[i] : 0)))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *verdicts_json(struct page *page, const __u64 *counts, size_t count)
{
	if (page->no_verdicts && !xfn_counts_sum(counts, count))
		return json_incref(page->no_verdicts);
	return labelled(verdict_labels, XFN_VERDICT_COUNT, counts, count);
}

static json_t *outcomes_json(struct page *page, const __u64 *counts)
{
	if (page->no_outcomes && !xfn_counts_sum(counts, XFN_OUTCOME_COUNT))
		return json_incref(page->no_outcomes);
	return labelled(outcome_labels, XFN_OUTCOME_COUNT, counts, XFN_OUTCOME_COUNT);
}

static json_t *lost_json(struct page *page, const struct xfn_model_function *function)
{
	const char *labels[XFN_LOSS_COUNT];
	__u64 lost[XFN_LOSS_COUNT];
	int cause;

	xfn_lost_of(&page->lost, function, lost);
	if (page->no_losses && !xfn_counts_sum(lost, XFN_LOSS_COUNT))
		return json_incref(page->no_losses);
	for (cause = 0; cause < XFN_LOSS_COUNT; cause++)
		labels[cause] = xfn_loss_label(cause);
	return labelled(labels, XFN_LOSS_COUNT, lost, XFN_LOSS_COUNT);
}

/* The same of nothing, which most functions have lost. */
static json_t *no_losses(void)
{
	const char *labels[XFN_LOSS_COUNT];
	int cause;

	for (cause = 0; cause < XFN_LOSS_COUNT; cause++)
		labels[cause] = xfn_loss_label(cause);
	return labelled(labels, XFN_LOSS_COUNT, NULL, 0);
}

/* ---- interfaces ---------------------------------------------------------------------------------- */

static int add_interface(struct page *page, const struct xfn_engine *engine, __u32 slot,
			 json_t *list)
{
	const struct xfn_dataplane *dataplane = engine->dataplane;
	const struct xfn_dataplane_interface *interface = &dataplane->interface[slot];
	struct xfn_interface_verdicts verdicts;
	__u64 packets;
	int err = xfn_interface_counts(dataplane, slot, &packets, &verdicts);

	if (err)
		return err;
	return json_array_append_new(
		       list,
		       json_pack("{s:s, s:s, s:b, s:o, s:I, s:o}", "name", interface->name, "mode",
				 xfn_mode_label(interface->generic), "coexist", interface->coexist,
				 "next", xfn_engine_next_json(engine, interface->name), "packets",
				 (json_int_t)packets, "verdicts",
				 verdicts_json(page, verdicts.count, XFN_VERDICT_COUNT)))
		       ? -ENOMEM
		       : 0;
}

static int add_interfaces(struct page *page, const struct xfn_engine *engine, json_t *list)
{
	const struct xfn_dataplane *dataplane = engine->dataplane;
	__u32 slot;
	int err = 0;

	for (slot = 0; slot < XFN_INTERFACES_MAX && !err; slot++)
		if (dataplane->interface[slot].used)
			err = add_interface(page, engine, slot, list);
	return err;
}

/* ---- functions ----------------------------------------------------------------------------------- */

static json_t *version_json(struct page *page, const struct xfn_version *version,
			    enum xfn_version_role role, const struct xfn_version_counts *counts)
{
	char id[XFN_VERSION_TEXT];

	/* `handled` is the first verdict; a version has no other. */
	return json_pack("{s:s, s:s, s:o, s:o}", "id", xfn_version_print(version, id), "state",
			 xfn_version_role_label(role), "verdicts",
			 verdicts_json(page, &counts->invocations, 1), "outcomes",
			 outcomes_json(page, counts->outcomes));
}

static json_t *versions_json(struct page *page, const struct xfn_model_function *function,
			     const xfn_version_pair counts)
{
	json_t *list = json_array();
	const struct xfn_version *version;
	int role;

	for (role = 0; role < XFN_VERSION_ROLES && list; role++) {
		version = xfn_function_version(function, role);
		if (version &&
		    json_array_append_new(list, version_json(page, version, role, &counts[role]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Takes NULL. */
static void set_count(json_t *object, const char *key, __u64 count)
{
	json_object_set_new(object, key, json_integer((json_int_t)count));
}

/* What became of what a port's function sent, and what it has yet to answer; null where there is no port. */
static json_t *port_json(const struct page *page, const struct xfn_model_function *function)
{
	struct xfn_dataplane *dataplane = page->lost.engine->dataplane;
	struct xfn_port_totals totals;
	struct xfn_kept kept = {};
	json_t *object;
	int port = function->spec->delivery == XFN_DELIVER_XSK
			   ? xfn_port_of(dataplane, function->identity)
			   : -ENOENT;

	if (port < 0 ||
	    xfn_port_read(dataplane, (__u32)port, xfn_clock_ns(CLOCK_MONOTONIC), &totals))
		return json_null();
	if (!xfn_keeping_read(page->lost.engine, function->identity, &kept))
		totals.outcomes[XFN_PORT_EXPIRED] = kept.sums.expired;
	object = labelled(port_labels, XFN_PORT_OUTCOME_COUNT, totals.outcomes,
			  XFN_PORT_OUTCOME_COUNT);
	set_count(object, "in_flight", totals.in_flight);
	set_count(object, "parked", totals.parked);
	set_count(object, "waiting", kept.counts.waiting);
	set_count(object, "parked_full", kept.sums.full);
	set_count(object, "forgotten", kept.sums.forgotten);
	set_count(object, "parked_lost", kept.lost);
	return object;
}

static json_t *function_json(struct page *page, const struct xfn_model_function *function,
			     const struct xfn_function_counts *counts,
			     const xfn_version_pair versions)
{
	const struct xfn_function_spec *spec = function->spec;
	struct xfn_retired sum;

	xfn_versions_sum(function, versions, &sum);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "name", spec->name,
			 "tenant", spec->tenant, "delivery", xfn_delivery_label(spec->delivery),
			 "verdicts",
			 verdicts_json(page, counts->verdicts, XFN_FUNCTION_VERDICT_COUNT),
			 "outcomes", outcomes_json(page, sum.outcomes), "versions",
			 versions_json(page, function, versions), "lost", lost_json(page, function),
			 "port", port_json(page, function), "bytes", (json_int_t)counts->bytes,
			 "reply_bytes", (json_int_t)sum.reply_bytes);
}

static int add_functions(struct page *page, const struct xfn_dataplane *dataplane,
			 const struct xfn_selection *selection, json_t *list)
{
	int err = xfn_selection_counts(dataplane, selection, &page->counts);
	size_t i;

	if (!err)
		err = xfn_selection_versions(dataplane, selection, &page->versions);
	for (i = 0; i < selection->count && !err; i++)
		if (json_array_append_new(list, function_json(page, &selection->functions[i],
							      &page->counts[i], page->versions[i])))
			err = -ENOMEM;
	return err;
}

int xfn_engine_stats(struct xfn_engine *engine, const char *function, struct xfn_reply *reply)
{
	struct page page = {
		.no_verdicts = labelled(verdict_labels, XFN_VERDICT_COUNT, NULL, 0),
		.no_outcomes = labelled(outcome_labels, XFN_OUTCOME_COUNT, NULL, 0),
		.no_losses = no_losses(),
		.lost = {.engine = engine},
	};
	json_t *interfaces = json_array(), *functions = json_array();
	struct xfn_selection selection;
	int err = xfn_selection_find(engine, function, reply, &selection);

	if (!err &&
	    !(page.no_verdicts && page.no_outcomes && page.no_losses && interfaces && functions))
		err = -ENOMEM;
	if (!err)
		err = add_interfaces(&page, engine, interfaces);
	if (!err)
		err = add_functions(&page, engine->dataplane, &selection, functions);
	if (!err)
		err = xfn_reply_json(reply, json_pack("{s:O, s:O, s:o}", "interfaces", interfaces,
						      "functions", functions, "keeper",
						      xfn_keeping_counts_json(engine)));
	json_decref(interfaces);
	json_decref(functions);
	json_decref(page.no_verdicts);
	json_decref(page.no_outcomes);
	json_decref(page.no_losses);
	xfn_lost_view_fini(&page.lost);
	free(page.counts);
	free(page.versions);
	return err > 0 ? 0 : err;
}
