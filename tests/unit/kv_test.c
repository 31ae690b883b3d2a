/* SPDX-License-Identifier: BSD-2-Clause */
/* examples/kv: says what memcached said to the same datagrams, within memory that does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/kv/server/kv.h"

#define CAPTURE "tests/unit/kv_memcached.hex"

static struct kv_store store;

static int empty(void **state)
{
	(void)state;
	memset(&store, 0, sizeof(store));
	return 0;
}

/* What is said to @text in a datagram of its own, without the header, in place of a string. */
static const char *ask_at(const char *text, int64_t second)
{
	static uint8_t reply[1400 + 1];
	struct kv_now now = {second, 1700000000 + second};
	uint8_t request[2048] = {0x12, 0x34, 0, 0, 0, 1};
	size_t got;

	memcpy(request + KV_HEADER_BYTES, text, strlen(text));
	got = kv_answer(&store, &now, request, KV_HEADER_BYTES + strlen(text), reply, 1400);
	if (!got)
		return "";
	assert_memory_equal(reply, "\x12\x34\0\0\0\1\0\0", KV_HEADER_BYTES);
	reply[got] = 0;
	return (const char *)reply + KV_HEADER_BYTES;
}

static const char *ask(const char *text)
{
	return ask_at(text, 100);
}

static size_t read_hex(const char *hex, uint8_t *ret)
{
	size_t bytes = 0;
	unsigned byte;

	while (sscanf(hex + 2 * bytes, "%2x", &byte) == 1)
		ret[bytes++] = (uint8_t)byte;
	return bytes;
}

/* What memcached sent as several datagrams is one here: the headers of all but the first are left out. */
static void test_captured(void **state)
{
	struct kv_now now = {100, 1700000000};
	uint8_t bytes[2048], expected[2048], got[1400];
	size_t expected_bytes = 0, got_bytes = 0, size;
	char line[4096];
	FILE *file = fopen(CAPTURE, "r");
	int requests = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '>') {
			assert_int_equal(got_bytes, expected_bytes);
			assert_memory_equal(got, expected, got_bytes);
			size = read_hex(line + 2, bytes);
			got_bytes = kv_answer(&store, &now, bytes, size, got, sizeof(got));
			expected_bytes = 0;
			requests++;
		} else if (line[0] == '<') {
			size = read_hex(line + 2, bytes);
			if (expected_bytes)
				memmove(bytes, bytes + KV_HEADER_BYTES, size -= KV_HEADER_BYTES);
			memcpy(expected + expected_bytes, bytes, size);
			expected_bytes += size;
		}
	}
	fclose(file);
	assert_int_equal(got_bytes, expected_bytes);
	assert_memory_equal(got, expected, got_bytes);
	assert_int_equal(requests, 45);
}

static void test_expiry(void **state)
{
	(void)state;
	assert_string_equal(ask_at("set a 0 10 1\r\nx\r\n", 100), "STORED\r\n");
	assert_string_equal(ask_at("get a\r\n", 109), "VALUE a 0 1\r\nx\r\nEND\r\n");
	assert_string_equal(ask_at("get a\r\n", 110), "END\r\n");
	/* A date: 1700000000 + 200. */
	assert_string_equal(ask_at("set a 0 1700000200 1\r\nx\r\n", 100), "STORED\r\n");
	assert_string_equal(ask_at("get a\r\n", 199), "VALUE a 0 1\r\nx\r\nEND\r\n");
	assert_string_equal(ask_at("get a\r\n", 200), "END\r\n");
}

static void test_refused(void **state)
{
	static const char *const chunks[] = {
		"set a 0 0 5\r\nhell\r\n", "set a 0 0 5\r\nhello", "set a 0 0 5\r\nhellooo\r\n",
		"set a 0 0 5\r\n",         "set a 0 0 0\r\n",      "set a 0 0 1\r\nx\r\nget a\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		assert_string_equal(ask(chunks[i]), "CLIENT_ERROR bad data chunk\r\n");
	assert_int_equal(store.cas, 0);
	assert_string_equal(ask("set a 4294967296 0 1\r\nx\r\n"),
			    "CLIENT_ERROR bad command line format\r\n");
	assert_string_equal(ask("get a"), "ERROR\r\n");
	assert_string_equal(ask("get a\r\n"), "END\r\n");
}

/* As with memcached 1.6.18, an old value does not outlive a set that was refused for its length. */
static void test_too_large(void **state)
{
	static const char *const sets[] = {"set a 0 0 1025\r\n", "set a 0 0 1025 noreply\r\n"};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_string_equal(ask("set a 0 0 1\r\nx\r\n"), "STORED\r\n");
		assert_string_equal(ask(sets[i]),
				    i ? "" : "SERVER_ERROR object too large for cache\r\n");
		assert_string_equal(ask("get a\r\n"), "END\r\n");
	}
}

/* Of all that memcached takes as a key to delete. */
static void test_delete(void **state)
{
	static const char *const deletes[] = {"delete a\r\n", "delete a 0\r\n",
					      "delete a noreply\r\n", "delete a 0 noreply\r\n"};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_string_equal(ask("set a 0 0 1\r\nx\r\n"), "STORED\r\n");
		assert_string_equal(ask(deletes[i]), i < 2 ? "DELETED\r\n" : "");
		assert_string_equal(ask("get a\r\n"), "END\r\n");
	}
	assert_memory_equal(ask("delete a 1\r\n"), "CLIENT_ERROR", 12);
	assert_memory_equal(ask("delete a 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p\r\n"),
			    "CLIENT_ERROR", 12);
}

/* No answer: no header, a part of a request, no room for any answer. And nothing is done then. */
static void test_silent(void **state)
{
	struct kv_now now = {100, 1700000100};
	uint8_t request[64] = {1, 2, 0, 0, 0, 1}, reply[128];
	const char *set = "set a 0 0 1\r\nx\r\n";
	size_t bytes = KV_HEADER_BYTES + strlen(set);

	(void)state;
	memcpy(request + KV_HEADER_BYTES, set, strlen(set));
	assert_int_equal(kv_answer(&store, &now, request, 7, reply, sizeof(reply)), 0);
	assert_int_equal(kv_answer(&store, &now, request, bytes, reply, 60), 0);
	request[5] = 2;
	assert_int_equal(kv_answer(&store, &now, request, bytes, reply, sizeof(reply)), 0);
	assert_string_equal(ask("get a\r\n"), "END\r\n");
	request[5] = 1;
	assert_int_equal(kv_answer(&store, &now, request, bytes, reply, sizeof(reply)), 16);
}

/* A key that pushes others out takes no more room, and the last that was used stays. */
static void test_bounded(void **state)
{
	char text[64];
	int i, held = 0;

	(void)state;
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "set k%d 0 0 1\r\nx\r\n", i);
		assert_string_equal(ask(text), "STORED\r\n");
		assert_string_equal(ask("get k0\r\n"), "VALUE k0 0 1\r\nx\r\nEND\r\n");
	}
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "get k%d\r\n", i);
		held += strcmp(ask(text), "END\r\n") != 0;
	}
	assert_in_range(held, KV_SETS * KV_WAYS / 2, KV_SETS * KV_WAYS);
	assert_int_equal(held + store.evicted, 20000);
}

static void test_reply_too_large(void **state)
{
	char text[1100];

	(void)state;
	snprintf(text, sizeof(text), "set a 0 0 1000\r\n%01000d\r\n", 0);
	assert_string_equal(ask(text), "STORED\r\n");
	assert_int_equal(strlen(ask("get a\r\n")), strlen("VALUE a 0 1000\r\n\r\nEND\r\n") + 1000);
	assert_string_equal(ask("get a a\r\n"), "SERVER_ERROR reply larger than a datagram\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_captured, empty),
		cmocka_unit_test_setup(test_expiry, empty),
		cmocka_unit_test_setup(test_refused, empty),
		cmocka_unit_test_setup(test_too_large, empty),
		cmocka_unit_test_setup(test_delete, empty),
		cmocka_unit_test_setup(test_silent, empty),
		cmocka_unit_test_setup(test_bounded, empty),
		cmocka_unit_test_setup(test_reply_too_large, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
