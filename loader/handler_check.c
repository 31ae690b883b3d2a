/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object must be before the kernel's verifier sees it, and after. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>

#include "dataplane_load.h"
#include "handler_private.h"

/*
 * Helpers that a handler may call: maps, clocks, the packet in hand, pure functions. Not among them:
 * what leaves the event's own context (tail_call, redirect_map, timers, sockets), what writes to
 * others (perf and ring buffers, trace_printk), and adjust_meta, which moves what ingress stamped.
 */
static const __u16 allowed_helpers[] = {
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_map_update_elem,
	BPF_FUNC_map_delete_elem,
	BPF_FUNC_map_push_elem,
	BPF_FUNC_map_pop_elem,
	BPF_FUNC_map_peek_elem,
	BPF_FUNC_map_lookup_percpu_elem,
	BPF_FUNC_for_each_map_elem,
	BPF_FUNC_ktime_get_ns,
	BPF_FUNC_ktime_get_boot_ns,
	BPF_FUNC_ktime_get_coarse_ns,
	BPF_FUNC_ktime_get_tai_ns,
	BPF_FUNC_jiffies64,
	BPF_FUNC_get_prandom_u32,
	BPF_FUNC_get_smp_processor_id,
	BPF_FUNC_spin_lock,
	BPF_FUNC_spin_unlock,
	BPF_FUNC_csum_diff,
	BPF_FUNC_fib_lookup,
	BPF_FUNC_redirect,
	BPF_FUNC_xdp_adjust_head,
	BPF_FUNC_xdp_adjust_tail,
	BPF_FUNC_xdp_load_bytes,
	BPF_FUNC_xdp_store_bytes,
	BPF_FUNC_xdp_get_buff_len,
	BPF_FUNC_loop,
	BPF_FUNC_strncmp,
	BPF_FUNC_strtol,
	BPF_FUNC_strtoul,
	BPF_FUNC_snprintf,
};

static const char *const helper_names[] = {
#define NAME(helper) [BPF_FUNC_##helper] = #helper
	__BPF_FUNC_MAPPER(NAME)
#undef NAME
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const enum bpf_map_type allowed_maps[] = {
	BPF_MAP_TYPE_ARRAY,        BPF_MAP_TYPE_HASH,     BPF_MAP_TYPE_PERCPU_ARRAY,
	BPF_MAP_TYPE_PERCPU_HASH,  BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH,
	BPF_MAP_TYPE_LPM_TRIE,     BPF_MAP_TYPE_QUEUE,    BPF_MAP_TYPE_STACK,
	BPF_MAP_TYPE_BLOOM_FILTER,
};

int xfn_handler_check_elf(const struct xfn_handler_request *request, struct xfn_fault *fault)
{
	const Elf64_Ehdr *elf = request->object;

	if (request->object_bytes > XFN_HANDLER_BYTES_MAX) {
		xfn_fault_set(fault, "'%s' has %zu bytes, expected at most %u", request->path,
			      request->object_bytes, XFN_HANDLER_BYTES_MAX);
		return -EINVAL;
	}
	if (request->object_bytes < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64) {
		xfn_fault_set(fault,
			      "'%s' is not an ELF object, expected the output of clang "
			      "-target bpf",
			      request->path);
		return -EINVAL;
	}
	if (elf->e_machine != EM_BPF || elf->e_type != ET_REL) {
		xfn_fault_set(fault,
			      "'%s' is ELF, but not a BPF object (machine %u), expected the "
			      "output of clang -target bpf",
			      request->path, elf->e_machine);
		return -EINVAL;
	}
	return 0;
}

static void list_programs(struct bpf_object *object, char *list, size_t size)
{
	struct bpf_program *program;
	size_t used = 0;

	list[0] = '\0';
	bpf_object__for_each_program (program, object) {
		if (used < size)
			used += snprintf(list + used, size - used, "%s'%s'", used ? ", " : "",
					 bpf_program__name(program));
	}
}

int xfn_handler_choose(struct bpf_object *object, const struct xfn_handler_request *request,
		       struct bpf_program **ret, struct xfn_fault *fault)
{
	struct bpf_program *program, *chosen = NULL;
	unsigned candidates = 0;
	char list[256];

	bpf_object__for_each_program (program, object) {
		bpf_program__set_autoload(program, false);
		if (request->program && strcmp(bpf_program__name(program), request->program))
			continue;
		candidates++;
		chosen = program;
	}
	list_programs(object, list, sizeof(list));
	if (!candidates && request->program) {
		xfn_fault_set(fault, "'%s' has no program '%s', expected one of %s", request->path,
			      request->program, list[0] ? list : "none");
		return -EINVAL;
	}
	if (candidates != 1) {
		xfn_fault_set(fault,
			      "'%s' has %u programs%s%s, expected one, or program: NAME in "
			      "the manifest",
			      request->path, candidates, candidates ? ": " : "", list);
		return -EINVAL;
	}
	if (bpf_program__type(chosen) != BPF_PROG_TYPE_XDP) {
		xfn_fault_set(fault,
			      "program '%s' in '%s' is of type '%s', expected an XDP program "
			      "made by XFN_HANDLER()",
			      bpf_program__name(chosen), request->path,
			      libbpf_bpf_prog_type_str(bpf_program__type(chosen)) ?: "unknown");
		return -EINVAL;
	}
	bpf_program__set_autoload(chosen, true);
	*ret = chosen;
	return 0;
}

bool xfn_handler_map_is_private(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return strncmp(name, "xfn_", 4) && !bpf_map__is_internal(map);
}

static int check_map(const struct bpf_map *map, struct xfn_fault *fault)
{
	const char *name = bpf_map__name(map);
	size_t i;

	if (strlen(name) > BPF_OBJ_NAME_LEN - 1) {
		xfn_fault_set(fault, "map '%s' has a name of %zu characters, expected at most %d",
			      name, strlen(name), BPF_OBJ_NAME_LEN - 1);
		return -EINVAL;
	}
	if (bpf_map__pin_path(map)) {
		xfn_fault_set(fault,
			      "map '%s' pins itself, expected no pinning: xfn pins private maps",
			      name);
		return -EINVAL;
	}
	for (i = 0; i < COUNT(allowed_maps); i++)
		if (bpf_map__type(map) == allowed_maps[i])
			return 0;
	xfn_fault_set(fault, "map '%s' is of type '%s', which handlers may not use", name,
		      libbpf_bpf_map_type_str(bpf_map__type(map)) ?: "unknown");
	return -EINVAL;
}

int xfn_handler_check_maps(struct bpf_object *object, struct xfn_fault *fault)
{
	unsigned count = 0;
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map (map, object) {
		if (!xfn_handler_map_is_private(map))
			continue;
		err = check_map(map, fault);
		if (err)
			return err;
		if (++count > XFN_HANDLER_MAPS_MAX) {
			xfn_fault_set(fault, "more than %d private maps", XFN_HANDLER_MAPS_MAX);
			return -EINVAL;
		}
	}
	return 0;
}

static bool helper_is_allowed(__s32 helper)
{
	size_t i;

	for (i = 0; i < COUNT(allowed_helpers); i++)
		if (helper == allowed_helpers[i])
			return true;
	return false;
}

int xfn_handler_check_insns(const struct bpf_program *program, struct xfn_fault *fault)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t count = bpf_program__insn_cnt(program), i;

	if (count > XFN_HANDLER_INSNS_MAX) {
		xfn_fault_set(fault, "program '%s' has %zu instructions, expected at most %d",
			      bpf_program__name(program), count, XFN_HANDLER_INSNS_MAX);
		return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg == BPF_PSEUDO_CALL)
			continue;
		if (insns[i].src_reg == BPF_PSEUDO_KFUNC_CALL) {
			xfn_fault_set(fault,
				      "program '%s' calls a kernel function (instruction %zu), "
				      "which handlers may not",
				      bpf_program__name(program), i);
			return -EINVAL;
		}
		if (helper_is_allowed(insns[i].imm))
			continue;
		xfn_fault_set(fault,
			      "program '%s' calls helper bpf_%s (instruction %zu), which "
			      "handlers may not; xfn-handler(7) lists those that are allowed",
			      bpf_program__name(program),
			      insns[i].imm > 0 && (size_t)insns[i].imm < COUNT(helper_names)
				      ? helper_names[insns[i].imm]
				      : "number_unknown",
			      i);
		return -EINVAL;
	}
	return 0;
}
