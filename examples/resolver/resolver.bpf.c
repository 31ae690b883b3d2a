/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An authoritative DNS server (RFC 1034, 1035) for A, AAAA, TXT and CNAME inside the kernel. The tool
 * `zone` compiled the answers; this finds the right one and copies it. What it does not answer goes
 * to the network stack as it came, where a full server may listen.
 */
#include <xfn/dns.h>
#include "resolver.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ZONE_GENERATIONS *ZONE_NAMES_MAX);
	__type(key, struct zone_key);
	__type(value, struct zone_name);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZONE_GENERATIONS *ZONE_PAGES);
	__type(key, __u32);
	__type(value, struct zone_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ZONE_GENERATIONS);
	__type(key, __u32);
	__type(value, struct zone);
} zones SEC(".maps");

/* The generation that is answered from, 0 or 1: one byte changes, so no reader sees half of it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} live SEC(".maps");

struct scratch {
	struct zone_key key;
	struct xfn_dns_name name;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* One query, as far as it was read. */
struct query {
	struct xfn_dns_header header;
	struct xfn_dns_opt opt;
	__u32 has_opt;
	__u32 generation;
	__u32 end; /* payload offset behind the question */
	__u32 name_bytes;
};

/* Number of the type in struct zone_name, or -1. */
static __always_inline int rtype_number(__be16 rtype)
{
	switch (rtype) {
	case bpf_htons(XFN_DNS_A):
		return ZONE_A;
	case bpf_htons(XFN_DNS_CNAME):
		return ZONE_CNAME;
	case bpf_htons(XFN_DNS_TXT):
		return ZONE_TXT;
	case bpf_htons(XFN_DNS_AAAA):
		return ZONE_AAAA;
	}
	return -1;
}

/* The header of a reply: id, opcode and RD are the query's, all else is ours. */
static __always_inline void make_header(struct query *query, __u32 flags)
{
	__u32 kept = bpf_ntohs(query->header.flags) & (XFN_DNS_OPCODE | XFN_DNS_RD);

	query->header.flags = bpf_htons(XFN_DNS_QR | kept | flags);
	query->header.answer_count = 0;
	query->header.authority_count = 0;
	query->header.additional_count = query->has_opt ? bpf_htons(1) : 0;
}

static __always_inline int refuse_form(struct xfn_event *event, struct query *query)
{
	query->has_opt = 0;
	make_header(query, XFN_DNS_FORMERR);
	query->header.question_count = 0;
	if (xfn_resize(event, sizeof(query->header)) ||
	    xfn_write(event, 0, &query->header, sizeof(query->header)))
		return XFN_ABORT;
	return XFN_REPLY;
}

/* Our OPT: DO is copied (RFC 3225 s. 3), options are not answered. */
static __always_inline int write_opt(struct xfn_event *event, const struct query *query, __u32 at,
				     __u32 rcode)
{
	struct xfn_dns_opt opt = {
		.rtype = bpf_htons(XFN_DNS_OPT),
		.udp_bytes = bpf_htons(XFN_DNS_EDNS_BYTES),
		.rcode_high = rcode >> 4,
		.flags = query->opt.flags & bpf_htons(XFN_DNS_OPT_DO),
	};

	return query->has_opt ? xfn_write(event, at, &opt, sizeof(opt)) : 0;
}

static __always_inline __u32 opt_bytes(const struct query *query)
{
	return query->has_opt ? sizeof(struct xfn_dns_opt) : 0;
}

/* A reply of header, question and OPT. */
static __always_inline int reply_bare(struct xfn_event *event, struct query *query, __u32 flags,
				      __u32 rcode)
{
	make_header(query, flags | (rcode & XFN_DNS_RCODE));
	if (xfn_resize(event, query->end + opt_bytes(query)) ||
	    write_opt(event, query, query->end, rcode) ||
	    xfn_write(event, 0, &query->header, sizeof(query->header)))
		return XFN_ABORT;
	return XFN_REPLY;
}

/* The answer section, as the tool made it. */
static __always_inline int write_answer(struct xfn_event *event, const struct query *query,
					const struct zone_answer *answer)
{
	__u32 index = query->generation * ZONE_PAGES + answer->page;
	struct zone_page *page = bpf_map_lookup_elem(&pages, &index);
	__u32 bytes = answer->bytes - 1;

	if (!page || bytes > ZONE_MESSAGE_BYTES - 1)
		return -ERANGE;
	barrier_var(bytes);
	bytes = (bytes & (ZONE_PAGE_SLACK - 1)) + 1;
	return xfn_write(event, query->end, page->bytes + answer->offset, bytes);
}

/* The zone's SOA. It names the apex by pointers to the end of the question's name. */
static __always_inline int write_soa(struct xfn_event *event, const struct query *query,
				     const struct zone *zone, __u32 at)
{
	__be16 pointer =
		bpf_htons(0xc000 | (sizeof(query->header) + query->name_bytes - zone->apex_bytes));
	__u32 bytes = zone->soa_bytes - 1;
	int i;

	if (bytes > sizeof(zone->soa) - 1)
		return -ERANGE;
	barrier_var(bytes);
	bytes = (bytes & (sizeof(zone->soa) - 1)) + 1;
	if (xfn_write(event, at, zone->soa, bytes))
		return -ERANGE;
#pragma unroll
	for (i = 0; i < ZONE_SOA_POINTERS; i++) {
		if (zone->soa_pointer_at[i] != ZONE_POINTER_NONE &&
		    xfn_write(event, at + zone->soa_pointer_at[i], &pointer, sizeof(pointer)))
			return -ERANGE;
	}
	return 0;
}

/* How long the reply may be for whoever asked (RFC 6891 s. 6.2.3: below 512 means 512). */
static __always_inline __u32 limit_bytes(const struct query *query)
{
	__u32 bytes = XFN_DNS_UDP_BYTES;

	if (query->has_opt)
		bytes = bpf_ntohs(query->opt.udp_bytes);
	if (bytes < XFN_DNS_UDP_BYTES)
		return XFN_DNS_UDP_BYTES;
	return bytes < XFN_DNS_EDNS_BYTES ? bytes : XFN_DNS_EDNS_BYTES;
}

/* The whole reply; what does not fit is left out as a whole, and TC says so. */
static __always_inline int reply(struct xfn_event *event, struct query *query,
				 const struct zone *zone, const struct zone_answer *answer)
{
	__u32 rcode = answer->flags & ZONE_ANSWER_NXDOMAIN ? XFN_DNS_NXDOMAIN : XFN_DNS_NOERROR;
	__u32 soa_bytes = answer->flags & ZONE_ANSWER_NEGATIVE ? zone->soa_bytes : 0;
	__u32 soa_at = query->end + answer->bytes;
	__u32 opt_at = soa_at + soa_bytes;

	if (answer->flags & ZONE_ANSWER_LONG || opt_at + opt_bytes(query) > limit_bytes(query))
		return reply_bare(event, query, XFN_DNS_AA | XFN_DNS_TC, rcode);
	/* No room in the driver's frame: come back over TCP. */
	if (xfn_resize(event, opt_at + opt_bytes(query)))
		return reply_bare(event, query, XFN_DNS_AA | XFN_DNS_TC, rcode);
	make_header(query, XFN_DNS_AA | rcode);
	query->header.answer_count = bpf_htons(answer->count);
	query->header.authority_count = soa_bytes ? bpf_htons(1) : 0;
	if (answer->bytes && write_answer(event, query, answer))
		return XFN_ABORT;
	if (soa_bytes && write_soa(event, query, zone, soa_at))
		return XFN_ABORT;
	if (write_opt(event, query, opt_at, rcode) ||
	    xfn_write(event, 0, &query->header, sizeof(query->header)))
		return XFN_ABORT;
	return XFN_REPLY;
}

/*
 * Reads what follows the question. Returns 0; XFN_PASS where something stands there that is not ours
 * to judge, such as a signature; -EBADMSG where it is malformed.
 */
static __always_inline int read_additional(const struct xfn_event *event, struct query *query)
{
	__u32 count = bpf_ntohs(query->header.additional_count);
	struct xfn_dns_opt second;
	int bytes;

	if (query->header.answer_count || query->header.authority_count)
		return -EBADMSG;
	if (!count)
		return 0;
	bytes = xfn_dns_opt_read(event, query->end, &query->opt);
	if (bytes < 0)
		return bytes;
	if (!bytes || count > 2)
		return XFN_PASS;
	query->has_opt = 1;
	if (count == 1)
		return 0;
	/* Two OPT records are malformed, RFC 6891 s. 6.1.1. */
	return xfn_dns_opt_read(event, query->end + bytes, &second) ? -EBADMSG : XFN_PASS;
}

static __always_inline struct zone *live_zone(__u32 *generation)
{
	__u32 zero = 0;
	__u64 *word = bpf_map_lookup_elem(&live, &zero);

	if (!word)
		return NULL;
	*generation = *(volatile __u64 *)word & 1;
	return bpf_map_lookup_elem(&zones, generation);
}

XFN_HANDLER(resolver, XFN_MESSAGE_DNS)
{
	struct query query = {};
	struct zone_answer answer = {.flags = ZONE_ANSWER_NEGATIVE | ZONE_ANSWER_NXDOMAIN};
	struct xfn_dns_question question;
	struct zone_name *found;
	struct scratch *scratch;
	struct zone *zone;
	__u32 zero = 0;
	int rtype, error;

	scratch = bpf_map_lookup_elem(&scratches, &zero);
	zone = live_zone(&query.generation);
	if (event->l4_proto != IPPROTO_UDP || !scratch || !zone || !zone->apex_bytes)
		return XFN_PASS;
	if (xfn_read(event, 0, &query.header, sizeof(query.header)))
		return XFN_DROP; /* no id to answer with */
	if (query.header.flags & bpf_htons(XFN_DNS_OPCODE))
		return XFN_PASS;
	if (query.header.question_count != bpf_htons(1) ||
	    xfn_dns_name_read(event, sizeof(query.header), &scratch->name, scratch->key.name))
		return refuse_form(event, &query);
	query.name_bytes = scratch->name.bytes;
	query.end = sizeof(query.header) + query.name_bytes + sizeof(question);
	if (xfn_read(event, query.end - sizeof(question), &question, sizeof(question)))
		return refuse_form(event, &query);
	rtype = rtype_number(question.rtype);
	if (rtype < 0 || question.rclass != bpf_htons(XFN_DNS_CLASS_IN))
		return XFN_PASS;

	scratch->key.generation = query.generation;
	found = bpf_map_lookup_elem(&names, &scratch->key);
	if (found)
		answer = found->answers[rtype & (ZONE_RTYPES - 1)];
	else if (!xfn_dns_name_is_below(&scratch->name, scratch->key.name, zone->apex,
					zone->apex_bytes, zone->apex_labels))
		return XFN_PASS;

	error = read_additional(event, &query);
	if (error == XFN_PASS)
		return XFN_PASS;
	if (error)
		return refuse_form(event, &query);
	if (query.has_opt && query.opt.version)
		return reply_bare(event, &query, 0, XFN_DNS_BADVERS);
	return reply(event, &query, zone, &answer);
}
