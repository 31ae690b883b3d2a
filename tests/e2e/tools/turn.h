/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TURN_H
#define TURN_H

/* An echo: a UDP packet, turned round in place. Checksums stay right: their sums do not mind the order. */

#include <linux/types.h>

static inline void swap_bytes(__u8 *a, __u8 *b, unsigned count)
{
	while (count--) {
		__u8 byte = *a;

		*a++ = *b;
		*b++ = byte;
	}
}

static inline void turn(__u8 *packet)
{
	int is_v4 = packet[12] == 0x08;

	swap_bytes(packet, packet + 6, 6);
	if (is_v4) {
		swap_bytes(packet + 26, packet + 30, 4);
		swap_bytes(packet + 34, packet + 36, 2);
	} else {
		swap_bytes(packet + 22, packet + 38, 16);
		swap_bytes(packet + 54, packet + 56, 2);
	}
}

#endif
