/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "packet.h"

#define FORM                                                                       \
	"a packet such as 'udp 10.0.0.9:4000 > 10.0.0.1:53 [dev IF] [vlan N[,M]] " \
	"[payload HEX]'"

enum { VLAN_ID_MAX = 4094, TCP_SYN = 0x02 };

/* Bits of byte 13 of the TCP header, as tcpdump letters them; '.' is ACK too. */
static const char tcp_letters[] = "FSRPAU";

/* ---- the text, word by word ---------------------------------------------------------------------- */

struct reader {
	const char *text;
	size_t len;
	const char *word; /* the last one */
	size_t word_len;  /* 0: at the end */
	size_t at;        /* behind it */
	struct xfn_diag_list *diags;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static void next(struct reader *reader)
{
	while (reader->at < reader->len && is_blank(reader->text[reader->at]))
		reader->at++;
	reader->word = reader->text + reader->at;
	while (reader->at < reader->len && !is_blank(reader->text[reader->at]))
		reader->at++;
	reader->word_len = reader->text + reader->at - reader->word;
}

static bool is_word(const struct reader *reader, const char *word)
{
	return reader->word_len == strlen(word) && !memcmp(reader->word, word, reader->word_len);
}

/* Columns count characters: bytes that go on with one do not count. */
static unsigned column_of(const struct reader *reader, const char *place)
{
	unsigned column = 1;

	for (const char *c = reader->text; c < place; c++)
		column += (*c & 0xc0) != 0x80;
	return column;
}

/* Says that the word at hand, from @offset on, is wrong. */
static int refuse_at(struct reader *reader, size_t offset, const char *what, const char *expected)
{
	size_t left = reader->word_len - offset;
	struct xfn_diag_info info = {
		.file = XFN_PACKET_FILE,
		.line = 1,
		.column = column_of(reader, reader->word + offset),
		.value = left ? reader->word + offset : NULL,
		.value_len = left,
		.expected = expected,
	};

	if (reader->word_len)
		xfn_diag_add(reader->diags, &info, "%s '%.*s'", what,
			     (int)(reader->word_len < 80 ? reader->word_len : 80), reader->word);
	else
		xfn_diag_add(reader->diags, &info, "the packet ends too early");
	return -EINVAL;
}

static int refuse(struct reader *reader, const char *what, const char *expected)
{
	return refuse_at(reader, 0, what, expected);
}

/* All of the text, digits alone, up to @max. */
static bool read_number(const char *text, size_t len, unsigned max, __u16 *ret)
{
	unsigned number = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		number = 10 * number + (text[i] - '0');
	}
	if (number > max)
		return false;
	*ret = number;
	return true;
}

/* ---- its parts ----------------------------------------------------------------------------------- */

static bool read_address(const char *text, size_t len, int family, __u8 addr[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return strlen(copy) == len && inet_pton(family, copy, addr) == 1;
}

static int read_endpoint(struct reader *reader, __u8 *family, __u8 addr[16], __u16 *port)
{
	static const char expected[] = "ADDRESS:PORT, as in 10.0.0.9:4000 or [fd00::9]:4000";
	const char *colon, *start;
	size_t len;

	next(reader);
	start = reader->word;
	colon = reader->word_len ? memrchr(start, ':', reader->word_len) : NULL;
	if (!colon)
		return refuse(reader, "no port in", expected);
	len = colon - start;
	*family = *start == '[' ? AF_INET6 : AF_INET;
	if (*family == AF_INET6) {
		if (len < 2 || start[len - 1] != ']')
			return refuse(reader, "cannot read the address of", expected);
		start++;
		len -= 2;
	}
	if (!read_address(start, len, *family, addr))
		return refuse(reader, "cannot read the address of", expected);
	if (!read_number(colon + 1, reader->word + reader->word_len - colon - 1, 65535, port))
		return refuse_at(reader, colon + 1 - reader->word, "cannot read the port of",
				 "a port, 0 to 65535");
	return 0;
}

static int read_protocol(struct reader *reader, struct xfn_packet *packet)
{
	next(reader);
	if (is_word(reader, "udp"))
		packet->protocol = IPPROTO_UDP;
	else if (is_word(reader, "tcp"))
		packet->protocol = IPPROTO_TCP;
	else
		return refuse(reader, "unknown protocol", "udp or tcp; " FORM);
	packet->tcp_flags = packet->protocol == IPPROTO_TCP ? TCP_SYN : 0;
	return 0;
}

static int read_flow(struct reader *reader, struct xfn_packet *packet)
{
	__u8 family;
	int err = read_endpoint(reader, &family, packet->src, &packet->src_port);

	if (err)
		return err;
	next(reader);
	if (!is_word(reader, ">"))
		return refuse(reader, "unexpected", "'>' between the two endpoints");
	err = read_endpoint(reader, &packet->family, packet->dst, &packet->dst_port);
	if (!err && family != packet->family)
		return refuse(reader, "another address family in",
			      "IPv4 on both sides, or IPv6 on both");
	return err;
}

static int read_interface(struct reader *reader, struct xfn_packet *packet)
{
	next(reader);
	if (!reader->word_len || reader->word_len >= sizeof(packet->interface))
		return refuse(reader, "no interface can be called",
			      "an interface's name, up to 15 characters");
	memcpy(packet->interface, reader->word, reader->word_len);
	packet->interface[reader->word_len] = '\0';
	return 0;
}

static int read_vlan(struct reader *reader, struct xfn_packet *packet)
{
	static const char expected[] = "N or OUTER,INNER, each 1 to 4094";
	const char *at, *comma, *end;

	next(reader);
	at = reader->word;
	end = at + reader->word_len;
	for (packet->vlan_tags = 0; at && packet->vlan_tags < 2; packet->vlan_tags++) {
		comma = memchr(at, ',', end - at);
		if (!read_number(at, (comma ?: end) - at, VLAN_ID_MAX,
				 &packet->vlan[packet->vlan_tags]) ||
		    !packet->vlan[packet->vlan_tags])
			return refuse(reader, "cannot read the VLAN", expected);
		at = comma ? comma + 1 : NULL;
	}
	return at ? refuse(reader, "too many VLAN tags in", expected) : 0;
}

static int read_flags(struct reader *reader, struct xfn_packet *packet)
{
	static const char expected[] = "letters of S (SYN), A (ACK), F, R, P, U";
	const char *letter;

	next(reader);
	if (packet->protocol != IPPROTO_TCP || !reader->word_len)
		return refuse(reader, "flags of TCP cannot be", expected);
	packet->tcp_flags = 0;
	for (size_t i = 0; i < reader->word_len; i++) {
		char c = reader->word[i] == '.' ? 'A' : reader->word[i];

		letter = c ? strchr(tcp_letters, c) : NULL;
		if (!letter)
			return refuse_at(reader, i, "unknown TCP flag in", expected);
		packet->tcp_flags |= 1 << (letter - tcp_letters);
	}
	return 0;
}

/* All that is left is payload. */
static int read_payload(struct reader *reader, struct xfn_packet *packet)
{
	size_t at = 0, before;
	int bytes;

	next(reader);
	before = reader->word - reader->text;
	bytes = xfn_hex_parse(reader->word, reader->len - before, packet->payload,
			      sizeof(packet->payload), &at);
	if (!reader->word_len)
		return refuse(reader, "no payload", "bytes in hex");
	if (bytes == -E2BIG)
		return refuse(reader, "too long a payload", "at most 2048 bytes");
	if (bytes < 0) {
		reader->word += at;
		reader->word_len = reader->word < reader->text + reader->len ? 1 : 0;
		return refuse(reader, "cannot read the payload at",
			      "bytes in hex, two digits each, as in 0a1b");
	}
	packet->payload_bytes = bytes;
	reader->at = reader->len;
	return 0;
}

static const struct {
	const char *word;
	int (*read)(struct reader *reader, struct xfn_packet *packet);
} parts[] = {
	{"dev", read_interface},
	{"vlan", read_vlan},
	{"flags", read_flags},
	{"payload", read_payload},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static int read_part(struct reader *reader, struct xfn_packet *packet, unsigned *seen)
{
	for (unsigned i = 0; i < PARTS; i++) {
		if (!is_word(reader, parts[i].word))
			continue;
		if (*seen >> i & 1)
			return refuse(reader, "given twice:", "each part once");
		*seen |= 1u << i;
		return parts[i].read(reader, packet);
	}
	return refuse(reader, "unknown word", "dev IF, vlan N, flags F or payload HEX");
}

int xfn_packet_parse(const char *text, size_t len, struct xfn_diag_list *diags,
		     struct xfn_packet *ret)
{
	struct reader reader = {.text = text, .len = len, .diags = diags};
	unsigned seen = 0;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = read_protocol(&reader, ret);
	if (!err)
		err = read_flow(&reader, ret);
	while (!err) {
		next(&reader);
		if (!reader.word_len)
			return 0;
		err = read_part(&reader, ret, &seen);
	}
	return err;
}

/* ---- printing ------------------------------------------------------------------------------------ */

char *xfn_endpoint_print(__u8 family, const __u8 addr[16], __u16 port, char *buf)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, addr, text, sizeof(text));
	snprintf(buf, XFN_ENDPOINT_TEXT_MAX, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
	return buf;
}

static void print_flags(__u8 flags, char *buf)
{
	for (unsigned i = 0; tcp_letters[i]; i++)
		if (flags >> i & 1)
			*buf++ = tcp_letters[i];
	*buf = '\0';
}

/* What does not fit is cut. */
static void add(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *buf, size_t size, const char *format, ...)
{
	size_t length = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + length, size - length, format, args);
	va_end(args);
}

char *xfn_packet_print(const struct xfn_packet *packet, bool payload, char *buf, size_t size)
{
	char src[XFN_ENDPOINT_TEXT_MAX], dst[XFN_ENDPOINT_TEXT_MAX], flags[8];

	snprintf(buf, size, "%s %s > %s", packet->protocol == IPPROTO_TCP ? "tcp" : "udp",
		 xfn_endpoint_print(packet->family, packet->src, packet->src_port, src),
		 xfn_endpoint_print(packet->family, packet->dst, packet->dst_port, dst));
	if (packet->interface[0])
		add(buf, size, " dev %s", packet->interface);
	if (packet->vlan_tags)
		add(buf, size, " vlan %u", packet->vlan[0]);
	if (packet->vlan_tags == 2)
		add(buf, size, ",%u", packet->vlan[1]);
	print_flags(packet->tcp_flags, flags);
	if (packet->protocol == IPPROTO_TCP && packet->tcp_flags != TCP_SYN && flags[0])
		add(buf, size, " flags %s", flags);
	if (payload && packet->payload_bytes) {
		add(buf, size, " payload ");
		for (unsigned i = 0; i < packet->payload_bytes; i++)
			add(buf, size, "%02x", packet->payload[i]);
	}
	return buf;
}

/* ---- hex ----------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

int xfn_hex_parse(const char *text, size_t len, __u8 *ret, size_t max, size_t *ret_at)
{
	size_t bytes = 0, i = 0;

	while (i < len) {
		int high, low;

		if (is_blank(text[i]) || text[i] == ':') {
			i++;
			continue;
		}
		high = digit_of(text[i]);
		low = high >= 0 && i + 1 < len ? digit_of(text[i + 1]) : -1;
		if (low < 0) {
			*ret_at = high < 0 ? i : i + 1;
			return -EINVAL;
		}
		if (bytes == max)
			return -E2BIG;
		ret[bytes++] = high << 4 | low;
		i += 2;
	}
	return bytes;
}

char *xfn_hex_print(const void *bytes, size_t size, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	const __u8 *from = bytes;

	for (size_t i = 0; i < size; i++) {
		buf[2 * i] = digits[from[i] >> 4];
		buf[2 * i + 1] = digits[from[i] & 15];
	}
	buf[2 * size] = '\0';
	return buf;
}
