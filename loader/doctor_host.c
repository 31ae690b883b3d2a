/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host gives the daemon, and what else works on its packets. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cap-ng.h>

#include "broker.h"
#include "cgroup.h"
#include "launcher.h"
#include "doctor_check.h"
#include "mounts.h"

/* ---- rights ------------------------------------------------------------------------------------ */

static void check_capabilities(struct xfn_doctor *doctor)
{
	static const struct {
		unsigned capability;
		const char *name;
		bool in_sys_admin; /* CAP_SYS_ADMIN stands for it too */
	} needed[] = {
		{CAP_BPF, "CAP_BPF", true},
		{CAP_PERFMON, "CAP_PERFMON", true},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", false},
	};
	char missing[128] = "";
	size_t i, used = 0;

	if (capng_get_caps_process() < 0)
		return;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability) &&
		    !(needed[i].in_sys_admin &&
		      capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)))
			used += snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? ", " : "", needed[i].name);
	if (*missing) {
		xfn_doctor_remedy(doctor, "sudo xfnd");
		xfn_doctor_fail(doctor, "xfnd lacks %s", missing);
	} else {
		xfn_doctor_ok(doctor, "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are there");
	}
}

/* What takes CAP_SYS_ADMIN is the broker's. */
static void check_broker(struct xfn_doctor *doctor)
{
	int err = xfn_broker_check();

	if (!err) {
		xfn_doctor_ok(doctor, "programs and maps are found by their numbers");
		return;
	}
	xfn_doctor_remedy(doctor, err == -EPIPE ? "systemctl restart xfnd" : "sudo xfnd");
	xfn_doctor_fail(doctor, "%s: handlers cannot be adopted, nor private maps inherited",
			err == -EPIPE ? "the broker is gone" : "started without CAP_SYS_ADMIN");
}

/* Not mended unasked: with it goes what waits, and one that was stopped by somebody goes on with that. */
static void tell_stuck(struct xfn_doctor *doctor)
{
	unsigned pid = doctor->options->keeper_pid;
	char who[32] = "";

	if (pid)
		snprintf(who, sizeof(who), ", process %u,", pid);
	if (pid)
		xfn_doctor_remedy(doctor, "kill -KILL %u", pid);
	else
		xfn_doctor_remedy(doctor, "pgrep -ax xfn-keeper");
	xfn_doctor_fail(
		doctor,
		"the keeper%s does not answer (stopped, or stuck): events of functions that "
		"are not there pass to the stack; when it is killed, what waits in it is "
		"lost, and another one takes its place",
		who);
}

static void check_keeper(struct xfn_doctor *doctor)
{
	int err = doctor->options->keeper;

	if (!err || err == -ENOENT) {
		xfn_doctor_ok(doctor, err ? "no function needs it"
					  : "events wait for functions that are not there yet");
		return;
	}
	if (err == -ETIMEDOUT) {
		tell_stuck(doctor);
		return;
	}
	xfn_doctor_remedy(doctor, "xfn journal");
	xfn_doctor_fail(doctor,
			"the keeper is not there (%s): events of functions that are not there are "
			"lost to them",
			strerror(-err));
}

static void check_launcher(struct xfn_doctor *doctor)
{
	int err = xfn_launcher_check();

	if (!err) {
		xfn_doctor_ok(doctor, "programs of functions can be started");
		return;
	}
	xfn_doctor_remedy(doctor, err == -EPIPE ? "systemctl restart xfnd" : "sudo xfnd");
	xfn_doctor_fail(doctor, "%s: no function's program can be started",
			err == -EPIPE ? "the launcher is gone" : "started without its rights");
}

/* Names of controllers, each with @mark before it. */
static void name_controllers(__u32 bits, const char *mark, const char *between, char *text,
			     size_t bytes)
{
	__u32 bit;
	size_t used = 0;

	text[0] = '\0';
	for (bit = 1; bit < XFN_CGROUP_ALL; bit <<= 1)
		if (bits & bit)
			used += snprintf(text + used, bytes - used, "%s%s%s", used ? between : "",
					 mark, xfn_cgroup_controller(bit));
}

/* Whoever has the folder above decides which controllers those below have. */
static void tell_missing(struct xfn_doctor *doctor, __u32 missing)
{
	const char *path = doctor->options->cgroup;
	char text[64];

	name_controllers(missing, "+", " ", text, sizeof(text));
	xfn_doctor_remedy(doctor, "echo '%s' >%.*s/cgroup.subtree_control", text,
			  (int)(strrchr(path, '/') - path), path);
	name_controllers(missing, "", ", ", text, sizeof(text));
	xfn_doctor_warn(doctor, "cgroup '%s' is without %s: programs are not bound by it", path,
			text);
}

static void check_cgroup(struct xfn_doctor *doctor)
{
	const struct xfn_doctor_options *options = doctor->options;
	__u32 missing = XFN_CGROUP_ALL & ~options->controllers;

	if (!options->programs) {
		xfn_doctor_ok(doctor, "no function has a program that xfnd starts");
	} else if (!options->cgroup) {
		xfn_doctor_remedy(doctor, "xfnd --cgroup /sys/fs/cgroup/xfn");
		xfn_doctor_warn(doctor,
				"programs get no cgroups: of memory, what each of their processes "
				"reserves is bounded, not what all take; the CPU is not");
	} else if (missing) {
		tell_missing(doctor, missing);
	} else {
		xfn_doctor_ok(doctor, "programs are bound by cgroups below '%s'", options->cgroup);
	}
}

/* ---- pins -------------------------------------------------------------------------------------- */

/*
 * `ip netns exec NAME` gives its command a mount namespace with another sysfs on /sys, whose source
 * it calls NAME. A bpffs on that goes with the last process in there. Fills @name and returns true
 * where we run so.
 */
static bool is_netns_exec(char *name, size_t name_bytes)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024], path[PATH_MAX], source[256] = "";
	const char *tail;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) { /* the last one lies on top */
		tail = strstr(line, " - sysfs ");
		if (tail && strstr(line, " /sys ") && strstr(line, " /sys ") < tail)
			sscanf(tail, " - sysfs %255s", source);
	}
	fclose(file);
	snprintf(path, sizeof(path), "/run/netns/%s", source);
	if (!*source || strchr(source, '/') || access(path, F_OK) < 0)
		return false;
	snprintf(name, name_bytes, "%s", source);
	return true;
}

static void check_bpffs(struct xfn_doctor *doctor)
{
	const char *pin_dir = doctor->options->pin_dir;
	char anchor[PATH_MAX], name[256];
	int err = xfn_bpffs_anchor(pin_dir, anchor);

	if (err < 0) {
		xfn_doctor_remedy(doctor, "xfnd --pin-dir " XFN_BPFFS_DEFAULT "/xfn");
		xfn_doctor_fail(doctor, "cannot pin in '%s': %s", pin_dir, strerror(-err));
	} else if (!xfn_bpffs_is(anchor)) {
		xfn_doctor_remedy(doctor, "mount -t bpf bpf " XFN_BPFFS_DEFAULT);
		xfn_doctor_fail(doctor, "no bpffs for pins in '%s': nothing outlives xfnd",
				pin_dir);
	} else if (!strncmp(anchor, "/sys/", 5) && is_netns_exec(name, sizeof(name))) {
		xfn_doctor_remedy(doctor, "nsenter --net=/run/netns/%s xfnd --pin-dir %s", name,
				  pin_dir);
		xfn_doctor_warn(
			doctor,
			"started by `ip netns exec`: only its own processes see the bpffs at "
			"'%s', and pins go with them",
			anchor);
	} else {
		xfn_doctor_ok(doctor, "pins live on the bpffs at '%s'", anchor);
	}
}

/* ---- time -------------------------------------------------------------------------------------- */

#define CLOCKSOURCE_DIR "/sys/devices/system/clocksource/clocksource0/"

enum { READINGS = 2000, DEAR_NS = 200 };

static void read_word(const char *path, char *word, int bytes)
{
	FILE *file = fopen(path, "re");

	word[0] = '\0';
	if (!file)
		return;
	if (!fgets(word, bytes, file))
		word[0] = '\0';
	fclose(file);
	word[strcspn(word, "\n")] = '\0';
}

/* The best of some rounds, so that an interrupt is not counted. */
static long measure_reading_ns(void)
{
	struct timespec from, to, now;
	long best = LONG_MAX, ns;
	int round, i;

	for (round = 0; round < 5; round++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (i = 0; i < READINGS; i++)
			clock_gettime(CLOCK_MONOTONIC, &now);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns = ((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec) /
		     READINGS;
		best = ns < best ? ns : best;
	}
	return best;
}

/* Every limited or measured event reads the clock once. */
static void check_clock(struct xfn_doctor *doctor)
{
	char source[64], available[256];
	long ns = measure_reading_ns();

	read_word(CLOCKSOURCE_DIR "current_clocksource", source, sizeof(source));
	read_word(CLOCKSOURCE_DIR "available_clocksource", available, sizeof(available));
	if (ns <= DEAR_NS) {
		xfn_doctor_ok(doctor, "clock source '%s': %ld ns a reading", source, ns);
		return;
	}
	if (strcmp(source, "tsc") && strstr(available, "tsc"))
		xfn_doctor_remedy(doctor, "echo tsc > " CLOCKSOURCE_DIR "current_clocksource");
	else
		xfn_doctor_remedy(doctor, "cat " CLOCKSOURCE_DIR "available_clocksource");
	xfn_doctor_warn(doctor,
			"clock source '%s': %ld ns a reading, expected at most %d; each event that "
			"is limited or measured pays one",
			source, ns, DEAR_NS);
}

/* ---- packet filters ---------------------------------------------------------------------------- */

/* Tables of the older interface, iptables-legacy, into a list; "" if there are none. */
static void read_xtables(char *tables, size_t bytes)
{
	static const char *const files[] = {"/proc/self/net/ip_tables_names",
					    "/proc/self/net/ip6_tables_names"};
	char line[64];
	size_t i, used = 0;
	FILE *file;

	tables[0] = '\0';
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		file = fopen(files[i], "re");
		if (!file)
			continue;
		while (used < bytes && fgets(line, sizeof(line), file))
			used += snprintf(tables + used, bytes - used, "%s%.*s", used ? ", " : "",
					 (int)strcspn(line, "\n"), line);
		fclose(file);
	}
}

static void check_packet_filter(struct xfn_doctor *doctor)
{
	int chains = xfn_nftables_chains();
	char tables[128];

	read_xtables(tables, sizeof(tables));
	if (chains > 0) {
		xfn_doctor_remedy(doctor, "nft list ruleset");
		xfn_doctor_warn(doctor,
				"%d nftables %s of this namespace: XDP runs before them, so what a "
				"function takes is not filtered",
				chains, chains == 1 ? "chain" : "chains");
	} else if (*tables) {
		xfn_doctor_remedy(doctor, "iptables-legacy-save");
		xfn_doctor_warn(doctor,
				"iptables tables (%s) of this namespace: XDP runs before them, so "
				"what a function takes is not filtered",
				tables);
	} else if (chains == 0 || chains == -EOPNOTSUPP) {
		xfn_doctor_ok(doctor, "no packet filter in this namespace");
	}
	/* Else it cannot be asked, which the capabilities tell. */
}

static void check_switch(struct xfn_doctor *doctor)
{
	const char *off = doctor->options->off;

	if (!off) {
		xfn_doctor_ok(doctor, "nothing is switched off as a whole");
		return;
	}
	xfn_doctor_remedy(doctor, "xfn on");
	xfn_doctor_warn(doctor, "xfn is off: packets of every function %s",
			strcmp(off, "drop") ? "pass to the stack" : "are dropped");
}

static void check_functions(struct xfn_doctor *doctor)
{
	const struct xfn_doctor_options *options = doctor->options;

	if (!options->unserved) {
		xfn_doctor_ok(doctor, options->functions ? "each function is served, or will be"
							 : "there is none yet");
		return;
	}
	xfn_doctor_remedy(doctor, "xfn show %s", options->unserved_name);
	if (options->unserved == 1)
		xfn_doctor_fail(doctor, "'%s' is not served: %s", options->unserved_name,
				options->unserved_why);
	else
		xfn_doctor_fail(doctor, "%zu are not served, such as '%s': %s", options->unserved,
				options->unserved_name, options->unserved_why);
}

const struct xfn_doctor_check xfn_doctor_host_checks[] = {
	{"switch", check_switch},
	{"capabilities", check_capabilities},
	{"broker", check_broker},
	{"launcher", check_launcher},
	{"keeper", check_keeper},
	{"cgroup", check_cgroup},
	{"functions", check_functions},
	{"bpffs", check_bpffs},
	{"clock", check_clock},
	{"packet_filter", check_packet_filter},
	{NULL, NULL},
};
