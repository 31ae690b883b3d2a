/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "packet.h"
#include "pcapng.h"

/* Block by block, as the format's own document lays them out; little-endian machines. */
static const char wanted[] =
	/* section: magic, version 1.0, length unknown, application "xfn" */
	"0a0d0d0a"
	"28000000"
	"4d3c2b1a"
	"01000000"
	"ffffffffffffffff"
	"04000300"
	"78666e00"
	"00000000"
	"28000000"
	/* interface 0: Ethernet, 128 bytes, called eth0, nanoseconds */
	"01000000"
	"28000000"
	"01000000"
	"80000000"
	"02000400"
	"65746830"
	"09000100"
	"09000000"
	"00000000"
	"28000000"
	/* packet on 0: time, captured 5 of 60, padded, comment "handled", inbound */
	"06000000"
	"40000000"
	"00000000"
	"efcdab18"
	"67452301"
	"05000000"
	"3c000000"
	"0102030405000000"
	"01000700"
	"68616e646c656400"
	"02000400"
	"01000000"
	"00000000"
	"40000000";

static void test_bytes(void **state)
{
	static const __u8 frame[] = {1, 2, 3, 4, 5};
	struct xfn_pcapng_packet packet = {
		.interface = "eth0",
		.time_ns = 0x18abcdef01234567,
		.frame = frame,
		.captured = sizeof(frame),
		.bytes = 60,
		.comment = "handled",
	};
	struct xfn_pcapng pcapng;
	char *bytes = NULL, *hex;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	assert_int_equal(xfn_pcapng_begin(&pcapng, out, 128, "xfn"), 0);
	assert_int_equal(xfn_pcapng_write(&pcapng, &packet), 0);
	fflush(out);
	hex = malloc(2 * size + 1);
	assert_string_equal(xfn_hex_print(bytes, size, hex), wanted);
	/* The same interface is not described again. */
	assert_int_equal(xfn_pcapng_write(&pcapng, &packet), 0);
	fclose(out);
	assert_int_equal(size, sizeof(wanted) / 2 + 0x40);
	free(hex);
	free(bytes);
}

/* Every length is a multiple of 4, stands at both ends, and leads to the next block. */
static void test_lengths(void **state)
{
	static __u8 frame[300];
	static char comment[300];
	char name[16], *bytes = NULL;
	size_t size = 0, at = 0;
	unsigned blocks = 0;
	struct xfn_pcapng pcapng;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	assert_int_equal(xfn_pcapng_begin(&pcapng, out, 256, "xfn test"), 0);
	for (unsigned i = 0; i < 200; i++) {
		struct xfn_pcapng_packet packet = {.interface = name,
						   .frame = frame,
						   .captured = i,
						   .bytes = i,
						   .comment = comment};

		memset(comment, 'c', i);
		comment[i] = '\0';
		snprintf(name, sizeof(name), "if%u", i % 70); /* more than are described */
		assert_int_equal(xfn_pcapng_write(&pcapng, &packet), 0);
	}
	fclose(out);
	for (__u32 length, last; at < size; at += length, blocks++) {
		memcpy(&length, bytes + at + 4, 4);
		assert_true(length >= 12 && length % 4 == 0 && at + length <= size);
		memcpy(&last, bytes + at + length - 4, 4);
		assert_int_equal(last, length);
	}
	assert_int_equal(blocks, 1 + 64 + 200);
	free(bytes);
}

static void test_full_disk(void **state)
{
	struct xfn_pcapng pcapng;
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	if (!out)
		skip();
	assert_int_equal(xfn_pcapng_begin(&pcapng, out, 128, "xfn"), -EIO);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
