/* SPDX-License-Identifier: BSD-2-Clause */
/* Latencies by function, version and stage, from the histograms in the kernel: GET /v1/latency. */
#include <errno.h>
#include <stdlib.h>

#include "counters.h"
#include "engine_read.h"
#include "histogram.h"

static const char *const stage_labels[XFN_STAGE_COUNT] = {
#define X(number, NAME, label, meaning) [number] = #label,
	XFN_STAGES(X)
#undef X
};

/* One line of the answer. */
struct row {
	const struct xfn_model_function *function;
	const struct xfn_version *version; /* NULL: its port times it */
	__u32 slot;                        /* in xfn_histograms */
	enum xfn_stage stage;
	struct xfn_histogram *histogram;
};

static json_t *row_json(const struct row *row)
{
	const struct xfn_function_spec *spec = row->function->spec;
	struct xfn_latency_figures figures;
	char id[XFN_VERSION_TEXT];

	xfn_histogram_read(row->histogram, &figures);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
			 spec->name, "tenant", spec->tenant, "version",
			 row->version ? xfn_version_print(row->version, id) : "-", "stage",
			 stage_labels[row->stage], "count", (json_int_t)figures.count, "sample",
			 (json_int_t)(row->version ? spec->latency.sample : 1), "p50_ns",
			 (json_int_t)figures.p50_ns, "p90_ns", (json_int_t)figures.p90_ns, "p99_ns",
			 (json_int_t)figures.p99_ns, "p999_ns", (json_int_t)figures.p999_ns,
			 "max_ns", (json_int_t)figures.max_ns, "mean_ns",
			 (json_int_t)figures.mean_ns);
}

/* Lists what there is to show, in the order of the answer; @rows has room for all of it. */
static size_t list_rows(const struct xfn_selection *selection, bool stages, struct row *rows)
{
	const struct xfn_version *version;
	size_t i, count = 0;
	int role, stage;

	for (i = 0; i < selection->count; i++) {
		if (selection->functions[i].histogram != XFN_HISTOGRAM_NONE)
			rows[count++] = (struct row){&selection->functions[i], NULL,
						     selection->functions[i].histogram,
						     XFN_STAGE_TOTAL, NULL};
		for (role = 0; role < XFN_VERSION_ROLES; role++) {
			version = xfn_function_version(&selection->functions[i], role);
			if (!version || version->histogram == XFN_HISTOGRAM_NONE)
				continue;
			for (stage = stages ? 0 : XFN_STAGE_TOTAL; stage < XFN_STAGE_COUNT; stage++)
				rows[count++] = (struct row){&selection->functions[i], version,
							     version->histogram, stage, NULL};
		}
	}
	return count;
}

static int read_rows(const struct xfn_dataplane *dataplane, struct row *rows, size_t count,
		     struct xfn_histogram *histograms)
{
	struct xfn_counter *counters = calloc(count + 1, sizeof(*counters));
	size_t i;
	int err;

	if (!counters)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		rows[i].histogram = &histograms[i];
		counters[i].index = rows[i].slot * XFN_STAGE_COUNT + rows[i].stage;
		counters[i].sum = rows[i].histogram;
	}
	err = xfn_counters_read(dataplane, XFN_MAP_HISTOGRAMS, counters, count);
	free(counters);
	return err;
}

static int answer(const struct row *rows, size_t count, struct xfn_reply *reply)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < count && list; i++) {
		if (json_array_append_new(list, row_json(&rows[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	return xfn_reply_json(reply, list ? json_pack("{s:o}", "functions", list) : NULL);
}

int xfn_engine_latency(struct xfn_engine *engine, const struct xfn_latency_query *query,
		       struct xfn_reply *reply)
{
	struct xfn_histogram *histograms = NULL;
	struct xfn_selection selection;
	struct row *rows = NULL;
	size_t count = 0;
	int err = xfn_selection_find(engine, query->function, reply, &selection);

	if (err)
		return err > 0 ? 0 : err;
	rows = calloc(selection.count * (XFN_VERSION_ROLES * XFN_STAGE_COUNT + 1) + 1,
		      sizeof(*rows));
	if (rows) {
		count = list_rows(&selection, query->stages, rows);
		histograms = calloc(count + 1, sizeof(*histograms));
	}
	err = histograms ? read_rows(engine->dataplane, rows, count, histograms) : -ENOMEM;
	if (!err)
		err = answer(rows, count, reply);
	free(histograms);
	free(rows);
	return err;
}
