/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ZONE_RTYPE_H
#define ZONE_RTYPE_H
/* Record types by name, and how the data of those that are answered is read. */
#include "lex.h"

struct parser {
	struct lexer lexer;
	struct zone_tree *tree;
	struct name origin;
	struct name owner;
	__u32 default_ttl_s;
	__u32 last_ttl_s;
	bool has_origin;
	bool has_owner;
	bool has_default_ttl;
	bool has_last_ttl;
	bool failed;
};

/* A record up to its data. */
struct record_head {
	const struct token *rtype_token;
	__u32 ttl_s;
	bool has_ttl;
};

/* Reads the data, @count tokens, into a record that is new. Returns 0 or -EINVAL, said in the diags. */
typedef int read_rdata(struct parser *parser, const struct record_head *head,
		       const struct token *tokens, size_t count, struct record *record);

/* What a type is to this server. */
enum rtype_kind {
	RTYPE_ANSWERED,
	RTYPE_SOA,
	RTYPE_OTHER,   /* its name exists; who asks for it is passed on */
	RTYPE_NS,      /* at the apex alone: below, it would be a delegation */
	RTYPE_REFUSED, /* with it, answers would have to be others */
};

struct rtype {
	const char *name;
	enum rtype_kind kind;
	enum zone_rtype number; /* RTYPE_ANSWERED */
	read_rdata *read;       /* RTYPE_ANSWERED */
	const char *reason;     /* RTYPE_REFUSED: completes "NAME records ..." */
};

/* The type that a token names, or NULL. TYPE65280 and the like (RFC 3597) are others. */
const struct rtype *rtype_find(const struct token *token);

/* Reads a name; relative ones are at the parser's origin. */
int read_name(struct parser *parser, const struct token *token, struct name *ret);

/* Seconds, also as 1w2d3h4m5s; up to 2^31 - 1 (RFC 2181 s. 8). Returns 0 or -EINVAL, nothing said. */
int ttl_parse(const struct token *token, __u32 *ret_s);

/* Says that something is wrong at the token; returns -EINVAL. */
int complain_at(struct parser *parser, const struct token *token, const char *expected,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

bool token_is(const struct token *token, const char *word);

#endif
