/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EXAMPLE_STATSD_TAGS_H
#define XFN_EXAMPLE_STATSD_TAGS_H
/* Text in pieces, names that Prometheus takes, and labels out of tags. */
#include <stdbool.h>
#include <stddef.h>

/* Bytes of somebody else's. at NULL: there is none; an empty one is something else. */
struct piece {
	const char *at;
	size_t bytes;
};

bool piece_is(struct piece piece, const char *text);
/* Takes what is before the first @separator off @rest, and that with it; all of it where there is none. */
struct piece piece_cut(struct piece *rest, char separator);

/*
 * Writes @name to @ret as a name of Prometheus: what is neither letter, digit nor _ becomes _, and a digit does
 * not come first. Returns its length; 0: empty, or longer than @max.
 */
size_t name_clean(struct piece name, char *ret, size_t max);

/*
 * Writes tags, NAME:VALUE,..., to @ret of STATSD_LABELS_MAX + 1 bytes as labels, sorted by name. Of a name
 * that comes twice the first counts; a tag without a value has "true". False: too many, too long, names that
 * are reserved (le, and what begins with __), or no UTF-8.
 */
bool tags_read(struct piece text, char *ret);

#endif
