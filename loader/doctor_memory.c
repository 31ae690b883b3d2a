/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits that are met long after all was well: room for maps, room in sockets, a JIT that hardens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "doctor_check.h"

/* The default capacity takes some 60 MB of maps; a larger one takes more while it takes over. */
enum { MEMORY_LOW_MIB = 256, RMEM_LOW_BYTES = 1 << 20 };

/* The first number in a file, after @key if that is given. -1: not to be had. */
static long long read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t length = key ? strlen(key) : 0;
	long long number = -1;
	char line[256];

	while (file && number < 0 && fgets(line, sizeof(line), file))
		if (!key || !strncmp(line, key, length))
			sscanf(line + length, "%lld", &number);
	if (file)
		fclose(file);
	return number;
}

/* Maps count as memory of the control group, from 5.11 on, and no longer against RLIMIT_MEMLOCK. */
static void check_memory(struct xfn_doctor *doctor)
{
	long long mib = read_number("/proc/meminfo", "MemAvailable:") / 1024;

	if (mib < 0)
		return;
	if (mib < MEMORY_LOW_MIB) {
		xfn_doctor_remedy(doctor, "free -m");
		xfn_doctor_warn(doctor,
				"%lld MiB of memory are available: a capacity of more than the "
				"default may find no room",
				mib);
	} else {
		xfn_doctor_ok(doctor, "%lld MiB of memory are available to maps", mib);
	}
}

/* What AF_XDP sockets may register; maps are not counted here. */
static void check_memlock(struct xfn_doctor *doctor)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	if (limit.rlim_cur == RLIM_INFINITY)
		xfn_doctor_ok(doctor, "memory that may be locked is unlimited");
	else
		xfn_doctor_ok(doctor, "%llu KiB may be locked; maps do not count there",
			      (unsigned long long)limit.rlim_cur / 1024);
}

/* Functions behind a socket lose what arrives in a burst that does not fit. Not shown in namespaces. */
static void check_rmem(struct xfn_doctor *doctor)
{
	long long max = read_number("/proc/sys/net/core/rmem_max", NULL);
	long long usual = read_number("/proc/sys/net/core/rmem_default", NULL);

	if (max < 0)
		return;
	if (max >= RMEM_LOW_BYTES || !doctor->options->sockets) {
		xfn_doctor_ok(doctor,
			      "sockets hold %lld bytes unless they ask for more, and %lld at most",
			      usual, max);
		return;
	}
	xfn_doctor_remedy(doctor, "sysctl -w net.core.rmem_max=4194304");
	xfn_doctor_warn(doctor,
			"a socket may ask for %lld bytes at most (rmem_max): functions behind one "
			"lose events of a burst",
			max);
}

/* Root's own programs are blinded with 2 alone. */
static void check_jit_harden(struct xfn_doctor *doctor)
{
	long long harden = read_number("/proc/sys/net/core/bpf_jit_harden", NULL);

	if (harden < 0)
		return;
	if (harden < 2) {
		xfn_doctor_ok(doctor, "the JIT compiles privileged programs as they are");
		return;
	}
	xfn_doctor_remedy(doctor, "sysctl -w net.core.bpf_jit_harden=1");
	xfn_doctor_warn(doctor, "the JIT blinds the constants of all programs (bpf_jit_harden=2): "
				"each event takes longer");
}

const struct xfn_doctor_check xfn_doctor_memory_checks[] = {
	{"memory", check_memory},
	{"memlock", check_memlock},
	{"rmem", check_rmem},
	{"jit_harden", check_jit_harden},
	{NULL, NULL},
};
