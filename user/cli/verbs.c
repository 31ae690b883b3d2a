/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "consent.h"
#include "diag.h"
#include "output.h"

#define FLAG(member) XFN_OPTION_FLAG(struct xfn_cli, member)
#define TEXT(member) XFN_OPTION_TEXT(struct xfn_cli, member)

const struct xfn_option xfn_global_options[] = {
	{"json", 'j', NULL, "print JSON", FLAG(json)},
	{"socket", 0, "PATH", "where xfnd listens (or XFN_SOCKET; default " XFN_SOCKET_DEFAULT ")",
	 TEXT(socket)},
	{"help", 'h', NULL, "print help", FLAG(help)},
	{"version", 0, NULL, "print the version", FLAG(version)},
	{0},
};

static const struct xfn_option attach_options[] = {
	{"mode", 0, "native|generic", "in the driver (default), or in the stack's generic hook",
	 TEXT(mode)},
	{"coexist", 0, NULL, "beside other XDP programs, through libxdp's dispatcher",
	 FLAG(coexist)},
	{"next", 0, "PINNED_PROG",
	 "the XDP program that gets what is nobody's, in the stack's place", TEXT(next)},
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	{0},
};

/* detach and swap: nothing but what every change takes. */
static const struct xfn_option consent_options[] = {
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	{0},
};

static const struct xfn_option plan_options[] = {
	{"exit-code", 0, NULL, "exit 10 when apply would change something", FLAG(exit_code)},
	{"keep", 0, NULL, "plan to keep what was changed by command", FLAG(keep)},
	{"overwrite", 0, NULL, "plan to undo what was changed by command", FLAG(overwrite)},
	{0},
};

static const struct xfn_option apply_options[] = {
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	XFN_CONSENT_YES,
	{"keep", 0, NULL, "keep what was changed by command", FLAG(keep)},
	{"overwrite", 0, NULL, "undo what was changed by command", FLAG(overwrite)},
	{"exit-code", 0, NULL, "exit 10 when something was changed", FLAG(exit_code)},
	{0},
};

static const struct xfn_option rollback_options[] = {
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	XFN_CONSENT_YES,
	{0},
};

static const struct xfn_option show_options[] = {
	{"manifest", 0, NULL, "print the desired state as a manifest", FLAG(manifest)},
	{"set", 0, "SET", "of this set (default main)", TEXT(set)},
	{0},
};

static const struct xfn_option stats_options[] = {
	{"watch", 'w', NULL, "refresh each second, with rates", FLAG(watch)},
	{"by", 0, "verdict", "one row for each verdict", TEXT(by)},
	{"total", 0, NULL, "sums over all interfaces and all functions", FLAG(total)},
	{0},
};

static const struct xfn_option latency_options[] = {
	{"watch", 'w', NULL, "refresh each second", FLAG(watch)},
	{"stages", 0, NULL, "every stage, not the total alone", FLAG(stages)},
	{0},
};

static const struct xfn_option doctor_options[] = {
	{"fix", 0, NULL, "offer to run what is safe to run, and check again", FLAG(fix)},
	{"yes", 'y', NULL, "run it without asking", FLAG(yes)},
	{0},
};

static const struct xfn_option explain_options[] = {
	{"dev", 0, "IFACE", "it comes in on this interface", TEXT(dev)},
	{"frame", 0, "HEX", "a whole frame in the place of PACKET", TEXT(frame)},
	{"run", 0, NULL, "run the handler too, with empty maps of its own", FLAG(run)},
	{0},
};

static const struct xfn_option journal_options[] = {
	{"follow", 'f', NULL, "go on with what happens", FLAG(follow)},
	{0},
};

static const struct xfn_option trace_options[] = {
	{"verdict", 0, "VERDICT", "packets with this verdict; several with commas between",
	 TEXT(verdict)},
	{"from", 0, "PREFIX", "packets whose source is in it", TEXT(from)},
	{"count", 'c', "N", "end after so many packets", TEXT(count)},
	{"for", 0, "TIME", "end after so long (default 60s, up to 1h)", TEXT(duration)},
	{"snap", 0, "BYTES", "how much of each packet is copied, 64 to 2048 (default 256)",
	 TEXT(snap)},
	{"write", 'w', "FILE", "write pcapng, with verdict and function as comment", TEXT(write)},
	{0},
};

static const struct xfn_option trigger_options[] = {
	{"from", 0, "FILE.csv", "all triggers of a CSV file", TEXT(from)},
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	{0},
};

static const struct xfn_option limit_options[] = {
	{"burst", 0, "N", "so many at once (default a tenth of a second of the rate)", TEXT(burst)},
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	{0},
};

#define DIRECT_OPTIONS                                                                         \
	{"direct", 0, NULL, "with xfnd dead: in the kernel itself, as root", FLAG(direct)},    \
		{"pin-dir", 0, "DIR", "with --direct: pins (default " XFN_PIN_DIR_DEFAULT ")", \
		 TEXT(pin_dir)},                                                               \
	{                                                                                      \
		"state-dir", 0, "DIR",                                                         \
			"with --direct: revisions (default " XFN_STATE_DIR_DEFAULT ")",        \
			TEXT(state_dir)                                                        \
	}

static const struct xfn_option off_options[] = {
	{"drop", 0, NULL, "drop its packets, do not pass them to the stack", FLAG(drop)},
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	DIRECT_OPTIONS,
	{0},
};

static const struct xfn_option on_options[] = {
	XFN_CONSENT_CONFIRM,
	XFN_CONSENT_FORCE,
	DIRECT_OPTIONS,
	{0},
};

static const struct xfn_option help_options[] = {
	{"complete", 0, NULL, "print words for a shell's completion", FLAG(complete)},
	{0},
};

const struct xfn_verb xfn_verbs[] = {
	{"", "", "ten lines of status", xfn_cli_status, 0, 0, NULL, NULL},
	{"check", "FILE", "check a manifest; needs no daemon and no root", xfn_cli_check, 1, 1,
	 NULL, "FILE may be - for standard input.\n"},
	{"attach", "IFACE", "attach to an interface", xfn_cli_attach, 1, 1, attach_options,
	 "The first attach may reset the link on some drivers; no later change does.\n"},
	{"detach", "IFACE", "detach from an interface", xfn_cli_detach, 1, 1, consent_options,
	 NULL},
	{"plan", "FILE", "show what apply would change", xfn_cli_plan, 1, 1, plan_options, NULL},
	{"apply", "FILE", "make a manifest the live state of its set", xfn_cli_apply, 1, 1,
	 apply_options, "All or nothing: a manifest that is wrong changes nothing.\n"},
	{"confirm", "", "let a change stay that was made with --confirm", xfn_cli_confirm, 0, 0,
	 NULL, NULL},
	{"history", "", "revisions: who changed what, and when", xfn_cli_history, 0, 0, NULL,
	 "The live one has a star.\n"},
	{"rollback", "[REVISION]", "make an earlier revision the live state again",
	 xfn_cli_rollback, 0, 1, rollback_options,
	 "Without REVISION the last one before the live one that was confirmed.\n"},
	{"ls", "", "list functions", xfn_cli_ls, 0, 0, NULL, NULL},
	{"show", "[NAME]", "show a function, or a set's manifest", xfn_cli_show, 0, 1, show_options,
	 "NAME is a function's name, with TENANT/ before it outside the tenant 'default'.\n"},
	{"stats", "[NAME]", "counters of interfaces and functions", xfn_cli_stats, 0, 1,
	 stats_options,
	 "DELIVERED: given to the function. LIMITED: refused by a limit. UNSERVED: the function "
	 "was\n"
	 "off or its target not there. OTHERS: nobody's traffic, passed to the stack untouched.\n"},
	{"latency", "[NAME]", "time from XDP to the reply, for each function", xfn_cli_latency, 0,
	 1, latency_options, "Measured inside this host: wire and NIC are not included.\n"},
	{"audit", "", "compare the books; exit 1 if they differ", xfn_cli_audit, 0, 0, NULL, NULL},
	{"doctor", "[IFACE]", "check what usually goes wrong, and mend it", xfn_cli_doctor, 0, 1,
	 doctor_options,
	 "With --fix, commands run with your rights, not the daemon's; without a terminal and "
	 "without\n"
	 "--yes they are shown and not run.\n"},
	{"explain", "[PACKET]", "what would become of a packet, and why", xfn_cli_explain, 0, 1,
	 explain_options,
	 "PACKET is one argument: 'udp 10.0.0.9:4000 > 10.0.0.1:53 [dev IF] [vlan N[,M]] [payload "
	 "HEX]',\n"
	 "or tcp, with [flags SA] (SYN by default). Nothing is counted, charged or sent.\n"},
	{"journal", "", "what happened", xfn_cli_journal, 0, 0, journal_options, NULL},
	{"logs", "NAME", "what a function's program wrote", xfn_cli_logs, 1, 1, journal_options,
	 "The last 64 KiB of standard output and error, with -f as they come.\n"},
	{"run", "NAME -- CMD [ARG]...", "run a program as a function", xfn_cli_run, 2, SIZE_MAX,
	 NULL,
	 "Becomes CMD, which takes the events of a function with 'xsk: existing' until it ends. "
	 "Another\n"
	 "'xfn run' of the same function takes them over. The exit status is CMD's; 127 where it "
	 "is not "
	 "there.\n"},
	{"swap", "NAME OBJECT", "replace a handler under traffic", xfn_cli_swap, 2, 2,
	 consent_options,
	 "OBJECT is a compiled BPF object. Maps declared alike keep their contents.\n"},
	{"trace", "[NAME]", "packets as they come, each with its verdict", xfn_cli_trace, 0, 1,
	 trace_options,
	 "Refused packets too, which no other capture sees. FILE may be - for standard output. "
	 "What\n"
	 "comes too fast is counted as lost; packets are never delayed.\n"},
	{"trigger", "add|rm NAME [TRIGGER]", "add a trigger, or take one away", xfn_cli_trigger, 2,
	 3, trigger_options,
	 "TRIGGER is udp/53, or as in a manifest: '{protocol: udp, port: 53, destination: "
	 "10.0.0.1}'.\n"},
	{"limit", "NAME RATE", "set a function's rate", xfn_cli_limit, 2, 2, limit_options,
	 "RATE is such as 50k/s; 0: nothing is admitted, packets are dropped; none: no limit.\n"},
	{"off", "[NAME]", "switch a function off, or everything", xfn_cli_off, 0, 1, off_options,
	 "Its packets pass to the stack and are counted as 'disabled'. It holds until 'xfn on'.\n"},
	{"on", "[NAME]", "switch a function on again, or everything", xfn_cli_on, 0, 1, on_options,
	 NULL},
	{"help", "[VERB]", "this list, or one command in full", xfn_cli_help, 0, 1, help_options,
	 NULL},
	{"version", "", "print the version", xfn_cli_version, 0, 0, NULL, NULL},
};

const size_t xfn_verb_count = sizeof(xfn_verbs) / sizeof(xfn_verbs[0]);

const struct xfn_verb *xfn_verb_find(const char *name)
{
	for (size_t i = 0; i < xfn_verb_count; i++)
		if (strcmp(xfn_verbs[i].name, name) == 0)
			return &xfn_verbs[i];
	return NULL;
}

int xfn_verb_unknown(const char *name, const char *before)
{
	const char *names[sizeof(xfn_verbs) / sizeof(xfn_verbs[0])];
	const char *near;

	for (size_t i = 0; i < xfn_verb_count; i++)
		names[i] = *xfn_verbs[i].name ? xfn_verbs[i].name : NULL;
	near = xfn_suggest(name, names, xfn_verb_count);
	if (near)
		xfn_say("unknown command '%s'; did you mean '%s'?", name, near);
	else
		xfn_say("unknown command '%s'", name);
	if (near)
		fprintf(stderr, "xfn %s%s\n", before, near);
	else
		fputs("xfn help\n", stderr);
	return XFN_EXIT_USAGE;
}
