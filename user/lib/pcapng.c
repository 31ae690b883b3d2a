/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "pcapng.h"

/* draft-ietf-opsawg-pcapng s. 4 and 3.5; options are 16 bits of code, 16 of length, padded to 4. */
enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_APPLICATION = 4, /* of a section */
	OPTION_NAME = 2,        /* of an interface */
	OPTION_RESOLUTION = 9,  /* of an interface */
	OPTION_FLAGS = 2,       /* of a packet */
	RESOLUTION_NS = 9,      /* 10^-9 s */
	FLAGS_INBOUND = 1,
	OPTION_BYTES_MAX = 0xfffc,
};

static size_t padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

static void put(FILE *out, const void *bytes, size_t size)
{
	static const char zeros[4];

	fwrite(bytes, 1, size, out);
	fwrite(zeros, 1, padded(size) - size, out);
}

static void put_u32(FILE *out, __u32 value)
{
	put(out, &value, sizeof(value));
}

static void put_option(FILE *out, __u16 code, const void *bytes, __u16 size)
{
	__u16 head[2] = {code, size};

	put(out, head, sizeof(head));
	put(out, bytes, size);
}

static size_t option_bytes(size_t size)
{
	return 4 + padded(size);
}

static __u16 text_bytes(const char *text)
{
	size_t size = strlen(text);

	return size < OPTION_BYTES_MAX ? size : OPTION_BYTES_MAX;
}

/* A block begins and ends with its length. */
static __u32 begin_block(FILE *out, __u32 type, size_t body_bytes)
{
	__u32 bytes = 12 + body_bytes;

	put_u32(out, type);
	put_u32(out, bytes);
	return bytes;
}

static int end_block(FILE *out, __u32 bytes)
{
	put_u32(out, bytes);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int xfn_pcapng_begin(struct xfn_pcapng *pcapng, FILE *out, __u32 snap_bytes,
		     const char *application)
{
	static const __u16 version[2] = {1, 0};
	static const __u64 unknown_length = ~0ULL;
	__u16 size = text_bytes(application);
	__u32 bytes;

	memset(pcapng, 0, sizeof(*pcapng));
	pcapng->out = out;
	pcapng->snap_bytes = snap_bytes;
	bytes = begin_block(out, BLOCK_SECTION, 16 + option_bytes(size) + option_bytes(0));
	put_u32(out, BYTE_ORDER_MAGIC);
	put(out, version, sizeof(version));
	put(out, &unknown_length, sizeof(unknown_length));
	put_option(out, OPTION_APPLICATION, application, size);
	put_option(out, OPTION_END, "", 0);
	return end_block(out, bytes);
}

static int write_interface(const struct xfn_pcapng *pcapng, const char *name)
{
	static const __u8 resolution = RESOLUTION_NS;
	__u16 linktype[2] = {LINKTYPE_ETHERNET, 0}, size = text_bytes(name);
	FILE *out = pcapng->out;
	__u32 bytes = begin_block(out, BLOCK_INTERFACE,
				  8 + option_bytes(size) + option_bytes(1) + option_bytes(0));

	put(out, linktype, sizeof(linktype));
	put_u32(out, pcapng->snap_bytes);
	put_option(out, OPTION_NAME, name, size);
	put_option(out, OPTION_RESOLUTION, &resolution, 1);
	put_option(out, OPTION_END, "", 0);
	return end_block(out, bytes);
}

/* The number of an interface's description, which is written before its first packet. */
static int interface_of(struct xfn_pcapng *pcapng, const char *name, __u32 *ret)
{
	unsigned i;

	for (i = 0; i < pcapng->interface_count; i++)
		if (!strcmp(pcapng->interfaces[i], name))
			break;
	*ret = i < XFN_PCAPNG_INTERFACES ? i : i - 1;
	if (i < pcapng->interface_count || i == XFN_PCAPNG_INTERFACES)
		return 0;
	pcapng->interface_count++;
	strncpy(pcapng->interfaces[i], name, XFN_PCAPNG_NAME_MAX);
	return write_interface(pcapng, name);
}

int xfn_pcapng_write(struct xfn_pcapng *pcapng, const struct xfn_pcapng_packet *packet)
{
	static const __u32 flags = FLAGS_INBOUND;
	__u16 size = text_bytes(packet->comment);
	FILE *out = pcapng->out;
	__u32 interface, bytes;
	int err = interface_of(pcapng, packet->interface, &interface);

	if (err)
		return err;
	bytes = begin_block(out, BLOCK_PACKET,
			    20 + padded(packet->captured) + option_bytes(size) +
				    option_bytes(sizeof(flags)) + option_bytes(0));
	put_u32(out, interface);
	put_u32(out, packet->time_ns >> 32);
	put_u32(out, (__u32)packet->time_ns);
	put_u32(out, packet->captured);
	put_u32(out, packet->bytes);
	put(out, packet->frame, packet->captured);
	put_option(out, OPTION_COMMENT, packet->comment, size);
	put_option(out, OPTION_FLAGS, &flags, sizeof(flags));
	put_option(out, OPTION_END, "", 0);
	return end_block(out, bytes);
}
