/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a payload: the readers of bpf/key_*.h, compiled for user space, against those of
 * loader/ruleset_read.c, which were written from the RFCs once more. Both find a key or both find none; the
 * digests are equal, of the path, of the name and of each suffix.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

typedef long key_step(__u32 index, void *context);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static long run_steps(__u32 count, key_step *step, void *context)
{
	__u32 i;

	for (i = 0; i < count; i++)
		if (step(i, context))
			return i + 1;
	return i;
}

#define bpf_loop(count, step, context, flags) run_steps(count, (key_step *)(step), context)

#include "../../bpf/key_bytes.h"
#include "../../bpf/key_coap.h"
#include "../../bpf/key_dns.h"
#include "../../loader/ruleset_key.c"
#include "../../loader/ruleset_read.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED = 42, PAYLOAD_MAX = 1472 };

/* A heap block of its own for the payload, so that the sanitizer sees a read past its end. */
static struct xfn_key_scratch *load(const uint8_t *data, size_t size)
{
	struct xfn_key_scratch *scratch = malloc(sizeof(*scratch));

	check(scratch);
	memset(scratch, 0xa5, sizeof(*scratch)); /* what the packet before has left */
	scratch->payload_bytes = size;
	scratch->size = size < XFN_KEY_HEAD_BYTES ? size : XFN_KEY_HEAD_BYTES;
	memcpy(scratch->bytes, data, scratch->size);
	return scratch;
}

static void check_digest(const struct xfn_digest *digest, const struct xfn_shape *shape,
			 const uint8_t *data, size_t size)
{
	__u64 got[2], want[2];

	check(xfn_key_read(shape, SEED, data, size, want) == XFN_KEY_FOUND);
	xfn_digest_end(digest, got);
	check(got[0] == want[0] && got[1] == want[1]);
}

static void try_path(const uint8_t *data, size_t size)
{
	const struct xfn_shape shape = {.reader = XFN_READER_COAP_PATH};
	struct xfn_key_scratch *scratch = load(data, size);
	bool odd = key_coap_read(scratch, SEED);
	__u64 ignored[2];

	check(odd == (xfn_key_read(&shape, SEED, data, size, ignored) == XFN_KEY_ODD));
	if (!odd)
		check_digest(&scratch->path, &shape, data, size);
	free(scratch);
}

static void try_name(const uint8_t *data, size_t size)
{
	struct xfn_shape shape = {.reader = XFN_READER_DNS_NAME};
	struct xfn_key_scratch *scratch = load(data, size);
	bool odd = key_dns_read(scratch, SEED);
	__u64 ignored[2];

	check(odd == (xfn_key_read(&shape, SEED, data, size, ignored) == XFN_KEY_ODD));
	if (!odd)
		check_digest(&scratch->name, &shape, data, size);
	shape.reader = XFN_READER_DNS_SUFFIX;
	for (; !odd && shape.labels <= XFN_KEY_SUFFIX_LABELS_MAX; shape.labels++) {
		if (shape.labels <= scratch->labels)
			check_digest(&scratch->suffix[shape.labels], &shape, data, size);
		else
			check(xfn_key_read(&shape, SEED, data, size, ignored) == XFN_KEY_ABSENT);
	}
	free(scratch);
}

/* The first byte says where the bytes would be, the second how many. */
static void try_bytes(const uint8_t *data, size_t size)
{
	struct xfn_shape shape = {.reader = XFN_READER_BYTES};
	__u64 got[2] = {}, want[2];
	bool short_of;

	if (size < 2)
		return;
	shape.offset = data[0];
	shape.bytes = 1 + data[1] % KEY_BYTES_MAX;
	memset(shape.payload_mask, 0x5a, shape.bytes);
	short_of = key_bytes_fit(&shape, size);
	check(short_of == (xfn_key_read(&shape, SEED, data, size, want) == XFN_KEY_ODD));
	if (short_of)
		return;
	memcpy(got, data + shape.offset, shape.bytes);
	key_bytes_mask(&shape, got);
	check(!memcmp(got, want, sizeof(got)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > PAYLOAD_MAX)
		return 0;
	try_path(data, size);
	try_name(data, size);
	try_bytes(data, size);
	return 0;
}
