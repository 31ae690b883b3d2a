/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtype.h"

static struct owner *find_owner(struct zone_tree *tree, const struct name *name)
{
	struct owner *owner;

	HASH_FIND(hh, tree->owners, name->wire, name->bytes, owner);
	return owner;
}

static struct owner *get_owner(struct zone_tree *tree, const struct name *name, unsigned line)
{
	struct owner *owner = find_owner(tree, name);

	if (owner)
		return owner;
	owner = zone_alloc(sizeof(*owner));
	owner->name = *name;
	owner->line = line;
	HASH_ADD_KEYPTR(hh, tree->owners, owner->name.wire, owner->name.bytes, owner);
	return owner;
}

/* ---- directives ---------------------------------------------------------------------------------- */

static int set_origin(struct parser *parser, const struct token *value)
{
	struct name origin;

	if (read_name(parser, value, &origin))
		return -EINVAL;
	parser->origin = origin;
	parser->has_origin = true;
	return 0;
}

static int set_ttl(struct parser *parser, const struct token *value)
{
	if (ttl_parse(value, &parser->default_ttl_s))
		return complain_at(parser, value, "seconds, or such as 1h30m", "'%.*s' is no TTL",
				   (int)value->len, value->text);
	parser->has_default_ttl = true;
	return 0;
}

static int read_directive(struct parser *parser, const struct entry *entry)
{
	static const struct {
		const char *name;
		int (*set)(struct parser *parser, const struct token *value);
	} directives[] = {{"$ORIGIN", set_origin}, {"$TTL", set_ttl}};
	const struct token *token = entry->tokens;
	size_t i;

	for (i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		if (!token_is(token, directives[i].name))
			continue;
		if (entry->count != 2)
			return complain_at(parser, token, "one value", "%s with %zu values",
					   directives[i].name, entry->count - 1);
		return directives[i].set(parser, &token[1]);
	}
	return complain_at(parser, token, "$ORIGIN or $TTL", "directive '%.*s' is not supported",
			   (int)token->len, token->text);
}

/* ---- records -------------------------------------------------------------------------------------- */

static bool is_same_rdata(const struct record *a, const struct record *b)
{
	if (a->target || b->target)
		return a->target && b->target && a->target->bytes == b->target->bytes &&
		       !memcmp(a->target->wire, b->target->wire, a->target->bytes);
	return a->rdata_bytes == b->rdata_bytes && !memcmp(a->rdata, b->rdata, a->rdata_bytes);
}

/* To the end of its set; the same record twice is one (RFC 2181 s. 5). */
static int add_record(struct parser *parser, const struct record_head *head, struct record **set,
		      struct record *record)
{
	for (; *set; set = &(*set)->next) {
		if ((*set)->ttl_s != record->ttl_s)
			return complain_at(parser, head->rtype_token, NULL,
					   "TTL %u here, but %u in line %u for the same name and "
					   "type (RFC 2181 s. 5.2)",
					   record->ttl_s, (*set)->ttl_s, (*set)->line);
		if (is_same_rdata(*set, record))
			return 0;
	}
	*set = record;
	return 0;
}

static int read_answered(struct parser *parser, const struct record_head *head,
			 const struct rtype *rtype, const struct token *tokens, size_t count)
{
	struct record *record = zone_alloc(sizeof(*record));
	struct owner *owner;

	record->ttl_s = head->ttl_s;
	record->line = head->rtype_token->line;
	record->column = head->rtype_token->column;
	if (rtype->read(parser, head, tokens, count, record))
		return -EINVAL;
	owner = get_owner(parser->tree, &parser->owner, record->line);
	return add_record(parser, head, &owner->records[rtype->number], record);
}

static int read_soa(struct parser *parser, const struct record_head *head,
		    const struct token *tokens, size_t count)
{
	static const char expected[] = "primary, mailbox, serial, refresh, retry, expire, minimum";
	struct soa soa = {
		.owner = parser->owner, .ttl_s = head->ttl_s, .line = head->rtype_token->line};
	unsigned i;

	if (parser->tree->soa.line)
		return complain_at(parser, head->rtype_token, "one zone in the file",
				   "second SOA record; the first one is in line %u",
				   parser->tree->soa.line);
	if (count != 7)
		return complain_at(parser, head->rtype_token, expected,
				   "SOA record with %zu values", count);
	if (read_name(parser, &tokens[0], &soa.primary) ||
	    read_name(parser, &tokens[1], &soa.mailbox))
		return -EINVAL;
	for (i = 0; i < 5; i++) {
		const struct token *token = &tokens[2 + i];
		unsigned long long number = 0;
		size_t c = 0;

		/* The serial is a plain number of 32 bits, the others are times. */
		while (i == SOA_SERIAL && c < token->len && number <= 0xffffffff &&
		       isdigit((unsigned char)token->text[c]))
			number = number * 10 + (token->text[c++] - '0');
		soa.numbers[i] = number;
		if (i == SOA_SERIAL ? !c || c < token->len || number > 0xffffffff
				    : ttl_parse(token, &soa.numbers[i]))
			return complain_at(parser, token, expected, "'%.*s' is not a number here",
					   (int)token->len, token->text);
	}
	if (!head->has_ttl && !parser->has_default_ttl && !parser->has_last_ttl)
		soa.ttl_s = parser->last_ttl_s = soa.numbers[SOA_MINIMUM];
	parser->has_last_ttl = true;
	parser->tree->soa = soa;
	get_owner(parser->tree, &soa.owner, soa.line)->has_others = true;
	return 0;
}

static int read_rdata_of(struct parser *parser, const struct record_head *head,
			 const struct rtype *rtype, const struct token *tokens, size_t count)
{
	struct owner *owner;

	switch (rtype->kind) {
	case RTYPE_ANSWERED:
		return read_answered(parser, head, rtype, tokens, count);
	case RTYPE_SOA:
		return read_soa(parser, head, tokens, count);
	case RTYPE_REFUSED:
		return complain_at(parser, head->rtype_token, NULL, "%s records %s", rtype->name,
				   rtype->reason);
	case RTYPE_NS:
	case RTYPE_OTHER:
		break;
	}
	if (!count)
		return complain_at(parser, head->rtype_token, NULL, "%s record without data",
				   rtype->name);
	owner = get_owner(parser->tree, &parser->owner, head->rtype_token->line);
	owner->has_others = true;
	if (rtype->kind == RTYPE_NS)
		owner->ns_line = head->rtype_token->line;
	return 0;
}

/* TTL and class, each at most once, in either order. Returns how many tokens, or -EINVAL. */
static int read_ttl_and_class(struct parser *parser, const struct token *tokens, size_t count,
			      struct record_head *head)
{
	bool has_class = false;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct token *token = &tokens[i];

		if (!has_class && token_is(token, "IN")) {
			has_class = true;
		} else if (token_is(token, "CH") || token_is(token, "HS") ||
			   token_is(token, "CS")) {
			return complain_at(parser, token, "IN", "class '%.*s' is not supported",
					   (int)token->len, token->text);
		} else if (head->has_ttl || ttl_parse(token, &head->ttl_s)) {
			break;
		} else {
			head->has_ttl = true;
		}
	}
	return (int)i;
}

static int choose_ttl(struct parser *parser, struct record_head *head, const struct rtype *rtype)
{
	if (!head->has_ttl)
		head->ttl_s = parser->has_default_ttl ? parser->default_ttl_s : parser->last_ttl_s;
	if (head->has_ttl || rtype->kind == RTYPE_SOA) {
		parser->last_ttl_s = head->ttl_s;
		parser->has_last_ttl |= head->has_ttl;
		return 0;
	}
	if (parser->has_default_ttl || parser->has_last_ttl)
		return 0;
	return complain_at(parser, head->rtype_token, "a TTL before the type, or $TTL above",
			   "record without a TTL");
}

static int read_owner(struct parser *parser, const struct token *token)
{
	if (read_name(parser, token, &parser->owner))
		return -EINVAL;
	parser->has_owner = true;
	if (parser->owner.wire[0] == 1 && parser->owner.wire[1] == '*')
		return complain_at(parser, token, "every name written out",
				   "wildcards are not supported");
	return 0;
}

static int read_record(struct parser *parser, const struct entry *entry)
{
	const struct token *tokens = entry->tokens;
	struct record_head head = {.rtype_token = tokens};
	size_t count = entry->count;
	const struct rtype *rtype;
	int used;

	if (entry->same_owner && !parser->has_owner)
		return complain_at(parser, tokens, "a name at the beginning of the line",
				   "record without a name, and none before it");
	if (!entry->same_owner) {
		if (read_owner(parser, tokens))
			return -EINVAL;
		tokens++;
		count--;
	}
	used = read_ttl_and_class(parser, tokens, count, &head);
	if (used < 0)
		return used;
	tokens += used;
	count -= used;
	if (!count)
		return complain_at(parser, entry->tokens, "a name, a type and data",
				   "record without a type");
	head.rtype_token = tokens;
	rtype = rtype_find(tokens);
	if (!rtype)
		return complain_at(parser, tokens, "a record type such as A, AAAA, TXT, CNAME",
				   "unknown record type '%.*s'", (int)tokens->len, tokens->text);
	if (choose_ttl(parser, &head, rtype))
		return -EINVAL;
	return read_rdata_of(parser, &head, rtype, tokens + 1, count - 1);
}

/* ---- the zone as a whole ---------------------------------------------------------------------- */

static void complain_owner(struct parser *parser, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void complain_owner(struct parser *parser, unsigned line, const char *fmt, ...)
{
	struct xfn_diag_info info = {.file = parser->lexer.text->file, .line = line};
	char message[XFN_DIAG_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	xfn_diag_add(parser->lexer.diags, &info, "%s", message);
	parser->failed = true;
}

static void check_owner(struct parser *parser, const struct owner *owner)
{
	const struct record *cname = owner->records[ZONE_CNAME];
	bool others = owner->has_others;
	char name[NAME_TEXT_MAX];
	int i;

	name_print(&owner->name, name);
	if (!name_is_below(&owner->name, &parser->tree->soa.owner))
		complain_owner(parser, owner->line, "'%s' is not in the zone", name);
	if (owner->ns_line && owner->name.labels != parser->tree->soa.owner.labels)
		complain_owner(parser, owner->ns_line,
			       "NS record of '%s': delegations are not supported", name);
	if (!cname)
		return;
	for (i = 0; i < ZONE_RTYPES; i++)
		others |= i != ZONE_CNAME && owner->records[i];
	if (cname->next)
		complain_owner(parser, cname->next->line, "second CNAME record of '%s'", name);
	if (others)
		complain_owner(parser, cname->line,
			       "'%s' has a CNAME and other records (RFC 1034 s. 3.6.2)", name);
}

/* Names between an owner and the apex exist too, though they have no records. */
static void add_empty_names(struct zone_tree *tree, const struct owner *owner)
{
	struct name name = owner->name;

	while (name.labels > tree->soa.owner.labels + 1) {
		name = name_parent(&name);
		if (find_owner(tree, &name))
			return;
		get_owner(tree, &name, owner->line);
	}
}

int zone_parse(const struct zone_text *text, const struct name *origin, struct zone_tree *tree,
	       struct xfn_diag_list *diags)
{
	struct parser parser = {.tree = tree};
	struct entry entry = {.tokens = NULL};
	struct xfn_diag_info whole = {.file = text->file};
	struct owner *owner, *next;
	int more;

	lexer_init(&parser.lexer, text, diags);
	if (origin) {
		parser.origin = *origin;
		parser.has_origin = true;
	}
	while ((more = lexer_next(&parser.lexer, &entry))) {
		if (more < 0)
			parser.failed = true;
		else if (entry.tokens[0].len && entry.tokens[0].text[0] == '$' && !entry.same_owner)
			read_directive(&parser, &entry);
		else
			read_record(&parser, &entry);
	}
	free(entry.tokens);
	if (!tree->soa.line) {
		if (!parser.failed)
			xfn_diag_add(diags, &whole, "no SOA record");
		return -EINVAL;
	}
	HASH_ITER (hh, tree->owners, owner, next)
		check_owner(&parser, owner);
	if (parser.failed)
		return -EINVAL;
	HASH_ITER (hh, tree->owners, owner, next)
		add_empty_names(tree, owner);
	return 0;
}
