/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CHANNEL_H
#define XFN_CHANNEL_H
/*
 * What the starter of an instance and libxfn say to each other. The instance finds in its environment
 * the names below; the channel is a SOCK_SEQPACKET socket, a struct xfn_channel_message each way, with
 * descriptors beside it. A channel that is closed means nothing: instances outlive whoever started them.
 */
#include <linux/types.h>

#define XFN_CHANNEL_VERSION 1

#define XFN_ENV_FUNCTION "XFN_FUNCTION" /* TENANT/NAME */
#define XFN_ENV_INTERFACE \
	"XFN_INTERFACE" /* the only interface of the instance's network namespace */
#define XFN_ENV_SOCKET \
	"XFN_SOCKET_FD" /* number of a descriptor: AF_XDP, not bound, without a pool */
#define XFN_ENV_CHANNEL "XFN_CHANNEL_FD" /* number of a descriptor: the channel; not there: none */
#define XFN_ENV_FRAMES \
	"XFN_FRAMES" /* frames of the pool at most; not there: as many as libxfn likes */

enum xfn_channel_type {
	XFN_CHANNEL_READY = 1, /* from the instance, with its bound socket: it takes events now */
	XFN_CHANNEL_STOP = 2,  /* to the instance: answer what there is, then end */
	/* Between the starter and what becomes the instance, before its program runs. */
	XFN_CHANNEL_BEGIN = 3,  /* to it: go on; it waits for that */
	XFN_CHANNEL_FAILED = 4, /* from it: the program cannot run */
};

struct xfn_channel_message {
	__u32 version; /* XFN_CHANNEL_VERSION */
	__u32 type;    /* enum xfn_channel_type */
	__u32 flags;   /* READY: XFN_READY_*; FAILED: which step did */
	__u32 error;   /* FAILED: errno; else 0 */
};
#define XFN_READY_NEED_WAKEUP 1 /* the socket is kicked only where the kernel asks for it */

#endif
