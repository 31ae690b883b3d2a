/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "name.h"

int text_byte(const char *text, size_t len, size_t *at)
{
	const unsigned char *c = (const unsigned char *)text + *at;
	size_t left = len - *at;
	int value;

	if (c[0] != '\\') {
		(*at)++;
		return c[0];
	}
	if (left < 2)
		return -EINVAL;
	if (!isdigit(c[1])) {
		*at += 2;
		return c[1];
	}
	if (left < 4 || !isdigit(c[2]) || !isdigit(c[3]))
		return -EINVAL;
	value = (c[1] - '0') * 100 + (c[2] - '0') * 10 + (c[3] - '0');
	if (value > 255)
		return -EINVAL;
	*at += 4;
	return value;
}

/* One label at *at, up to its dot or the end, onto @name. */
static int read_label(const char *text, size_t len, size_t *at, struct name *name, const char **why)
{
	unsigned start = name->bytes, bytes = 0;
	int byte;

	while (*at < len && text[*at] != '.') {
		byte = text_byte(text, len, at);
		*why = "has an escape that is neither \\DDD (000 to 255) nor \\ and a character";
		if (byte < 0)
			return -EINVAL;
		*why = "has a label of more than 63 bytes";
		if (bytes == LABEL_BYTES_MAX)
			return -EINVAL;
		*why = "is longer than 255 bytes";
		if (start + 1 + bytes >= NAME_BYTES_MAX - 1)
			return -EINVAL;
		name->wire[start + 1 + bytes++] = tolower(byte);
	}
	*why = "has an empty label";
	if (!bytes)
		return -EINVAL;
	name->wire[start] = bytes;
	name->bytes = start + 1 + bytes;
	name->labels++;
	return 0;
}

static int append_origin(struct name *name, const struct name *origin, const char **why)
{
	*why = "is relative, and there is no $ORIGIN";
	if (!origin)
		return -EINVAL;
	*why = "is longer than 255 bytes";
	if (name->bytes + origin->bytes > NAME_BYTES_MAX)
		return -EINVAL;
	memcpy(name->wire + name->bytes, origin->wire, origin->bytes);
	name->bytes += origin->bytes;
	name->labels += origin->labels;
	return 0;
}

int name_parse(const char *text, size_t len, const struct name *origin, struct name *ret,
	       const char **why)
{
	struct name name = {.bytes = 0};
	size_t at = 0;
	int err;

	if (len == 1 && text[0] == '.') {
		name.bytes = 1;
		*ret = name;
		return 0;
	}
	*why = "is empty";
	if (!len)
		return -EINVAL;
	if (len == 1 && text[0] == '@')
		at = len;
	while (at < len) {
		err = read_label(text, len, &at, &name, why);
		if (err)
			return err;
		if (at < len && ++at == len) { /* behind a dot */
			name.wire[name.bytes++] = 0;
			*ret = name;
			return 0;
		}
	}
	err = append_origin(&name, origin, why);
	if (!err)
		*ret = name;
	return err;
}

const char *name_print(const struct name *name, char *buf)
{
	unsigned at = 0, used = 0, i;

	if (name->bytes <= 1)
		return strcpy(buf, ".");
	while (name->wire[at]) {
		for (i = 1; i <= name->wire[at]; i++) {
			__u8 c = name->wire[at + i];

			if (isalnum(c) || c == '-' || c == '_' || c == '*')
				buf[used++] = c;
			else
				used += sprintf(buf + used, "\\%03u", c);
		}
		buf[used++] = '.';
		at += 1 + name->wire[at];
	}
	buf[used] = 0;
	return buf;
}

unsigned name_label_at(const struct name *name, unsigned index)
{
	unsigned at = 0;

	while (index--)
		at += 1 + name->wire[at];
	return at;
}

int name_is_below(const struct name *name, const struct name *apex)
{
	unsigned at;

	if (name->labels < apex->labels)
		return 0;
	at = name_label_at(name, name->labels - apex->labels);
	return name->bytes - at == apex->bytes && !memcmp(name->wire + at, apex->wire, apex->bytes);
}

struct name name_parent(const struct name *name)
{
	unsigned at = 1 + name->wire[0];
	struct name parent = {.bytes = name->bytes - at, .labels = name->labels - 1};

	memcpy(parent.wire, name->wire + at, parent.bytes);
	return parent;
}
