/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes packet captures as pcapng (draft-ietf-opsawg-pcapng, which Wireshark and tcpdump read): one
 * section, an interface description for each name, Ethernet frames with nanosecond times, and a comment
 * on each.
 *
 * Each packet is flushed, so that the file is whole at any moment. Blocks are in this machine's byte
 * order, which the section header tells.
 */
#ifndef XFN_PCAPNG_H
#define XFN_PCAPNG_H

#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

#define XFN_PCAPNG_INTERFACES 64
#define XFN_PCAPNG_NAME_MAX   15

struct xfn_pcapng {
	FILE *out; /* borrowed */
	__u32 snap_bytes;
	unsigned interface_count;
	char interfaces[XFN_PCAPNG_INTERFACES][XFN_PCAPNG_NAME_MAX + 1];
};

struct xfn_pcapng_packet {
	const char *interface; /* names beyond the 64th share the last one's description */
	__u64 time_ns;         /* CLOCK_REALTIME */
	const void *frame;
	__u32 captured; /* bytes at @frame */
	__u32 bytes;    /* of the packet, at least as many */
	const char *comment;
};

/* Begins a section. @application: who writes. Returns 0 or -EIO. */
int xfn_pcapng_begin(struct xfn_pcapng *pcapng, FILE *out, __u32 snap_bytes,
		     const char *application);

/* Returns 0 or -EIO. */
int xfn_pcapng_write(struct xfn_pcapng *pcapng, const struct xfn_pcapng_packet *packet);

#endif /* XFN_PCAPNG_H */
