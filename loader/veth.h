/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_VETH_H
#define XFN_VETH_H

/* Takes interfaces away that xfnd had made. */

#include <linux/types.h>

/* Removes the veth @ifindex of this network namespace, and its other end. 0: there is none, and all is well. */
int xfn_veth_remove(__u32 ifindex);

#endif
