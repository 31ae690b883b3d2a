/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ETHTOOL_H
#define XFN_ETHTOOL_H

/* What the ethtool ioctl says of an interface of this network namespace. */

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct xfn_ethtool;

/* Returns 0 or -errno. @name is copied, and need not exist. */
int xfn_ethtool_open(const char *name, struct xfn_ethtool **ret);
/* Takes NULL. */
void xfn_ethtool_close(struct xfn_ethtool *ethtool);

/* Name of the driver into @ret, terminated. Returns 0 or -errno (-EOPNOTSUPP, -ENODEV). */
int xfn_ethtool_driver(struct xfn_ethtool *ethtool, char *ret, size_t ret_bytes);

/*
 * Queues in use, those that serve both directions included in both. Returns 0 or -errno
 * (-EOPNOTSUPP: the driver does not tell).
 */
int xfn_ethtool_queues(struct xfn_ethtool *ethtool, __u32 *ret_rx, __u32 *ret_tx);

/*
 * Whether the feature of that name (as `ethtool -k` gives it when it prints kernel names: "rx-gro",
 * "tx-checksum-ipv4") is active. Returns 1, 0, or -errno; -ENOENT: this kernel knows no such name.
 */
int xfn_ethtool_feature(struct xfn_ethtool *ethtool, const char *feature);

/*
 * Switches a feature. Returns 0, -ENOENT as above, -EOPNOTSUPP: the driver does not let it be
 * switched, -EPERM without CAP_NET_ADMIN, or -errno. What was read before is read anew.
 */
int xfn_ethtool_set_feature(struct xfn_ethtool *ethtool, const char *feature, bool on);

#endif
