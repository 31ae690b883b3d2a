/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_HARNESS_H
#define XFN_TESTS_HARNESS_H

/*
 * A data plane of its own, attached nowhere, that packets are put through with BPF_PROG_TEST_RUN.
 * Its pins are in a folder named after the process, which goes away at the end.
 *
 * There are two interfaces, test0 (slot 0) and test1 (slot 1), with the addresses 192.0.2.1,
 * 2001:db8::1 and fe80::1, and the directed broadcast address 192.0.2.255. The functions of a
 * manifest get slots 0, 1, 2, ... in its order; the handler of function N is in version slot N, and
 * where it redirects to is element N of xfn_targets.
 */

#include <stdbool.h>
#include <linux/types.h>

#include "frame.h"
#include "tap.h"
#include "../../loader/dataplane.h"

#define HARNESS_FUNCTIONS 24 /* whose books are compared */

struct xfn_dry;
struct xfn_manifest;

struct harness {
	struct xfn_dataplane *dataplane;
	struct xfn_manifest *manifest; /* what was applied last */
	struct xfn_ruleset *ruleset;
	struct xfn_dry *dry[2]; /* by interface: what explain runs */
	char pin_dir[64];
	char build_dir[4096]; /* where objects are found */
	__u64 revision;
	double scale; /* XFN_TEST_SCALE: of the numbers of random tests; 1 by default */
};

/* Every counter that one packet can move. */
struct books {
	__u64 packets;
	__u64 verdicts[XFN_VERDICT_COUNT];
	struct xfn_function_counts functions[HARNESS_FUNCTIONS];
	struct xfn_version_counts versions[HARNESS_FUNCTIONS];
};

enum entry { BY_ROOT, BY_INGRESS };

/* What became of a packet. */
struct run {
	int action; /* enum xdp_action, or -errno */
	struct frame after;
};

/* What should become of it. */
struct expected {
	int action;
	enum xfn_verdict verdict;
	int function;              /* slot; -1: none */
	int outcome;               /* enum xfn_outcome; -1: no handler ran */
	const struct frame *after; /* NULL: unchanged */
};

/* Returns 0, or -errno and a line on standard error. */
int harness_open(struct harness *harness);
/* Removes everything; takes what harness_open() left half-built, too. */
void harness_close(struct harness *harness);

/* @number times XFN_TEST_SCALE, at least @least. */
unsigned harness_scaled(const struct harness *harness, unsigned number, unsigned least);

/* Makes a manifest live. Failing is a failure of the test that has begun. */
bool harness_apply(struct harness *harness, const char *manifest);
/* The same, where being refused is no failure. */
bool harness_try_apply(struct harness *harness, const char *manifest);

/* Makes compiled rules live; their functions have to be set by the caller, in both generations. */
void harness_apply_ruleset(struct harness *harness, const struct xfn_ruleset *ruleset);

/* What is the same for every ruleset: interfaces, addresses, capacity. */
void harness_ruleset_input(const struct harness *harness, struct xfn_ruleset_input *ret);

/* Loads build/@object and enters it as version @slot. Failing is a failure of the test. */
bool harness_enter_handler(struct harness *harness, __u32 slot, const char *object);
void harness_clear_handler(struct harness *harness, __u32 slot);

/* Reads a file below build/ whole; the caller frees it. NULL is a failure of the test. */
void *harness_read_file(const struct harness *harness, const char *name, size_t *ret_bytes);

void harness_run(const struct harness *harness, __u32 interface, enum entry entry,
		 const struct frame *frame, struct run *ret);

void harness_read_books(const struct harness *harness, __u32 interface, struct books *ret);
void harness_read_verdicts(const struct harness *harness, __u32 interface,
			   __u64 ret[XFN_VERDICT_COUNT]);
void harness_read_counts(const struct harness *harness, __u32 function,
			 struct xfn_function_counts *ret);
/* Events in a histogram of version @slot, each in its bucket; checks nothing. */
__u64 harness_read_histogram(const struct harness *harness, __u32 slot, enum xfn_stage stage,
			     struct xfn_histogram *ret);

/*
 * Puts one frame through and compares everything: action, frame after, and that exactly the
 * counters moved that should have, each by one. A dry run right before has to foretell verdict and
 * action. The failure text begins with @what.
 */
bool harness_expect(const struct harness *harness, const char *what, __u32 interface,
		    enum entry entry, const struct frame *frame, const struct expected *expected,
		    struct run *ret);

const char *verdict_label(unsigned verdict);
const char *action_label(int action);

#endif
