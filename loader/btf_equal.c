/* SPDX-License-Identifier: BSD-2-Clause */
/* Are two types, each in its own BTF, the same type? */
#include <string.h>

#include "handler_private.h"

/* Types may refer to themselves through pointers; map keys and values can't be that deep. */
enum { DEPTH_MAX = 16 };

static bool type_equal(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id, int depth);

static bool name_equal(const struct btf *a, __u32 a_offset, const struct btf *b, __u32 b_offset)
{
	return !strcmp(btf__name_by_offset(a, a_offset) ?: "",
		       btf__name_by_offset(b, b_offset) ?: "");
}

static bool members_equal(const struct btf *a, const struct btf_type *at, const struct btf *b,
			  const struct btf_type *bt, int depth)
{
	const struct btf_member *am = btf_members(at), *bm = btf_members(bt);
	__u16 i;

	for (i = 0; i < btf_vlen(at); i++)
		if (am[i].offset != bm[i].offset ||
		    !name_equal(a, am[i].name_off, b, bm[i].name_off) ||
		    !type_equal(a, am[i].type, b, bm[i].type, depth))
			return false;
	return true;
}

static bool enums_equal(const struct btf *a, const struct btf_type *at, const struct btf *b,
			const struct btf_type *bt)
{
	const struct btf_enum *ae = btf_enum(at), *be = btf_enum(bt);
	__u16 i;

	for (i = 0; i < btf_vlen(at); i++)
		if (ae[i].val != be[i].val || !name_equal(a, ae[i].name_off, b, be[i].name_off))
			return false;
	return true;
}

static bool type_equal(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id, int depth)
{
	const struct btf_type *at = btf__type_by_id(a, a_id), *bt = btf__type_by_id(b, b_id);

	if (!a_id || !b_id)
		return a_id == b_id; /* void, or a map without BTF */
	if (!at || !bt || depth > DEPTH_MAX)
		return false;
	if (btf_kind(at) != btf_kind(bt) || btf_vlen(at) != btf_vlen(bt) ||
	    btf_kflag(at) != btf_kflag(bt) || !name_equal(a, at->name_off, b, bt->name_off))
		return false;
	switch (btf_kind(at)) {
	case BTF_KIND_INT:
		return at->size == bt->size && *(const __u32 *)(at + 1) == *(const __u32 *)(bt + 1);
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM64:
		return at->size == bt->size;
	case BTF_KIND_ENUM:
		return at->size == bt->size && enums_equal(a, at, b, bt);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return at->size == bt->size && members_equal(a, at, b, bt, depth + 1);
	case BTF_KIND_ARRAY:
		return btf_array(at)->nelems == btf_array(bt)->nelems &&
		       type_equal(a, btf_array(at)->type, b, btf_array(bt)->type, depth + 1);
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return type_equal(a, at->type, b, bt->type, depth + 1);
	}
	return false;
}

bool xfn_btf_type_equal(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id)
{
	return type_equal(a, a_id, b, b_id, 0);
}
