/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RESOLVER_H
#define RESOLVER_H
/*
 * What the resolver's handler and its tool `zone` share: the maps. The tool compiles a zone into
 * finished answers, CNAME chains followed and names compressed; the handler finds the one that is asked
 * for and copies it. All maps hold two generations, the live one and the one that is filled next; the
 * word in resolver map `live` says which is live and is all that moves when a zone is replaced.
 * Everything here is written by the tool, nothing by the handler.
 */
#include <linux/types.h>

#define ZONE_GENERATIONS   2
#define ZONE_NAMES_MAX     65536 /* names of one zone, those without records of their own too */
#define ZONE_PAGES         32    /* pages of one generation */
#define ZONE_PAGE_BYTES    65536
#define ZONE_PAGE_SLACK    2048 /* behind a page: lets the verifier see that no copy leaves it */
#define ZONE_MESSAGE_BYTES 1232 /* largest answer over UDP; longer ones are only ever truncated */
#define ZONE_CHAIN_MAX     8    /* CNAMEs in a row */

/* Types that are answered, in the order of struct zone_name. */
enum zone_rtype {
	ZONE_A,
	ZONE_CNAME,
	ZONE_TXT,
	ZONE_AAAA,
	ZONE_RTYPES,
};

/* names: by name in small letters, wire form, zeros behind. */
struct zone_key {
	__u64 name[32];
	__u64 generation;
};

/* The answer section for one name and type: @bytes at page `page`, offset `offset`. */
struct zone_answer {
	__u16 page; /* in the generation's pages */
	__u16 offset;
	__u16 bytes; /* 0: no answer section */
	__u16 count; /* records in it */
	__u32 flags;
};
#define ZONE_ANSWER_NEGATIVE 1 /* SOA in the authority section: no such data (RFC 2308) */
#define ZONE_ANSWER_NXDOMAIN 2 /* the last name of a CNAME chain does not exist (RFC 6604) */
#define ZONE_ANSWER_LONG     4 /* longer than ZONE_MESSAGE_BYTES: truncated for everybody */

struct zone_name {
	struct zone_answer answers[ZONE_RTYPES];
};

/* pages[generation * ZONE_PAGES + page] */
struct zone_page {
	__u8 bytes[ZONE_PAGE_BYTES + ZONE_PAGE_SLACK];
};

#define ZONE_SOA_POINTERS 3
#define ZONE_POINTER_NONE 0xffff

/* zones[generation]; apex_bytes 0: no zone. */
struct zone {
	__u64 apex[32]; /* as in struct zone_key */
	__u16 apex_bytes;
	__u16 apex_labels;
	__u16 soa_bytes;
	__u16 soa_pointer_at[ZONE_SOA_POINTERS]; /* where the SOA record names the apex by a pointer
						    into the question; owner first */
	__u32 serial;
	__u32 names;
	__u32 reserved;
	__u8 soa[1024]; /* the authority section, its TTL the negative one */
};

_Static_assert(sizeof(struct zone_key) == 264, "a key without holes");
_Static_assert(sizeof(struct zone_name) == 48, "a value without holes");
_Static_assert(sizeof(struct zone) == 1304, "a value without holes");

#endif
