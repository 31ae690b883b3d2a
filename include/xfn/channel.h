/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_CHANNEL_H
#define XFN_CHANNEL_H
/*
 * What the starter of an instance has to say to it. The instance finds in its environment the names below;
 * the channel is a SOCK_SEQPACKET socket that brings a struct xfn_channel_message at a time, with descriptors
 * beside it. Nothing can be sent back: that an instance takes events is seen by its socket, which is bound
 * then. A channel that is closed means nothing: instances outlive whoever started them.
 */
#include <stddef.h>
#include <linux/types.h>

#define XFN_CHANNEL_VERSION 1

#define XFN_ENV_FUNCTION "XFN_FUNCTION" /* TENANT/NAME */
#define XFN_ENV_VERSION \
	"XFN_VERSION" /* number of the function's version, as N in the vN of xfn show */
#define XFN_ENV_INTERFACE \
	"XFN_INTERFACE" /* the interface of the instance's network namespace, alone beside lo */
#define XFN_ENV_SOCKET \
	"XFN_SOCKET_FD" /* number of a descriptor: AF_XDP, not bound, without a pool */
#define XFN_ENV_CHANNEL "XFN_CHANNEL_FD" /* number of a descriptor: the channel; not there: none */
#define XFN_ENV_IFINDEX \
	"XFN_IFINDEX" /* its number, where the process is not in that namespace; not there: looked up */
#define XFN_ENV_MTU "XFN_MTU" /* its MTU, with XFN_IFINDEX */
#define XFN_ENV_FRAMES \
	"XFN_FRAMES" /* frames of the pool at most; not there: as many as libxfn likes */
#define XFN_ENV_GO \
	"XFN_GO" /* "1": after READY a GO comes, and before it nothing is served; not there: none */

#define XFN_ENV_BUSY_POLL \
	"XFN_BUSY_POLL" /* "1": the socket looks for packets itself, on recvfrom(2) */
#define XFN_ENV_NEED_WAKEUP \
	"XFN_NEED_WAKEUP" /* "0": it is not to be bound with XDP_USE_NEED_WAKEUP; not there: it is */

enum xfn_channel_type {
	/* 1 is retired: ready, with the socket beside it. */
	XFN_CHANNEL_STOP = 2, /* answer what there is, then end */
	/* Between the starter and what becomes the instance, on another socket, which its program never has. */
	XFN_CHANNEL_BEGIN = 3,  /* to it: go on; it waits for that */
	XFN_CHANNEL_FAILED = 4, /* from it: the program cannot run */
	XFN_CHANNEL_GO = 5, /* to it, after READY: events may be served; with the inbox, if any */
	XFN_CHANNEL_HANDED = 6, /* from it, with what its program will have: XFN_HANDED_* */
};

struct xfn_channel_message {
	__u32 version; /* XFN_CHANNEL_VERSION */
	__u32 type;    /* enum xfn_channel_type */
	__u32 flags;   /* FAILED: which step did; else 0 */
	__u32 error;   /* FAILED: errno; else 0 */
};

/* Descriptors beside HANDED, in this order. */
enum {
	XFN_HANDED_SOCKET,  /* the AF_XDP socket that the program finds at XFN_ENV_SOCKET */
	XFN_HANDED_CHANNEL, /* the starter's end of the channel: takes nothing */
	XFN_HANDED_SOCKETING, /* tells of each AF_XDP socket that the program asks for: seccomp_unotify(2) */
	XFN_HANDED_FDS,
};

/* ---- the inbox ------------------------------------------------------------------------------------- */

/*
 * Events that came before the instance was ready: a memfd beside GO, sealed, so that nobody can change
 * its length or contents any more. This header, then `count` records, each of them followed by its
 * frame, which is as the socket would have given it, the token in the Ethernet destination. Older than
 * all that is in the ring: they are served before it, in the order of the file.
 */
struct xfn_inbox {
	__u32 magic;   /* XFN_INBOX_MAGIC */
	__u32 version; /* XFN_INBOX_VERSION */
	__u32 count;   /* of records */
	__u32 reserved;
	__u64 bytes; /* of the file, this header included */
	__u64 reserved2;
};
#define XFN_INBOX_MAGIC   0x786e6962 /* "xnib" */
#define XFN_INBOX_VERSION 1

/* Begins at a multiple of 8 bytes. */
struct xfn_inbox_record {
	__u32 frame_bytes; /* right behind this; up to XFN_INBOX_FRAME_MAX */
	__u32 interface;   /* slot of the interface it came in by */
	__u64 seen_ns;     /* CLOCK_MONOTONIC, when ingress had it */
};
#define XFN_INBOX_FRAME_MAX 1792

/* From one record to the next. */
#define XFN_INBOX_STEP(frame_bytes) \
	((sizeof(struct xfn_inbox_record) + (size_t)(frame_bytes) + 7) & ~(size_t)7)

_Static_assert(sizeof(struct xfn_inbox) == 32, "no hidden padding");
_Static_assert(sizeof(struct xfn_inbox_record) == 16, "no hidden padding");

#endif
