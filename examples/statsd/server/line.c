/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one line of StatsD: NAME:VALUE|TYPE[|@RATE][|#TAG,...]. Believes no length. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "statsd.h"
#include "tags.h"

#define VALUE_LIMIT 1e15 /* so that no sum of doubles ever is infinite */
#define RATE_MIN    1e-6

static const struct type {
	const char *word;
	enum statsd_kind kind;
	const char *suffix; /* of the exposed name; where it ends so already, nothing is added */
	double unit;        /* what 1 is in the exposed unit */
} types[] = {
	{"c", STATSD_COUNTER, "_total", 1},
	{"g", STATSD_GAUGE, "", 1},
	{"ms", STATSD_HISTOGRAM, "_seconds", 1e-3},
	{"h", STATSD_HISTOGRAM, "", 1},
	{"d", STATSD_HISTOGRAM, "", 1},
	{"s", STATSD_SET, "", 1},
};

static const struct type *find_type(struct piece word)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (piece_is(word, types[i].word))
			return &types[i];
	}
	return NULL;
}

/* Decimal, as strtod() reads it, but neither hexadecimal nor infinite nor with anything behind. */
static bool read_number(struct piece text, double *ret)
{
	char copy[40], *end;
	size_t i;

	if (!text.bytes || text.bytes >= sizeof(copy))
		return false;
	for (i = 0; i < text.bytes; i++) {
		if (!memchr("0123456789+-.eE", text.at[i], 15))
			return false;
		copy[i] = text.at[i];
	}
	copy[i] = 0;
	*ret = strtod(copy, &end);
	return end == copy + i && fabs(*ret) <= VALUE_LIMIT;
}

static bool ends_in(const char *name, size_t bytes, const char *suffix)
{
	size_t suffix_bytes = strlen(suffix);

	return bytes >= suffix_bytes &&
	       memcmp(name + bytes - suffix_bytes, suffix, suffix_bytes) == 0;
}

static bool set_name(struct statsd_line *line, struct piece name, const char *suffix)
{
	size_t bytes = name_clean(name, line->name, STATSD_NAME_MAX);

	if (!bytes)
		return false;
	if (ends_in(line->name, bytes, suffix))
		return true;
	if (bytes + strlen(suffix) > STATSD_NAME_MAX)
		return false;
	strcpy(line->name + bytes, suffix);
	return true;
}

/* What stands behind the type. Other letters are DogStatsD's later additions: a container, a time. */
static bool read_extra(struct statsd_line *line, struct piece extra)
{
	double rate;

	if (!extra.bytes || (extra.at[0] != '@' && extra.at[0] != '#'))
		return true;
	if (extra.at[0] == '#')
		return tags_read((struct piece){extra.at + 1, extra.bytes - 1}, line->labels);
	if (!read_number((struct piece){extra.at + 1, extra.bytes - 1}, &rate) || rate < RATE_MIN ||
	    rate > 1)
		return false;
	line->weight = 1 / rate;
	return true;
}

static enum statsd_outcome read_value(struct statsd_line *line, struct piece value, double unit)
{
	if (line->kind == STATSD_SET) {
		line->member = value.at;
		line->member_bytes = value.bytes;
		return value.bytes && value.bytes <= STATSD_MEMBER_MAX ? STATSD_ACCEPTED
								       : STATSD_MALFORMED;
	}
	if (!read_number(value, &line->value))
		return STATSD_MALFORMED;
	line->value *= unit;
	if (line->kind == STATSD_GAUGE)
		line->is_delta = value.at[0] == '+' || value.at[0] == '-';
	else if (line->value < 0)
		return STATSD_NEGATIVE;
	return STATSD_ACCEPTED;
}

static bool is_no_metric(struct piece line)
{
	return (line.bytes >= 3 && memcmp(line.at, "_e{", 3) == 0) ||
	       (line.bytes >= 4 && memcmp(line.at, "_sc|", 4) == 0);
}

enum statsd_outcome statsd_line_read(const char *text, size_t bytes, struct statsd_line *ret)
{
	struct piece rest = {text, bytes}, name, value;
	const struct type *type;

	if (is_no_metric(rest))
		return STATSD_UNSUPPORTED;
	name = piece_cut(&rest, ':');
	value = piece_cut(&rest, '|');
	if (!name.bytes || !value.at || !rest.at)
		return STATSD_MALFORMED;
	type = find_type(piece_cut(&rest, '|'));
	if (!type)
		return STATSD_UNSUPPORTED;
	*ret = (struct statsd_line){.kind = type->kind, .weight = 1};
	if (!set_name(ret, name, type->suffix))
		return STATSD_MALFORMED;
	while (rest.at) {
		if (!read_extra(ret, piece_cut(&rest, '|')))
			return STATSD_MALFORMED;
	}
	return read_value(ret, value, type->unit);
}
