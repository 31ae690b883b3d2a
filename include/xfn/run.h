/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RUN_H
#define XFN_RUN_H
/*
 * How `xfn run` asks xfnd for what an instance needs: descriptors, which no HTTP can bring. One question and
 * one answer, a datagram each, on the SOCK_SEQPACKET socket RUN_DIR/run.sock. Who asks is the instance from
 * then on, whatever it executes: its process number is the one that the kernel has for the connection.
 */
#include <linux/types.h>

#define XFN_RUN_SOCKET      "run.sock" /* beside xfn.sock */
#define XFN_RUN_VERSION     2
#define XFN_RUN_NAME_BYTES  128 /* NAME or TENANT/NAME, and its NUL */
#define XFN_RUN_ERROR_BYTES 2048

struct xfn_run_question {
	__u32 version; /* XFN_RUN_VERSION */
	__u32 reserved;
	char function[XFN_RUN_NAME_BYTES];
};

/* With the descriptors of enum xfn_run_fd where status is 200. */
struct xfn_run_answer {
	__u32 version;
	__u32 status;                      /* as of HTTP: 200, or why not */
	__u32 ifindex;                     /* XFN_ENV_IFINDEX */
	__u32 mtu;                         /* XFN_ENV_MTU */
	__u32 function_version;            /* XFN_ENV_VERSION */
	char function[XFN_RUN_NAME_BYTES]; /* XFN_ENV_FUNCTION */
	char error[XFN_RUN_ERROR_BYTES];   /* JSON, as the API answers it; "": none */
};

enum xfn_run_fd {
	XFN_RUN_FD_SOCKET,  /* XFN_ENV_SOCKET */
	XFN_RUN_FD_CHANNEL, /* XFN_ENV_CHANNEL */
	XFN_RUN_FDS,
};

#endif
