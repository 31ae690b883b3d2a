/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of the BPF programs, as TAP. Needs root.
 *
 *	bpf_test [SUITE...]          all suites by default
 *	bpf_test -l                  list them
 *	bpf_test --load-all DIR...   load every *.bpf.o below the folders
 *
 * XFN_TEST_SCALE=0.05 makes random tests a twentieth as long, for slow machines.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "harness.h"
#include "suites.h"

static const struct {
	const char *name;
	const char *meaning;
	void (*run)(struct harness *harness);
} suites[] = {
#define X(name, meaning) {#name, meaning, suite_##name},
	SUITES(X)
#undef X
};
enum { SUITE_COUNT = sizeof(suites) / sizeof(suites[0]) };

static struct harness harness;

/* libbpf's own lines go to standard error; what it says for information is not wanted. */
static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Pins go away after a crash, too. */
static void clean_up(int number)
{
	struct xfn_fault fault;

	if (harness.pin_dir[0])
		xfn_dataplane_remove(harness.pin_dir, &fault);
	signal(number, SIG_DFL);
	raise(number);
}

static void clean_up_on_signals(void)
{
	static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP, SIGPIPE,
				      SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
	unsigned i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], clean_up);
}

static bool is_wanted(const char *name, char **wanted, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(wanted[i], name))
			return true;
	return !count;
}

static bool is_suite(const char *name)
{
	unsigned i;

	for (i = 0; i < SUITE_COUNT; i++)
		if (!strcmp(suites[i].name, name))
			return true;
	return false;
}

static int list(void)
{
	unsigned i;

	for (i = 0; i < SUITE_COUNT; i++)
		printf("%-10s %s\n", suites[i].name, suites[i].meaning);
	return 0;
}

static int run(char **wanted, int count)
{
	unsigned i;

	clean_up_on_signals();
	if (harness_open(&harness)) {
		harness_close(&harness);
		printf("Bail out! no data plane to test\n");
		return 1;
	}
	for (i = 0; i < SUITE_COUNT; i++)
		if (is_wanted(suites[i].name, wanted, count))
			suites[i].run(&harness);
	harness_close(&harness);
	return test_finish();
}

int main(int argc, char **argv)
{
	int i;

	libbpf_set_print(print_warnings);
	if (argc == 2 && !strcmp(argv[1], "-l"))
		return list();
	if (geteuid()) {
		printf("1..0 # SKIP not root\n");
		return 77;
	}
	if (argc > 1 && !strcmp(argv[1], "--load-all"))
		return load_all(argv + 2, argc - 2);
	for (i = 1; i < argc; i++) {
		if (is_suite(argv[i]))
			continue;
		fprintf(stderr, "bpf_test: no suite '%s': bpf_test -l lists them\n", argv[i]);
		return 2;
	}
	return run(argv + 1, argc - 1);
}
