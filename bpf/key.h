/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_KEY_H
#define XFN_BPF_KEY_H
/*
 * Keys in the payload, for classify: what a shape's reader makes of it, in xfn_keys. Path and name are
 * read once a packet, however many probes ask for them; each in a global function, which the verifier
 * walks by itself.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"
#include "packet.h"
#include "key_bytes.h"
#include "key_coap.h"
#include "key_dns.h"

/* What is known of a packet's keys while its probes are walked: xfn_key_scratch.known. */
#define KEY_READABLE   1 /* for some probe the payload was as it has to be */
#define KEY_COAP_TRIED 2
#define KEY_COAP_READ  4
#define KEY_DNS_TRIED  8
#define KEY_DNS_READ   16

static __always_inline struct xfn_key_scratch *key_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&xfn_keys, &zero);
}

static __always_inline __u64 key_seed(void)
{
	__u32 zero = 0;
	struct xfn_secrets *secrets = bpf_map_lookup_elem(&xfn_secrets, &zero);

	return secrets ? secrets->key_seed : 0;
}

/* Copies the payload's first bytes into the scratch. */
static __always_inline struct xfn_key_scratch *key_load(struct xdp_md *ctx,
							const struct packet *packet)
{
	struct xfn_key_scratch *scratch = key_scratch();
	__u32 size = packet->payload_bytes, last = size - 1; /* 6.1 learns nothing from `!= 0` */

	if (!scratch)
		return 0;
	scratch->payload_bytes = size;
	if (last > 65535) /* empty */
		return 0;
	if (last > XFN_KEY_HEAD_BYTES - 1)
		last = XFN_KEY_HEAD_BYTES - 1;
	barrier_var(last);
	size = (last & (XFN_KEY_HEAD_BYTES - 1)) + 1;
	scratch->size = size;
	return bpf_xdp_load_bytes(ctx, packet->payload_offset, scratch->bytes, size) ? 0 : scratch;
}

/* Returns 1 with the path's digest in the scratch, or 0. */
__noinline int xfn_key_coap(struct xdp_md *ctx, struct packet *packet)
{
	struct xfn_key_scratch *scratch = packet ? key_load(ctx, packet) : 0;

	return scratch && !key_coap_read(scratch, key_seed());
}

/* Returns 1 with the digests of the name and its suffixes in the scratch, or 0. */
__noinline int xfn_key_dns(struct xdp_md *ctx, struct packet *packet)
{
	struct xfn_key_scratch *scratch = packet ? key_load(ctx, packet) : 0;

	return scratch && !key_dns_read(scratch, key_seed());
}

static __always_inline int key_coap(struct xdp_md *ctx, struct packet *packet,
				    struct xfn_key_scratch *scratch)
{
	if (!(scratch->known & KEY_COAP_TRIED)) {
		scratch->known |= KEY_COAP_TRIED;
		if (xfn_key_coap(ctx, packet))
			scratch->known |= KEY_COAP_READ | KEY_READABLE;
	}
	if (!(scratch->known & KEY_COAP_READ))
		return 0;
	xfn_digest_end(&scratch->path, scratch->payload);
	return 1;
}

static __always_inline int key_dns(struct xdp_md *ctx, struct packet *packet,
				   const struct xfn_shape *shape, struct xfn_key_scratch *scratch)
{
	__u32 labels = shape->labels;

	if (!(scratch->known & KEY_DNS_TRIED)) {
		scratch->known |= KEY_DNS_TRIED;
		if (xfn_key_dns(ctx, packet))
			scratch->known |= KEY_DNS_READ | KEY_READABLE;
	}
	if (!(scratch->known & KEY_DNS_READ))
		return 0;
	if (shape->reader == XFN_READER_DNS_NAME) {
		xfn_digest_end(&scratch->name, scratch->payload);
		return 1;
	}
	if (labels > XFN_KEY_SUFFIX_LABELS_MAX || labels > scratch->labels)
		return 0;
	xfn_digest_end(&scratch->suffix[labels], scratch->payload);
	return 1;
}

static __always_inline int key_bytes(struct xdp_md *ctx, const struct packet *packet,
				     const struct xfn_shape *shape, struct xfn_key_scratch *scratch)
{
	__u32 last = (shape->bytes - 1) & (KEY_BYTES_MAX - 1);

	if (key_bytes_fit(shape, packet->payload_bytes))
		return 0;
	barrier_var(last);
	scratch->payload[0] = 0;
	scratch->payload[1] = 0;
	if (bpf_xdp_load_bytes(ctx, packet->payload_offset + shape->offset, scratch->payload,
			       (last & (KEY_BYTES_MAX - 1)) + 1))
		return 0;
	key_bytes_mask(shape, scratch->payload);
	scratch->known |= KEY_READABLE;
	return 1;
}

/* Returns 1 with the key that the shape asks for in scratch->payload, or 0 where there is none. */
static __always_inline int key_make(struct xdp_md *ctx, struct packet *packet,
				    const struct xfn_shape *shape, struct xfn_key_scratch *scratch)
{
	switch (shape->reader) {
	case XFN_READER_COAP_PATH:
		return key_coap(ctx, packet, scratch);
	case XFN_READER_DNS_NAME:
	case XFN_READER_DNS_SUFFIX:
		return key_dns(ctx, packet, shape, scratch);
	case XFN_READER_BYTES:
		return key_bytes(ctx, packet, shape, scratch);
	}
	return 0;
}

#endif
