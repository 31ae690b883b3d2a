/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "trigger_set.h"

#define CELLS_FIRST 16

/* ---- one trigger -------------------------------------------------------------------------------- */

static bool spans_equal(const struct xfn_manifest *a, struct xfn_prefix_span as,
			const struct xfn_manifest *b, struct xfn_prefix_span bs)
{
	const struct xfn_prefix *ap, *bp;
	__u32 i;

	if (as.count != bs.count || !as.count)
		return as.count == bs.count;
	ap = xfn_manifest_prefixes(a, as);
	bp = xfn_manifest_prefixes(b, bs);
	for (i = 0; i < as.count; i++)
		if (ap[i].family != bp[i].family || ap[i].plen != bp[i].plen ||
		    memcmp(ap[i].addr, bp[i].addr, sizeof(ap[i].addr)))
			return false;
	return true;
}

static bool texts_equal(const char *a, const char *b)
{
	return a == b || !strcmp(a ?: "", b ?: "");
}

static bool keys_equal(const struct xfn_key_spec *a, const struct xfn_key_spec *b)
{
	if (!a || !b)
		return a == b;
	return a->kind == b->kind && a->value_bytes == b->value_bytes && a->offset == b->offset &&
	       !memcmp(a->value, b->value, sizeof(a->value)) &&
	       !memcmp(a->mask, b->mask, sizeof(a->mask)) && texts_equal(a->text, b->text);
}

bool xfn_trigger_equal(const struct xfn_manifest *a, const struct xfn_trigger_spec *at,
		       const struct xfn_manifest *b, const struct xfn_trigger_spec *bt)
{
	return at->protocol == bt->protocol && at->destination == bt->destination &&
	       at->vlan_tags == bt->vlan_tags && at->port_lo == bt->port_lo &&
	       at->port_hi == bt->port_hi && at->vlan[0] == bt->vlan[0] &&
	       at->vlan[1] == bt->vlan[1] && texts_equal(at->interface, bt->interface) &&
	       spans_equal(a, at->destinations, b, bt->destinations) &&
	       spans_equal(a, at->sources, b, bt->sources) &&
	       keys_equal(xfn_manifest_key(a, at), xfn_manifest_key(b, bt));
}

static __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static __u64 mix_span(__u64 hash, const struct xfn_manifest *manifest, struct xfn_prefix_span span)
{
	const struct xfn_prefix *prefixes =
		span.count ? xfn_manifest_prefixes(manifest, span) : NULL;
	__u64 words[2];

	for (__u32 i = 0; i < span.count; i++) {
		memcpy(words, prefixes[i].addr, sizeof(words));
		hash = mix(hash, words[0] + prefixes[i].plen);
		if (words[1])
			hash = mix(hash, words[1]);
	}
	return mix(hash, span.count);
}

static __u64 mix_text(__u64 hash, const char *text)
{
	while (text && *text)
		hash = mix(hash, (unsigned char)*text++);
	return hash;
}

static __u64 mix_key(__u64 hash, const struct xfn_key_spec *key)
{
	__u64 words[2];

	if (!key)
		return hash;
	memcpy(words, key->value, sizeof(words));
	hash = mix(mix(mix(hash, words[0]), words[1]), (__u64)key->offset << 8 | key->kind);
	return mix_text(hash, key->text);
}

__u64 xfn_trigger_hash(const struct xfn_manifest *manifest, const struct xfn_trigger_spec *trigger)
{
	__u64 hash = (__u64)trigger->port_lo << 48 | (__u64)trigger->port_hi << 32 |
		     trigger->protocol << 16 | trigger->destination << 8 | trigger->vlan_tags;

	hash = mix(hash, (__u64)trigger->vlan[0] << 16 | trigger->vlan[1]);
	hash = mix_span(hash, manifest, trigger->destinations);
	hash = mix_span(hash, manifest, trigger->sources);
	hash = mix_text(hash, trigger->interface);
	return mix_key(hash, xfn_manifest_key(manifest, trigger));
}

/* ---- the set ------------------------------------------------------------------------------------ */

/* The cell of what equals @trigger, or the free one that it would go to. */
static __u32 *find_cell(const struct xfn_trigger_set *set, const struct xfn_manifest *manifest,
			const struct xfn_trigger_spec *trigger)
{
	__u64 at = xfn_trigger_hash(manifest, trigger) >> 20;
	const struct xfn_trigger_ref *ref;
	__u32 *cell;

	for (;; at++) {
		cell = &set->table[at & (set->cells - 1)];
		if (!*cell)
			return cell;
		ref = &set->refs[*cell - 1];
		if (ref->trigger &&
		    xfn_trigger_equal(ref->manifest, ref->trigger, manifest, trigger))
			return cell;
	}
}

/* A table with at least twice as many cells as @count, which every ref goes into. */
static int make_table(struct xfn_trigger_set *set, __u32 count)
{
	__u32 cells = CELLS_FIRST, *table;

	while (cells / 2 < count)
		cells *= 2;
	table = xfn_alloc(cells * sizeof(*table));
	if (!table)
		return -ENOMEM;
	xfn_free(set->table);
	set->table = table;
	set->cells = cells;
	for (__u32 i = 0; i < set->count; i++)
		if (set->refs[i].trigger)
			*find_cell(set, set->refs[i].manifest, set->refs[i].trigger) = i + 1;
	return 0;
}

int xfn_trigger_set_push(struct xfn_trigger_set *set, const struct xfn_trigger_ref *ref)
{
	struct xfn_trigger_ref *refs =
		xfn_array_grow(set->refs, set->count, sizeof(*refs), CELLS_FIRST);

	if (!refs)
		return -ENOMEM;
	set->refs = refs;
	refs[set->count++] = *ref;
	return 0;
}

int xfn_trigger_set_init(struct xfn_trigger_set *set, const struct xfn_manifest *manifest,
			 const struct xfn_function_spec *function)
{
	const struct xfn_trigger_spec *triggers =
		function ? xfn_function_triggers(manifest, function) : NULL;
	__u32 count = function ? function->trigger_count : 0;
	struct xfn_trigger_ref ref = {.manifest = manifest};
	int err = 0;

	memset(set, 0, sizeof(*set));
	for (__u32 i = 0; i < count && !err; i++) {
		ref.trigger = &triggers[i];
		ref.file = manifest->files[triggers[i].file];
		err = xfn_trigger_set_push(set, &ref);
	}
	if (!err)
		err = make_table(set, count + 1);
	if (err)
		xfn_trigger_set_fini(set);
	return err;
}

void xfn_trigger_set_fini(struct xfn_trigger_set *set)
{
	xfn_free(set->refs);
	xfn_free(set->table);
	memset(set, 0, sizeof(*set));
}

const struct xfn_trigger_ref *xfn_trigger_set_find(const struct xfn_trigger_set *set,
						   const struct xfn_manifest *manifest,
						   const struct xfn_trigger_spec *trigger)
{
	const __u32 *cell = find_cell(set, manifest, trigger);

	return *cell ? &set->refs[*cell - 1] : NULL;
}

int xfn_trigger_set_add(struct xfn_trigger_set *set, const struct xfn_trigger_ref *ref)
{
	int err;

	if (xfn_trigger_set_find(set, ref->manifest, ref->trigger))
		return -EEXIST;
	if (set->cells / 2 <= set->count + 1) {
		err = make_table(set, 2 * (set->count + 1));
		if (err)
			return err;
	}
	err = xfn_trigger_set_push(set, ref);
	if (!err)
		*find_cell(set, ref->manifest, ref->trigger) = set->count;
	return err;
}

/* The cell stays taken, by a hole that equals nothing, so that what lies behind it is found. */
int xfn_trigger_set_remove(struct xfn_trigger_set *set, const struct xfn_manifest *manifest,
			   const struct xfn_trigger_spec *trigger)
{
	__u32 *cell = find_cell(set, manifest, trigger);

	if (!*cell)
		return -ENOENT;
	set->refs[*cell - 1].trigger = NULL;
	return 0;
}
