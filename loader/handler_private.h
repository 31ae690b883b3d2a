/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_LOADER_HANDLER_PRIVATE_H
#define XFN_LOADER_HANDLER_PRIVATE_H

/* What the files behind handler.h share. All return 0 or -errno with the reason in @fault. */

#include <stdbool.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "dataplane.h"
#include "handler.h"

/* An ELF file for the BPF machine. */
int xfn_handler_check_elf(const struct xfn_handler_request *request, struct xfn_fault *fault);

/* Finds the program to run, and sets the others aside. */
int xfn_handler_choose(struct bpf_object *object, const struct xfn_handler_request *request,
		       struct bpf_program **ret, struct xfn_fault *fault);

/* Types of private maps, and that no map pins itself. */
int xfn_handler_check_maps(struct bpf_object *object, struct xfn_fault *fault);

/* Length, helpers and kernel functions of a program; its subprograms are part of it once loaded. */
int xfn_handler_check_insns(const struct bpf_program *program, struct xfn_fault *fault);

/* True for a map of the author's: not xfn_..., not .rodata, .data, .bss. */
bool xfn_handler_map_is_private(const struct bpf_map *map);

/*
 * Lets @map reuse what the version before has pinned under its name, if both are alike. Returns 1 if
 * it does, 0 if it starts empty.
 */
int xfn_handler_inherit(const struct xfn_dataplane *dataplane, const struct bpf_object *object,
			const struct xfn_handler_request *request, struct bpf_map *map);

/* Structural equality of two types, names and all. */
bool xfn_btf_type_equal(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id);

#endif
