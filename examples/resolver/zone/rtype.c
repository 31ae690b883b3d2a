/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rtype.h"

int complain_at(struct parser *parser, const struct token *token, const char *expected,
		const char *fmt, ...)
{
	struct xfn_diag_info info = {
		.file = parser->lexer.text->file,
		.line = token->line,
		.column = token->column,
		.value = token->len ? token->text : NULL,
		.value_len = token->len,
		.expected = expected,
	};
	char message[XFN_DIAG_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	xfn_diag_add(parser->lexer.diags, &info, "%s", message);
	parser->failed = true;
	return -EINVAL;
}

bool token_is(const struct token *token, const char *word)
{
	return !token->quoted && token->len == strlen(word) &&
	       !strncasecmp(token->text, word, token->len);
}

int ttl_parse(const struct token *token, __u32 *ret_s)
{
	static const struct {
		char unit;
		__u32 s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	unsigned long long total = 0, part = 0;
	bool digits = false;
	size_t i, j;

	if (!token->len || token->quoted)
		return -EINVAL;
	for (i = 0; i < token->len; i++) {
		char c = tolower((unsigned char)token->text[i]);

		if (isdigit((unsigned char)c)) {
			part = part * 10 + (c - '0');
			digits = true;
		} else {
			for (j = 0; j < sizeof(units) / sizeof(units[0]); j++)
				if (units[j].unit == c)
					break;
			if (!digits || j == sizeof(units) / sizeof(units[0]))
				return -EINVAL;
			total += part * units[j].s;
			part = 0;
			digits = false;
		}
		if (part > 0x7fffffff || total > 0x7fffffff)
			return -EINVAL;
	}
	if (total + part > 0x7fffffff)
		return -EINVAL;
	*ret_s = total + part;
	return 0;
}

int read_name(struct parser *parser, const struct token *token, struct name *ret)
{
	const char *why;

	if (!name_parse(token->text, token->len, parser->has_origin ? &parser->origin : NULL, ret,
			&why))
		return 0;
	return complain_at(parser, token, "a domain name", "'%.*s' %s", (int)token->len,
			   token->text, why);
}

static int want_count(struct parser *parser, const struct record_head *head, size_t count,
		      const char *expected)
{
	if (count == 1)
		return 0;
	return complain_at(parser, head->rtype_token, expected, "%.*s record with %zu values",
			   (int)head->rtype_token->len, head->rtype_token->text, count);
}

static int read_address(struct parser *parser, const struct record_head *head,
			const struct token *tokens, size_t count, struct record *record, int family)
{
	const char *expected = family == AF_INET ? "an IPv4 address" : "an IPv6 address";
	char text[INET6_ADDRSTRLEN];

	if (want_count(parser, head, count, expected))
		return -EINVAL;
	record->rdata_bytes = family == AF_INET ? 4 : 16;
	record->rdata = zone_alloc(record->rdata_bytes);
	if (tokens->len < sizeof(text)) {
		memcpy(text, tokens->text, tokens->len);
		text[tokens->len] = 0;
		if (strlen(text) == tokens->len && inet_pton(family, text, record->rdata) == 1)
			return 0;
	}
	return complain_at(parser, tokens, expected, "'%.*s' is not an address", (int)tokens->len,
			   tokens->text);
}

static int read_a(struct parser *parser, const struct record_head *head, const struct token *tokens,
		  size_t count, struct record *record)
{
	return read_address(parser, head, tokens, count, record, AF_INET);
}

static int read_aaaa(struct parser *parser, const struct record_head *head,
		     const struct token *tokens, size_t count, struct record *record)
{
	return read_address(parser, head, tokens, count, record, AF_INET6);
}

static int read_cname(struct parser *parser, const struct record_head *head,
		      const struct token *tokens, size_t count, struct record *record)
{
	if (want_count(parser, head, count, "one domain name"))
		return -EINVAL;
	record->target = zone_alloc(sizeof(*record->target));
	return read_name(parser, tokens, record->target);
}

/* One character-string: a length byte, then up to 255 bytes (RFC 1035 s. 3.3). */
static int read_string(struct parser *parser, const struct token *token, struct record *record)
{
	__u8 *to = record->rdata + record->rdata_bytes;
	unsigned bytes = 0;
	size_t at = 0;
	int byte;

	while (at < token->len) {
		byte = text_byte(token->text, token->len, &at);
		if (byte < 0)
			return complain_at(parser, token,
					   "\\DDD (000 to 255) or \\ and a character",
					   "escape that is none");
		if (bytes == 255)
			return complain_at(parser, token,
					   "several strings: \"...\" \"...\" is one text",
					   "string of more than 255 bytes");
		to[1 + bytes++] = byte;
	}
	to[0] = bytes;
	record->rdata_bytes += 1 + bytes;
	return 0;
}

static int read_txt(struct parser *parser, const struct record_head *head,
		    const struct token *tokens, size_t count, struct record *record)
{
	size_t i;
	int err = 0;

	if (!count)
		return complain_at(parser, head->rtype_token, "one or more strings",
				   "TXT record without a string");
	if (count > 65535 / 256)
		return complain_at(parser, head->rtype_token, "at most 255 strings",
				   "TXT record with %zu strings", count);
	record->rdata = zone_alloc(count * 256);
	for (i = 0; i < count && !err; i++)
		err = read_string(parser, &tokens[i], record);
	return err;
}

static const char signed_zone[] = "belong to signed zones, which are not supported";

static const struct rtype rtypes[] = {
	{"A", RTYPE_ANSWERED, ZONE_A, read_a, NULL},
	{"AAAA", RTYPE_ANSWERED, ZONE_AAAA, read_aaaa, NULL},
	{"CNAME", RTYPE_ANSWERED, ZONE_CNAME, read_cname, NULL},
	{"TXT", RTYPE_ANSWERED, ZONE_TXT, read_txt, NULL},
	{"SOA", RTYPE_SOA, 0, NULL, NULL},
	{"NS", RTYPE_NS, 0, NULL, NULL},
	{"AFSDB", RTYPE_OTHER, 0, NULL, NULL},
	{"CAA", RTYPE_OTHER, 0, NULL, NULL},
	{"CERT", RTYPE_OTHER, 0, NULL, NULL},
	{"HINFO", RTYPE_OTHER, 0, NULL, NULL},
	{"HTTPS", RTYPE_OTHER, 0, NULL, NULL},
	{"LOC", RTYPE_OTHER, 0, NULL, NULL},
	{"MX", RTYPE_OTHER, 0, NULL, NULL},
	{"NAPTR", RTYPE_OTHER, 0, NULL, NULL},
	{"OPENPGPKEY", RTYPE_OTHER, 0, NULL, NULL},
	{"PTR", RTYPE_OTHER, 0, NULL, NULL},
	{"RP", RTYPE_OTHER, 0, NULL, NULL},
	{"SMIMEA", RTYPE_OTHER, 0, NULL, NULL},
	{"SPF", RTYPE_OTHER, 0, NULL, NULL},
	{"SRV", RTYPE_OTHER, 0, NULL, NULL},
	{"SSHFP", RTYPE_OTHER, 0, NULL, NULL},
	{"SVCB", RTYPE_OTHER, 0, NULL, NULL},
	{"TLSA", RTYPE_OTHER, 0, NULL, NULL},
	{"URI", RTYPE_OTHER, 0, NULL, NULL},
	{"DNAME", RTYPE_REFUSED, 0, NULL, "redirect whole subtrees, which is not supported"},
	{"DS", RTYPE_REFUSED, 0, NULL, "belong to delegations, which are not supported"},
	{"DNSKEY", RTYPE_REFUSED, 0, NULL, signed_zone},
	{"NSEC", RTYPE_REFUSED, 0, NULL, signed_zone},
	{"NSEC3", RTYPE_REFUSED, 0, NULL, signed_zone},
	{"NSEC3PARAM", RTYPE_REFUSED, 0, NULL, signed_zone},
	{"RRSIG", RTYPE_REFUSED, 0, NULL, signed_zone},
};

/* TYPE and a number (RFC 3597 s. 5). */
static const struct rtype unknown = {"TYPE", RTYPE_OTHER, 0, NULL, NULL};

const struct rtype *rtype_find(const struct token *token)
{
	size_t i;

	for (i = 0; i < sizeof(rtypes) / sizeof(rtypes[0]); i++)
		if (token_is(token, rtypes[i].name))
			return &rtypes[i];
	if (token->quoted || token->len < 5 || token->len > 9 ||
	    strncasecmp(token->text, "TYPE", 4))
		return NULL;
	for (i = 4; i < token->len; i++)
		if (!isdigit((unsigned char)token->text[i]))
			return NULL;
	return &unknown;
}
