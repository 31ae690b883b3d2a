/* SPDX-License-Identifier: BSD-2-Clause */
/* The page: Prometheus text 0.0.4, all lines of a name together, in order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "statsd.h"

const char *const statsd_outcome_labels[STATSD_OUTCOME_COUNT] = {
#define X(NAME, label) #label,
	STATSD_OUTCOMES(X)
#undef X
};

static const char *const type_words[] = {
	[STATSD_COUNTER] = "counter",
	[STATSD_GAUGE] = "gauge",
	[STATSD_HISTOGRAM] = "histogram",
	[STATSD_SET] = "gauge",
};

static const char *const help_words[] = {
	[STATSD_COUNTER] = "Counter of StatsD.",
	[STATSD_GAUGE] = "Gauge of StatsD.",
	[STATSD_HISTOGRAM] = "Timer or histogram of StatsD.",
	[STATSD_SET] = "Set of StatsD: members seen within 300 seconds.",
};
_Static_assert(STATSD_MEMBER_S == 300, "said above");

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The shortest of 15 and 17 digits that reads back as the same number. */
static void write_value(FILE *out, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	fprintf(out, " %s\n", text);
}

static void write_line(FILE *out, const struct statsd_series *series, const char *suffix,
		       double value)
{
	fprintf(out, "%s%s", series->name, suffix);
	if (series->labels[0])
		fprintf(out, "{%s}", series->labels);
	write_value(out, value);
}

static void write_bucket(FILE *out, const struct statsd_series *series, const char *bound,
			 double value)
{
	fprintf(out, "%s_bucket{%s%sle=\"%s\"}", series->name, series->labels,
		series->labels[0] ? "," : "", bound);
	write_value(out, value);
}

static void write_histogram(FILE *out, const struct statsd_series *series)
{
	char bound[32];
	unsigned i;

	for (i = 0; i < STATSD_BUCKETS; i++) {
		snprintf(bound, sizeof(bound), "%g", statsd_bounds[i]);
		write_bucket(out, series, bound, series->buckets[i]);
	}
	write_bucket(out, series, "+Inf", series->count);
	write_line(out, series, "_sum", series->value);
	write_line(out, series, "_count", series->count);
}

/* How many members each series has, by its number. */
static void count_members(const struct statsd *statsd, int64_t now_s, unsigned *ret)
{
	const struct statsd_member *member = &statsd->members[0][0];
	size_t i;

	for (i = 0; i < (size_t)STATSD_MEMBER_SETS * STATSD_MEMBER_WAYS; i++, member++) {
		if (member->series && now_s - member->seen_s < STATSD_MEMBER_S)
			ret[member->series - 1]++;
	}
}

static int compare(const void *left, const void *right)
{
	const struct statsd_series *const *a = left, *const *b = right;
	int names = strcmp((*a)->name, (*b)->name);

	return names ? names : strcmp((*a)->labels, (*b)->labels);
}

static void write_series(const struct statsd *statsd, int64_t now_s, FILE *out)
{
	const struct statsd_series *sorted[STATSD_SERIES_MAX];
	unsigned members[STATSD_SERIES_MAX] = {0}, i;
	const char *name = "";

	for (i = 0; i < statsd->series_count; i++)
		sorted[i] = &statsd->series[i];
	qsort(sorted, statsd->series_count, sizeof(sorted[0]), compare);
	count_members(statsd, now_s, members);
	for (i = 0; i < statsd->series_count; i++) {
		const struct statsd_series *series = sorted[i];

		if (strcmp(name, series->name) != 0)
			write_head(out, series->name, type_words[series->kind],
				   help_words[series->kind]);
		name = series->name;
		if (series->kind == STATSD_HISTOGRAM)
			write_histogram(out, series);
		else if (series->kind == STATSD_SET)
			write_line(out, series, "", members[series - statsd->series]);
		else
			write_line(out, series, "", series->value);
	}
}

static void write_own(FILE *out, const char *name, const char *type, const char *help,
		      uint64_t value)
{
	write_head(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

void statsd_page_write(const struct statsd *statsd, const struct statsd_losses *losses,
		       int64_t now_s, FILE *out)
{
	unsigned i;

	write_series(statsd, now_s, out);
	write_own(out, "xfn_statsd_datagrams_total", "counter", "Datagrams taken.",
		  statsd->datagrams);
	write_own(out, "xfn_statsd_dropped_total", "counter",
		  "Datagrams that the kernel had no room for in the ring.", losses->dropped);
	write_own(out, "xfn_statsd_unreadable_total", "counter",
		  "Packets that libxfn could not read.", losses->unreadable);
	write_own(out, "xfn_statsd_series", "gauge", "Names with their labels.",
		  statsd->series_count);
	write_head(out, "xfn_statsd_lines_total", "counter", "Lines, by what became of them.");
	for (i = 0; i < STATSD_OUTCOME_COUNT; i++)
		fprintf(out, "xfn_statsd_lines_total{outcome=\"%s\"} %" PRIu64 "\n",
			statsd_outcome_labels[i], statsd->outcomes[i]);
}
