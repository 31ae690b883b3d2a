/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EXAMPLE_STATSD_H
#define XFN_EXAMPLE_STATSD_H
/*
 * StatsD's lines (github.com/statsd/statsd, docs/metric_types.md; tags as DogStatsD writes them) added up,
 * and given out as Prometheus text 0.0.4; without any I/O. All of it belongs to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	STATSD_NAME_MAX = 127,   /* bytes as exposed, the suffix of the type included */
	STATSD_LABELS_MAX = 511, /* bytes of all labels as exposed, escapes and quotes included */
	STATSD_TAGS_MAX = 8,
	STATSD_TAG_MAX = 31,      /* bytes of a label's name */
	STATSD_MEMBER_MAX = 255,  /* bytes of a set's member */
	STATSD_SERIES_MAX = 1024, /* a name with its labels is one */
	STATSD_SLOTS = 2048,      /* of the table that finds them; a power of 2, larger than it */
	STATSD_BUCKETS = 18,      /* of a histogram; +Inf is one more */
	STATSD_MEMBER_SETS = 1024,
	STATSD_MEMBER_WAYS = 16, /* so 16,384 members of all sets together */
	STATSD_MEMBER_S = 300,   /* a member counts for so long after it was seen */
};

/* What becomes of a line: each under one name. */
#define STATSD_OUTCOMES(X)                                                                  \
	X(ACCEPTED, accepted)         /* counted */                                         \
	X(MALFORMED, malformed)       /* no metric, or one that is longer than may be */    \
	X(UNSUPPORTED, unsupported)   /* an event, a service check, another type */         \
	X(NEGATIVE, negative)         /* to a counter or a timer: those only grow */        \
	X(CONFLICT, conflict)         /* its name is another type's, or the server's */     \
	X(SERIES_LIMIT, series_limit) /* a new one, of which there are as many as may be */ \
	X(MEMBER_LIMIT, member_limit) /* a new member, and no room for it */

enum statsd_outcome {
#define X(NAME, label) STATSD_##NAME,
	STATSD_OUTCOMES(X)
#undef X
		STATSD_OUTCOME_COUNT
};

enum statsd_kind { STATSD_COUNTER, STATSD_GAUGE, STATSD_HISTOGRAM, STATSD_SET };

/* One line, read. */
struct statsd_line {
	enum statsd_kind kind;
	char name[STATSD_NAME_MAX + 1];     /* as exposed */
	char labels[STATSD_LABELS_MAX + 1]; /* as exposed, sorted by name, without braces */
	double value;                       /* not of sets; of timers in seconds */
	double weight;                      /* how many this one stands for: 1 / sample rate */
	bool is_delta;                      /* gauges: value is added */
	const char *member;                 /* sets: points into the text */
	size_t member_bytes;
};

/* Reads the line at @text, without its newline. Returns ACCEPTED, or why it is not; then @ret is undefined. */
enum statsd_outcome statsd_line_read(const char *text, size_t bytes, struct statsd_line *ret);

struct statsd_series {
	enum statsd_kind kind;
	char name[STATSD_NAME_MAX + 1];
	char labels[STATSD_LABELS_MAX + 1];
	double value; /* counter, gauge; histogram: the sum */
	double count; /* histogram */
	double buckets[STATSD_BUCKETS];
};

struct statsd_member {
	uint64_t hash;   /* of series and text; 64 secret bits are taken for the text itself */
	int64_t seen_s;  /* monotonic */
	uint32_t series; /* 1 + its number; 0: the place is empty */
};

/* 1.2 MB, whatever is sent. All zeros but the seed is an empty one. */
struct statsd {
	uint64_t seed; /* of the hashes: nobody else's to know */
	uint64_t datagrams;
	uint64_t outcomes[STATSD_OUTCOME_COUNT];
	unsigned series_count;
	uint64_t name_hashes[STATSD_SERIES_MAX];
	uint16_t slots[STATSD_SLOTS]; /* 1 + number of a series; 0: empty */
	struct statsd_series series[STATSD_SERIES_MAX];
	struct statsd_member members[STATSD_MEMBER_SETS][STATSD_MEMBER_WAYS];
};

/* Upper bounds of the buckets, ascending. */
extern const double statsd_bounds[STATSD_BUCKETS];
/* By enum statsd_outcome, as on the page. */
extern const char *const statsd_outcome_labels[STATSD_OUTCOME_COUNT];

/* Takes the lines of one datagram and counts what became of each. Empty lines are none. */
void statsd_take(struct statsd *statsd, const char *text, size_t bytes, int64_t now_s);

/* The kernel's side of the ledger. */
struct statsd_losses {
	uint64_t dropped;    /* no room in the ring */
	uint64_t unreadable; /* packets that libxfn could not read */
};

/* Writes the page to @out, whose errors are the caller's to see. */
void statsd_page_write(const struct statsd *statsd, const struct statsd_losses *losses,
		       int64_t now_s, FILE *out);

#endif
