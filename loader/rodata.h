/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_RODATA_H
#define XFN_RODATA_H

/* `const volatile` variables of a BPF object that is open and not yet loaded, by name. */

#include <stddef.h>

struct bpf_object;

/*
 * Read or write variable @name, which must have exactly @size bytes. Returns 0, -ENOENT (no such
 * variable, of that size, in .rodata), or -errno.
 */
int xfn_rodata_get(struct bpf_object *object, const char *name, void *ret, size_t size);
int xfn_rodata_set(struct bpf_object *object, const char *name, const void *value, size_t size);

#endif
