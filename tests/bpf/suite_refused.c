/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that are refused as handlers, what is said of them, and that they leave nothing behind. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "suites.h"
#include "../../loader/handler.h"

#define SELF "" /* in place of a file: this program itself */

/* What the refusal must say. */
static const struct {
	const char *name;
	const char *file;    /* below build/; NULL: see bytes */
	const char *bytes;   /* in place of a file */
	size_t size;         /* read so much of it; 0: all */
	const char *program; /* asked for by name */
	const char *says[4];
} cases[] = {
	{"nothing", .bytes = "", .says = {"not an ELF object"}},
	{"a text", .bytes = "#include <xfn/handler.h>\n, and more than 64 bytes of that",
	 .says = {"not an ELF object"}},
	{"the start of an object", "examples/echo/echo.bpf.o", .size = 40,
	 .says = {"not an ELF object"}},
	{"half an object", "examples/echo/echo.bpf.o", .size = 2000, .says = {"cannot read"}},
	{"a program for this machine", SELF, .says = {"not a BPF object"}},
	{"another type of program", "tests/bpf/refused_type.bpf.o",
	 .says = {"'classifier'", "type 'sched_cls'", "expected an XDP program"}},
	{"a helper", "tests/bpf/refused_helper.bpf.o", .says = {"'chatty'", "bpf_trace_printk"}},
	{"a helper in a subprogram", "tests/bpf/refused_sub.bpf.o",
	 .says = {"'whisperer'", "bpf_trace_printk"}},
	{"a tail call", "tests/bpf/refused_tail.bpf.o", .says = {"'elsewhere'", "prog_array"}},
	{"the data plane's maps", "tests/bpf/refused_steal.bpf.o",
	 .says = {"'xfn_functions'", "the data plane's"}},
	{"a map that pins itself", "tests/bpf/refused_pin.bpf.o",
	 .says = {"'everywhere'", "pins itself"}},
	{"the verifier", "tests/bpf/refused_verifier.bpf.o",
	 .says = {"verifier refuses program 'careless'", "invalid access to packet", "off=42",
		  "R"}},
	{"too many instructions", "tests/bpf/refused_long.bpf.o",
	 .says = {"'talker'", "instructions, expected at most 32768"}},
	{"no program", "tests/bpf/refused_none.bpf.o", .says = {"0 programs"}},
	{"two programs", "tests/bpf/refused_two.bpf.o",
	 .says = {"2 programs", "'first'", "'second'"}},
	{"two programs, a third asked for", "tests/bpf/refused_two.bpf.o", .program = "third",
	 .says = {"no program 'third'", "'first'", "'second'"}},
	{"no handler", "tests/bpf/refused_plain.bpf.o",
	 .says = {"has no handler", "XFN_HANDLER()"}},
	{"another layout version", "tests/bpf/refused_abi.bpf.o",
	 .says = {"layout version 99", "expected 5"}},
};

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static unsigned count_pins(const struct harness *harness)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/functions", harness->dataplane->dir);
	return count_entries(path);
}

static void *read_bytes(const struct harness *harness, unsigned i, size_t *bytes)
{
	void *object;

	if (cases[i].bytes) {
		*bytes = strlen(cases[i].bytes);
		return strdup(cases[i].bytes);
	}
	object = harness_read_file(harness, cases[i].file[0] ? cases[i].file : "tests/bpf/bpf_test",
				   bytes);
	if (object && cases[i].size) {
		test_expect(*bytes > cases[i].size, "%s is too short", cases[i].file);
		*bytes = cases[i].size;
	}
	/* Of this program, the header will do: it is larger than an object may be. */
	if (object && !cases[i].file[0] && *bytes > 4096)
		*bytes = 4096;
	return object;
}

static void refuse(struct harness *harness, unsigned i)
{
	struct xfn_handler_request request = {
		.tenant = "default",
		.name = "refused",
		.path = "given.bpf.o",
		.program = cases[i].program,
		.version_slot = 1,
		.histogram_slot = XFN_HISTOGRAM_NONE,
	};
	unsigned descriptors, pins = count_pins(harness), j;
	static struct xfn_fault fault;
	int err;

	request.object = read_bytes(harness, i, &request.object_bytes);
	if (!request.object)
		return;
	descriptors = count_entries("/proc/self/fd");
	err = xfn_handler_load(harness->dataplane, &request, &fault);
	free((void *)request.object);
	test_expect(err == -EINVAL, "returned %d, expected -EINVAL", err);
	for (j = 0; j < 4 && cases[i].says[j]; j++)
		test_expect(strstr(fault.text, cases[i].says[j]), "'%s' is not in: %.300s",
			    cases[i].says[j], fault.text);
	test_expect(count_entries("/proc/self/fd") == descriptors, "left a descriptor open");
	test_expect(count_pins(harness) == pins, "left a pin");
	if (err >= 0)
		close(err);
}

static void run_one_of_two(struct harness *harness)
{
	struct xfn_handler_request request = {
		.tenant = "default",
		.name = "chosen",
		.path = "given.bpf.o",
		.program = "first",
		.version_slot = 1,
		.histogram_slot = XFN_HISTOGRAM_NONE,
	};
	static struct xfn_fault fault;
	int fd;

	test_begin("refused: not: two programs, one of them asked for");
	request.object =
		harness_read_file(harness, "tests/bpf/refused_two.bpf.o", &request.object_bytes);
	fd = xfn_handler_load(harness->dataplane, &request, &fault);
	test_expect(fd >= 0, "%s", fault.text);
	free((void *)request.object);
	if (fd >= 0)
		close(fd);
	test_end();
}

void suite_refused(struct harness *harness)
{
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_begin("refused: %s", cases[i].name);
		refuse(harness, i);
		test_end();
	}
	run_one_of_two(harness);
}
