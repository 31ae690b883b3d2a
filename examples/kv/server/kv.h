/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_EXAMPLE_KV_H
#define XFN_EXAMPLE_KV_H
/*
 * memcached's text protocol over UDP (memcached's doc/protocol.txt), without any I/O: a datagram in, a
 * datagram out. All of it belongs to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KV_HEADER_BYTES = 8,   /* request id, number, how many, reserved: 16 bits each */
	KV_KEY_MAX = 250,      /* bytes, as memcached's */
	KV_VALUE_MAX = 1024,   /* bytes; what is larger is refused */
	KV_KEYS_MAX = 24,      /* of one get */
	KV_WAYS = 8,           /* places that a key may lie at */
	KV_SETS = 512,         /* so 4,096 items in all, 5.4 MB, whatever is sent */
	KV_NUMBER_DIGITS = 20, /* of 64 bits */
};

/* Seconds of two clocks, read together: that of expiry in so many seconds, and that of a date. */
struct kv_now {
	int64_t monotonic_s;
	int64_t unix_s;
};

struct kv_item {
	uint64_t cas;       /* changes with the value; 0: the place is empty */
	uint64_t used;      /* larger: used later */
	int64_t expires_s;  /* monotonic; 0: never */
	uint32_t flags;     /* the client's own */
	uint16_t key_bytes; /* 1 .. KV_KEY_MAX */
	uint16_t value_bytes;
	char key[KV_KEY_MAX];
	char value[KV_VALUE_MAX];
};

struct kv_store {
	uint64_t seed; /* of the hash: nobody else's to know */
	uint64_t cas;
	uint64_t uses;
	uint64_t evicted; /* items that had to go for others before their time */
	struct kv_item items[KV_SETS][KV_WAYS];
};

struct kv_key {
	const char *at;
	size_t bytes;
};

/* NULL: not there, or expired; then its place is empty. Stays the store's, until the next kv_store_put(). */
struct kv_item *kv_store_find(struct kv_store *store, struct kv_key key, const struct kv_now *now);
/* A place for @key, without a value yet: its own, an empty one, or that which was not used for longest. */
struct kv_item *kv_store_put(struct kv_store *store, struct kv_key key, const struct kv_now *now);
void kv_store_remove(struct kv_item *item);

enum kv_verb { KV_GET, KV_GETS, KV_SET, KV_DELETE, KV_INCR, KV_DECR };

/* One command. Points into the text that it was read from. */
struct kv_command {
	enum kv_verb verb;
	bool noreply;
	unsigned key_count; /* get, gets: 1 .. KV_KEYS_MAX; else 1 */
	struct kv_key keys[KV_KEYS_MAX];
	uint32_t flags;    /* set */
	int64_t expiry_s;  /* set: as sent */
	const char *value; /* NULL: longer than KV_VALUE_MAX */
	size_t value_bytes;
	uint64_t delta; /* incr, decr */
};

/* Reads the command at @text. Returns NULL, or what memcached says of one like it (static text with its \r\n). */
const char *kv_command_read(const char *text, size_t bytes, struct kv_command *ret);

/*
 * Does what the datagram asks for and writes the answer to @reply. Returns its length, at most @room; 0:
 * there is none (noreply, part of a larger request, or too short for a header or for its answer).
 */
size_t kv_answer(struct kv_store *store, const struct kv_now *now, const uint8_t *request,
		 size_t bytes, uint8_t *reply, size_t room);

#endif
