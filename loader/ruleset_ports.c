/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: which probes can match on each. Rules that share shape and ports become one span; spans come
 * and go as a sweep walks over the ports of a protocol, and wherever they change, the port gets
 * another list. Equal lists are kept once.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "alloc.h"
#include "ruleset_build.h"

/* Ports where one probe can match. */
struct span {
	__u32 rule; /* one of those behind it, to name a place */
	__u32 rank; /* of its shape */
	__u32 sample;
	__u16 lo;
	__u16 hi;
	__u16 label; /* number of the range; 0: one port, which labels itself */
	__u8 shape;
	__u8 key_rank; /* of its shape's key */
	__u8 tcp;
};

struct port_build {
	struct xfn_ruleset_build *build;
	struct span *spans; /* by protocol, then first port */
	__u32 span_count;
	struct xfn_intern shapes;       /* numbers by full code */
	__u32 *codes;                   /* full code of each number, from 1 */
	__u32 shape_count;              /* may be more than there is room for */
	__u8 key_ranks[XFN_SHAPES_MAX]; /* of each class: the more specific, the smaller */
	struct xfn_intern lists;
	__u32 words_room;
};

/* The spans that hold the current port, most specific first. */
struct sweep {
	const struct span *active[XFN_PROBES_PER_PORT_MAX];
	__u32 count;
	bool tcp;
	bool changed;
};

static bool rule_tcp(const struct xfn_ruleset_build *build, __u32 rule)
{
	return build->keys[rule].meta & XFN_META_TCP;
}

/* ---- shapes ------------------------------------------------------------------------------------ */

/* A shape without its number: code and class of its rules. */
static __u32 full_code(const struct xfn_rule *rule)
{
	return (__u32)rule->code << 8 | rule->class;
}

static bool code_equal(const void *context, __u32 id, const void *wanted)
{
	const struct port_build *p = context;

	return p->codes[id] == *(const __u32 *)wanted;
}

/* Numbers shapes as they turn up. Beyond the last number they are only counted. */
static __u8 shape_number(struct port_build *p, const struct xfn_rule *rule)
{
	struct xfn_ruleset_build *build = p->build;
	__u32 code = full_code(rule), fresh = p->shape_count + 1;
	__u32 number =
		xfn_intern_get(&p->shapes, xfn_hash_round(0, code), code_equal, p, &code, fresh);

	if (number == fresh) {
		p->codes[fresh] = code;
		p->shape_count = fresh;
		if (fresh < XFN_SHAPES_MAX)
			xfn_shape_fill(rule->code, &build->classes[rule->class], fresh,
				       &build->ruleset->shapes[fresh]);
	}
	return (__u8)number;
}

/* A class's rank is the number of those that are more specific. */
static void rank_keys(struct port_build *p)
{
	const struct xfn_key_class *classes = p->build->classes;
	__u32 count = p->build->class_count, i, j;

	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++)
			p->key_ranks[i] += xfn_key_class_compare(&classes[j], &classes[i]) < 0;
}

static void check_shapes(struct port_build *p)
{
	if (p->shape_count >= XFN_SHAPES_MAX)
		xfn_ruleset_refuse(
			p->build, NULL, "use fewer different prefix lengths and kinds of keys",
			"the triggers need %u shapes (combinations of destination length, source "
			"length, interface and kind of key), at most %d fit",
			p->shape_count, XFN_SHAPES_MAX - 1);
	else
		p->build->ruleset->shape_count = p->shape_count;
}

/* ---- spans ------------------------------------------------------------------------------------- */

/* Of the sort key: protocol, first port, last port, full code. */
enum { PORTS_SHIFT = 24, PROTOCOL_SHIFT = PORTS_SHIFT + 32 };

static int sort_by_ports(const struct xfn_ruleset_build *build, struct xfn_sort_item *items)
{
	__u32 i;

	for (i = 0; i < build->rule_count; i++) {
		const struct xfn_rule *rule = &build->rules[i];

		items[i].key = (__u64)rule_tcp(build, i) << PROTOCOL_SHIFT |
			       (__u64)rule->port_lo << (PORTS_SHIFT + 16) |
			       (__u64)rule->port_hi << PORTS_SHIFT | full_code(rule);
		items[i].value = i;
	}
	return xfn_sort(items, build->rule_count);
}

/* Number of the next range of the protocol. Over 65,535 of them: it wraps, and is refused. */
static __u16 range_number(struct port_build *p, const struct xfn_rule *rule, __u32 *ranges)
{
	if (++*ranges == XFN_PORT_COUNT)
		xfn_ruleset_refuse(p->build, rule, "use fewer different ranges",
				   "the triggers of one protocol name more than %d port ranges",
				   XFN_PORT_COUNT - 1);
	return (__u16)*ranges;
}

/* Gives every rule its label and shape, and puts alike ones into one span. */
static void make_spans(struct port_build *p, const struct xfn_sort_item *items)
{
	struct xfn_ruleset_build *build = p->build;
	struct span *span = NULL;
	__u32 i, ranges = 0;

	for (i = 0; i < build->rule_count; i++) {
		__u32 r = items[i].value, sample;
		const struct xfn_rule *rule = &build->rules[r];
		bool same_ports =
			i && items[i].key >> PORTS_SHIFT == items[i - 1].key >> PORTS_SHIFT;

		if (i && items[i].key >> PROTOCOL_SHIFT != items[i - 1].key >> PROTOCOL_SHIFT)
			ranges = 0;
		if (!i || items[i].key != items[i - 1].key) {
			__u16 label = same_ports ? span->label : 0;

			if (!same_ports && rule->port_lo != rule->port_hi)
				label = range_number(p, rule, &ranges);
			span = &p->spans[p->span_count++];
			*span = (struct span){
				.rule = r,
				.rank = xfn_shape_rank(rule->code),
				.lo = rule->port_lo,
				.hi = rule->port_hi,
				.label = label,
				.shape = shape_number(p, rule),
				.key_rank = p->key_ranks[rule->class],
				.tcp = rule_tcp(build, r),
			};
		}
		sample = build->input->functions[rule->function].sample;
		if (sample > span->sample)
			span->sample = sample;
		build->keys[r].meta |= (__u64)span->shape << XFN_META_SHAPE_SHIFT;
		build->keys[r].meta |= rule->port_lo == rule->port_hi
					       ? rule->port_lo
					       : XFN_META_RANGE | span->label;
	}
}

/* ---- lists ------------------------------------------------------------------------------------- */

static __u32 list_words(const union xfn_probe_word *list)
{
	return list->head.count + 1U;
}

static bool list_equal(const void *context, __u32 id, const void *wanted)
{
	const struct xfn_ruleset *ruleset = context;
	const union xfn_probe_word *list = wanted, *other = ruleset->probes + id;

	return other->word == list->word &&
	       memcmp(other, list, list_words(list) * sizeof(*list)) == 0;
}

static __u64 list_hash(const union xfn_probe_word *list)
{
	__u64 hash = 0;
	__u32 i;

	for (i = 0; i < list_words(list); i++)
		hash = xfn_hash_round(hash, list[i].word);
	return xfn_hash_round(hash, 1);
}

static int lists_reserve(struct port_build *p, __u32 words)
{
	struct xfn_ruleset *ruleset = p->build->ruleset;
	__u32 room = p->words_room ? p->words_room : 256;
	union xfn_probe_word *probes;

	while (room < ruleset->probe_words + words)
		room *= 2;
	if (room == p->words_room)
		return 0;
	probes = xfn_realloc(ruleset->probes, room, sizeof(*probes));
	if (!probes)
		return -ENOMEM;
	ruleset->probes = probes;
	p->words_room = room;
	return 0;
}

static void fill_list(const struct sweep *sweep, union xfn_probe_word *list)
{
	__u32 i;

	list->word = 0;
	list->head.count = (__u8)sweep->count;
	for (i = 0; i < sweep->count; i++) {
		const struct span *span = sweep->active[i];

		list[i + 1].word = 0;
		list[i + 1].probe.label = span->label;
		list[i + 1].probe.shape = span->shape;
		list[i + 1].probe.flags = span->label ? 0 : XFN_PROBE_PORT;
		if (span->sample > list->head.sample)
			list->head.sample = span->sample;
	}
}

/* The word where the list of the sweep's spans starts; 0 where there are none. */
static int list_get(struct port_build *p, const struct sweep *sweep, __u32 *ret)
{
	struct xfn_ruleset *ruleset = p->build->ruleset;
	union xfn_probe_word list[XFN_PROBES_PER_PORT_MAX + 1];
	__u32 fresh = ruleset->probe_words, at;
	int err;

	if (!sweep->count) {
		*ret = 0;
		return 0;
	}
	fill_list(sweep, list);
	err = lists_reserve(p, list_words(list));
	if (err)
		return err;
	at = xfn_intern_get(&p->lists, list_hash(list), list_equal, ruleset, list, fresh);
	if (at == fresh) {
		memcpy(ruleset->probes + fresh, list, list_words(list) * sizeof(*list));
		ruleset->probe_words += list_words(list);
		ruleset->list_count++;
		if (sweep->count > ruleset->longest_list)
			ruleset->longest_list = sweep->count;
	}
	*ret = at;
	return 0;
}

static void check_words(struct port_build *p)
{
	__u32 words = p->build->ruleset->probe_words;

	if (words > XFN_PROBE_WORDS)
		xfn_ruleset_refuse(p->build, NULL,
				   "let more ports share the same kinds of triggers",
				   "the triggers need %u words of probe lists, at most %d fit",
				   words, XFN_PROBE_WORDS);
}

/* ---- sweep ------------------------------------------------------------------------------------- */

/* By shape, then by port: one port before a range, narrower ranges first; then by key. */
static bool more_specific(const struct span *one, const struct span *other)
{
	if (one->rank != other->rank)
		return one->rank < other->rank;
	if (one->hi - one->lo != other->hi - other->lo)
		return one->hi - one->lo < other->hi - other->lo;
	return one->key_rank < other->key_rank;
}

static void sweep_remove(struct sweep *sweep, __u32 port)
{
	__u32 from, to = 0;

	for (from = 0; from < sweep->count; from++)
		if (sweep->active[from]->hi >= port)
			sweep->active[to++] = sweep->active[from];
	sweep->changed |= to != sweep->count;
	sweep->count = to;
}

/* False: the port has all the probes that it may have. */
static bool sweep_add(struct sweep *sweep, const struct span *span)
{
	__u32 at;

	if (sweep->count == XFN_PROBES_PER_PORT_MAX)
		return false;
	for (at = sweep->count++; at > 0 && more_specific(span, sweep->active[at - 1]); at--)
		sweep->active[at] = sweep->active[at - 1];
	sweep->active[at] = span;
	sweep->changed = true;
	return true;
}

static void refuse_port(struct port_build *p, const struct sweep *sweep, const struct span *span,
			__u32 port)
{
	__u32 i, probes = 0;

	for (i = 0; i < p->span_count; i++)
		probes += p->spans[i].tcp == sweep->tcp && p->spans[i].lo <= port &&
			  p->spans[i].hi >= port;
	xfn_ruleset_refuse(
		p->build, &p->build->rules[span->rule],
		"use fewer different prefix lengths, port ranges and kinds of keys there",
		"%s port %u needs %u probes (combinations of destination length, source "
		"length, interface, port range and kind of key), at most %d fit",
		xfn_protocol_label(sweep->tcp ? IPPROTO_TCP : IPPROTO_UDP), port, probes,
		XFN_PROBES_PER_PORT_MAX);
}

static void set_list(struct xfn_ruleset *ruleset, bool tcp, __u32 port, __u32 list)
{
	__u32 at = (tcp ? XFN_PORT_COUNT : 0) + port;

	ruleset->ports[at / XFN_PORTS_PER_CHUNK].list[at % XFN_PORTS_PER_CHUNK] = (__u16)list;
}

/* Walks over the ports of one protocol. @next: its first span; moves behind its last. */
static int sweep_protocol(struct port_build *p, bool tcp, const struct span **next)
{
	const struct span *end = p->spans + p->span_count;
	struct sweep sweep = {.tcp = tcp};
	__u32 port, list = 0;
	int err;

	for (port = 1; port < XFN_PORT_COUNT; port++) {
		sweep.changed = false;
		sweep_remove(&sweep, port);
		for (; *next < end && (*next)->tcp == tcp && (*next)->lo == port; ++*next) {
			if (sweep_add(&sweep, *next))
				continue;
			refuse_port(p, &sweep, *next, port);
			return 0;
		}
		if (sweep.changed) {
			err = list_get(p, &sweep, &list);
			if (err)
				return err;
		}
		set_list(p->build->ruleset, tcp, port, list);
	}
	return 0;
}

static int sweep_all(struct port_build *p)
{
	const struct span *next = p->spans, *end = p->spans + p->span_count;
	int err;

	err = sweep_protocol(p, false, &next);
	while (next < end && !next->tcp) /* left over by a refusal */
		next++;
	if (!err)
		err = sweep_protocol(p, true, &next);
	return err;
}

/* ---- the step ---------------------------------------------------------------------------------- */

static int port_build_init(struct port_build *p)
{
	struct xfn_ruleset *ruleset = p->build->ruleset;
	__u32 rules = p->build->rule_count;
	/* A list starts where a span starts or ends. */
	__u32 lists_max = rules < XFN_PORT_COUNT ? 2 * rules : 2 * XFN_PORT_COUNT;

	p->spans = xfn_alloc(rules * sizeof(*p->spans));
	p->codes = xfn_alloc((rules + 1UL) * sizeof(*p->codes));
	ruleset->ports = xfn_alloc(XFN_PORT_CHUNKS * sizeof(*ruleset->ports));
	ruleset->shapes = xfn_alloc(XFN_SHAPES_MAX * sizeof(*ruleset->shapes));
	ruleset->probe_words = 0;
	if (!p->spans || !p->codes || !ruleset->ports || !ruleset->shapes)
		return -ENOMEM;
	if (lists_reserve(p, 1))
		return -ENOMEM;
	ruleset->probes[0].word = 0; /* never a list */
	ruleset->probe_words = 1;
	return xfn_intern_init(&p->lists, lists_max) ?: xfn_intern_init(&p->shapes, rules);
}

static void port_build_fini(struct port_build *p)
{
	xfn_free(p->spans);
	xfn_free(p->codes);
	xfn_intern_fini(&p->shapes);
	xfn_intern_fini(&p->lists);
}

int xfn_ruleset_make_ports(struct xfn_ruleset_build *build)
{
	struct port_build p = {.build = build};
	struct xfn_sort_item *items = xfn_alloc(build->rule_count * sizeof(*items));
	int err = items ? port_build_init(&p) : -ENOMEM;

	if (!err)
		err = sort_by_ports(build, items);
	if (!err) {
		rank_keys(&p);
		make_spans(&p, items);
		check_shapes(&p);
		err = sweep_all(&p);
	}
	if (!err)
		check_words(&p);
	port_build_fini(&p);
	xfn_free(items);
	return err;
}
