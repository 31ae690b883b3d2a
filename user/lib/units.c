/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

#define RATE_FORM     "a rate such as 500/s, 200k/s, 1M/s or 30/m, at most 100M/s, or 0"
#define DURATION_FORM "a duration such as 500us, 1ms, 30s or 5m"
#define COUNT_FORM    "a whole number, such as 20, 5k or 1M"
#define PERCENT_FORM  "a percentage from 0% to 100%, such as 0.1%"
#define BYTES_FORM    "a size such as 512KiB, 64MiB or 2GiB"
#define CPU_FORM      "a share of one CPU such as 50%, or 250% of several, at most 102400%"
#define PORTS_FORM    "a port from 1 to 65535, or a range such as 9000-9009"
#define MAC_FORM      "six bytes in hex, such as 02:00:00:00:00:01"

/* What is left to read. */
struct rest {
	const char *at;
	size_t left;
};

static struct xfn_unit_error refuse(const char *problem, const char *expected)
{
	return (struct xfn_unit_error){.problem = problem, .expected = expected};
}

/* One or more digits. */
static bool read_number(struct rest *rest, __u64 *ret)
{
	size_t digits = 0;
	__u64 value = 0;

	for (; digits < rest->left && rest->at[digits] >= '0' && rest->at[digits] <= '9';
	     digits++) {
		__u64 digit = rest->at[digits] - '0';

		if (value > (UINT64_MAX - digit) / 10)
			value = UINT64_MAX; /* stays too large for everyone who asks */
		else
			value = value * 10 + digit;
	}
	if (!digits)
		return false;
	rest->at += digits;
	rest->left -= digits;
	*ret = value;
	return true;
}

static bool take(struct rest *rest, const char *word)
{
	size_t len = strlen(word);

	if (rest->left < len || memcmp(rest->at, word, len))
		return false;
	rest->at += len;
	rest->left -= len;
	return true;
}

static bool scale_up(__u64 *value, __u64 by)
{
	return !__builtin_mul_overflow(*value, by, value);
}

/* Digits and a k or M; NULL when all is well, else the problem. */
static const char *read_scaled(struct rest *rest, __u64 *value)
{
	__u64 by = 1;

	if (!read_number(rest, value))
		return "is not a number";
	if (rest->left && *rest->at == '.')
		return "has a decimal point";
	if (take(rest, "k"))
		by = 1000;
	else if (take(rest, "M"))
		by = 1000000;
	return scale_up(value, by) ? NULL : "is too large";
}

int xfn_count_parse(const char *text, size_t len, __u64 min, __u64 max, __u64 *ret,
		    struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	__u64 value;
	const char *problem = read_scaled(&rest, &value);

	if (!problem && rest.left)
		problem = "is not a number";
	if (!problem && value > max)
		problem = "is too large";
	if (!problem && value < min)
		problem = "is too small";
	if (problem) {
		*err = refuse(problem, COUNT_FORM);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

char *xfn_count_print(__u64 count, char *buf, size_t size)
{
	if (count && count % 1000000 == 0)
		snprintf(buf, size, "%lluM", count / 1000000);
	else if (count && count % 1000 == 0)
		snprintf(buf, size, "%lluk", count / 1000);
	else
		snprintf(buf, size, "%llu", count);
	return buf;
}

static bool rate_too_high(struct xfn_rate rate)
{
	return rate.count > XFN_RATE_MAX_PER_S * (rate.period_ns / XFN_NS_PER_S);
}

int xfn_rate_parse(const char *text, size_t len, struct xfn_rate *ret, struct xfn_unit_error *err)
{
	struct xfn_rate rate = {0, XFN_NS_PER_S};
	struct rest rest = {text, len};
	const char *problem = read_scaled(&rest, &rate.count);

	if (!problem && !rest.left && rate.count) {
		*err = refuse("has no unit", RATE_FORM);
		if (len < 16)
			snprintf(err->meant, sizeof(err->meant), "%.*s/s", (int)len, text);
		return -EINVAL;
	}
	if (!problem && take(&rest, "/m"))
		rate.period_ns = 60 * XFN_NS_PER_S;
	else if (!problem && rest.left && !take(&rest, "/s"))
		problem = "is not a rate";
	if (!problem && rest.left)
		problem = "is not a rate";
	if (!problem && rate_too_high(rate))
		problem = "is too large";
	if (problem) {
		*err = refuse(problem, RATE_FORM);
		return -EINVAL;
	}
	*ret = rate.count ? rate : (struct xfn_rate){0, XFN_NS_PER_S};
	return 0;
}

char *xfn_rate_print(struct xfn_rate rate, char *buf, size_t size)
{
	char count[XFN_UNIT_TEXT_MAX];

	if (!rate.count)
		snprintf(buf, size, "0");
	else
		snprintf(buf, size, "%s/%c", xfn_count_print(rate.count, count, sizeof(count)),
			 rate.period_ns == XFN_NS_PER_S ? 's' : 'm');
	return buf;
}

__u64 xfn_rate_default_burst(struct xfn_rate rate)
{
	__u64 burst = rate.count / (10 * (rate.period_ns / XFN_NS_PER_S));

	return burst ? burst : 1;
}

/* Longest first where one is the beginning of another; printed as the largest that divides. */
static const struct duration_unit {
	const char *name;
	__u64 ns;
} duration_units[] = {
	{"ns", 1},
	{"us", XFN_NS_PER_US},
	{"ms", XFN_NS_PER_MS},
	{"s", XFN_NS_PER_S},
	{"m", 60 * XFN_NS_PER_S},
	{"h", 3600 * XFN_NS_PER_S},
	{"d", 86400 * XFN_NS_PER_S},
};
#define DURATION_UNITS (sizeof(duration_units) / sizeof(duration_units[0]))
#define DURATION_MAX   (365 * 86400 * XFN_NS_PER_S)

static const char *read_duration(struct rest *rest, __u64 *value)
{
	if (!read_number(rest, value))
		return "is not a duration";
	if (!rest->left)
		return "has no unit";
	if (*rest->at == '.')
		return "has a decimal point";
	for (size_t i = 0; i < DURATION_UNITS; i++) {
		const struct duration_unit *unit = &duration_units[i];

		if (rest->left != strlen(unit->name) || !take(rest, unit->name))
			continue;
		return scale_up(value, unit->ns) && *value <= DURATION_MAX ? NULL : "is too large";
	}
	return "has an unknown unit";
}

int xfn_duration_parse(const char *text, size_t len, __u64 *ret_ns, struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	__u64 value;
	const char *problem = read_duration(&rest, &value);

	if (problem) {
		*err = refuse(problem, DURATION_FORM);
		return -EINVAL;
	}
	*ret_ns = value;
	return 0;
}

char *xfn_duration_print(__u64 duration_ns, char *buf, size_t size)
{
	size_t i = DURATION_UNITS - 1;

	while (i && (!duration_ns || duration_ns % duration_units[i].ns))
		i--;
	snprintf(buf, size, "%llu%s", duration_ns / duration_units[i].ns, duration_units[i].name);
	return buf;
}

#define PPM_PER_PERCENT  10000
#define PERCENT_DECIMALS 4

/* The digits after the point, as parts of PPM_PER_PERCENT. */
static const char *read_decimals(struct rest *rest, __u64 *ppm)
{
	size_t before = rest->left;
	__u64 decimals;

	if (!read_number(rest, &decimals))
		return "is not a percentage";
	if (before - rest->left > PERCENT_DECIMALS)
		return "has more than four decimals";
	for (size_t n = before - rest->left; n < PERCENT_DECIMALS; n++)
		decimals *= 10;
	*ppm += decimals;
	return NULL;
}

static const char *read_percent(struct rest *rest, __u64 *ppm)
{
	const char *problem;

	if (!read_number(rest, ppm))
		return "is not a percentage";
	if (*ppm > 100)
		return "is too large";
	*ppm *= PPM_PER_PERCENT;
	problem = take(rest, ".") ? read_decimals(rest, ppm) : NULL;
	if (problem)
		return problem;
	if (!take(rest, "%"))
		return "has no percent sign";
	if (rest->left)
		return "is not a percentage";
	return *ppm <= 100 * PPM_PER_PERCENT ? NULL : "is too large";
}

int xfn_percent_parse(const char *text, size_t len, __u32 *ret_ppm, struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	__u64 ppm;
	const char *problem = read_percent(&rest, &ppm);

	if (problem) {
		*err = refuse(problem, PERCENT_FORM);
		return -EINVAL;
	}
	*ret_ppm = ppm;
	return 0;
}

char *xfn_percent_print(__u32 ppm, char *buf, size_t size)
{
	char decimals[8] = "";
	size_t len = 0;

	if (ppm % PPM_PER_PERCENT)
		len = snprintf(decimals, sizeof(decimals), ".%04u", ppm % PPM_PER_PERCENT);
	while (len && decimals[len - 1] == '0')
		decimals[--len] = '\0';
	snprintf(buf, size, "%u%s%%", ppm / PPM_PER_PERCENT, decimals);
	return buf;
}

/* From the smallest on; printed as the largest that divides. */
static const char *const byte_units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
#define BYTE_UNITS      (sizeof(byte_units) / sizeof(byte_units[0]))
#define BYTE_UNIT_SHIFT 10

/* 64M, 64MB, 64m: what was probably meant. */
static void guess_bytes(const struct rest *unit, __u64 value, struct xfn_unit_error *err)
{
	char letter = unit->left ? *unit->at & ~0x20 : '\0';

	for (size_t i = 1; i < BYTE_UNITS; i++)
		if (letter == *byte_units[i])
			snprintf(err->meant, sizeof(err->meant), "%llu%s", value, byte_units[i]);
}

int xfn_bytes_parse(const char *text, size_t len, __u64 *ret, struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	__u64 value;

	if (!read_number(&rest, &value)) {
		*err = refuse("is not a size", BYTES_FORM);
		return -EINVAL;
	}
	for (size_t i = 0; i < BYTE_UNITS; i++) {
		if (rest.left != strlen(byte_units[i]) || !take(&rest, byte_units[i]))
			continue;
		if (value != UINT64_MAX && scale_up(&value, 1ULL << BYTE_UNIT_SHIFT * i)) {
			*ret = value;
			return 0;
		}
		*err = refuse("is too large", BYTES_FORM);
		return -EINVAL;
	}
	*err = refuse(rest.left ? "has an unknown unit" : "has no unit", BYTES_FORM);
	guess_bytes(&rest, value, err);
	return -EINVAL;
}

char *xfn_bytes_print(__u64 bytes, char *buf, size_t size)
{
	size_t i = BYTE_UNITS - 1;

	while (i && (!bytes || bytes % (1ULL << BYTE_UNIT_SHIFT * i)))
		i--;
	snprintf(buf, size, "%llu%s", bytes >> BYTE_UNIT_SHIFT * i, byte_units[i]);
	return buf;
}

#define CPU_PERCENT_MAX 102400 /* of 1,024 CPUs */

int xfn_cpu_parse(const char *text, size_t len, __u32 *ret, struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	const char *problem = NULL;
	__u64 value;

	if (!read_number(&rest, &value))
		problem = "is not a share of a CPU";
	else if (!rest.left)
		problem = "has no unit";
	else if (!take(&rest, "%") || rest.left)
		problem = "is not a whole percentage";
	else if (!value)
		problem = "is too small";
	else if (value > CPU_PERCENT_MAX)
		problem = "is too large";
	if (problem) {
		*err = refuse(problem, CPU_FORM);
		return -EINVAL;
	}
	*ret = (__u32)value;
	return 0;
}

char *xfn_cpu_print(__u32 percent, char *buf, size_t size)
{
	snprintf(buf, size, "%u%%", percent);
	return buf;
}

static const char *read_port(struct rest *rest, __u64 *port)
{
	if (!read_number(rest, port))
		return "is not a port";
	if (!*port)
		return "is not a port that can be used";
	return *port <= UINT16_MAX ? NULL : "is too large";
}

int xfn_ports_parse(const char *text, size_t len, __u16 *ret_lo, __u16 *ret_hi,
		    struct xfn_unit_error *err)
{
	struct rest rest = {text, len};
	__u64 lo, hi;
	const char *problem = read_port(&rest, &lo);

	hi = lo;
	if (!problem && take(&rest, "-"))
		problem = read_port(&rest, &hi);
	if (!problem && rest.left)
		problem = "is not a port";
	if (!problem && lo > hi)
		problem = "is reversed";
	if (problem) {
		*err = refuse(problem, PORTS_FORM);
		if (!strcmp(problem, "is reversed"))
			xfn_ports_print(hi, lo, err->meant, sizeof(err->meant));
		return -EINVAL;
	}
	*ret_lo = lo;
	*ret_hi = hi;
	return 0;
}

char *xfn_ports_print(__u16 lo, __u16 hi, char *buf, size_t size)
{
	if (lo == hi)
		snprintf(buf, size, "%u", lo);
	else
		snprintf(buf, size, "%u-%u", lo, hi);
	return buf;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int xfn_mac_parse(const char *text, size_t len, __u8 ret[6], struct xfn_unit_error *err)
{
	__u8 mac[6];
	bool good = len == 17;

	for (size_t i = 0; good && i < 6; i++) {
		int high = hex_value(text[3 * i]), low = hex_value(text[3 * i + 1]);

		good = high >= 0 && low >= 0 && (i == 5 || text[3 * i + 2] == ':');
		mac[i] = (high & 15) << 4 | (low & 15);
	}
	if (!good) {
		*err = refuse("is not an Ethernet address", MAC_FORM);
		return -EINVAL;
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

char *xfn_mac_print(const __u8 mac[6], char *buf, size_t size)
{
	snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return buf;
}
