/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_MESSAGE_H
#define XFN_TESTS_MESSAGE_H

/*
 * CoAP requests and DNS queries from a path or a name, for tests. Built by what the RFCs say, without
 * anything of the code under test. Each returns the message's size; @out has MESSAGE_BYTES_MAX bytes.
 */

#include <string.h>
#include <linux/types.h>

#define MESSAGE_BYTES_MAX 1400

/* One option's head and value; returns where the next one goes. */
static inline __u8 *message_option(__u8 *out, unsigned delta, const void *value, unsigned bytes)
{
	unsigned numbers[2] = {delta, bytes}, i, nibble;
	__u8 *first = out++;

	*first = 0;
	for (i = 0; i < 2; i++) {
		nibble = numbers[i] < 13 ? numbers[i] : numbers[i] < 269 ? 13 : 14;
		*first = *first << 4 | nibble;
		if (nibble == 13)
			*out++ = numbers[i] - 13;
		if (nibble == 14) {
			*out++ = (numbers[i] - 269) >> 8;
			*out++ = (numbers[i] - 269) & 0xff;
		}
	}
	memcpy(out, value, bytes);
	return out + bytes;
}

/* GET, confirmable, with the segments of "/a/b"; "/" has none. Nothing in @path is decoded. */
static inline unsigned message_coap(const char *path, __u8 *out)
{
	__u8 *at = out;
	unsigned delta = 11, bytes;

	memcpy(at, "\x40\x01\x12\x34", 4);
	at += 4;
	if (strcmp(path, "/") == 0)
		return at - out;
	while (*path == '/') {
		bytes = strcspn(++path, "/");
		at = message_option(at, delta, path, bytes);
		path += bytes;
		delta = 0;
	}
	return at - out;
}

/* A query of type A; "." is the root. Nothing in @name is decoded. */
static inline unsigned message_dns(const char *name, __u8 *out)
{
	__u8 *at = out;
	unsigned bytes;

	memcpy(at, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
	at += 12;
	if (strcmp(name, ".") == 0)
		name++;
	while (*name) {
		bytes = strcspn(name, ".");
		*at++ = bytes;
		memcpy(at, name, bytes);
		at += bytes;
		name += bytes + (name[bytes] == '.');
	}
	memcpy(at, "\0\0\x01\0\x01", 5);
	return at + 5 - out;
}

/* Bytes from hex digits. */
static inline unsigned message_hex(const char *hex, __u8 *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned i;

	for (i = 0; hex[2 * i]; i++)
		out[i] = (strchr(digits, hex[2 * i]) - digits) << 4 |
			 (strchr(digits, hex[2 * i + 1]) - digits);
	return i;
}

#endif
