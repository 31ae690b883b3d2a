/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One UDP or TCP packet as people write it, and as bytes:
 *
 *	udp 10.0.0.9:4000 > 10.0.0.1:53 [dev IF] [vlan N[,M]] [payload HEX]
 *	tcp [fd00::9]:4000 > [fd00::1]:80 [dev IF] [vlan N[,M]] [flags SAFRPU] [payload HEX]
 *
 * No function here allocates or has state.
 */
#ifndef XFN_PACKET_H
#define XFN_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "diag.h"

#define XFN_PACKET_PAYLOAD_MAX 2048
#define XFN_PACKET_FRAME_MAX   (14 + 8 + 40 + 20 + XFN_PACKET_PAYLOAD_MAX)
#define XFN_PACKET_FILE        "packet" /* what diagnostics call the text */

struct xfn_packet {
	__u8 protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 family;   /* AF_INET or AF_INET6 */
	__u8 src[16];  /* network order; IPv4 in the first four bytes, the rest zero */
	__u8 dst[16];
	__u16 src_port; /* host order */
	__u16 dst_port;
	__u8 vlan_tags;     /* 0 to 2 */
	__u8 tcp_flags;     /* byte 13 of the header; SYN if not given; 0 for UDP */
	__u16 vlan[2];      /* ids, outer first */
	char interface[16]; /* "": not given */
	__u16 payload_bytes;
	__u8 payload[XFN_PACKET_PAYLOAD_MAX];
};

/*
 * Reads @len bytes at @text. Returns 0, or -EINVAL with one entry in @diags that names the column, the
 * word there and what was expected; *ret is then undefined.
 */
int xfn_packet_parse(const char *text, size_t len, struct xfn_diag_list *diags,
		     struct xfn_packet *ret);

/*
 * Prints it so that it reads back as the same packet, into @buf, cut to @size. Without payload if
 * @payload is false. XFN_PACKET_TEXT_MAX always suffices without. Returns @buf.
 */
#define XFN_PACKET_TEXT_MAX 192
char *xfn_packet_print(const struct xfn_packet *packet, bool payload, char *buf, size_t size);

/* `ADDRESS:PORT`, an IPv6 address in brackets, into @buf, which has room for XFN_ENDPOINT_TEXT_MAX. */
#define XFN_ENDPOINT_TEXT_MAX 64
char *xfn_endpoint_print(__u8 family, const __u8 addr[16], __u16 port, char *buf);

/*
 * Reads hex digits, two for each byte; blanks and colons between bytes are skipped. Returns the number
 * of bytes, or -EINVAL, with the offset of the character that is wrong in *ret_at; -E2BIG over @max.
 */
int xfn_hex_parse(const char *text, size_t len, __u8 *ret, size_t max, size_t *ret_at);

/* Lower-case digits into @buf, which has room for 2 * @size + 1. Returns @buf. */
char *xfn_hex_print(const void *bytes, size_t size, char *buf);

/* ---- as bytes: frame.c ------------------------------------------------------------------------- */

/*
 * Makes an Ethernet frame to @mac (or to the group that the destination address maps to) with right
 * checksums, into @buf, which has room for XFN_PACKET_FRAME_MAX. Returns its size.
 */
size_t xfn_packet_frame(const struct xfn_packet *packet, const __u8 mac[6], __u8 *buf);

/*
 * The reverse, for frames that need not be ours: options and extension headers are skipped, a payload
 * is cut to XFN_PACKET_PAYLOAD_MAX and to what is there. Returns 0, or -EPROTO where it is no UDP or
 * TCP packet that can be read this far.
 */
int xfn_packet_decode(const __u8 *frame, size_t size, struct xfn_packet *ret);

#endif /* XFN_PACKET_H */
