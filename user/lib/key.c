/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "key.h"
#include "utf8.h"
#include "xfn/abi.h"

enum {
	SEGMENT_BYTES_MAX = XFN_KEY_PARTS_BYTES_MAX - 1,
	LABEL_BYTES_MAX = 63, /* RFC 1035 s. 2.3.4 */
};

static int refuse(struct xfn_unit_error *err, const char *problem, const char *expected)
{
	*err = (struct xfn_unit_error){.problem = problem, .expected = expected};
	return -EINVAL;
}

static int mean(struct xfn_unit_error *err, const char *before, const char *text, size_t len)
{
	if (len < sizeof(err->meant) - 1)
		snprintf(err->meant, sizeof(err->meant), "%s%.*s", before, (int)len, text);
	return -EINVAL;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c += 'a' - 'A';
	at = c ? strchr(digits, c) : NULL;
	return at ? at - digits : -1;
}

/* ---- parts ------------------------------------------------------------------------------------- */

/* A part in the making: opened by its length byte, which grows with it. */
struct parts {
	struct xfn_key_parts made;
	__u32 open;     /* where the last part's length byte is */
	__u32 part_max; /* bytes */
};

static bool part_open(struct parts *parts)
{
	if (parts->made.size == XFN_KEY_PARTS_BYTES_MAX)
		return false;
	parts->open = parts->made.size++;
	parts->made.bytes[parts->open] = 0;
	parts->made.count++;
	return true;
}

static bool part_add(struct parts *parts, __u8 byte)
{
	if (parts->made.size == XFN_KEY_PARTS_BYTES_MAX ||
	    parts->made.bytes[parts->open] == parts->part_max)
		return false;
	parts->made.bytes[parts->made.size++] = byte;
	parts->made.bytes[parts->open]++;
	return true;
}

static bool part_is(const struct parts *parts, const char *text)
{
	const __u8 *part = parts->made.bytes + parts->open;

	return *part == strlen(text) && !memcmp(part + 1, text, *part);
}

/* ---- paths ------------------------------------------------------------------------------------- */

#define PATH_FORM "a path such as /sensors/1, as in a URI, of up to 16 segments and 254 bytes"

/* What RFC 3986 s. 3.3 lets stand in a segment (pchar), but for '%'. */
static bool is_path_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c && strchr("-._~!$&'()*+,;=:@", c);
}

/* The byte at @text that *step characters stand for, or a problem. */
static const char *path_byte(const char *text, size_t left, size_t *step, __u8 *ret)
{
	int high, low;

	*step = 1;
	*ret = *text;
	if (is_path_char(*text) || *ret >= 0x80)
		return NULL;
	if (*text == '?' || *text == '#')
		return "has a query or fragment, which is no part of the path";
	if (*text != '%')
		return "has a character that a URI writes as % and two hex digits";
	high = left > 2 ? hex_digit(text[1]) : -1;
	low = left > 2 ? hex_digit(text[2]) : -1;
	if (high < 0 || low < 0)
		return "has a % without two hex digits behind it";
	*step = 3;
	*ret = high << 4 | low;
	return NULL;
}

static const char *segment_problem(const struct parts *parts)
{
	if (parts->made.count > XFN_KEY_SEGMENTS_MAX)
		return "has too many segments";
	if (part_is(parts, ".") || part_is(parts, ".."))
		return "has a segment '.' or '..', which no message may have"; /* s. 5.10.1 */
	return NULL;
}

static const char *path_problem(const char *text, size_t len, struct parts *parts)
{
	const char *problem = NULL;
	size_t i, step;
	__u8 byte;

	for (i = 0; i < len && !problem; i += step) {
		step = 1;
		if (text[i] == '/') {
			problem = i ? segment_problem(parts) : NULL;
			if (!problem && !part_open(parts))
				problem = "is too long";
			continue;
		}
		problem = path_byte(text + i, len - i, &step, &byte);
		if (!problem && !part_add(parts, byte))
			problem = "is too long";
	}
	return problem ?: segment_problem(parts);
}

static bool is_clean(const char *text, size_t len)
{
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = xfn_utf8_length(text + i, len - i);
		if (!step || xfn_utf8_is_control(text + i, step))
			return false;
	}
	return true;
}

int xfn_key_path_parse(const char *text, size_t len, struct xfn_key_parts *ret,
		       struct xfn_unit_error *err)
{
	struct parts parts = {.part_max = SEGMENT_BYTES_MAX};
	const char *problem;

	if (!len)
		return refuse(err, "is empty", PATH_FORM);
	if (!is_clean(text, len))
		return refuse(err, "has control characters", PATH_FORM);
	if (*text != '/') {
		refuse(err, "does not begin with a slash", PATH_FORM);
		return mean(err, "/", text, len);
	}
	problem = path_problem(text, len, &parts);
	if (problem)
		return refuse(err, problem, PATH_FORM);
	if (len == 1) /* no option at all */
		parts.made.size = parts.made.count = 0;
	*ret = parts.made;
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------- */

#define NAME_FORM   "a domain name such as x.example, or . for the root"
#define SUFFIX_FORM "a domain name of up to 8 labels such as example, or . for all"

_Static_assert(XFN_KEY_SUFFIX_LABELS_MAX == 8, "the form above");

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The byte of a label at @text that *step characters stand for, or a problem. */
static const char *label_byte(const char *text, size_t left, size_t *step, __u8 *ret)
{
	unsigned value;

	*step = 1;
	*ret = *text;
	if (*ret >= 0x80)
		return "has letters beyond ASCII: write its label as xn--...";
	if (*ret <= ' ' || *ret == 0x7f)
		return "has a blank or a control character";
	if (*text != '\\')
		return NULL;
	if (left < 2 || (__u8)text[1] <= ' ' || (__u8)text[1] >= 0x7f)
		return "has a \\ with nothing to stand for behind it";
	*step = 2;
	*ret = text[1];
	if (!is_digit(text[1]))
		return NULL;
	if (left < 4 || !is_digit(text[2]) || !is_digit(text[3]))
		return "has a \\ with a digit behind it, but not with three";
	*step = 4;
	value = 100 * (text[1] - '0') + 10 * (text[2] - '0') + (text[3] - '0');
	*ret = value;
	return value > 255 ? "has a \\ with a number above 255 behind it" : NULL;
}

static __u8 lower(__u8 byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

static const char *label_problem(const struct parts *parts)
{
	if (!parts->made.bytes[parts->open])
		return "has an empty label";
	if (part_is(parts, "*"))
		return "has a label '*', which is no wildcard here";
	return NULL;
}

static const char *name_problem(const char *text, size_t len, struct parts *parts)
{
	const char *problem = NULL;
	size_t i, step;
	__u8 byte;

	if (len && text[len - 1] == '.' && (len < 2 || text[len - 2] != '\\'))
		len--; /* of the root */
	part_open(parts);
	for (i = 0; i < len && !problem; i += step) {
		step = 1;
		if (text[i] == '.') {
			problem = label_problem(parts);
			if (!problem && !part_open(parts))
				problem = "is longer than 255 bytes";
			continue;
		}
		problem = label_byte(text + i, len - i, &step, &byte);
		if (!problem && parts->made.bytes[parts->open] == LABEL_BYTES_MAX)
			problem = "has a label of more than 63 bytes";
		if (!problem && !part_add(parts, lower(byte)))
			problem = "is longer than 255 bytes";
	}
	return problem ?: label_problem(parts);
}

int xfn_key_name_parse(const char *text, size_t len, struct xfn_key_parts *ret,
		       struct xfn_unit_error *err)
{
	struct parts parts = {.part_max = LABEL_BYTES_MAX};
	const char *problem;

	if (len == 1 && *text == '.') {
		*ret = parts.made;
		return 0;
	}
	problem = len ? name_problem(text, len, &parts) : "is empty";
	if (!problem) {
		*ret = parts.made;
		return 0;
	}
	refuse(err, problem, NAME_FORM);
	return len > 1 && *text == '.' ? mean(err, "", text + 1, len - 1) : -EINVAL;
}

int xfn_key_suffix_parse(const char *text, size_t len, struct xfn_key_parts *ret,
			 struct xfn_unit_error *err)
{
	struct xfn_key_parts parts;

	if (xfn_key_name_parse(text, len, &parts, err)) {
		err->expected = SUFFIX_FORM;
		return len > 2 && !memcmp(text, "*.", 2) ? mean(err, "", text + 2, len - 2)
							 : -EINVAL;
	}
	if (parts.count > XFN_KEY_SUFFIX_LABELS_MAX)
		return refuse(err, "has too many labels", SUFFIX_FORM);
	*ret = parts;
	return 0;
}

/* ---- bytes ------------------------------------------------------------------------------------- */

#define HEX_FORM "1 to 16 bytes in hex, such as 16fe"

int xfn_key_hex_parse(const char *text, size_t len, __u8 ret[XFN_KEY_BYTES_MAX], __u8 *ret_bytes,
		      struct xfn_unit_error *err)
{
	__u8 bytes[XFN_KEY_BYTES_MAX] = {0};
	size_t i;
	int digit;

	if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		refuse(err, "begins with 0x", HEX_FORM);
		return mean(err, "", text + 2, len - 2);
	}
	if (!len || len > 2 * XFN_KEY_BYTES_MAX)
		return refuse(err, len ? "is longer than 16 bytes" : "is empty", HEX_FORM);
	for (i = 0; i < len; i++) {
		digit = hex_digit(text[i]);
		if (digit < 0)
			return refuse(err, "is not hex", HEX_FORM);
		bytes[i / 2] |= i % 2 ? digit : digit << 4;
	}
	if (len % 2)
		return refuse(err, "has an odd number of digits", HEX_FORM);
	memcpy(ret, bytes, sizeof(bytes));
	*ret_bytes = len / 2;
	return 0;
}

char *xfn_key_hex_print(const __u8 *bytes, __u8 count, char *buf)
{
	unsigned i;

	*buf = '\0';
	for (i = 0; i < count; i++)
		sprintf(buf + 2 * i, "%02x", bytes[i]);
	return buf;
}
