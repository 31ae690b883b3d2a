/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "units.h"

/* A text to read: what it prints as again, or the problem (and what was meant) when it is refused. */
struct unit_case {
	const char *text;
	const char *printed; /* NULL: refused */
	const char *problem, *meant;
};

#define GOOD(text, printed)               \
	{                                 \
		text, printed, NULL, NULL \
	}
#define BAD(text, problem, meant)          \
	{                                  \
		text, NULL, problem, meant \
	}

/* Read @len bytes at @text, print the result into @buf. Returns as the reader does. */
typedef int (*unit_fn)(const char *text, size_t len, char *buf, struct xfn_unit_error *err);

static int count_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u64 count = 77;
	int ret = xfn_count_parse(text, len, 1, 4000000, &count, err);

	assert_true(!ret || count == 77);
	xfn_count_print(count, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int rate_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	struct xfn_rate rate = {77, XFN_NS_PER_S};
	int ret = xfn_rate_parse(text, len, &rate, err);

	assert_true(!ret || rate.count == 77);
	xfn_rate_print(rate, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int duration_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u64 ns = 77;
	int ret = xfn_duration_parse(text, len, &ns, err);

	assert_true(!ret || ns == 77);
	xfn_duration_print(ns, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int percent_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u32 ppm = 77;
	int ret = xfn_percent_parse(text, len, &ppm, err);

	assert_true(!ret || ppm == 77);
	xfn_percent_print(ppm, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int ports_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u16 lo = 77, hi = 78;
	int ret = xfn_ports_parse(text, len, &lo, &hi, err);

	assert_true(!ret || (lo == 77 && hi == 78));
	xfn_ports_print(lo, hi, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int prefix_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	struct xfn_prefix prefix = {.family = AF_INET, .plen = 7};
	int ret = xfn_prefix_parse(text, len, &prefix, err);

	assert_true(!ret || prefix.plen == 7);
	xfn_prefix_print(&prefix, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static int mac_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u8 mac[6] = {77};
	int ret = xfn_mac_parse(text, len, mac, err);

	assert_true(!ret || mac[0] == 77);
	xfn_mac_print(mac, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

/* The text is copied without its terminator, so that reading beyond it is seen. */
static void check_case(unit_fn read, const struct unit_case *c)
{
	char buf[XFN_UNIT_TEXT_MAX];
	struct xfn_unit_error err = {0};
	size_t len = strlen(c->text);
	char *text = malloc(len + !len);
	int ret;

	memcpy(text, c->text, len);
	ret = read(text, len, buf, &err);
	free(text);
	if (c->printed) {
		assert_int_equal(ret, 0);
		assert_string_equal(buf, c->printed);
		return;
	}
	assert_int_equal(ret, -EINVAL);
	assert_string_equal(err.problem, c->problem);
	assert_string_equal(err.meant, c->meant);
	assert_non_null(err.expected);
}

#define CHECK_ALL(read, cases)                                                  \
	do {                                                                    \
		for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) \
			check_case(read, &(cases)[i]);                          \
	} while (0)

static void test_counts(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("1", "1"),
		GOOD("1500", "1500"),
		GOOD("20k", "20k"),
		GOOD("20000", "20k"),
		GOOD("4M", "4M"),
		BAD("0", "is too small", ""),
		BAD("5M", "is too large", ""),
		BAD("99999999999999999999999", "is too large", ""),
		BAD("18446744073709551615k", "is too large", ""),
		BAD("", "is not a number", ""),
		BAD("k", "is not a number", ""),
		BAD("-1", "is not a number", ""),
		BAD("+1", "is not a number", ""),
		BAD(" 1", "is not a number", ""),
		BAD("1 ", "is not a number", ""),
		BAD("1K", "is not a number", ""),
		BAD("1kk", "is not a number", ""),
		BAD("0x10", "is not a number", ""),
		BAD("1.5k", "has a decimal point", ""),
	};

	(void)state;
	CHECK_ALL(count_text, cases);
}

static void test_rates(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("0", "0"),
		GOOD("0/s", "0"),
		GOOD("0/m", "0"),
		GOOD("1/s", "1/s"),
		GOOD("1/m", "1/m"),
		GOOD("500/s", "500/s"),
		GOOD("200k/s", "200k/s"),
		GOOD("1000k/s", "1M/s"),
		GOOD("100M/s", "100M/s"),
		BAD("100001k/s", "is too large", ""),
		GOOD("6000M/m", "6000M/m"),
		BAD("6000001k/m", "is too large", ""),
		BAD("500", "has no unit", "500/s"),
		BAD("2k", "has no unit", "2k/s"),
		BAD("1.5k/s", "has a decimal point", ""),
		BAD("500/h", "is not a rate", ""),
		BAD("500/ss", "is not a rate", ""),
		BAD("500s", "is not a rate", ""),
		BAD("500 /s", "is not a rate", ""),
		BAD("/s", "is not a number", ""),
		BAD("-1/s", "is not a number", ""),
		BAD("", "is not a number", ""),
		BAD("99999999999999999999/s", "is too large", ""),
	};
	struct xfn_unit_error err;
	struct xfn_rate rate;

	(void)state;
	CHECK_ALL(rate_text, cases);
	assert_int_equal(xfn_rate_parse("30/m", 4, &rate, &err), 0);
	assert_int_equal(rate.count, 30);
	assert_int_equal(rate.period_ns, 60 * XFN_NS_PER_S);
}

static void test_default_burst(void **state)
{
	static const struct {
		struct xfn_rate rate;
		__u64 burst;
	} cases[] = {
		{{0, XFN_NS_PER_S}, 1},          {{1, XFN_NS_PER_S}, 1},
		{{19, XFN_NS_PER_S}, 1},         {{20, XFN_NS_PER_S}, 2},
		{{200000, XFN_NS_PER_S}, 20000}, {{30, 60 * XFN_NS_PER_S}, 1},
		{{6000, 60 * XFN_NS_PER_S}, 10}, {{100000000, XFN_NS_PER_S}, 10000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(xfn_rate_default_burst(cases[i].rate), cases[i].burst);
}

static void test_durations(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("10ns", "10ns"),
		GOOD("500us", "500us"),
		GOOD("1ms", "1ms"),
		GOOD("1000us", "1ms"),
		GOOD("30s", "30s"),
		GOOD("60s", "1m"),
		GOOD("1m", "1m"),
		GOOD("90s", "90s"),
		GOOD("24h", "1d"),
		GOOD("365d", "365d"),
		GOOD("0s", "0ns"),
		BAD("366d", "is too large", ""),
		BAD("99999999999999999999d", "is too large", ""),
		BAD("10", "has no unit", ""),
		BAD("1.5s", "has a decimal point", ""),
		BAD("1 s", "has an unknown unit", ""),
		BAD("1sec", "has an unknown unit", ""),
		BAD("1m30s", "has an unknown unit", ""),
		BAD("s", "is not a duration", ""),
		BAD("", "is not a duration", ""),
		BAD("-1s", "is not a duration", ""),
	};

	(void)state;
	CHECK_ALL(duration_text, cases);
}

static int bytes_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u64 bytes = 77;
	int ret = xfn_bytes_parse(text, len, &bytes, err);

	assert_true(!ret || bytes == 77);
	xfn_bytes_print(bytes, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static void test_bytes(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("0B", "0B"),
		GOOD("1B", "1B"),
		GOOD("1023B", "1023B"),
		GOOD("1024B", "1KiB"),
		GOOD("1536KiB", "1536KiB"),
		GOOD("64MiB", "64MiB"),
		GOOD("2048MiB", "2GiB"),
		GOOD("16777215TiB", "16777215TiB"),
		BAD("16777216TiB", "is too large", ""),
		BAD("99999999999999999999B", "is too large", ""),
		BAD("64", "has no unit", ""),
		BAD("64M", "has an unknown unit", "64MiB"),
		BAD("64MB", "has an unknown unit", "64MiB"),
		BAD("2g", "has an unknown unit", "2GiB"),
		BAD("2GiBs", "has an unknown unit", "2GiB"),
		BAD("1.5GiB", "has an unknown unit", ""),
		BAD("64 MiB", "has an unknown unit", ""),
		BAD("MiB", "is not a size", ""),
		BAD("-1MiB", "is not a size", ""),
		BAD("", "is not a size", ""),
	};

	(void)state;
	CHECK_ALL(bytes_text, cases);
}

static int cpu_text(const char *text, size_t len, char *buf, struct xfn_unit_error *err)
{
	__u32 percent = 77;
	int ret = xfn_cpu_parse(text, len, &percent, err);

	assert_true(!ret || percent == 77);
	xfn_cpu_print(percent, buf, XFN_UNIT_TEXT_MAX);
	return ret;
}

static void test_cpu_shares(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("1%", "1%"),
		GOOD("250%", "250%"),
		GOOD("102400%", "102400%"),
		BAD("102401%", "is too large", ""),
		BAD("0%", "is too small", ""),
		BAD("50", "has no unit", ""),
		BAD("0.5", "is not a whole percentage", ""),
		BAD("1.5%", "is not a whole percentage", ""),
		BAD("50%%", "is not a whole percentage", ""),
		BAD("half", "is not a share of a CPU", ""),
		BAD("", "is not a share of a CPU", ""),
	};

	(void)state;
	CHECK_ALL(cpu_text, cases);
}

static void test_percentages(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("0%", "0%"),
		GOOD("0.1%", "0.1%"),
		GOOD("0.0001%", "0.0001%"),
		GOOD("12.50%", "12.5%"),
		GOOD("100%", "100%"),
		GOOD("100.0%", "100%"),
		BAD("100.1%", "is too large", ""),
		BAD("101%", "is too large", ""),
		BAD("0.00001%", "has more than four decimals", ""),
		BAD("1", "has no percent sign", ""),
		BAD("1.%", "is not a percentage", ""),
		BAD(".5%", "is not a percentage", ""),
		BAD("1%%", "is not a percentage", ""),
		BAD("", "is not a percentage", ""),
	};

	(void)state;
	CHECK_ALL(percent_text, cases);
}

static void test_ports(void **state)
{
	static const struct unit_case cases[] = {
		GOOD("1", "1"),
		GOOD("53", "53"),
		GOOD("65535", "65535"),
		GOOD("9000-9009", "9000-9009"),
		GOOD("1-65535", "1-65535"),
		GOOD("5-5", "5"),
		BAD("9009-9000", "is reversed", "9000-9009"),
		BAD("0", "is not a port that can be used", ""),
		BAD("0-5", "is not a port that can be used", ""),
		BAD("5-0", "is not a port that can be used", ""),
		BAD("65536", "is too large", ""),
		BAD("1-65536", "is too large", ""),
		BAD("-5", "is not a port", ""),
		BAD("5-", "is not a port", ""),
		BAD("5--6", "is not a port", ""),
		BAD("5-6-7", "is not a port", ""),
		BAD("5:6", "is not a port", ""),
		BAD("dns", "is not a port", ""),
		BAD("", "is not a port", ""),
	};

	(void)state;
	CHECK_ALL(ports_text, cases);
}

static void test_prefixes(void **state)
{
	static const char host[] = "has host bits set";
	static const char length[] = "has no prefix length that fits the address";
	static const char address[] = "is not an address";
	static const struct unit_case cases[] = {
		GOOD("10.0.0.1", "10.0.0.1"),
		GOOD("10.0.0.1/32", "10.0.0.1"),
		GOOD("10.0.0.0/8", "10.0.0.0/8"),
		GOOD("0.0.0.0/0", "0.0.0.0/0"),
		GOOD("10.1.128.0/17", "10.1.128.0/17"),
		GOOD("::1", "::1"),
		GOOD("2001:DB8::/32", "2001:db8::/32"),
		GOOD("::/0", "::/0"),
		GOOD("fe80::/10", "fe80::/10"),
		BAD("10.0.0.1/8", host, "10.0.0.0/8"),
		BAD("10.1.129.0/17", host, "10.1.128.0/17"),
		BAD("10.0.0.1/0", host, "0.0.0.0/0"),
		BAD("2001:db8::1/32", host, "2001:db8::/32"),
		BAD("::ffff:192.0.2.1", "is an IPv4 address written as IPv6", "192.0.2.1"),
		{"::ffff:192.0.2.1/120", NULL, "is an IPv4 address written as IPv6",
		 "192.0.2.0/24"},
		BAD("10.0.0.0/33", length, ""),
		BAD("::/129", length, ""),
		BAD("10.0.0.0/", length, ""),
		BAD("10.0.0.0/-1", length, ""),
		BAD("10.0.0.0/255.0.0.0", length, ""),
		BAD("10.0.0.0/8/8", length, ""),
		BAD("10.0.0", address, ""),
		BAD("10.0.0.256", address, ""),
		BAD("010.0.0.1", address, ""),
		BAD("10.0.0.1 ", address, ""),
		BAD("fe80::1%eth0", address, ""),
		BAD("1::2::3", address, ""),
		BAD("localhost", address, ""),
		BAD("/8", address, ""),
		BAD("", address, ""),
		BAD("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", address, ""),
	};
	struct xfn_unit_error err;
	struct xfn_prefix prefix;

	(void)state;
	CHECK_ALL(prefix_text, cases);
	memset(&prefix, 0xff, sizeof(prefix));
	assert_int_equal(xfn_prefix_parse("10.0.0.0/8", 10, &prefix, &err), 0);
	assert_int_equal(prefix.family, AF_INET);
	for (size_t i = 1; i < 16; i++)
		assert_int_equal(prefix.addr[i], 0);
}

static void test_macs(void **state)
{
	static const char problem[] = "is not an Ethernet address";
	static const struct unit_case cases[] = {
		GOOD("02:00:00:00:00:01", "02:00:00:00:00:01"),
		GOOD("Aa:bB:cc:DD:ee:FF", "aa:bb:cc:dd:ee:ff"),
		BAD("02-00-00-00-00-01", problem, ""),
		BAD("02:00:00:00:00", problem, ""),
		BAD("02:00:00:00:00:01:02", problem, ""),
		BAD("02:00:00:00:00:0g", problem, ""),
		BAD("", problem, ""),
	};

	(void)state;
	CHECK_ALL(mac_text, cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),        cmocka_unit_test(test_rates),
		cmocka_unit_test(test_default_burst), cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bytes),         cmocka_unit_test(test_cpu_shares),
		cmocka_unit_test(test_percentages),   cmocka_unit_test(test_ports),
		cmocka_unit_test(test_prefixes),      cmocka_unit_test(test_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
