/* SPDX-License-Identifier: BSD-2-Clause */
/* Items in sets of a few places each: memory is what it is from the start, and no look-up is long. */
#include <string.h>

#include "kv.h"

static struct kv_item *set_of(struct kv_store *store, struct kv_key key)
{
	uint64_t hash = store->seed ^ 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < key.bytes; i++)
		hash = (hash ^ (uint8_t)key.at[i]) * 0x100000001b3ULL;
	return store->items[(hash ^ hash >> 32) % KV_SETS];
}

static bool is_gone(const struct kv_item *item, const struct kv_now *now)
{
	return !item->cas || (item->expires_s && item->expires_s <= now->monotonic_s);
}

struct kv_item *kv_store_find(struct kv_store *store, struct kv_key key, const struct kv_now *now)
{
	struct kv_item *set = set_of(store, key);
	int i;

	for (i = 0; i < KV_WAYS; i++) {
		if (set[i].key_bytes != key.bytes || memcmp(set[i].key, key.at, key.bytes) != 0)
			continue;
		if (is_gone(&set[i], now)) {
			kv_store_remove(&set[i]);
			continue;
		}
		set[i].used = ++store->uses;
		return &set[i];
	}
	return NULL;
}

static struct kv_item *make_room(struct kv_store *store, struct kv_key key,
				 const struct kv_now *now)
{
	struct kv_item *set = set_of(store, key);
	struct kv_item *oldest = set;
	int i;

	for (i = 0; i < KV_WAYS; i++) {
		if (is_gone(&set[i], now))
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	store->evicted++;
	return oldest;
}

struct kv_item *kv_store_put(struct kv_store *store, struct kv_key key, const struct kv_now *now)
{
	struct kv_item *item = kv_store_find(store, key, now);

	if (!item)
		item = make_room(store, key, now);
	item->cas = ++store->cas;
	item->used = ++store->uses;
	item->expires_s = 0;
	item->key_bytes = (uint16_t)key.bytes;
	item->value_bytes = 0;
	memcpy(item->key, key.at, key.bytes);
	return item;
}

void kv_store_remove(struct kv_item *item)
{
	item->cas = 0;
	item->key_bytes = 0;
}
