/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that are held for the client, each with a note of its own. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "keeper_private.h"

static struct xfn_store_entry *find(struct xfn_store *store, __u64 key)
{
	__u32 i;

	for (i = 0; i < store->count; i++)
		if (store->entries[i].words.key == key)
			return &store->entries[i];
	return NULL;
}

int xfn_store_put(struct xfn_store *store, const struct xfn_keeper_stored *words, int fd)
{
	struct xfn_store_entry *entry = find(store, words->key);

	if (entry)
		close(entry->fd);
	else if (store->count == XFN_KEEPER_STORED_MAX)
		return -ENOSPC;
	else
		entry = &store->entries[store->count++];
	*entry = (struct xfn_store_entry){.words = *words, .fd = fd};
	return 0;
}

int xfn_store_drop(struct xfn_store *store, __u64 key)
{
	struct xfn_store_entry *entry = find(store, key);

	if (!entry)
		return -ENOENT;
	close(entry->fd);
	store->count--;
	memmove(entry, entry + 1, (size_t)(&store->entries[store->count] - entry) * sizeof(*entry));
	return 0;
}
