/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XFN_BPF_KEY_BYTES_H
#define XFN_BPF_KEY_BYTES_H
/* Up to 16 bytes at a fixed place of the payload, under the shape's mask. */
#include "xfn/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define KEY_BYTES_MAX 16

/* Where the shape's bytes are in a payload of @payload_bytes: 0, or -1 where it is too short. */
static __always_inline int key_bytes_fit(const struct xfn_shape *shape, __u32 payload_bytes)
{
	return (__u32)shape->offset + shape->bytes > payload_bytes ? -1 : 0;
}

static __always_inline void key_bytes_mask(const struct xfn_shape *shape, __u64 payload[2])
{
	payload[0] &= shape->payload_mask[0];
	payload[1] &= shape->payload_mask[1];
}

#endif
