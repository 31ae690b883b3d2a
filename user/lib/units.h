/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quantities and addresses as people write them, and back.
 *
 * Readers take @len bytes at @text, which need no terminator, return 0 or -EINVAL, leave their
 * result untouched on failure and then fill @err. They never accept trailing text, signs, blanks or
 * decimals. Printers write into @buf, cut to @size (XFN_UNIT_TEXT_MAX always suffices), and return
 * @buf; what they print reads back as the same value. No function here allocates or has state.
 */
#ifndef XFN_UNITS_H
#define XFN_UNITS_H

#include <stddef.h>
#include <linux/types.h>

#define XFN_UNIT_TEXT_MAX 64

#define XFN_NS_PER_US 1000ULL
#define XFN_NS_PER_MS 1000000ULL
#define XFN_NS_PER_S  1000000000ULL

/* Why a text was refused. */
struct xfn_unit_error {
	const char *problem;           /* static; completes "'1500' ...", e.g. "has no unit" */
	const char *expected;          /* static; completes "expected ..." */
	char meant[XFN_UNIT_TEXT_MAX]; /* what was probably meant, or "" */
};

/* @count events in each @period_ns, kept as written: 30/m is {30, 60 s}. Count 0 admits nothing. */
struct xfn_rate {
	__u64 count;     /* 0, or such that the rate is 1/m to 100M/s */
	__u64 period_ns; /* one second or one minute */
};

#define XFN_RATE_MAX_PER_S 100000000ULL

/* An address prefix; host bits are zero. */
struct xfn_prefix {
	__u8 family;   /* AF_INET or AF_INET6 */
	__u8 plen;     /* 0 to 32, 0 to 128 */
	__u8 addr[16]; /* network order; IPv4 in the first four bytes, the rest zero */
};

/* `N`, `Nk` (thousand), `NM` (million), from @min to @max. */
int xfn_count_parse(const char *text, size_t len, __u64 min, __u64 max, __u64 *ret,
		    struct xfn_unit_error *err);
char *xfn_count_print(__u64 count, char *buf, size_t size);

/* `N[k|M]/(s|m)` from 1/m to 100M/s, or `0`. */
int xfn_rate_parse(const char *text, size_t len, struct xfn_rate *ret, struct xfn_unit_error *err);
char *xfn_rate_print(struct xfn_rate rate, char *buf, size_t size);

/* The default burst of a rate: what it admits in a tenth of a second, rounded down, at least 1. */
__u64 xfn_rate_default_burst(struct xfn_rate rate);

/* `N(ns|us|ms|s|m|h|d)`, up to 365d; the unit is required. The result is in nanoseconds. */
int xfn_duration_parse(const char *text, size_t len, __u64 *ret_ns, struct xfn_unit_error *err);
char *xfn_duration_print(__u64 duration_ns, char *buf, size_t size);

/* `0%` to `100%`, up to four decimals. The result is in parts per million. */
int xfn_percent_parse(const char *text, size_t len, __u32 *ret_ppm, struct xfn_unit_error *err);
char *xfn_percent_print(__u32 ppm, char *buf, size_t size);

/* `N(B|KiB|MiB|GiB|TiB)`; the unit is required. The result is in bytes. */
int xfn_bytes_parse(const char *text, size_t len, __u64 *ret, struct xfn_unit_error *err);
char *xfn_bytes_print(__u64 bytes, char *buf, size_t size);

/* `1%` to `102400%`, whole ones, of one CPU: 250% is two CPUs and a half. The result is in percent. */
int xfn_cpu_parse(const char *text, size_t len, __u32 *ret, struct xfn_unit_error *err);
char *xfn_cpu_print(__u32 percent, char *buf, size_t size);

/* `N` or `LOW-HIGH`, 1 to 65535, both ends included. Host byte order. */
int xfn_ports_parse(const char *text, size_t len, __u16 *ret_lo, __u16 *ret_hi,
		    struct xfn_unit_error *err);
char *xfn_ports_print(__u16 lo, __u16 hi, char *buf, size_t size);

/*
 * `10.0.0.0/8`, `2001:db8::/32`, or an address alone (/32, /128). Refused with what was meant: host
 * bits that are set (the network), IPv4-mapped addresses (the IPv4 address).
 */
int xfn_prefix_parse(const char *text, size_t len, struct xfn_prefix *ret,
		     struct xfn_unit_error *err);
char *xfn_prefix_print(const struct xfn_prefix *prefix, char *buf, size_t size);

/* Six bytes in hex with colons, either case. */
int xfn_mac_parse(const char *text, size_t len, __u8 ret[6], struct xfn_unit_error *err);
char *xfn_mac_print(const __u8 mac[6], char *buf, size_t size);

#endif /* XFN_UNITS_H */
