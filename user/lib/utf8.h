/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef XFN_UTF8_H
#define XFN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes, 1 to 4, of the character at @text with @left bytes left; 0: not valid. */
size_t xfn_utf8_length(const char *text, size_t left);

/*
 * True for what must not reach a terminal: C0 and C1 controls, DEL, and the marks that change the
 * direction of writing. @len is the character's length as above.
 */
bool xfn_utf8_is_control(const char *text, size_t len);

/* Says whether the @len bytes at @text are UTF-8 with nothing of that: they may be printed and stored. */
bool xfn_utf8_is_plain(const char *text, size_t len);

#endif /* XFN_UTF8_H */
