/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_PROGRAMS_H
#define XFN_PROGRAMS_H

/* Programs that a manifest has xfnd start: whether they can be, as far as it is seen from here. */

#include <stddef.h>
#include <jansson.h>

/*
 * Appends to @warnings, a sentence each, what is wrong with the programs and directories of the manifest @text: one
 * that is not there, is no program, or lies where the function's user cannot come. @folder is the absolute path of the
 * directory that relative ones start from, or NULL: not known. A manifest that is wrong has no programs, and what
 * cannot be told is not: xfnd may see other files, and starts the program all the same.
 */
void xfn_programs_warn(const char *name, const char *text, size_t bytes, const char *folder,
		       json_t *warnings);

#endif
