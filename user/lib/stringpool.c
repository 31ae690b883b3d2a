/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "stringpool.h"

#define CHUNK_BYTES_MIN 256   /* of the first chunk; each is twice the one before, */
#define CHUNK_BYTES_MAX 16384 /* up to this */
#define TABLE_FIRST     16    /* cells; always a power of two */
#define PROBES_MAX      8 /* beyond that a string is kept twice: texts that collide cost nothing */

struct chunk {
	struct chunk *next;
	size_t used, room;
	char bytes[];
};

struct xfn_stringpool {
	unsigned owners;
	size_t chunk_bytes;   /* of the next chunk */
	struct chunk *chunks; /* the newest first */
	const char **table;   /* open addressing, NULL: free */
	size_t cells;
	size_t strings; /* in the table; at most half of the cells */
};

static uint32_t hash_text(const char *text, size_t len)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash ^ hash >> 15;
}

struct xfn_stringpool *xfn_stringpool_new(void)
{
	struct xfn_stringpool *pool = xfn_alloc(sizeof(*pool));

	if (!pool)
		return NULL;
	pool->owners = 1;
	pool->chunk_bytes = CHUNK_BYTES_MIN;
	return pool;
}

struct xfn_stringpool *xfn_stringpool_get(struct xfn_stringpool *pool)
{
	pool->owners++;
	return pool;
}

void xfn_stringpool_put(struct xfn_stringpool *pool)
{
	if (!pool || --pool->owners)
		return;
	for (struct chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		xfn_free(chunk);
	}
	xfn_free(pool->table);
	xfn_free(pool);
}

/* Find the string, or a free cell for it; NULL: too many others in the way. */
static const char **find_cell(const struct xfn_stringpool *pool, const char *text, size_t len)
{
	size_t at = hash_text(text, len);

	for (size_t probe = 0; probe < PROBES_MAX; probe++) {
		const char **cell = &pool->table[(at + probe) & (pool->cells - 1)];

		if (!*cell || (strlen(*cell) == len && !memcmp(*cell, text, len)))
			return cell;
	}
	return NULL;
}

static int grow_table(struct xfn_stringpool *pool)
{
	struct xfn_stringpool bigger = *pool;

	bigger.cells = pool->cells ? 2 * pool->cells : TABLE_FIRST;
	bigger.table = xfn_alloc(bigger.cells * sizeof(*bigger.table));
	if (!bigger.table)
		return -1;
	for (size_t i = 0; i < pool->cells; i++) {
		const char *string = pool->table[i];
		const char **cell = string ? find_cell(&bigger, string, strlen(string)) : NULL;

		if (cell)
			*cell = string;
	}
	xfn_free(pool->table);
	*pool = bigger;
	return 0;
}

static char *copy_text(struct xfn_stringpool *pool, const char *text, size_t len)
{
	struct chunk *chunk = pool->chunks;
	char *copy;

	if (!chunk || chunk->room - chunk->used <= len) {
		size_t room = len < pool->chunk_bytes / 4 ? pool->chunk_bytes : len + 1;

		chunk = xfn_realloc(NULL, 1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){.next = pool->chunks, .room = room};
		pool->chunks = chunk;
		if (pool->chunk_bytes < CHUNK_BYTES_MAX)
			pool->chunk_bytes *= 2;
	}
	copy = chunk->bytes + chunk->used;
	memcpy(copy, text, len);
	copy[len] = '\0';
	chunk->used += len + 1;
	return copy;
}

const char *xfn_stringpool_add(struct xfn_stringpool *pool, const char *text, size_t len)
{
	const char **cell, *copy;

	if (2 * pool->strings >= pool->cells && grow_table(pool))
		return NULL;
	cell = find_cell(pool, text, len);
	if (cell && *cell)
		return *cell;
	copy = copy_text(pool, text, len);
	if (copy && cell) {
		*cell = copy;
		pool->strings++;
	}
	return copy;
}
