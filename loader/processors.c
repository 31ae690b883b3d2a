/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <linux/types.h>

#include "clock.h"
#include "errnum.h"
#include "processors.h"

#define CPUS_ONLINE "/sys/devices/system/cpu/online"

/* Where a task of real time has a CPU to itself a turn may take a second to come. */
#define LONG_NS  50000000ULL
#define AVOID_NS 60000000000ULL

bool xfn_processors_preempt_softirqs(void)
{
	FILE *file = fopen("/sys/kernel/realtime", "re");
	struct utsname name;
	int realtime = 0;

	if (file) {
		realtime = fgetc(file) == '1';
		fclose(file);
	}
	return realtime || (uname(&name) == 0 && strstr(name.version, "PREEMPT_RT"));
}

/*
 * Some CPUs are for somebody's busy loop, where a turn may never come; a grace period passes all the same.
 * "0-3", or an empty line, or " (null)".
 */
static bool are_cpus_set_apart(void)
{
	static const char *const lists[] = {"/sys/devices/system/cpu/isolated",
					    "/sys/devices/system/cpu/nohz_full"};
	bool apart = false;
	FILE *file;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]) && !apart; i++) {
		file = fopen(lists[i], "re");
		apart = file && isdigit(fgetc(file));
		if (file)
			fclose(file);
	}
	return apart;
}

/* "0-3,8": of which a set has room for 1,024. */
static int read_online(cpu_set_t *ret)
{
	FILE *file = fopen(CPUS_ONLINE, "re");
	unsigned first, last;
	int got, err = 0;

	if (!file)
		return xfn_errno();
	CPU_ZERO(ret);
	do {
		got = fscanf(file, "%u-%u", &first, &last);
		if (got < 1 || (got == 1 ? first : last) >= CPU_SETSIZE)
			err = -ERANGE;
		for (last = got == 2 ? last : first; !err && first <= last; first++)
			CPU_SET(first, ret);
	} while (!err && fgetc(file) == ',');
	fclose(file);
	return err;
}

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return xfn_errno();
	return sched_getcpu() == cpu ? 0 : -EXDEV;
}

/* Who might use all may use those, too, that come later. */
static void restore(const cpu_set_t *before, const cpu_set_t *online)
{
	cpu_set_t all, both;

	CPU_AND(&both, before, online);
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), CPU_EQUAL(&both, online) ? &all : before);
}

static int run_on_each(const cpu_set_t *online)
{
	int cpu, err = 0;

	for (cpu = 0; cpu < CPU_SETSIZE && !err; cpu++)
		if (CPU_ISSET(cpu, online))
			err = run_on(cpu);
	return err;
}

int xfn_processors_pass(void)
{
	static __u64 avoid_until_ns;
	__u64 begin = xfn_clock_ns(CLOCK_MONOTONIC);
	cpu_set_t online, before;
	int err;

	if (begin < avoid_until_ns)
		return -EAGAIN;
	if (xfn_processors_preempt_softirqs() || are_cpus_set_apart())
		return -EOPNOTSUPP;
	err = read_online(&online);
	if (err)
		return err;
	if (sched_getaffinity(0, sizeof(before), &before) < 0)
		return xfn_errno();
	err = run_on_each(&online);
	restore(&before, &online);
	if (xfn_clock_ns(CLOCK_MONOTONIC) - begin > LONG_NS)
		avoid_until_ns = begin + AVOID_NS;
	return err;
}
