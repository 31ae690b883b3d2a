/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "statsd.h"
#include "tags.h"
#include "utf8.h"

struct tag {
	char name[STATSD_TAG_MAX + 1];
	struct piece value;
};

bool piece_is(struct piece piece, const char *text)
{
	return piece.bytes == strlen(text) && memcmp(piece.at, text, piece.bytes) == 0;
}

struct piece piece_cut(struct piece *rest, char separator)
{
	const char *at = rest->bytes ? memchr(rest->at, separator, rest->bytes) : NULL;
	struct piece first = *rest;

	if (!at) {
		*rest = (struct piece){NULL, 0};
		return first;
	}
	first.bytes = (size_t)(at - first.at);
	*rest = (struct piece){at + 1, rest->bytes - first.bytes - 1};
	return first;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t name_clean(struct piece name, char *ret, size_t max)
{
	size_t bytes = 0, i;

	if (!name.bytes || name.bytes + is_digit(name.at[0]) > max)
		return 0;
	if (is_digit(name.at[0]))
		ret[bytes++] = '_';
	for (i = 0; i < name.bytes; i++)
		ret[bytes++] = is_letter(name.at[i]) || is_digit(name.at[i]) ? name.at[i] : '_';
	ret[bytes] = 0;
	return bytes;
}

static bool is_utf8(struct piece text)
{
	while (text.bytes) {
		size_t bytes = xfn_utf8_length(text.at, text.bytes);

		if (!bytes || !text.at[0])
			return false;
		text = (struct piece){text.at + bytes, text.bytes - bytes};
	}
	return true;
}

static bool read_tag(struct piece text, struct tag *ret)
{
	struct piece name = piece_cut(&text, ':');

	ret->value = text.at ? text : (struct piece){"true", 4};
	return name_clean(name, ret->name, STATSD_TAG_MAX) && strcmp(ret->name, "le") != 0 &&
	       strncmp(ret->name, "__", 2) != 0 && is_utf8(ret->value);
}

/* Where @tag belongs in @tags, which are sorted. Nothing is done if its name is there. */
static unsigned insert(struct tag *tags, unsigned count, const struct tag *tag)
{
	unsigned at = count;

	while (at && strcmp(tags[at - 1].name, tag->name) > 0)
		at--;
	if (at && strcmp(tags[at - 1].name, tag->name) == 0)
		return count;
	memmove(&tags[at + 1], &tags[at], (count - at) * sizeof(*tags));
	tags[at] = *tag;
	return count + 1;
}

/* Appends one byte, behind a backslash where a label's value needs one. */
static bool put(char *to, size_t *used, char c)
{
	bool escaped = c == '\\' || c == '"' || c == '\n';

	if (*used + escaped + 1 > STATSD_LABELS_MAX)
		return false;
	if (escaped)
		to[(*used)++] = '\\';
	to[(*used)++] = c == '\n' ? 'n' : c;
	to[*used] = 0;
	return true;
}

static bool put_raw(char *to, size_t *used, const char *text)
{
	size_t bytes = strlen(text);

	if (*used + bytes > STATSD_LABELS_MAX)
		return false;
	memcpy(to + *used, text, bytes + 1);
	*used += bytes;
	return true;
}

static bool put_tag(char *to, size_t *used, const struct tag *tag)
{
	size_t i;

	if ((*used && !put_raw(to, used, ",")) || !put_raw(to, used, tag->name) ||
	    !put_raw(to, used, "=\""))
		return false;
	for (i = 0; i < tag->value.bytes; i++) {
		if (!put(to, used, tag->value.at[i]))
			return false;
	}
	return put_raw(to, used, "\"");
}

bool tags_read(struct piece text, char *ret)
{
	struct tag tags[STATSD_TAGS_MAX + 1], tag;
	unsigned count = 0, i;
	size_t used = 0;

	while (text.at) {
		struct piece one = piece_cut(&text, ',');

		if (!one.bytes)
			continue;
		if (!read_tag(one, &tag))
			return false;
		count = insert(tags, count, &tag);
		if (count > STATSD_TAGS_MAX)
			return false;
	}
	ret[0] = 0;
	for (i = 0; i < count; i++) {
		if (tags[i].value.bytes &&
		    !put_tag(ret, &used, &tags[i])) /* empty is as if not there */
			return false;
	}
	return true;
}
