/* SPDX-License-Identifier: BSD-2-Clause */
/* What a text must be before a YAML parser may see it. */
#ifndef XFN_YAML_TEXT_H
#define XFN_YAML_TEXT_H

#include <stddef.h>

#include "diag.h"

/*
 * libfyaml reads ahead to the end of a line of brackets, and takes up to 350 bytes of memory for each
 * byte of it: 64 KiB come to 22 MiB at worst.
 */
#define XFN_YAML_LINE_MAX 65536

/*
 * Refuse, with one diagnostic, a text that is longer than XFN_MANIFEST_BYTES_MAX, is not UTF-8, holds
 * control characters, or has a line of more than XFN_YAML_LINE_MAX bytes. Returns 0 or -EINVAL.
 */
int xfn_yaml_text_check(const char *file, const char *text, size_t len,
			struct xfn_diag_list *diags);

#endif /* XFN_YAML_TEXT_H */
