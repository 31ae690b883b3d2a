/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds lines up: series in a table that fills up and never shrinks, members in one that forgets. */
#include <string.h>

#include "statsd.h"

#define OWN_PREFIX "xfn_statsd_" /* names of the server's own */

const double statsd_bounds[STATSD_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
					      0.1,   0.25,   0.5,   1,    2.5,   5,
					      10,    25,     50,    100,  250,   1000};

static uint64_t hash_of(uint64_t seed, const char *text, size_t bytes)
{
	uint64_t hash = seed;
	size_t i;

	for (i = 0; i < bytes; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* ---- series -------------------------------------------------------------------------------------------- */

/* The series of that name with whatever labels that came first; NULL: none. */
static const struct statsd_series *find_name(const struct statsd *statsd, const char *name,
					     size_t bytes)
{
	uint64_t hash = hash_of(statsd->seed, name, bytes);
	unsigned i;

	for (i = 0; i < statsd->series_count; i++) {
		const struct statsd_series *series = &statsd->series[i];

		if (statsd->name_hashes[i] == hash && strlen(series->name) == bytes &&
		    memcmp(series->name, name, bytes) == 0)
			return series;
	}
	return NULL;
}

static const char *const histogram_suffixes[] = {"_bucket", "_sum", "_count"};

/* Whether a name is that of lines that a histogram there is has of its own. */
static bool is_of_histogram(const struct statsd *statsd, const char *name)
{
	size_t bytes = strlen(name), i;

	for (i = 0; i < 3; i++) {
		size_t suffix_bytes = strlen(histogram_suffixes[i]);
		const struct statsd_series *series;

		if (bytes <= suffix_bytes ||
		    strcmp(name + bytes - suffix_bytes, histogram_suffixes[i]) != 0)
			continue;
		series = find_name(statsd, name, bytes - suffix_bytes);
		return series && series->kind == STATSD_HISTOGRAM;
	}
	return false;
}

/* Whether lines that a histogram of that name would have are there as something else. */
static bool would_collide(const struct statsd *statsd, const char *name)
{
	char longer[STATSD_NAME_MAX + sizeof("_bucket")];
	size_t i;

	for (i = 0; i < 3; i++) {
		int bytes = snprintf(longer, sizeof(longer), "%s%s", name, histogram_suffixes[i]);

		if (find_name(statsd, longer, (size_t)bytes))
			return true;
	}
	return false;
}

/* A name has one type on the page, and no line there is twice. */
static bool conflicts(const struct statsd *statsd, const struct statsd_line *line)
{
	const struct statsd_series *series = find_name(statsd, line->name, strlen(line->name));

	if (series)
		return series->kind != line->kind;
	return strncmp(line->name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0 ||
	       is_of_histogram(statsd, line->name) ||
	       (line->kind == STATSD_HISTOGRAM && would_collide(statsd, line->name));
}

/* The slot where the series is, or the empty one where it would be: there are more slots than series. */
static uint16_t *find_slot(struct statsd *statsd, const struct statsd_line *line)
{
	uint64_t hash = hash_of(statsd->seed, line->name, strlen(line->name));
	size_t i;

	hash = hash_of(hash, line->labels, strlen(line->labels));
	for (i = hash % STATSD_SLOTS; statsd->slots[i]; i = (i + 1) % STATSD_SLOTS) {
		const struct statsd_series *series = &statsd->series[statsd->slots[i] - 1];

		if (strcmp(series->name, line->name) == 0 &&
		    strcmp(series->labels, line->labels) == 0)
			break;
	}
	return &statsd->slots[i];
}

static enum statsd_outcome get_series(struct statsd *statsd, const struct statsd_line *line,
				      struct statsd_series **ret)
{
	uint16_t *slot = find_slot(statsd, line);
	struct statsd_series *series;

	if (*slot) {
		*ret = &statsd->series[*slot - 1];
		return (*ret)->kind == line->kind ? STATSD_ACCEPTED : STATSD_CONFLICT;
	}
	if (statsd->series_count == STATSD_SERIES_MAX)
		return STATSD_SERIES_LIMIT;
	if (conflicts(statsd, line))
		return STATSD_CONFLICT;
	series = &statsd->series[statsd->series_count];
	series->kind = line->kind;
	strcpy(series->name, line->name);
	strcpy(series->labels, line->labels);
	statsd->name_hashes[statsd->series_count] =
		hash_of(statsd->seed, line->name, strlen(line->name));
	*slot = (uint16_t)++statsd->series_count;
	*ret = series;
	return STATSD_ACCEPTED;
}

/* ---- members of sets ------------------------------------------------------------------------------------ */

static enum statsd_outcome add_member(struct statsd *statsd, const struct statsd_series *series,
				      const struct statsd_line *line, int64_t now_s)
{
	uint32_t number = (uint32_t)(series - statsd->series) + 1;
	uint64_t hash = hash_of(statsd->seed + number, line->member, line->member_bytes);
	struct statsd_member *members = statsd->members[(hash ^ hash >> 32) % STATSD_MEMBER_SETS];
	struct statsd_member *place = NULL;
	int i;

	for (i = 0; i < STATSD_MEMBER_WAYS; i++) {
		struct statsd_member *member = &members[i];

		if (member->series == number && member->hash == hash) {
			place = member;
			break;
		}
		if (!place && (!member->series || now_s - member->seen_s >= STATSD_MEMBER_S))
			place = member;
	}
	if (!place)
		return STATSD_MEMBER_LIMIT;
	*place = (struct statsd_member){.hash = hash, .seen_s = now_s, .series = number};
	return STATSD_ACCEPTED;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static void observe(struct statsd_series *series, const struct statsd_line *line)
{
	unsigned i;

	series->count += line->weight;
	series->value += line->weight * line->value;
	for (i = 0; i < STATSD_BUCKETS; i++) {
		if (line->value <= statsd_bounds[i])
			series->buckets[i] += line->weight;
	}
}

static enum statsd_outcome take_line(struct statsd *statsd, const char *text, size_t bytes,
				     int64_t now_s)
{
	struct statsd_series *series;
	struct statsd_line line;
	enum statsd_outcome outcome = statsd_line_read(text, bytes, &line);

	if (outcome == STATSD_ACCEPTED)
		outcome = get_series(statsd, &line, &series);
	if (outcome != STATSD_ACCEPTED)
		return outcome;
	if (line.kind == STATSD_SET)
		return add_member(statsd, series, &line, now_s);
	if (line.kind == STATSD_HISTOGRAM)
		observe(series, &line);
	else if (line.kind == STATSD_COUNTER)
		series->value += line.weight * line.value;
	else
		series->value = line.is_delta ? series->value + line.value : line.value;
	return STATSD_ACCEPTED;
}

void statsd_take(struct statsd *statsd, const char *text, size_t bytes, int64_t now_s)
{
	const char *end = text + bytes;

	statsd->datagrams++;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_bytes = (size_t)((newline ? newline : end) - text);
		size_t next = line_bytes + 1;

		if (line_bytes && text[line_bytes - 1] == '\r')
			line_bytes--;
		if (line_bytes)
			statsd->outcomes[take_line(statsd, text, line_bytes, now_s)]++;
		text = newline ? text + next : end;
	}
}
