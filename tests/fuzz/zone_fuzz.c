/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a zone file for examples/resolver: reading ends, and either something is said to be
 * wrong, or the answers fit where they are said to be.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Each file's own functions under names of their own. */
#define complain   complain_lex
#define find_owner find_owner_lex
#include "../../examples/resolver/zone/lex.c"
#undef complain
#undef find_owner
#include "../../examples/resolver/zone/name.c"
#include "../../examples/resolver/zone/rtype.c"
#include "../../examples/resolver/zone/parse.c"
#define find_owner find_owner_answer
#include "../../examples/resolver/zone/answer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS_MAX = 1 << 16 };

static void *blocks[BLOCKS_MAX];
static size_t block_count;

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The tool keeps all until it ends: here that is the end of one input. */
void *zone_alloc(size_t bytes)
{
	check(block_count < BLOCKS_MAX);
	blocks[block_count] = calloc(1, bytes ? bytes : 1);
	check(blocks[block_count]);
	return blocks[block_count++];
}

void *zone_grow(void *array, size_t count, size_t element_bytes)
{
	array = reallocarray(array, count, element_bytes);
	check(array);
	return array;
}

static void check_image(const struct zone_image *image)
{
	size_t i;
	int j;

	check(image->zone.apex_bytes && image->zone.soa_bytes <= sizeof(image->zone.soa));
	for (i = 0; i < image->entry_count; i++) {
		for (j = 0; j < ZONE_RTYPES; j++) {
			const struct zone_answer *answer = &image->entries[i].name.answers[j];

			check(answer->bytes <= ZONE_MESSAGE_BYTES);
			check(!answer->bytes || answer->page < image->page_count);
			check(answer->offset + answer->bytes <= ZONE_PAGE_BYTES);
			check(answer->bytes || answer->flags);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone_text text = {.file = "fuzz", .text = (const char *)data, .len = size};
	struct name origin = {.wire = "\7example\3com", .bytes = 13, .labels = 2};
	struct zone_image image = {};
	struct zone_tree tree = {};
	struct xfn_diag_list diags;
	int err;

	if (size > 65536)
		return 0;
	xfn_diag_list_init(&diags);
	err = zone_parse(&text, size & 1 ? &origin : NULL, &tree, &diags);
	check(!err || diags.count + diags.more);
	if (!err) {
		err = zone_compile(&text, &tree, &image, &diags);
		check(!err || diags.count + diags.more);
		if (!err)
			check_image(&image);
	}
	xfn_diag_list_fini(&diags);
	free(image.pages);
	while (block_count)
		free(blocks[--block_count]);
	return 0;
}
