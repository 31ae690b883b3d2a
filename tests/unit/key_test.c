/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as they are written, and what they become: parts in hex, each behind its length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "key.h"

/* Of a case: its parts, which may hold zeros. */
#define PARTS(text) text, sizeof(text) - 1
enum { REFUSED = -1, ACCEPTED = -2 };

#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

typedef int parse_fn(const char *text, size_t len, struct xfn_key_parts *ret,
		     struct xfn_unit_error *err);

static const struct {
	parse_fn *parse;
	const char *text;
	const char *parts; /* NULL: refused, or only accepted */
	int size;          /* of the parts; REFUSED, ACCEPTED: they are not looked at */
} cases[] = {
	{xfn_key_path_parse, "/", PARTS("")},
	{xfn_key_path_parse, "/a/bc", PARTS("\1a\2bc")},
	{xfn_key_path_parse, "/a/", PARTS("\1a\0")}, /* RFC 7252 s. 6.4: an empty segment is one */
	{xfn_key_path_parse, "//a", PARTS("\0\1a")},
	{xfn_key_path_parse, "/a%2fb%2Fc", PARTS("\5a/b/c")},
	{xfn_key_path_parse, "/%41", PARTS("\1A")},
	{xfn_key_path_parse, "/A", PARTS("\1A")}, /* case counts */
	{xfn_key_path_parse, "/\xc3\xbc", PARTS("\2\xc3\xbc")},
	{xfn_key_path_parse, "/%C3%BC", PARTS("\2\xc3\xbc")},
	{xfn_key_path_parse, "/-._~!$&'()*+,;=:@", PARTS("\x11-._~!$&'()*+,;=:@")},
	{xfn_key_path_parse, "/...", PARTS("\3...")},
	{xfn_key_path_parse, "/a\xc2\x85", NULL, REFUSED}, /* a control character */
	{xfn_key_path_parse, "/\xff", NULL, REFUSED},
	{xfn_key_path_parse, "/%", NULL, REFUSED},
	{xfn_key_path_parse, "/%4", NULL, REFUSED},
	{xfn_key_path_parse, "/a#b", NULL, REFUSED},
	{xfn_key_path_parse, "/" FIFTY FIFTY FIFTY FIFTY FIFTY "abc", NULL, ACCEPTED},
	{xfn_key_path_parse, "/" FIFTY FIFTY FIFTY FIFTY FIFTY "abcd", NULL, REFUSED},
	{xfn_key_path_parse, "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", NULL, ACCEPTED},
	{xfn_key_name_parse, ".", PARTS("")},
	{xfn_key_name_parse, "x.Example", PARTS("\1x\7example")},
	{xfn_key_name_parse, "x.example.", PARTS("\1x\7example")},
	{xfn_key_name_parse, "a\\.b.c", PARTS("\3a.b\1c")},
	{xfn_key_name_parse, "a\\\\", PARTS("\2a\\")},
	{xfn_key_name_parse, "\\065\\255", PARTS("\2a\xff")}, /* a capital, made small */
	{xfn_key_name_parse, "_x-1", PARTS("\4_x-1")},
	{xfn_key_name_parse, "**", PARTS("\2**")},
	{xfn_key_name_parse, "..", NULL, REFUSED},
	{xfn_key_name_parse, "a..", NULL, REFUSED},
	{xfn_key_name_parse, "a\\", NULL, REFUSED},
	{xfn_key_name_parse, "*", NULL, REFUSED},
	{xfn_key_name_parse, FIFTY TEN "123.a", NULL, ACCEPTED},
	{xfn_key_name_parse, FIFTY TEN "1234.a", NULL, REFUSED},
	/* 4 labels of 62 with their lengths are 252; one more of 1 makes 254, of 2 too many */
	{xfn_key_name_parse, FIFTY TEN "12." FIFTY TEN "12." FIFTY TEN "12." FIFTY TEN "12.a", NULL,
	 ACCEPTED},
	{xfn_key_name_parse, FIFTY TEN "12." FIFTY TEN "12." FIFTY TEN "12." FIFTY TEN "12.ab",
	 NULL, REFUSED},
	{xfn_key_suffix_parse, ".", PARTS("")},
	{xfn_key_suffix_parse, "1.2.3.4.5.6.7.8",
	 PARTS("\0011\0012\0013\0014\0015\0016\0017\0018")},
	{xfn_key_suffix_parse, "1.2.3.4.5.6.7.8.9", NULL, REFUSED},
};

static void check_parts(const struct xfn_key_parts *parts, const char *want, int size)
{
	if (size == ACCEPTED)
		return;
	assert_int_equal(parts->size, size);
	assert_memory_equal(parts->bytes, want, size);
}

static void test_parts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xfn_key_parts parts = {.size = 77};
		struct xfn_unit_error err = {0};
		const char *text = cases[i].text;
		int got = cases[i].parse(text, strlen(text), &parts, &err);

		if ((got != 0) != (cases[i].size == REFUSED))
			fail_msg("'%s': %s", text, got ? err.problem : "was accepted");
		if (!got) {
			check_parts(&parts, cases[i].parts, cases[i].size);
			continue;
		}
		assert_int_equal(parts.size, 77);
		assert_non_null(err.problem);
		assert_non_null(err.expected);
	}
}

/* The parts follow each other and fill the whole. */
static void test_parts_add_up(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xfn_key_parts parts;
		struct xfn_unit_error err;
		__u32 at, count = 0;

		if (cases[i].parse(cases[i].text, strlen(cases[i].text), &parts, &err))
			continue;
		for (at = 0; at < parts.size; at += 1 + parts.bytes[at])
			count++;
		assert_int_equal(at, parts.size);
		assert_int_equal(count, parts.count);
	}
}

static void test_hex(void **state)
{
	char text[2 * XFN_KEY_BYTES_MAX + 1];
	__u8 bytes[XFN_KEY_BYTES_MAX], count = 77;
	struct xfn_unit_error err;

	(void)state;
	assert_int_equal(xfn_key_hex_parse("00fFaB", 6, bytes, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_memory_equal(bytes, "\x00\xff\xab\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_string_equal(xfn_key_hex_print(bytes, count, text), "00ffab");
	assert_int_equal(
		xfn_key_hex_parse("000102030405060708090a0b0c0d0e0f", 32, bytes, &count, &err), 0);
	assert_int_equal(count, 16);
	assert_string_equal(xfn_key_hex_print(bytes, count, text),
			    "000102030405060708090a0b0c0d0e0f");
	assert_true(xfn_key_hex_parse("", 0, bytes, &count, &err));
	assert_true(xfn_key_hex_parse("0:", 2, bytes, &count, &err));
	assert_int_equal(count, 16);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_parts_add_up),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
