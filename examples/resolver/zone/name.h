/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ZONE_NAME_H
#define ZONE_NAME_H
/* Domain names in wire form (RFC 1035 s. 3.1), in small letters: length bytes, labels, the root's 0. */
#include <stddef.h>
#include <linux/types.h>

#define NAME_BYTES_MAX  255
#define LABEL_BYTES_MAX 63
#define NAME_TEXT_MAX   1024 /* printed, every byte as \DDD */

struct name {
	__u8 wire[NAME_BYTES_MAX];
	__u8 bytes;  /* 1 to 255 */
	__u8 labels; /* without the root's */
};

/*
 * Reads a name as a master file has it, with escapes (\. and \DDD). Relative ones get @origin behind
 * them; NULL: they are refused. Returns 0, or -EINVAL with a static reason in *why, which completes
 * "'TEXT' ...".
 */
int name_parse(const char *text, size_t len, const struct name *origin, struct name *ret,
	       const char **why);

/* Prints with the final dot; returns @buf, NAME_TEXT_MAX bytes. */
const char *name_print(const struct name *name, char *buf);

/* Where its label @index starts in the wire form; index == labels is the root's. */
unsigned name_label_at(const struct name *name, unsigned index);

/* 1 if @name is @apex or below it. */
int name_is_below(const struct name *name, const struct name *apex);

/* The name without its first label. @name is not the root. */
struct name name_parent(const struct name *name);

/*
 * Reads one byte of a master file's text at *at, escapes undone, and moves on. Returns it, or -EINVAL
 * for an escape that is none. *at < len.
 */
int text_byte(const char *text, size_t len, size_t *at);

#endif
