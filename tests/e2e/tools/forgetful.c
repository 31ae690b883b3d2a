/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forgetful OBJECT MAPS SLOT WHICH EVERY
 *
 * Loads tests/bpf/forgetful.bpf.c on the maps that are pinned in directory MAPS, for interface slot
 * SLOT, and enters it in the place of the live ingress program. WHICH is 1 (verdicts) or 2 (handled),
 * of which one in EVERY is forgotten.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "errnum.h"

static int fail(const char *what, int err)
{
	fprintf(stderr, "forgetful: cannot %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

/* Every xfn_* map is the pinned one. Returns 0 or -errno. */
static int reuse_maps(struct bpf_object *object, const char *folder)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int fd, err = 0;

	bpf_object__for_each_map (map, object) {
		if (strncmp(bpf_map__name(map), "xfn_", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, bpf_map__name(map));
		fd = bpf_obj_get(path);
		if (fd < 0)
			return xfn_errno();
		err = bpf_map__reuse_fd(map, fd);
		if (err)
			return err;
	}
	return 0;
}

/* 2^slot_bits entries in each of two generations. */
static unsigned slot_bits(const struct bpf_object *object)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, "xfn_entries");

	return map ? (unsigned)__builtin_ctz(bpf_map__max_entries(map) / 2) : 0;
}

/* Writes one constant of the program, found by its name in the BTF of .rodata. */
static int set_constant(struct bpf_object *object, const char *name, __u32 value)
{
	const struct btf *btf = bpf_object__btf(object);
	struct bpf_map *rodata = NULL, *map;
	const struct btf_var_secinfo *variable;
	const struct btf_type *section;
	size_t bytes;
	char *data;
	int i, id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);

	bpf_object__for_each_map (map, object)
		if (strstr(bpf_map__name(map), ".rodata"))
			rodata = map;
	if (id < 0 || !rodata)
		return -ENOENT;
	data = (char *)bpf_map__initial_value(rodata, &bytes);
	section = btf__type_by_id(btf, (__u32)id);
	variable = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++, variable++) {
		if (strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, variable->type)->name_off),
			   name) != 0 ||
		    variable->offset + sizeof(value) > bytes)
			continue;
		memcpy(data + variable->offset, &value, sizeof(value));
		return 0;
	}
	return -ENOENT;
}

static int set_constants(struct bpf_object *object, char **argv)
{
	int err = set_constant(object, "xfn_slot_bits", slot_bits(object));

	err = err ? err : set_constant(object, "xfn_interface_slot", (__u32)atoi(argv[3]));
	err = err ? err : set_constant(object, "forget_which", (__u32)atoi(argv[4]));
	return err ? err : set_constant(object, "forget_every", (__u32)atoi(argv[5]));
}

static int enter(struct bpf_object *object, __u32 slot)
{
	int programs = bpf_object__find_map_fd_by_name(object, "xfn_entry_progs");
	int program = bpf_program__fd(bpf_object__find_program_by_name(object, "xfn_ingress"));

	return bpf_map_update_elem(programs, &slot, &program, 0) ? xfn_errno() : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int err;

	if (argc != 6) {
		fprintf(stderr, "usage: forgetful OBJECT MAPS SLOT WHICH EVERY\n");
		return 2;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return fail("open the object", errno);
	err = reuse_maps(object, argv[2]);
	if (err)
		return fail("use the pinned maps", err);
	err = set_constants(object, argv);
	if (err)
		return fail("set the program's constants", err);
	err = bpf_object__load(object);
	if (err)
		return fail("load it", err);
	err = enter(object, (__u32)atoi(argv[3]));
	if (err)
		return fail("enter it", err);
	bpf_object__close(object);
	return 0;
}
