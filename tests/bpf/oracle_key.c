/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "oracle_key.h"

/* What is read is brought into one form: each part behind its length, as text of a path or a name. */
enum { TEXT_MAX = 8192, OPTIONS_MAX = 32, READ_MAX = 512, NAME_MAX = 255, LABEL_MAX = 63 };

/* ---- CoAP (RFC 7252) ---------------------------------------------------------------------------- */

/* Section 3.1: 13 and 14 say that one or two more bytes follow. Returns -1 where they are missing. */
static long extended(unsigned nibble, const __u8 **at, const __u8 *end)
{
	long value = nibble;

	if (nibble == 13) {
		if (*at + 1 > end)
			return -1;
		value = 13 + (*at)[0];
		*at += 1;
	} else if (nibble == 14) {
		if (*at + 2 > end)
			return -1;
		value = 269 + ((*at)[0] << 8 | (*at)[1]);
		*at += 2;
	}
	return value;
}

/* A request (section 3): version 1, class 0, not the empty message 0.00. */
static bool is_request(const __u8 *message, size_t bytes)
{
	return bytes >= 4 && message[0] >> 6 == 1 && (message[0] & 15) <= 8 &&
	       bytes >= 4U + (message[0] & 15) && message[1] >> 5 == 0 && message[1] != 0;
}

/* "/a/b" of the request's Uri-Path options (number 11, section 5.10.1), or false where it is odd. */
static bool read_path(const __u8 *message, size_t bytes, char *path)
{
	const __u8 *end = message + (bytes < READ_MAX ? bytes : READ_MAX), *at;
	unsigned options = 0, segments = 0, byte;
	long number = 0, delta, length, i;

	if (!is_request(message, bytes))
		return false;
	for (at = message + 4 + (message[0] & 15); at < end && *at != 0xff;) {
		byte = *at++;
		if (byte >> 4 == 15)
			return false;
		delta = extended(byte >> 4, &at, end);
		if (delta < 0)
			return false;
		number += delta;
		if (number > 11)
			break;
		if ((byte & 15) == 15 || ++options > OPTIONS_MAX)
			return false;
		length = extended(byte & 15, &at, end);
		if (length < 0 || at + length > end)
			return false;
		if (number == 11) {
			if (length > 255)
				return false;
			path += sprintf(path, "/");
			for (i = 0; i < length; i++)
				path += sprintf(path, "%02x", at[i]);
			segments++;
		}
		at += length;
	}
	if (at == end && bytes > READ_MAX)
		return false;
	if (!segments)
		sprintf(path, "/");
	return true;
}

/* A path as the manifest has it, without anything that is to be decoded, in the same form. */
static void path_of(const char *text, char *path)
{
	for (; *text; text++)
		path += *text == '/' ? sprintf(path, "/") : sprintf(path, "%02x", (__u8)*text);
}

/* ---- DNS (RFC 1035) ------------------------------------------------------------------------------- */

/* The one question's name (sections 3.1, 4.1.2) as ".www.example", in small letters. */
static bool read_name(const __u8 *message, size_t bytes, char *name)
{
	size_t at = 12, i, length;

	if (bytes < 12 || message[2] & 0x80 || message[4] || message[5] != 1)
		return false;
	for (;; at += 1 + length) {
		if (at >= bytes || at - 12 >= NAME_MAX)
			return false;
		length = message[at];
		if (!length)
			break;
		if (length > LABEL_MAX || at + 1 + length > bytes)
			return false;
		name += sprintf(name, ".");
		for (i = 1; i <= length; i++)
			name += sprintf(name, "%02x", tolower(message[at + i]));
	}
	*name = '\0';
	return at + 5 <= bytes;
}

static void name_of(const char *text, char *name)
{
	*name = '\0';
	if (strcmp(text, ".") == 0)
		return;
	name += sprintf(name, ".");
	for (; *text; text++)
		name += *text == '.' ? sprintf(name, ".")
				     : sprintf(name, "%02x", tolower((__u8)*text));
}

static bool ends_with(const char *text, const char *end)
{
	size_t bytes = strlen(text), end_bytes = strlen(end);

	return bytes >= end_bytes && strcmp(text + bytes - end_bytes, end) == 0;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static enum oracle_key ask_bytes(const struct xfn_key_spec *key, const __u8 *payload, size_t bytes)
{
	unsigned i;

	if (bytes < key->offset + key->value_bytes)
		return ORACLE_KEY_ODD;
	for (i = 0; i < key->value_bytes; i++)
		if ((payload[key->offset + i] ^ key->value[i]) & key->mask[i])
			return ORACLE_KEY_DIFFERS;
	return ORACLE_KEY_MATCHES;
}

enum oracle_key oracle_key_ask(const struct xfn_key_spec *key, const __u8 *payload, size_t bytes)
{
	static char have[TEXT_MAX], wanted[TEXT_MAX];
	bool path = key->kind == XFN_KEY_COAP_PATH, matches;

	if (key->kind == XFN_KEY_BYTES)
		return ask_bytes(key, payload, bytes);
	if (!(path ? read_path : read_name)(payload, bytes, have))
		return ORACLE_KEY_ODD;
	(path ? path_of : name_of)(key->text, wanted);
	matches = key->kind == XFN_KEY_DNS_SUFFIX ? ends_with(have, wanted)
						  : strcmp(have, wanted) == 0;
	return matches ? ORACLE_KEY_MATCHES : ORACLE_KEY_DIFFERS;
}

static int count_labels(const char *text)
{
	int labels = strcmp(text, ".") != 0;

	for (; *text; text++)
		labels += *text == '.' && text[1];
	return labels;
}

static int count_bits(const struct xfn_key_spec *key)
{
	int bits = 0, i;

	for (i = 0; i < key->value_bytes; i++)
		bits += __builtin_popcount(key->mask[i]);
	return bits;
}

int oracle_key_rank(const struct xfn_key_spec *key)
{
	if (!key)
		return 0;
	if (key->kind == XFN_KEY_DNS_SUFFIX)
		return 10000000 + count_labels(key->text);
	if (key->kind == XFN_KEY_BYTES)
		return 1 + count_bits(key) * 10000 + (9000 - (int)key->offset);
	return 20000000;
}
