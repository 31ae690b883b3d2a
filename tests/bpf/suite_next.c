/* SPDX-License-Identifier: BSD-2-Clause */
/* The program that `attach --next` names gets what is nobody's, with its verdict counted, and nothing else. */
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "harness.h"
#include "suites.h"
#include "../../loader/next.h"

static const char manifest[] = "version: 1\n"
			       "functions:\n"
			       "  - {name: all, socket: existing, trigger: udp/7}\n"
			       "  - {name: off, enabled: false, socket: existing, trigger: udp/8}\n"
			       "  - name: full\n"
			       "    socket: existing\n"
			       "    trigger: tcp/9\n"
			       "    limit: {rate: 1/m, burst: 1, excess: pass}\n";

#define TEXT        .payload = "hello", .payload_bytes = 5
#define FOREIGN_MAC "\x02\x00\x00\x00\x00\x07"

static const struct {
	const char *name;
	enum xfn_verdict verdict;
	int function; /* -1: nobody's */
	struct frame_spec frame;
} cases[] = {
	{"unmatched", XFN_VERDICT_UNMATCHED, -1, {TEXT, .dst_port = 77}},
	{"foreign: ARP", XFN_VERDICT_FOREIGN, -1, {.eth_proto = 0x0806}},
	{"foreign: another MAC", XFN_VERDICT_FOREIGN, -1, {TEXT, .eth_dst = FOREIGN_MAC}},
	{"fragment", XFN_VERDICT_FRAGMENT, -1, {TEXT, .patch = {{FRAME_L3, 6, 2, 0x2000}}}},
	{"malformed", XFN_VERDICT_MALFORMED, -1, {TEXT, .patch = {{FRAME_L3, 0, 1, 0x44}}}},
	{"steered", XFN_VERDICT_STEERED, 0, {TEXT}},
	{"disabled", XFN_VERDICT_DISABLED, 1, {TEXT, .dst_port = 8}},
	{"admitted", XFN_VERDICT_STEERED, 2, {.l4_proto = 6, .dst_port = 9}},
	{"over the limit", XFN_VERDICT_RATE_LIMITED, 2, {.l4_proto = 6, .dst_port = 9}},
};

/* Drops everything. Loaded for @attach_type. */
static int load_dropper(__u32 attach_type, __u32 flags)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type,
		    .prog_flags = flags);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "next_drop", "Dual BSD/GPL", insns, 2, &options);
}

static void run_cases(struct harness *harness, const char *when, int nobodys_action)
{
	struct expected expected = {.outcome = -1};
	struct frame frame;
	unsigned i;

	__atomic_store_n(&harness->dataplane->functions[2].arrival, 0, __ATOMIC_RELAXED);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("next: %s: %s", when, cases[i].name);
		expected.verdict = cases[i].verdict;
		expected.function = cases[i].function;
		expected.action = cases[i].function < 0 ? nobodys_action : XDP_PASS;
		frame_build(&cases[i].frame, &frame);
		harness_expect(harness, "by root", 0, BY_ROOT, &frame, &expected, NULL);
		test_end();
	}
}

static void run_company(void)
{
	static const struct {
		const char *name;
		__u32 attach_type, flags;
		int never;
	} kinds[] = {
		{"a program for XDP", BPF_XDP, 0, 0},
		{"a program without attach type", 0, 0, 0},
		{"a program with fragments", BPF_XDP, BPF_F_XDP_HAS_FRAGS,
		 XFN_NEXT_WITH_XDP | XFN_NEXT_WITH_NONE},
	};
	int fd, found, own;
	unsigned i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		test_begin("next: %s finds its own kind", kinds[i].name);
		own = kinds[i].attach_type ? XFN_NEXT_WITH_XDP : XFN_NEXT_WITH_NONE;
		fd = load_dropper(kinds[i].attach_type, kinds[i].flags);
		found = xfn_next_company(fd);
		test_expect(found >= 0, "error %d", found);
		test_expect(!(found & kinds[i].never), "mixes with %d", found);
		test_expect(kinds[i].never || found & own, "mixes with %d, not with its own",
			    found);
		close(fd);
		test_end();
	}
}

void suite_next(struct harness *harness)
{
	struct xfn_fault fault = {""};
	int fd = load_dropper(harness->dataplane->capacity.attach_type, 0), err;

	test_begin("next: a program is entered");
	harness_apply(harness, manifest);
	err = xfn_dataplane_set_next(harness->dataplane, 0, fd, 1, &fault);
	test_expect(!err, "error %d %s", err, fault.text);
	test_expect(xfn_dataplane_next_id(harness->dataplane, 0), "the slot is empty");
	test_end();
	run_cases(harness, "there", XDP_DROP);
	xfn_dataplane_clear_next(harness->dataplane, 0);
	close(fd);
	run_cases(harness, "taken away", XDP_PASS);
	run_company();
}
