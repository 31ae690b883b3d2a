/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ZONE_H
#define ZONE_H
/*
 * A zone as it was read from its file, and its way from there: parse.c reads it, answer.c compiles it,
 * load.c puts it into the handler's maps. A tool that runs for a moment: what it allocates stays until
 * it ends, and when memory is short it says so and ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Zeroed memory, or the end of the program; not for free(). */
void *zone_alloc(size_t bytes);
/* @array with room for @count elements, what is new not zeroed; for free(). */
void *zone_grow(void *array, size_t count, size_t element_bytes);

#define uthash_malloc(bytes)      zone_alloc(bytes)
#define uthash_free(block, bytes) ((void)(block))
#include <uthash.h>

#include "diag.h"
#include "name.h"
#include "../resolver.h"

#define ZONE_FILE_BYTES_MAX (64UL << 20)

/* One record of a type that is answered. */
struct record {
	struct record *next; /* in the order of the file */
	__u8 *rdata;         /* not of a CNAME */
	struct name *target; /* of a CNAME only */
	__u32 ttl_s;
	__u32 rdata_bytes;
	unsigned line;
	unsigned column;
};

/* One name. Without records of any kind it is an empty non-terminal (RFC 4592 s. 2.2.2). */
struct owner {
	struct name name;
	struct record *records[ZONE_RTYPES];
	bool has_others;  /* records of types that are not answered */
	unsigned line;    /* of its first record */
	unsigned ns_line; /* of an NS record; 0: none */
	UT_hash_handle hh;
};

struct soa {
	struct name owner;
	struct name primary;
	struct name mailbox;
	__u32 ttl_s;
	__u32 numbers[5]; /* serial, refresh, retry, expire, minimum: RFC 1035 s. 3.3.13 */
	unsigned line;    /* 0: none was read */
};
#define SOA_SERIAL  0
#define SOA_MINIMUM 4

struct zone_text {
	const char *file;
	const char *text;
	size_t len;
};

struct zone_tree {
	struct owner *owners;
	struct soa soa;
};

/*
 * Reads a master file (RFC 1035 s. 5): $ORIGIN, $TTL, @, relative names, comments, parentheses, quoted
 * strings, escapes. @origin: for relative names, until the file says otherwise; NULL: none.
 * Returns 0, or -EINVAL with @diags filled; what was read until then is in @tree either way.
 */
int zone_parse(const struct zone_text *text, const struct name *origin, struct zone_tree *tree,
	       struct xfn_diag_list *diags);

struct zone_entry {
	struct zone_key key; /* its generation is set when it is loaded */
	struct zone_name name;
};

/* Everything that the maps hold of a zone. */
struct zone_image {
	struct zone zone;
	struct zone_entry *entries;
	size_t entry_count;
	struct zone_page *pages;
	size_t page_count;
	size_t answer_count;
};

/* Compiles the answers. Returns 0, or -EINVAL with @diags filled: CNAME loops, too large. */
int zone_compile(const struct zone_text *text, const struct zone_tree *tree,
		 struct zone_image *image, struct xfn_diag_list *diags);

/*
 * Puts @image into the maps that are pinned in folder @map_dir, and makes it the live one. The zone
 * that was live answers until then. Returns 0, or -errno with one line in @error; then nothing has
 * changed for whoever asks.
 */
int zone_load(const char *map_dir, struct zone_image *image, char *error, size_t error_size);

#endif
