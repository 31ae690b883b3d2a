/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads one command of memcached's text protocol. Believes no length. */
#include <string.h>

#include "kv.h"

#define ERROR      "ERROR\r\n"
#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"
#define BAD_CHUNK  "CLIENT_ERROR bad data chunk\r\n"
#define BAD_DELTA  "CLIENT_ERROR invalid numeric delta argument\r\n"

enum { WORDS_MAX = KV_KEYS_MAX + 1 };

struct line {
	unsigned count; /* WORDS_MAX + 1: there were more */
	struct kv_key words[WORDS_MAX];
};

static bool is_word(struct kv_key word, const char *text)
{
	return word.bytes == strlen(text) && memcmp(word.at, text, word.bytes) == 0;
}

static void split(const char *at, size_t bytes, struct line *line)
{
	const char *end = at + bytes;

	line->count = 0;
	while (at < end) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		const char *stop = space ? space : end;

		if (stop > at && line->count == WORDS_MAX) {
			line->count++;
			return;
		}
		if (stop > at)
			line->words[line->count++] = (struct kv_key){at, (size_t)(stop - at)};
		at = stop + (space != NULL);
	}
}

/* Digits alone, at most @max. */
static bool read_number(struct kv_key word, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < word.bytes; i++) {
		uint64_t digit = (uint64_t)(uint8_t)word.at[i] - '0';

		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = number;
	return word.bytes > 0;
}

static bool read_expiry(struct kv_key word, int64_t *ret)
{
	bool negative = word.at[0] == '-';
	uint64_t number;

	if (negative)
		word = (struct kv_key){word.at + 1, word.bytes - 1};
	if (!read_number(word, INT32_MAX, &number))
		return false;
	*ret = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/* The last word may be noreply, behind @count others. */
static bool takes_words(struct line *line, unsigned count, struct kv_command *ret)
{
	ret->noreply = line->count == count + 1 && is_word(line->words[count], "noreply");
	return line->count == count || ret->noreply;
}

static const char *read_get(struct line *line, struct kv_command *ret)
{
	unsigned i;

	if (line->count < 2)
		return ERROR;
	if (line->count > WORDS_MAX)
		return BAD_FORMAT;
	for (i = 1; i < line->count; i++) {
		if (line->words[i].bytes > KV_KEY_MAX)
			return BAD_FORMAT;
		ret->keys[i - 1] = line->words[i];
	}
	ret->key_count = line->count - 1;
	return NULL;
}

static const char *read_value(const char *rest, size_t bytes, struct kv_command *ret)
{
	if (ret->value_bytes > KV_VALUE_MAX)
		return NULL; /* no need to see it */
	if (bytes != ret->value_bytes + 2 || memcmp(rest + ret->value_bytes, "\r\n", 2) != 0)
		return BAD_CHUNK;
	ret->value = rest;
	return NULL;
}

/* set KEY FLAGS EXPIRY BYTES [noreply] */
static const char *read_set(struct line *line, struct kv_command *ret)
{
	uint64_t flags, value_bytes;

	if (!takes_words(line, 5, ret))
		return ERROR;
	if (line->words[1].bytes > KV_KEY_MAX || !read_number(line->words[2], UINT32_MAX, &flags) ||
	    !read_expiry(line->words[3], &ret->expiry_s) ||
	    !read_number(line->words[4], INT32_MAX, &value_bytes))
		return BAD_FORMAT;
	ret->flags = (uint32_t)flags;
	ret->value_bytes = value_bytes;
	return NULL;
}

/* delete KEY [0] [noreply]: the 0 is what old clients send */
static const char *read_delete(struct line *line, struct kv_command *ret)
{
	if (line->count < 2)
		return ERROR;
	if ((line->count == 3 || line->count == 4) && is_word(line->words[2], "0"))
		line->words[2] = line->words[--line->count];
	return takes_words(line, 2, ret) && line->words[1].bytes <= KV_KEY_MAX ? NULL : BAD_FORMAT;
}

/* incr KEY DELTA [noreply] */
static const char *read_delta(struct line *line, struct kv_command *ret)
{
	if (!takes_words(line, 3, ret))
		return ERROR;
	if (line->words[1].bytes > KV_KEY_MAX)
		return BAD_FORMAT;
	return read_number(line->words[2], UINT64_MAX, &ret->delta) ? NULL : BAD_DELTA;
}

static const struct {
	const char *word;
	enum kv_verb verb;
	const char *(*read)(struct line *line, struct kv_command *ret);
} verbs[] = {
	{"get", KV_GET, read_get},     {"gets", KV_GETS, read_get},
	{"set", KV_SET, read_set},     {"delete", KV_DELETE, read_delete},
	{"incr", KV_INCR, read_delta}, {"decr", KV_DECR, read_delta},
};

static const char *read_line(struct line *line, struct kv_command *ret)
{
	size_t i;

	for (i = 0; line->count && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!is_word(line->words[0], verbs[i].word))
			continue;
		ret->verb = verbs[i].verb;
		ret->key_count = 1;
		if (line->count > 1)
			ret->keys[0] = line->words[1];
		return verbs[i].read(line, ret);
	}
	return ERROR;
}

const char *kv_command_read(const char *text, size_t bytes, struct kv_command *ret)
{
	const char *newline = bytes ? memchr(text, '\n', bytes) : NULL;
	size_t line_bytes, used;
	struct line line;
	const char *wrong;

	memset(ret, 0, sizeof(*ret));
	if (!newline)
		return ERROR;
	line_bytes = (size_t)(newline - text);
	used = line_bytes + 1;
	if (line_bytes && text[line_bytes - 1] == '\r')
		line_bytes--;
	split(text, line_bytes, &line);
	wrong = read_line(&line, ret);
	if (!wrong && ret->verb == KV_SET)
		wrong = read_value(text + used, bytes - used, ret);
	return wrong;
}
