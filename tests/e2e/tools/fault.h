/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_FAULT_H
#define XFN_TESTS_FAULT_H

/*
 * The file that fault.so and inject share: inject arms it, the process under test counts in it.
 * Mapped by both; one writer for each member but `armed`.
 */

#include <linux/types.h>

/* X(NAME, word, what counts as a step). */
#define FAULT_KINDS(X)                                                                         \
	X(KILL, kill, "any call that changes the kernel's or the disk's state: SIGKILL there") \
	X(BPF, bpf, "bpf(2) fails")                                                            \
	X(DISK, disk, "a call that writes to the disk fails")                                  \
	X(MEMORY, memory, "an allocation fails")

enum fault_kind {
#define X(NAME, word, meaning) FAULT_##NAME,
	FAULT_KINDS(X)
#undef X
		FAULT_KIND_COUNT,
};

struct fault {
	__u32 armed; /* by inject; taken back by fault.so once it has struck */
	__u32 kind;  /* enum fault_kind */
	__u64 at;    /* the step to strike at, from 1; 0: count only */
	__s32 error; /* errno that the step fails with */
	__u32 struck;
	__u64 steps;   /* of that kind, since it was armed */
	char call[32]; /* what was struck */
};

#endif
