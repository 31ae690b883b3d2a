/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_NEXT_H
#define XFN_NEXT_H

/*
 * Somebody else's XDP program, pinned on bpffs, that is to get what is nobody's here: `attach --next`.
 *
 * The path comes from a user of the API. It is given to BPF_OBJ_GET alone, which takes nothing but pins
 * and opens no file; whatever goes wrong with it is told in the same words, so that nobody learns from
 * them what there is below a folder that is not theirs.
 */

#include "dataplane.h"

#define XFN_TAG_BYTES 8
#define XFN_TAG_TEXT  (2 * XFN_TAG_BYTES + 1)

struct xfn_next {
	int fd; /* the owner's to close */
	__u32 id;
	__u8 tag[XFN_TAG_BYTES]; /* of its instructions, from the kernel */
};

/* Which programs it can share a program array with: bits. */
enum {
	XFN_NEXT_WITH_XDP = 1,  /* those loaded for BPF_XDP */
	XFN_NEXT_WITH_NONE = 2, /* those loaded for attach type 0 */
};

/*
 * Opens the program pinned at @path. Returns 0 and an open *ret; -EINVAL: not an absolute path, no XDP
 * program pinned there, or one of xfn's own, and the fault says so.
 */
int xfn_next_open(const struct xfn_dataplane *dataplane, const char *path, struct xfn_next *ret,
		  struct xfn_fault *fault);

/* Tries it in a program array that nobody uses. Returns bits of XFN_NEXT_WITH_*, 0 for none, or -errno. */
int xfn_next_company(int program_fd);

/* 16 hexadecimal digits into @buf, which has room for XFN_TAG_TEXT bytes; returns it. */
char *xfn_tag_print(const __u8 tag[XFN_TAG_BYTES], char *buf);
/* Returns 0 or -EINVAL. */
int xfn_tag_parse(const char *text, __u8 ret[XFN_TAG_BYTES]);

#endif
