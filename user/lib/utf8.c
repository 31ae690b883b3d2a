/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "utf8.h"

/* Lead byte ranges with the range of the second byte, RFC 3629 s. 4. */
static const struct lead {
	unsigned char first, last;
	unsigned char second_min, second_max;
	unsigned char length;
} leads[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static size_t length_of_long(const unsigned char *text, size_t left)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		const struct lead *lead = &leads[i];

		if (text[0] < lead->first || text[0] > lead->last)
			continue;
		if (left < lead->length || text[1] < lead->second_min || text[1] > lead->second_max)
			return 0;
		for (size_t n = 2; n < lead->length; n++)
			if ((text[n] & 0xc0) != 0x80)
				return 0;
		return lead->length;
	}
	return 0;
}

size_t xfn_utf8_length(const char *text, size_t left)
{
	if (!left)
		return 0;
	if ((unsigned char)text[0] < 0x80)
		return 1;
	return length_of_long((const unsigned char *)text, left);
}

bool xfn_utf8_is_control(const char *text, size_t len)
{
	const unsigned char *byte = (const unsigned char *)text;

	if (len == 1)
		return byte[0] < 0x20 || byte[0] == 0x7f;
	if (len == 2)
		return byte[0] == 0xc2 && byte[1] < 0xa0;
	/* U+200E, U+200F; U+2028 to U+202E; U+2066 to U+2069; U+FEFF */
	if (len == 3 && byte[0] == 0xe2 && byte[1] == 0x80)
		return byte[2] == 0x8e || byte[2] == 0x8f || (byte[2] >= 0xa8 && byte[2] <= 0xae);
	if (len == 3 && byte[0] == 0xe2 && byte[1] == 0x81)
		return byte[2] >= 0xa6 && byte[2] <= 0xa9;
	return len == 3 && !memcmp(byte, "\xef\xbb\xbf", 3);
}

bool xfn_utf8_is_plain(const char *text, size_t len)
{
	size_t step;

	for (; len; len -= step, text += step) {
		step = xfn_utf8_length(text, len);
		if (!step || xfn_utf8_is_control(text, step))
			return false;
	}
	return true;
}
