/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_FNV_H
#define XFN_FNV_H

/* FNV-1a, 64 bits (draft-eastlake-fnv): to see that something is other than it was, not against anybody. */

#include <stddef.h>
#include <linux/types.h>

#define XFN_FNV_START 0xcbf29ce484222325ULL

static inline __u64 xfn_fnv(__u64 hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	while (size--)
		hash = (hash ^ *bytes++) * 0x100000001b3ULL;
	return hash;
}

#endif
