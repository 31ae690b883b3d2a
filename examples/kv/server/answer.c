/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands done, answers written. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kv.h"

#define NOT_FOUND     "NOT_FOUND\r\n"
#define NOT_A_NUMBER  "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
#define TOO_LARGE     "SERVER_ERROR object too large for cache\r\n"
#define REPLY_TOO_BIG "SERVER_ERROR reply larger than a datagram\r\n"

/* More than this is a date (protocol.txt, "Expiration times"). */
#define EXPIRY_MAX_S (30 * 24 * 3600)

struct text {
	char *at;
	size_t bytes, room;
	bool full; /* something did not fit, and is not there at all */
};

static void append(struct text *text, const void *bytes, size_t count)
{
	text->full |= count > text->room - text->bytes;
	if (text->full)
		return;
	memcpy(text->at + text->bytes, bytes, count);
	text->bytes += count;
}

static void say(struct text *text, const char *words)
{
	append(text, words, strlen(words));
}

__attribute__((format(printf, 2, 3))) static void say_format(struct text *text, const char *format,
							     ...)
{
	char words[96];
	va_list list;

	va_start(list, format);
	vsnprintf(words, sizeof(words), format, list);
	va_end(list);
	say(text, words);
}

static void do_get(struct kv_store *store, const struct kv_now *now,
		   const struct kv_command *command, struct text *text)
{
	unsigned i;

	for (i = 0; i < command->key_count; i++) {
		const struct kv_item *item = kv_store_find(store, command->keys[i], now);

		if (!item)
			continue;
		say(text, "VALUE ");
		append(text, item->key, item->key_bytes);
		say_format(text, " %" PRIu32 " %u", item->flags, item->value_bytes);
		if (command->verb == KV_GETS)
			say_format(text, " %" PRIu64, item->cas);
		say(text, "\r\n");
		append(text, item->value, item->value_bytes);
		say(text, "\r\n");
	}
	say(text, "END\r\n");
}

/* What is sent to when it is over, on the monotonic clock; 0: never. */
static int64_t expires_at(const struct kv_now *now, int64_t expiry_s)
{
	int64_t at = expiry_s;

	if (!expiry_s)
		return 0;
	if (expiry_s > EXPIRY_MAX_S)
		at -= now->unix_s;
	at += now->monotonic_s;
	return expiry_s < 0 || at < 1 ? 1 : at; /* 1: has been over since the first second */
}

/* An old value goes even if the new one is refused: who has set a key never reads what it was before. */
static void refuse_value(struct kv_store *store, const struct kv_now *now, struct kv_key key,
			 struct text *text)
{
	struct kv_item *item = kv_store_find(store, key, now);

	if (item)
		kv_store_remove(item);
	say(text, TOO_LARGE);
}

static void do_set(struct kv_store *store, const struct kv_now *now,
		   const struct kv_command *command, struct text *text)
{
	struct kv_item *item;

	if (!command->value) {
		refuse_value(store, now, command->keys[0], text);
		return;
	}
	item = kv_store_put(store, command->keys[0], now);
	item->flags = command->flags;
	item->expires_s = expires_at(now, command->expiry_s);
	item->value_bytes = (uint16_t)command->value_bytes;
	memcpy(item->value, command->value, command->value_bytes);
	say(text, "STORED\r\n");
}

/* Digits, and blanks behind them, which a smaller number leaves in its place. */
static bool read_value(const struct kv_item *item, uint64_t *ret)
{
	uint64_t number = 0;
	unsigned i;

	for (i = 0; i < item->value_bytes && item->value[i] != ' '; i++) {
		uint64_t digit = (uint64_t)(uint8_t)item->value[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = number;
	return i > 0;
}

static void do_delta(struct kv_store *store, const struct kv_command *command, struct kv_item *item,
		     struct text *text)
{
	char digits[KV_NUMBER_DIGITS + 1];
	uint64_t number;
	size_t bytes;

	if (!read_value(item, &number)) {
		say(text, NOT_A_NUMBER);
		return;
	}
	if (command->verb == KV_INCR)
		number += command->delta; /* from the largest on to 0, as memcached's */
	else
		number -= number < command->delta ? number : command->delta;
	bytes = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	if (bytes > item->value_bytes)
		item->value_bytes = (uint16_t)bytes;
	memset(item->value, ' ', item->value_bytes);
	memcpy(item->value, digits, bytes);
	item->cas = ++store->cas;
	say_format(text, "%s\r\n", digits);
}

static void do_one(struct kv_store *store, const struct kv_now *now,
		   const struct kv_command *command, struct text *text)
{
	struct kv_item *item = kv_store_find(store, command->keys[0], now);

	if (!item) {
		say(text, NOT_FOUND);
	} else if (command->verb == KV_DELETE) {
		kv_store_remove(item);
		say(text, "DELETED\r\n");
	} else {
		do_delta(store, command, item, text);
	}
}

static void (*doer(enum kv_verb verb))(struct kv_store *, const struct kv_now *,
				       const struct kv_command *, struct text *)
{
	if (verb == KV_GET || verb == KV_GETS)
		return do_get;
	return verb == KV_SET ? do_set : do_one;
}

size_t kv_answer(struct kv_store *store, const struct kv_now *now, const uint8_t *request,
		 size_t bytes, uint8_t *reply, size_t room)
{
	static const uint8_t only_one[6] = {0, 0, 0, 1, 0, 0};
	struct kv_command command = {0};
	struct text text = {0};
	const char *wrong;

	if (bytes < KV_HEADER_BYTES || room < KV_HEADER_BYTES + sizeof(NOT_A_NUMBER))
		return 0;
	if (request[4] || request[5] != 1) /* part of a request: memcached answers nothing, too */
		return 0;
	memcpy(reply, request, 2);
	memcpy(reply + 2, only_one, sizeof(only_one));
	text.at = (char *)reply + KV_HEADER_BYTES;
	text.room = room - KV_HEADER_BYTES;
	wrong = kv_command_read((const char *)request + KV_HEADER_BYTES, bytes - KV_HEADER_BYTES,
				&command);
	if (wrong)
		say(&text, wrong);
	else
		doer(command.verb)(store, now, &command, &text);
	if (text.full) {
		text.bytes = 0;
		text.full = false;
		say(&text, REPLY_TOO_BIG);
	}
	return command.noreply && !wrong ? 0 : KV_HEADER_BYTES + text.bytes;
}
