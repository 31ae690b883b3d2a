/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's tag as text, and back. Apart, since a revision is read with it and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "next.h"

char *xfn_tag_print(const __u8 tag[XFN_TAG_BYTES], char *buf)
{
	int i;

	for (i = 0; i < XFN_TAG_BYTES; i++)
		sprintf(buf + 2 * i, "%02x", tag[i]);
	return buf;
}

int xfn_tag_parse(const char *text, __u8 ret[XFN_TAG_BYTES])
{
	__u8 tag[XFN_TAG_BYTES];
	int i;

	if (strlen(text) != 2 * XFN_TAG_BYTES)
		return -EINVAL;
	for (i = 0; i < XFN_TAG_BYTES; i++)
		if (sscanf(text + 2 * i, "%2hhx", &tag[i]) != 1)
			return -EINVAL;
	memcpy(ret, tag, sizeof(tag));
	return 0;
}
