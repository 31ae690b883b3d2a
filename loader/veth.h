/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_VETH_H
#define XFN_VETH_H

/* Marks interfaces that xfnd had made, and takes them away. */

#include <stdbool.h>
#include <linux/types.h>

/* Removes the veth @ifindex of this network namespace, and its other end. 0: there is none, and all is well. */
int xfn_veth_remove(__u32 ifindex);

/* Says in the alias of @ifindex whose it is: "xfn OWNER", of which the kernel keeps 255 bytes. 0 or -errno. */
int xfn_veth_mark(__u32 ifindex, const char *owner);
/* Whether its alias says so. */
bool xfn_veth_is_marked(__u32 ifindex, const char *owner);

#endif
