/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finished answer sections. A name is asked for by itself, so the place of everything in the reply is
 * known: names in answers are compressed against the question and against each other.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone.h"

#define HEADER_BYTES   12
#define QUESTION_BYTES 4      /* behind the name */
#define POINTER        0xc000 /* RFC 1035 s. 4.1.4 */
#define POINTER_MAX    0x3fff
#define SUFFIXES_MAX   256

static const __u8 rtype_wire[ZONE_RTYPES] = {
	[ZONE_A] = 1, [ZONE_CNAME] = 5, [ZONE_TXT] = 16, [ZONE_AAAA] = 28};

/* A reply under construction, from the header on. */
struct message {
	__u8 bytes[ZONE_MESSAGE_BYTES];
	unsigned used;
	bool too_long;
	struct {
		const struct name *name;
		__u16 label; /* the suffix starts with this label */
		__u16 at;    /* where it stands */
	} suffixes[SUFFIXES_MAX];
	unsigned suffix_count;
};

struct compiler {
	const struct zone_text *text;
	const struct zone_tree *tree;
	struct zone_image *image;
	struct xfn_diag_list *diags;
	unsigned page_used;
};

static int complain(struct compiler *compiler, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int complain(struct compiler *compiler, unsigned line, unsigned column, const char *fmt, ...)
{
	struct xfn_diag_info info = {.file = compiler->text->file, .line = line, .column = column};
	char message[XFN_DIAG_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	xfn_diag_add(compiler->diags, &info, "%s", message);
	return -EINVAL;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void put_bytes(struct message *message, const void *bytes, unsigned count)
{
	if (message->too_long || count > sizeof(message->bytes) - message->used) {
		message->too_long = true;
		return;
	}
	memcpy(message->bytes + message->used, bytes, count);
	message->used += count;
}

static void put_u16(struct message *message, __u16 value)
{
	__u8 bytes[2] = {value >> 8, value & 0xff};

	put_bytes(message, bytes, sizeof(bytes));
}

static void put_u32(struct message *message, __u32 value)
{
	put_u16(message, value >> 16);
	put_u16(message, value & 0xffff);
}

static int find_suffix(const struct message *message, const struct name *name, unsigned at)
{
	unsigned i, other;

	for (i = 0; i < message->suffix_count; i++) {
		const struct name *known = message->suffixes[i].name;

		other = name_label_at(known, message->suffixes[i].label);
		if (known->bytes - other == name->bytes - at &&
		    !memcmp(known->wire + other, name->wire + at, name->bytes - at))
			return message->suffixes[i].at;
	}
	return -1;
}

static void remember_suffix(struct message *message, const struct name *name, unsigned label)
{
	if (message->suffix_count == SUFFIXES_MAX || message->used > POINTER_MAX)
		return;
	message->suffixes[message->suffix_count].name = name;
	message->suffixes[message->suffix_count].label = label;
	message->suffixes[message->suffix_count++].at = message->used;
}

/* The root is never pointed to: it is shorter than a pointer. */
static void put_name(struct message *message, const struct name *name)
{
	unsigned label, at = 0;
	int known;

	for (label = 0; label < name->labels; label++) {
		known = find_suffix(message, name, at);
		if (known >= 0) {
			put_u16(message, POINTER | known);
			return;
		}
		remember_suffix(message, name, label);
		put_bytes(message, name->wire + at, 1 + name->wire[at]);
		at += 1 + name->wire[at];
	}
	put_bytes(message, "", 1);
}

static void put_record(struct message *message, const struct name *owner, enum zone_rtype rtype,
		       const struct record *record)
{
	unsigned length_at, bytes;

	put_name(message, owner);
	put_u16(message, rtype_wire[rtype]);
	put_u16(message, 1);
	put_u32(message, record->ttl_s);
	length_at = message->used;
	put_u16(message, 0);
	if (record->target)
		put_name(message, record->target);
	else
		put_bytes(message, record->rdata, record->rdata_bytes);
	if (message->too_long)
		return;
	bytes = message->used - length_at - 2;
	message->bytes[length_at] = bytes >> 8;
	message->bytes[length_at + 1] = bytes & 0xff;
}

/* ---- one answer ------------------------------------------------------------------------------- */

static const struct owner *find_owner(const struct zone_tree *tree, const struct name *name)
{
	struct owner *owner;

	HASH_FIND(hh, tree->owners, name->wire, name->bytes, owner);
	return owner;
}

/* The records of one owner and type. */
static void put_set(struct message *message, const struct owner *owner, enum zone_rtype rtype,
		    struct zone_answer *answer)
{
	const struct record *record;

	for (record = owner->records[rtype]; record; record = record->next) {
		put_record(message, &owner->name, rtype, record);
		answer->count++;
	}
}

/*
 * Follows CNAMEs from @owner, which has one, and writes what is found. The chain ends outside of the
 * zone (the resolver goes on by itself), at the type that was asked for, or at nothing.
 */
static int put_chain(struct compiler *compiler, struct message *message, const struct owner *owner,
		     enum zone_rtype rtype, struct zone_answer *answer)
{
	const struct record *first = owner->records[ZONE_CNAME], *cname = first;
	char text[NAME_TEXT_MAX];
	unsigned length;

	for (length = 0; cname; length++) {
		if (length == ZONE_CHAIN_MAX)
			return complain(compiler, first->line, first->column,
					"CNAME of '%s' starts a loop, or a chain of more than %d",
					name_print(&owner->name, text), ZONE_CHAIN_MAX);
		put_set(message, owner, ZONE_CNAME, answer);
		if (!name_is_below(cname->target, &compiler->tree->soa.owner))
			return 0;
		owner = find_owner(compiler->tree, cname->target);
		if (!owner) {
			answer->flags = ZONE_ANSWER_NEGATIVE | ZONE_ANSWER_NXDOMAIN;
			return 0;
		}
		cname = owner->records[ZONE_CNAME];
	}
	if (!owner->records[rtype])
		answer->flags = ZONE_ANSWER_NEGATIVE;
	put_set(message, owner, rtype, answer);
	return 0;
}

/* Finds room for the answer section and puts it there. */
static int keep_answer(struct compiler *compiler, const struct message *message, unsigned start,
		       struct zone_answer *answer)
{
	struct zone_image *image = compiler->image;
	unsigned bytes = message->used - start;

	if (!image->page_count || compiler->page_used + bytes > ZONE_PAGE_BYTES) {
		if (image->page_count == ZONE_PAGES)
			return complain(compiler, 0, 0,
					"answers of more than %d KiB in all: too large a zone",
					ZONE_PAGES * ZONE_PAGE_BYTES / 1024);
		image->pages =
			zone_grow(image->pages, image->page_count + 1, sizeof(*image->pages));
		memset(&image->pages[image->page_count++], 0, sizeof(*image->pages));
		compiler->page_used = 0;
	}
	answer->page = image->page_count - 1;
	answer->offset = compiler->page_used;
	answer->bytes = bytes;
	memcpy(image->pages[answer->page].bytes + answer->offset, message->bytes + start, bytes);
	compiler->page_used += bytes;
	return 0;
}

static int compile_answer(struct compiler *compiler, const struct owner *owner,
			  enum zone_rtype rtype, struct zone_answer *answer)
{
	static const __u8 zeros[HEADER_BYTES];
	struct message message;
	unsigned start;
	int err = 0;

	message.used = message.suffix_count = 0;
	message.too_long = false;
	put_bytes(&message, zeros, HEADER_BYTES);
	put_name(&message, &owner->name);
	put_bytes(&message, zeros, QUESTION_BYTES);
	start = message.used;
	if (owner->records[ZONE_CNAME] && rtype != ZONE_CNAME)
		err = put_chain(compiler, &message, owner, rtype, answer);
	else if (owner->records[rtype])
		put_set(&message, owner, rtype, answer);
	else
		answer->flags = ZONE_ANSWER_NEGATIVE;
	if (err || message.used == start)
		return err;
	compiler->image->answer_count++;
	if (message.too_long) {
		answer->flags |= ZONE_ANSWER_LONG;
		answer->count = 0;
		return 0;
	}
	return keep_answer(compiler, &message, start, answer);
}

/* ---- the zone --------------------------------------------------------------------------------- */

/* A name of the SOA record: labels up to the apex, then a pointer that the handler fills in. */
static __u16 put_soa_name(struct zone *zone, const struct name *name, const struct name *apex)
{
	unsigned bytes = name->bytes;
	__u16 pointer_at = ZONE_POINTER_NONE;

	if (name_is_below(name, apex)) {
		bytes -= apex->bytes;
		pointer_at = zone->soa_bytes + bytes;
	}
	memcpy(zone->soa + zone->soa_bytes, name->wire, bytes);
	zone->soa_bytes += bytes + (pointer_at == ZONE_POINTER_NONE ? 0 : 2);
	return pointer_at;
}

static void put_soa_number(struct zone *zone, __u32 value, unsigned bytes)
{
	while (bytes--)
		zone->soa[zone->soa_bytes++] = value >> 8 * bytes & 0xff;
}

/* The TTL of "there is none" is the lower one of the SOA's TTL and minimum, RFC 2308 s. 3. */
static void compile_soa(const struct soa *soa, struct zone *zone)
{
	__u32 minimum = soa->numbers[SOA_MINIMUM];
	unsigned length_at, i, bytes;

	zone->soa_pointer_at[0] = put_soa_name(zone, &soa->owner, &soa->owner);
	put_soa_number(zone, 6, 2);
	put_soa_number(zone, 1, 2);
	put_soa_number(zone, soa->ttl_s < minimum ? soa->ttl_s : minimum, 4);
	length_at = zone->soa_bytes;
	zone->soa_bytes += 2;
	zone->soa_pointer_at[1] = put_soa_name(zone, &soa->primary, &soa->owner);
	zone->soa_pointer_at[2] = put_soa_name(zone, &soa->mailbox, &soa->owner);
	for (i = 0; i < 5; i++)
		put_soa_number(zone, soa->numbers[i], 4);
	bytes = zone->soa_bytes - length_at - 2;
	zone->soa[length_at] = bytes >> 8;
	zone->soa[length_at + 1] = bytes & 0xff;
}

static void compile_zone(const struct zone_tree *tree, struct zone *zone)
{
	memcpy(zone->apex, tree->soa.owner.wire, tree->soa.owner.bytes);
	zone->apex_bytes = tree->soa.owner.bytes;
	zone->apex_labels = tree->soa.owner.labels;
	zone->serial = tree->soa.numbers[SOA_SERIAL];
	zone->names = HASH_COUNT(tree->owners);
	compile_soa(&tree->soa, zone);
}

int zone_compile(const struct zone_text *text, const struct zone_tree *tree,
		 struct zone_image *image, struct xfn_diag_list *diags)
{
	struct compiler compiler = {.text = text, .tree = tree, .image = image, .diags = diags};
	struct owner *owner, *next;
	struct zone_entry *entry;
	int err, failed = 0, i;

	if (HASH_COUNT(tree->owners) > ZONE_NAMES_MAX)
		return complain(&compiler, 0, 0, "%u names: at most %d fit",
				HASH_COUNT(tree->owners), ZONE_NAMES_MAX);
	compile_zone(tree, &image->zone);
	image->entries = zone_alloc(HASH_COUNT(tree->owners) * sizeof(*image->entries));
	HASH_ITER (hh, tree->owners, owner, next) {
		entry = &image->entries[image->entry_count++];
		memcpy(entry->key.name, owner->name.wire, owner->name.bytes);
		for (i = 0, err = 0; i < ZONE_RTYPES && !err; i++)
			err = compile_answer(&compiler, owner, i, &entry->name.answers[i]);
		failed |= err;
	}
	return failed ? -EINVAL : 0;
}
