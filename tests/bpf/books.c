/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets through the programs, and the counters before and after. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "../../loader/dry.h"

enum { CPUS_MAX = 1024 };

const char *verdict_label(unsigned verdict)
{
	static const char *const labels[] = {
#define X(number, NAME, label, scope, meaning) [number] = #label,
		XFN_VERDICTS(X)
#undef X
	};

	return verdict < XFN_VERDICT_COUNT ? labels[verdict] : "?";
}

const char *action_label(int action)
{
	static const char *const labels[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};

	return action >= 0 && action <= XDP_REDIRECT ? labels[action] : "an error";
}

/* Adds up @words 8-byte words of a per-CPU element. */
static void read_sums(const struct harness *harness, enum xfn_map map, __u32 index, __u64 *ret,
		      unsigned words)
{
	unsigned cpu, i, cpus = harness->dataplane->cpus;
	__u64 *values = calloc(cpus, words * sizeof(__u64));

	memset(ret, 0, words * sizeof(__u64));
	if (values && !bpf_map_lookup_elem(harness->dataplane->map_fd[map], &index, values))
		for (cpu = 0; cpu < cpus; cpu++)
			for (i = 0; i < words; i++)
				ret[i] += values[cpu * words + i];
	free(values);
}

void harness_read_verdicts(const struct harness *harness, __u32 interface,
			   __u64 ret[XFN_VERDICT_COUNT])
{
	read_sums(harness, XFN_MAP_VERDICTS, interface, ret, XFN_VERDICT_COUNT);
}

void harness_read_counts(const struct harness *harness, __u32 function,
			 struct xfn_function_counts *ret)
{
	read_sums(harness, XFN_MAP_COUNTS, function, (__u64 *)ret, sizeof(*ret) / sizeof(__u64));
}

void harness_read_books(const struct harness *harness, __u32 interface, struct books *ret)
{
	__u32 i;

	read_sums(harness, XFN_MAP_PACKETS, interface, &ret->packets, 1);
	harness_read_verdicts(harness, interface, ret->verdicts);
	for (i = 0; i < HARNESS_FUNCTIONS; i++) {
		harness_read_counts(harness, i, &ret->functions[i]);
		read_sums(harness, XFN_MAP_OUTCOMES, i, (__u64 *)&ret->versions[i],
			  sizeof(ret->versions[i]) / sizeof(__u64));
	}
}

__u64 harness_read_histogram(const struct harness *harness, __u32 slot, enum xfn_stage stage,
			     struct xfn_histogram *ret)
{
	__u64 events = 0;
	unsigned i;

	read_sums(harness, XFN_MAP_HISTOGRAMS, slot * XFN_STAGE_COUNT + stage, (__u64 *)ret,
		  sizeof(*ret) / sizeof(__u64));
	for (i = 0; i < XFN_HISTOGRAM_BUCKETS; i++)
		events += ret->bucket[i];
	return events;
}

void harness_run(const struct harness *harness, __u32 interface, enum entry entry,
		 const struct frame *frame, struct run *ret)
{
	const struct xfn_dataplane_interface *programs = &harness->dataplane->interface[interface];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = frame->size, .data_out = ret->after.bytes,
		    .data_size_out = sizeof(ret->after.bytes), .repeat = 1);
	int err = bpf_prog_test_run_opts(
		entry == BY_ROOT ? programs->root_fd : programs->ingress_fd, &options);

	ret->action = err ? err : (int)options.retval;
	ret->after.size = options.data_size_out;
}

/* ---- comparing --------------------------------------------------------------------------------- */

static bool expect_moved(const char *what, const char *book, const char *counter, __u64 before,
			 __u64 after, __u64 by)
{
	return test_expect(after - before == by, "%s: %s %s moved by %lld, expected %lld", what,
			   book, counter, (long long)(after - before), (long long)by);
}

static bool expect_function_moved(const char *what, const struct books *before,
				  const struct books *after, __u32 slot, __u32 bytes,
				  const struct expected *expected)
{
	bool here = (int)slot == expected->function, held = true;
	bool delivered = expected->verdict <= XFN_VERDICT_STEERED;
	bool ran = here && expected->outcome >= 0;
	char book[32];
	unsigned i;

	snprintf(book, sizeof(book), "function %u's", slot);
	for (i = 0; i < XFN_FUNCTION_VERDICT_COUNT; i++)
		held &= expect_moved(
			what, book, verdict_label(i), before->functions[slot].verdicts[i],
			after->functions[slot].verdicts[i], here && i == expected->verdict);
	held &= expect_moved(what, book, "bytes", before->functions[slot].bytes,
			     after->functions[slot].bytes, here && delivered ? bytes : 0);
	held &= expect_moved(what, book, "invocations", before->versions[slot].invocations,
			     after->versions[slot].invocations, ran);
	for (i = 0; i < XFN_OUTCOME_COUNT; i++)
		held &= expect_moved(what, book, "outcome", before->versions[slot].outcomes[i],
				     after->versions[slot].outcomes[i],
				     ran && (int)i == expected->outcome);
	return held;
}

static bool expect_books(const char *what, const struct books *before, const struct books *after,
			 enum entry entry, __u32 bytes, const struct expected *expected)
{
	bool held = expect_moved(what, "interface's", "packets", before->packets, after->packets,
				 entry == BY_ROOT);
	unsigned i;

	for (i = 0; i < XFN_VERDICT_COUNT; i++)
		held &= expect_moved(what, "interface's", verdict_label(i), before->verdicts[i],
				     after->verdicts[i], i == expected->verdict);
	for (i = 0; i < HARNESS_FUNCTIONS; i++)
		held &= expect_function_moved(what, before, after, i, bytes, expected);
	return held;
}

/* What explain would say. A frame below its minimum can't be run at all. */
static bool expect_foretold(const struct harness *harness, const char *what, __u32 interface,
			    const struct frame *frame, const struct expected *expected)
{
	const struct xfn_dry_frame dry = {frame->bytes, frame->size};
	struct xfn_dry_result result;
	int err = xfn_dry_step(harness->dry[interface], &dry, &result);
	__u32 verdict = result.report.seen.verdict;
	bool held;

	if (err == -EMSGSIZE)
		return true;
	if (!test_expect(!err, "%s: dry run: %s", what, strerror(-err)))
		return false;
	held = test_expect(verdict == expected->verdict, "%s: dry run says %s, expected %s", what,
			   verdict_label(verdict), verdict_label(expected->verdict));
	/* It stops before other programs: handlers, and the one that gets what is nobody's. */
	if (expected->verdict != XFN_VERDICT_HANDLED &&
	    !(expected->function < 0 && xfn_dataplane_next_id(harness->dataplane, interface)))
		held &= test_expect((int)result.action == expected->action,
				    "%s: dry run says action %s, expected %s", what,
				    action_label(result.action), action_label(expected->action));
	if (expected->function >= 0)
		held &= test_expect((int)result.report.seen.function == expected->function,
				    "%s: dry run says function %u, expected %d", what,
				    result.report.seen.function, expected->function);
	return held;
}

bool harness_expect(const struct harness *harness, const char *what, __u32 interface,
		    enum entry entry, const struct frame *frame, const struct expected *expected,
		    struct run *ret)
{
	static struct books before, after;
	static struct run run;
	const struct frame *wanted = expected->after ? expected->after : frame;
	bool held;

	harness_read_books(harness, interface, &before);
	held = expect_foretold(harness, what, interface, frame, expected);
	harness_run(harness, interface, entry, frame, &run);
	harness_read_books(harness, interface, &after);
	held &= test_expect(run.action == expected->action, "%s: action %s (%d), expected %s", what,
			    action_label(run.action), run.action, action_label(expected->action));
	held &= expect_books(what, &before, &after, entry, frame->size, expected);
	if (expected->function >= 0)
		held &= expect_moved(what, "version's", "reply bytes",
				     before.versions[expected->function].reply_bytes,
				     after.versions[expected->function].reply_bytes,
				     expected->outcome == XFN_OUTCOME_REPLIED ? run.after.size : 0);
	held &= test_expect_bytes(what, run.after.bytes, run.after.size, wanted->bytes,
				  wanted->size);
	if (ret)
		*ret = run;
	return held;
}
