/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "rodata.h"

/* libbpf calls it like "xfn_ingr.rodata". */
static struct bpf_map *rodata_of(struct bpf_object *object)
{
	static const char suffix[] = ".rodata";
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		const char *name = bpf_map__name(map);
		size_t length = strlen(name), tail = sizeof(suffix) - 1;

		if (bpf_map__is_internal(map) && length >= tail &&
		    !strcmp(name + length - tail, suffix))
			return map;
	}
	return NULL;
}

/* Offset in .rodata, or -ENOENT. */
static int offset_of(const struct btf *btf, const char *name, size_t size)
{
	__s32 id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_var_secinfo *variable;
	const struct btf_type *type;
	int i;

	if (id < 0)
		return -ENOENT;
	type = btf__type_by_id(btf, id);
	variable = btf_var_secinfos(type);
	for (i = 0; i < btf_vlen(type); i++, variable++) {
		if (variable->size == size &&
		    !strcmp(btf__name_by_offset(btf,
						btf__type_by_id(btf, variable->type)->name_off),
			    name))
			return variable->offset;
	}
	return -ENOENT;
}

/* Where the variable's initial value is, and the map that holds it. */
static const char *find(struct bpf_object *object, const char *name, size_t size,
			struct bpf_map **map, size_t *map_bytes)
{
	int offset = offset_of(bpf_object__btf(object), name, size);
	const char *values;

	*map = rodata_of(object);
	values = *map ? bpf_map__initial_value(*map, map_bytes) : NULL;
	if (!values || offset < 0 || offset + size > *map_bytes)
		return NULL;
	return values + offset;
}

int xfn_rodata_get(struct bpf_object *object, const char *name, void *ret, size_t size)
{
	struct bpf_map *map;
	size_t map_bytes;
	const char *value = find(object, name, size, &map, &map_bytes);

	if (!value)
		return -ENOENT;
	memcpy(ret, value, size);
	return 0;
}

int xfn_rodata_set(struct bpf_object *object, const char *name, const void *value, size_t size)
{
	struct bpf_map *map;
	size_t map_bytes, offset;
	const char *old = find(object, name, size, &map, &map_bytes), *values;
	char *copy;
	int err;

	if (!old)
		return -ENOENT;
	values = bpf_map__initial_value(map, &map_bytes);
	offset = old - values;
	copy = malloc(map_bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, values, map_bytes);
	memcpy(copy + offset, value, size);
	err = bpf_map__set_initial_value(map, copy, map_bytes);
	free(copy);
	return err;
}
