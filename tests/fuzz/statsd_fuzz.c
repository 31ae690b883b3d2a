/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any datagrams to examples/statsd. Each line has one outcome; the page is read by a reader of its own here:
 * it is Prometheus text, a name has one type and its lines together, no line is there twice, and a
 * histogram's buckets only grow.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../examples/statsd/server/statsd.h"
#include "datagrams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct statsd statsd;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void empty(void)
{
	memset(statsd.series, 0, sizeof(statsd.series[0]) * statsd.series_count);
	memset(statsd.members, 0, sizeof(statsd.members));
	memset(&statsd, 0, offsetof(struct statsd, series));
}

/* ---- reading the page ----------------------------------------------------------------------------------- */

static const char *skip_name(const char *at)
{
	check(isalpha((unsigned char)*at) || *at == '_');
	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	return at;
}

/* Whether a name comes before another: as text, not as what stands behind it. */
static bool is_before(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order < 0 || (order == 0 && a_bytes < b_bytes);
}

/* {NAME="VALUE",...}, names ascending but for le, which comes last. */
static const char *skip_labels(const char *at)
{
	const char *last = "";
	size_t last_bytes = 0;

	do {
		const char *name = ++at;
		size_t bytes = (size_t)((at = skip_name(at)) - name);

		check(strncmp(name, "le=", 3) == 0 || is_before(last, last_bytes, name, bytes));
		last = name;
		last_bytes = bytes;
		check(*at++ == '=' && *at++ == '"');
		while (*at != '"') {
			check(*at && *at != '\n');
			if (*at++ == '\\')
				check(strchr("\\\"n", *at++) != NULL);
		}
		at++;
	} while (*at == ',');
	check(*at == '}');
	return at + 1;
}

struct reader {
	char name[STATSD_NAME_MAX + 1]; /* of the last # TYPE */
	bool is_histogram;
	char last[1024]; /* the last line up to its value */
	double last_bucket;
};

static void read_type(struct reader *reader, const char *line)
{
	const char *end = skip_name(line);
	size_t bytes = (size_t)(end - line);
	char name[STATSD_NAME_MAX + 1];

	check(bytes <= STATSD_NAME_MAX && *end == ' ');
	memcpy(name, line, bytes);
	name[bytes] = 0;
	/* Ascending, so that none comes twice; the server's own are last. */
	check(strncmp(name, "xfn_statsd_", 11) == 0 || strcmp(reader->name, name) < 0);
	strcpy(reader->name, name);
	reader->is_histogram = strncmp(end, " histogram\n", 11) == 0;
	check(reader->is_histogram || strncmp(end, " counter\n", 9) == 0 ||
	      strncmp(end, " gauge\n", 7) == 0);
}

static void read_bucket(struct reader *reader, const char *labels, const char *value)
{
	const char *le = strstr(labels, "le=\"0.001\"");
	double number = strtod(value, NULL);

	check(le || number >= reader->last_bucket);
	reader->last_bucket = number;
}

static void read_sample(struct reader *reader, const char *line)
{
	const char *end = skip_name(line), *value = *end == '{' ? skip_labels(end) : end;
	size_t bytes = strlen(reader->name), key_bytes = (size_t)(value - line);
	const char *suffix = line + bytes;
	char *after;

	check(strncmp(line, reader->name, bytes) == 0);
	if (!reader->is_histogram)
		check(suffix == end);
	else
		check(strncmp(suffix, "_bucket{", 8) == 0 || strncmp(suffix, "_sum", 4) == 0 ||
		      strncmp(suffix, "_count", 6) == 0);
	if (reader->is_histogram && suffix[1] == 'b')
		read_bucket(reader, end, value);
	check(*value == ' ' && isfinite(strtod(value, &after)) && *after == '\n');
	check(key_bytes < sizeof(reader->last) &&
	      (strncmp(reader->last, line, key_bytes) != 0 || reader->last[key_bytes]));
	memcpy(reader->last, line, key_bytes);
	reader->last[key_bytes] = 0;
}

static void read_page(const char *text)
{
	struct reader reader = {0};

	for (; *text; text = strchr(text, '\n') + 1) {
		check(strchr(text, '\n') != NULL);
		if (strncmp(text, "# TYPE ", 7) == 0)
			read_type(&reader, text + 7);
		else if (strncmp(text, "# HELP ", 7) != 0)
			read_sample(&reader, text);
	}
}

static void check_page(int64_t second)
{
	const struct statsd_losses losses = {0};
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	check(out != NULL);
	statsd_page_write(&statsd, &losses, second, out);
	check(!fclose(out) && strlen(text) == bytes);
	read_page(text);
	free(text);
}

/* ---- the datagrams -------------------------------------------------------------------------------------- */

static uint64_t count_lines(const uint8_t *data, size_t bytes)
{
	uint64_t lines = 0;
	size_t i, start = 0;

	for (i = 0; i <= bytes; i++) {
		if (i < bytes && data[i] != '\n')
			continue;
		lines += i > start && !(i == start + 1 && data[start] == '\r');
		start = i + 1;
	}
	return lines;
}

static uint64_t total(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < STATSD_OUTCOME_COUNT; i++)
		sum += statsd.outcomes[i];
	return sum;
}

static int64_t last_s;

/* Of members of sets, three datagrams later, none is left. */
static void take(const uint8_t *data, size_t bytes, int64_t number)
{
	char *copy = malloc(bytes ? bytes : 1);
	uint64_t before = total();

	check(copy != NULL);
	memcpy(copy, data, bytes);
	last_s = 1 + number * (STATSD_MEMBER_S / 3);
	statsd_take(&statsd, copy, bytes, last_s);
	check(total() - before == count_lines(data, bytes));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	empty();
	last_s = 0;
	each_datagram(data, size, take);
	check_page(last_s);
	return 0;
}
