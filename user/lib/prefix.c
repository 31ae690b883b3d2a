/* SPDX-License-Identifier: BSD-2-Clause */
/* Address prefixes as people write them, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

#define PREFIX_FORM "an address or prefix such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32"

/* Clear the bits after @plen; true if one was set. */
static bool clear_host_bits(struct xfn_prefix *prefix)
{
	size_t bytes = prefix->family == AF_INET ? 4 : 16;
	bool was_set = false;

	for (size_t i = prefix->plen / 8; i < bytes; i++) {
		__u8 mask = i == prefix->plen / 8u ? 0xff >> prefix->plen % 8 : 0xff;

		was_set |= prefix->addr[i] & mask;
		prefix->addr[i] &= ~mask;
	}
	return was_set;
}

static bool is_mapped(const struct xfn_prefix *prefix)
{
	static const __u8 head[12] = {[10] = 0xff, [11] = 0xff};

	return prefix->family == AF_INET6 && prefix->plen >= 96 && !memcmp(prefix->addr, head, 12);
}

static struct xfn_prefix unmap(const struct xfn_prefix *mapped)
{
	struct xfn_prefix prefix = {.family = AF_INET, .plen = mapped->plen - 96};

	memcpy(prefix.addr, mapped->addr + 12, 4);
	clear_host_bits(&prefix);
	return prefix;
}

/* Three digits at most, all of the text. */
static bool read_plen(const char *text, size_t len, unsigned max, __u8 *ret)
{
	unsigned plen = 0;

	if (!len || len > 3)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		plen = 10 * plen + (text[i] - '0');
	}
	*ret = plen <= max ? plen : 0;
	return plen <= max;
}

static bool read_addr(const char *text, size_t len, struct xfn_prefix *prefix)
{
	char addr[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(addr) || memchr(text, '\0', len))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	prefix->family = memchr(text, ':', len) ? AF_INET6 : AF_INET;
	prefix->plen = prefix->family == AF_INET ? 32 : 128;
	return inet_pton(prefix->family, addr, prefix->addr) == 1;
}

static const char *read_prefix(const char *text, size_t len, struct xfn_prefix *prefix)
{
	const char *slash = memchr(text, '/', len);
	size_t addr_len = slash ? (size_t)(slash - text) : len;

	if (!read_addr(text, addr_len, prefix))
		return "is not an address";
	if (slash && !read_plen(slash + 1, len - addr_len - 1, prefix->plen, &prefix->plen))
		return "has no prefix length that fits the address";
	return NULL;
}

int xfn_prefix_parse(const char *text, size_t len, struct xfn_prefix *ret,
		     struct xfn_unit_error *err)
{
	struct xfn_prefix prefix = {0}, meant;
	const char *problem = read_prefix(text, len, &prefix);
	bool say_meant = false;

	if (!problem && is_mapped(&prefix)) {
		problem = "is an IPv4 address written as IPv6";
		meant = unmap(&prefix);
		say_meant = true;
	} else if (!problem && clear_host_bits(&prefix)) {
		problem = "has host bits set";
		meant = prefix;
		say_meant = true;
	}
	if (problem) {
		*err = (struct xfn_unit_error){.problem = problem, .expected = PREFIX_FORM};
		if (say_meant)
			xfn_prefix_print(&meant, err->meant, sizeof(err->meant));
		return -EINVAL;
	}
	*ret = prefix;
	return 0;
}

char *xfn_prefix_print(const struct xfn_prefix *prefix, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(prefix->family, prefix->addr, addr, sizeof(addr));
	if (prefix->plen == (prefix->family == AF_INET ? 32 : 128))
		snprintf(buf, size, "%s", addr);
	else
		snprintf(buf, size, "%s/%u", addr, prefix->plen);
	return buf;
}
