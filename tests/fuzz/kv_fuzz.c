/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any datagrams to examples/kv: answers are no longer than they may be and end as lines do, and items stay
 * what items are.
 */
#include <stdlib.h>
#include <string.h>

#include "../../examples/kv/server/kv.h"
#include "datagrams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kv_store store;

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* In place of memset(), which is 5 MB a run. */
static void empty(void)
{
	struct kv_item *item = &store.items[0][0];
	size_t i;

	for (i = 0; i < (size_t)KV_SETS * KV_WAYS; i++)
		kv_store_remove(item++);
	store.cas = store.uses = store.evicted = 0;
}

static void check_items(void)
{
	size_t i;
	const struct kv_item *item = &store.items[0][0];

	for (i = 0; i < (size_t)KV_SETS * KV_WAYS; i++, item++)
		check(!item->cas || (item->key_bytes && item->key_bytes <= KV_KEY_MAX &&
				     item->value_bytes <= KV_VALUE_MAX && item->cas <= store.cas));
}

/* One a second; some with little room. */
static void ask(const uint8_t *data, size_t bytes, int64_t number)
{
	struct kv_now now = {1 + number, 1700000001 + number};
	size_t room = number % 3 ? 90 + bytes % 64 : 1400;
	uint8_t *request = malloc(bytes ? bytes : 1);
	uint8_t *reply = malloc(room);
	size_t got;

	check(request && reply);
	memcpy(request, data, bytes);
	got = kv_answer(&store, &now, request, bytes, reply, room);
	check(got <= room);
	check(!got || (got > KV_HEADER_BYTES + 2 && memcmp(reply + got - 2, "\r\n", 2) == 0 &&
		       memcmp(reply, request, 2) == 0));
	free(request);
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	empty();
	each_datagram(data, size, ask);
	check_items();
	return 0;
}
