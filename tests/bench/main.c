/* SPDX-License-Identifier: BSD-2-Clause */
/* bench PART [ARGUMENT]...: what tests/bench/run.sh puts together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} parts[] = {
	{"packet", bench_packet},   {"wire", bench_wire},   {"limiter", bench_limiter},
	{"compile", bench_compile}, {"flood", bench_flood}, {"rate", bench_rate},
	{"cpu", bench_cpu},         {"ping", bench_ping},   {"cold", bench_cold},
	{"exec", bench_exec},       {"hold", bench_hold},
};

bool bench_is_quick(void)
{
	const char *quick = getenv("BENCH_QUICK");

	return quick && strcmp(quick, "0") && *quick;
}

int main(int argc, char **argv)
{
	unsigned i;

	for (i = 0; argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(argv[1], parts[i].name))
			return parts[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"usage: bench packet|wire|limiter|compile|flood|rate|cpu|ping|cold|exec|hold "
		"[ARGUMENT]...\n");
	return 2;
}
