/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_XDP_FEATURES_H
#define XFN_XDP_FEATURES_H

#include <linux/types.h>

/* Bits of the kernel's netdev family (enum netdev_xdp_act, kernel 6.3 and later). */
#define XFN_XDP_BASIC    (1ULL << 0) /* runs programs: aborted, drop, pass, tx */
#define XFN_XDP_REDIRECT (1ULL << 1) /* XDP_REDIRECT out of it */
#define XFN_XDP_XMIT     (1ULL << 2) /* redirect into it, as it is now */

/*
 * What XDP the driver offers, as the kernel says. Returns 0 or -errno; -EOPNOTSUPP: this kernel
 * cannot be asked. All bits clear is an answer: no XDP of its own.
 */
int xfn_xdp_features_read(__u32 ifindex, __u64 *ret);

/*
 * The same by the name of the driver, from what is known of Linux 6.1. Returns 1 (has native XDP),
 * 0 (has none), or -ENOENT (not in the table).
 */
int xfn_xdp_driver(const char *driver);

#endif
