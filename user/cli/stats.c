/* SPDX-License-Identifier: BSD-2-Clause */
/* xfn stats: counters by interface and function; summed up, by verdict, or as they move. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "matrix.h"
#include "output.h"
#include "table.h"

/* What a reader wants to tell apart; all else is nobody's traffic, passed on. */
enum group { DELIVERED, LIMITED, UNSERVED, GROUPS };

static const struct {
	const char *label;
	enum group group;
} verdict_groups[] = {
	{"handled", DELIVERED},           {"steered", DELIVERED}, {"rate_limited", LIMITED},
	{"source_limited", LIMITED},      {"disabled", UNSERVED}, {"no_target", UNSERVED},
	{"concurrency_limited", LIMITED},
};

static const char *const failed_outcomes[] = {"aborted", "bad_source", "bad_reply"};
static const char *const not_let_out[] = {"bad_source", "bad_reply", "unsent"};

/* Two readings, for rates. */
struct view {
	json_t *now, *before;
	double now_s, before_s;
	FILE *out;
};

static double seconds_between(const struct view *view)
{
	return view->before ? view->now_s - view->before_s : 0;
}

static bool is_same(const json_t *a, const json_t *b)
{
	return strcmp(xfn_json_text(a, "name"), xfn_json_text(b, "name")) == 0 &&
	       strcmp(xfn_json_text(a, "tenant"), xfn_json_text(b, "tenant")) == 0;
}

/* The same thing in the reading before; NULL if it was not there. */
static const json_t *find_before(const struct view *view, const char *kind, size_t at,
				 const json_t *item)
{
	const json_t *items = json_object_get(view->before, kind), *other;
	size_t i;

	other = json_array_get(items, at);
	if (other && is_same(other, item))
		return other;
	json_array_foreach (items, i, other)
		if (is_same(other, item))
			return other;
	return NULL;
}

static void add_count(struct xfn_table *table, __u64 count)
{
	char figure[XFN_FIGURE_BYTES];

	xfn_table_cell(table, "%s", xfn_figure_count(figure, count));
}

static void add_rate(struct xfn_table *table, const struct view *view, __u64 now,
		     const json_t *earlier, __u64 before)
{
	double seconds = seconds_between(view);
	char figure[XFN_FIGURE_BYTES];

	if (!earlier || seconds <= 0)
		xfn_table_cell(table, "-");
	else
		xfn_table_cell(
			table, "%s",
			xfn_figure_rate(figure, now > before ? (now - before) / seconds : 0));
}

/* Adds delivered, limited, unserved; returns what is in none of these. */
static __u64 add_groups(struct xfn_table *table, const json_t *verdicts)
{
	__u64 sums[GROUPS] = {0}, rest = xfn_json_sum(verdicts);

	for (size_t i = 0; i < sizeof(verdict_groups) / sizeof(verdict_groups[0]); i++)
		sums[verdict_groups[i].group] += xfn_json_count(verdicts, verdict_groups[i].label);
	for (size_t i = 0; i < GROUPS; i++) {
		add_count(table, sums[i]);
		rest -= sums[i];
	}
	return rest;
}

/* ---- tables ------------------------------------------------------------------------------------*/

static void print_interfaces(const struct xfn_cli *cli, struct view *view)
{
	struct xfn_column columns[8] = {
		{"INTERFACE", XFN_LEFT}, {"MODE", XFN_LEFT}, {"PACKETS", XFN_RIGHT}};
	const json_t *items = json_object_get(view->now, "interfaces"), *item;
	struct xfn_table *table;
	size_t i, count = 3;

	if (!json_array_size(items)) {
		fputs("no interface attached: xfn attach IFACE\n", view->out);
		return;
	}
	if (cli->watch)
		columns[count++] = (struct xfn_column){"PER S", XFN_RIGHT};
	columns[count++] = (struct xfn_column){"DELIVERED", XFN_RIGHT};
	columns[count++] = (struct xfn_column){"LIMITED", XFN_RIGHT};
	columns[count++] = (struct xfn_column){"UNSERVED", XFN_RIGHT};
	columns[count++] = (struct xfn_column){"OTHERS", XFN_RIGHT};
	table = xfn_table_new(columns, count);
	json_array_foreach (items, i, item) {
		const json_t *earlier = find_before(view, "interfaces", i, item);
		__u64 packets = xfn_json_count(item, "packets");

		xfn_table_cell(table, "%s", xfn_json_text(item, "name"));
		xfn_table_cell(table, "%s", xfn_json_text(item, "mode"));
		add_count(table, packets);
		if (cli->watch)
			add_rate(table, view, packets, earlier, xfn_json_count(earlier, "packets"));
		add_count(table, add_groups(table, json_object_get(item, "verdicts")));
	}
	xfn_table_print(table, view->out);
	xfn_table_free(table);
}

static __u64 sum_of(const json_t *counts, const char *const *names, size_t count)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += xfn_json_count(counts, names[i]);
	return sum;
}

/*
 * @port: of a function that is behind one. An event whose reply is not let out is a timeout, too, at its deadline, if
 * the function answers: it failed once. What it answers late was counted as unanswered before.
 */
static void add_outcomes(struct xfn_table *table, const json_t *outcomes, const json_t *port)
{
	__u64 stopped = sum_of(port, not_let_out, sizeof(not_let_out) / sizeof(not_let_out[0]));
	__u64 unanswered = xfn_json_count(port, "timeout");
	__u64 failed = sum_of(outcomes, failed_outcomes,
			      sizeof(failed_outcomes) / sizeof(failed_outcomes[0])) +
		       (stopped > unanswered ? stopped : unanswered);

	add_count(table, xfn_json_count(outcomes, "replied") + xfn_json_count(port, "replied"));
	add_count(table, xfn_json_count(outcomes, "dropped"));
	add_count(table, failed);
}

static void print_functions(const struct xfn_cli *cli, struct view *view)
{
	struct xfn_column columns[9] = {{"FUNCTION", XFN_LEFT}};
	static const char *const titles[] = {"DELIVERED", "LIMITED", "UNSERVED", "REPLIED",
					     "DROPPED",   "FAILED",  "LOST"};
	const json_t *items = json_object_get(view->now, "functions"), *item;
	struct xfn_table *table;
	size_t i, count = 1;
	char label[160];

	if (!json_array_size(items)) {
		fputs("no functions: xfn apply FILE\n", view->out);
		return;
	}
	if (cli->watch)
		columns[count++] = (struct xfn_column){"PER S", XFN_RIGHT};
	for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		columns[count++] = (struct xfn_column){titles[i], XFN_RIGHT};
	table = xfn_table_new(columns, count);
	json_array_foreach (items, i, item) {
		const json_t *earlier = find_before(view, "functions", i, item);
		const json_t *verdicts = json_object_get(item, "verdicts");

		xfn_table_cell(table, "%s", xfn_function_label(item, label, sizeof(label)));
		if (cli->watch)
			add_rate(table, view, xfn_json_sum(verdicts), earlier,
				 xfn_json_sum(json_object_get(earlier, "verdicts")));
		add_groups(table, verdicts);
		add_outcomes(table, json_object_get(item, "outcomes"),
			     json_object_get(item, "port"));
		add_count(table, xfn_json_sum(json_object_get(item, "lost")));
	}
	xfn_table_print(table, view->out);
	xfn_table_free(table);
}

/* ---- matrices ----------------------------------------------------------------------------------*/

static size_t add_columns(const struct view *view, const char *kind,
			  struct xfn_matrix_column *columns)
{
	const json_t *items = json_object_get(view->now, kind), *item;
	char label[160];
	size_t i;

	json_array_foreach (items, i, item) {
		const json_t *earlier = find_before(view, kind, i, item);

		snprintf(columns[i].title, sizeof(columns[i].title), "%s",
			 xfn_function_label(item, label, sizeof(label)));
		columns[i].counts = json_object_get(item, "verdicts");
		columns[i].before = json_object_get(earlier, "verdicts");
	}
	return json_array_size(items);
}

static int print_by_verdict(const struct xfn_cli *cli, struct view *view)
{
	size_t room = json_array_size(json_object_get(view->now, "interfaces")) +
		      json_array_size(json_object_get(view->now, "functions"));
	struct xfn_matrix_column *columns = calloc(room + 1, sizeof(*columns));
	size_t count;

	if (!columns)
		return XFN_EXIT_FAILED;
	count = add_columns(view, "interfaces", columns);
	count += add_columns(view, "functions", columns + count);
	if (!count)
		fputs("no interface attached: xfn attach IFACE\n", view->out);
	xfn_matrix_print(view->out, xfn_screen_width(), cli->watch ? "PER SECOND" : "VERDICT",
			 columns, count, cli->watch ? seconds_between(view) : 0);
	free(columns);
	return XFN_EXIT_OK;
}

/* One function: its verdicts or outcomes, one column a version. */
static void print_versions(struct view *view, const json_t *function, const char *corner,
			   const char *key)
{
	const json_t *versions = json_object_get(function, "versions"), *version;
	struct xfn_matrix_column *columns;
	size_t i, count = json_array_size(versions) + 1;

	columns = calloc(count, sizeof(*columns));
	if (!columns)
		return;
	strcpy(columns[0].title, "ALL");
	columns[0].counts = json_object_get(function, key);
	json_array_foreach (versions, i, version) {
		snprintf(columns[i + 1].title, sizeof(columns[i + 1].title), "%s",
			 xfn_json_text(version, "id"));
		columns[i + 1].counts = json_object_get(version, key);
	}
	fputc('\n', view->out);
	xfn_matrix_print(view->out, xfn_screen_width(), corner, columns, count, 0);
	free(columns);
}

static void print_port(struct view *view, const json_t *function)
{
	struct xfn_matrix_column column = {.title = "PORT",
					   .counts = json_object_get(function, "port")};

	if (!json_is_object(column.counts))
		return;
	fputc('\n', view->out);
	xfn_matrix_print(view->out, xfn_screen_width(), "REPLIES", &column, 1, 0);
}

static void print_lost(struct view *view, const json_t *function)
{
	struct xfn_matrix_column column = {.title = "LOST",
					   .counts = json_object_get(function, "lost")};

	if (!xfn_json_sum(column.counts))
		return;
	fputc('\n', view->out);
	xfn_matrix_print(view->out, xfn_screen_width(), "CAUSE", &column, 1, 0);
}

/* Losses that are no function's. */
static void print_keeper(struct view *view)
{
	static const char *const causes[] = {"unknown", "unreadable", "lost", "forgotten"};
	const json_t *keeper = json_object_get(view->now, "keeper");
	__u64 count;
	bool first = true;

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		count = xfn_json_count(keeper, causes[i]);
		if (!count)
			continue;
		fprintf(view->out, "%s%llu %s", first ? "\nthe keeper of events that wait: " : ", ",
			count, causes[i]);
		first = false;
	}
	if (!first)
		fputc('\n', view->out);
}

/* ---- sums --------------------------------------------------------------------------------------*/

static void add_members(json_t *sum, const json_t *counts)
{
	json_t *value, *members = json_deep_copy(counts);
	const char *label;

	json_object_foreach (members, label, value)
		json_object_set_new(sum, label,
				    json_integer((json_int_t)(xfn_json_count(sum, label) +
							      (__u64)json_integer_value(value))));
	json_decref(members);
}

/* One thing called "total" in the place of all of a kind. */
static void sum_up(json_t *stats, const char *kind)
{
	json_t *verdicts = json_object(), *outcomes = json_object(), *lost = json_object(),
	       *port = json_object();
	const json_t *item;
	__u64 packets = 0;
	size_t i;

	json_array_foreach (json_object_get(stats, kind), i, item) {
		packets += xfn_json_count(item, "packets");
		add_members(verdicts, json_object_get(item, "verdicts"));
		add_members(outcomes, json_object_get(item, "outcomes"));
		add_members(lost, json_object_get(item, "lost"));
		if (json_is_object(json_object_get(item, "port")))
			add_members(port, json_object_get(item, "port"));
	}
	json_object_set_new(stats, kind,
			    json_pack("[{s:s, s:s, s:I, s:o, s:o, s:o, s:o}]", "name", "total",
				      "mode", "", "packets", (json_int_t)packets, "verdicts",
				      verdicts, "outcomes", outcomes, "lost", lost, "port", port));
}

/* ---- the verb ----------------------------------------------------------------------------------*/

static int read_stats(struct xfn_cli *cli, struct view *view)
{
	char *path = xfn_call_path("/v1/stats", "function", cli->word_count ? cli->words[0] : NULL,
				   NULL);
	struct timespec now;
	json_t *stats;
	int code = xfn_get(cli, path, &stats);

	free(path);
	if (code != XFN_EXIT_OK)
		return code;
	clock_gettime(CLOCK_MONOTONIC, &now);
	json_decref(view->before);
	view->before = view->now;
	view->before_s = view->now_s;
	view->now = stats;
	view->now_s = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
	if (cli->total) {
		sum_up(stats, "interfaces");
		sum_up(stats, "functions");
	}
	return XFN_EXIT_OK;
}

static int print_frame(struct xfn_cli *cli, FILE *out, void *context)
{
	struct view *view = context;
	const json_t *function;
	int code = read_stats(cli, view);

	if (code != XFN_EXIT_OK)
		return code;
	view->out = out;
	if (cli->json) {
		json_dumpf(view->now, out, cli->watch ? JSON_COMPACT : JSON_INDENT(2));
		fputc('\n', out);
		return XFN_EXIT_OK;
	}
	if (cli->by)
		return print_by_verdict(cli, view);
	if (cli->word_count) {
		function = json_array_get(json_object_get(view->now, "functions"), 0);
		print_functions(cli, view);
		print_versions(view, function, "VERDICT", "verdicts");
		print_versions(view, function, "OUTCOME", "outcomes");
		print_port(view, function);
		print_lost(view, function);
		return XFN_EXIT_OK;
	}
	print_interfaces(cli, view);
	fputc('\n', out);
	print_functions(cli, view);
	print_keeper(view);
	return XFN_EXIT_OK;
}

int xfn_cli_stats(struct xfn_cli *cli)
{
	struct view view = {0};
	int code;

	if (cli->by && strcmp(cli->by, "verdict") != 0)
		return xfn_misuse("stats", "unknown order '--by %s'; expected verdict", cli->by);
	if (cli->total && cli->word_count)
		return xfn_misuse("stats", "takes NAME or --total, not both");
	code = xfn_watch(cli, print_frame, &view);
	json_decref(view.now);
	json_decref(view.before);
	return code;
}
